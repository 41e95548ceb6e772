"""Absorbance: exciton, band gap, n-phases and optical density of a film."""

from dataclasses import dataclass

import numpy as np

from hp_lab.analysis.emission import binned
from hp_lab.analysis.library import PhaseLine
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.phases import PhaseFit, fit_phases
from hp_lab.analysis.spectrum import Curve

_BELOW_EV = 0.40
_ABOVE_EV = 0.80
_MOST_POINTS = 200
# Points noisier than this (OD) carry no shape.
_NOISIEST = 0.2
# A phase is there when its part stands this many sigmas out of the fit.
DETECTION_SIGMAS = 3.0
_LEAST_SHARE = 0.02
# Film on substrate below this optical density is not told from a reference error.
_FAINTEST_OD = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorption:
    """What an absorbance spectrum says.

    Attributes:
        phases: The fit that the rest is read from.
        main: Index of the phase that exciton and gap belong to.
        exciton_ev: Its 1s exciton; for n>=6 the mean over the share of each phase.
        gap_ev: Its band gap by the Elliott fit, likewise.
        optical_density: Highest absorbance of the phases together in the window.
        flags: Warnings.
        window_ev: Energies that were fitted.
    """

    phases: PhaseFit
    main: int
    exciton_ev: Measured
    gap_ev: Measured
    optical_density: Measured
    flags: tuple[str, ...]
    window_ev: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAbsorption:
    """No absorption of a film was found.

    Attributes:
        reason: Why, for a person.
        optical_density_limit: What could hide (three sigmas), None where unknown.
        flags: Warnings.
    """

    reason: str
    optical_density_limit: float | None
    flags: tuple[str, ...]


def analyze_absorbance(
    curve: Curve, library: tuple[PhaseLine, ...], *, target: str | None = None
) -> Absorption | NoAbsorption:
    """Interpret an absorbance spectrum.

    Args:
        curve: Spectrum of kind absorbance.
        library: Phases the film may hold, see ``library.phase_library``.
        target: Name of the phase that exciton and gap are wanted of, e.g. n=2; without
            it, and where the film holds too little of it, the largest phase is taken.
    """
    energy, absorbance, sigma = curve.energy_points()
    energies = [line.exciton_ev for line in library if line.is_perovskite]
    inside = (
        (energy > min(energies) - _BELOW_EV)
        & (energy < max(energies) + _ABOVE_EV)
        & (sigma < _NOISIEST)
    )
    if int(inside.sum()) < 40:
        return NoAbsorption(
            reason=f"only {int(inside.sum())} usable points lie between "
            f"{min(energies) - _BELOW_EV:.2f} and {max(energies) + _ABOVE_EV:.2f} eV, "
            "where the phases absorb; 40 are needed",
            optical_density_limit=None,
            flags=(*curve.flags, "cut"),
        )
    energy, absorbance, sigma = binned(
        energy[inside], absorbance[inside], sigma[inside], _MOST_POINTS
    )
    limit = max(3.0 * float(np.median(sigma)), _FAINTEST_OD)
    if float(np.ptp(absorbance)) < limit:
        return NoAbsorption(
            reason=f"the absorbance varies by less than {limit:.3g} OD",
            optical_density_limit=limit,
            flags=(*curve.flags, "no_signal"),
        )
    fit = fit_phases(energy, absorbance, sigma, library)
    parts = fit.parts_at(energy).sum(axis=0)
    strongest = int(np.argmax(fit.height / np.maximum(fit.height_sigma, 1e-12)))
    snr = float(fit.height[strongest] / max(fit.height_sigma[strongest], 1e-12))
    if snr < DETECTION_SIGMAS or float(parts.max()) < _FAINTEST_OD:
        return NoAbsorption(
            reason="nothing but a smooth background: no exciton and no edge",
            optical_density_limit=max(limit, float(parts.max())),
            flags=(*curve.flags, "no_signal"),
        )
    return _absorption(
        curve,
        fit,
        Measured(
            value=float(parts.max()),
            sigma=float(max(np.median(sigma), 0.01 * parts.max())),
        ),
        (float(energy[0]), float(energy[-1])),
        target,
    )


def is_present(fit: PhaseFit, label: str) -> bool:
    """Return whether a phase stands out of the fit's uncertainty."""
    share = fit.share_of(label)
    return share.value > max(_LEAST_SHARE, DETECTION_SIGMAS * share.sigma)


def _absorption(
    curve: Curve,
    fit: PhaseFit,
    optical_density: Measured,
    window_ev: tuple[float, float],
    target: str | None,
) -> Absorption:
    flags = list(curve.flags)
    wanted = target if target is not None and is_present(fit, target) else None
    if target is not None and wanted is None:
        flags.append("target_phase_not_seen")
    main = fit.dominant(wanted)
    label = fit.library[main].label
    if fit.reduced_chi2 > 25.0:
        flags.append("poor_fit")
    return Absorption(
        phases=fit,
        main=main,
        exciton_ev=Measured(
            value=fit.mean_over(label, fit.exciton_ev),
            sigma=float(fit.exciton_sigma_ev[main]),
        ),
        gap_ev=Measured(
            value=fit.mean_over(label, fit.gap_ev),
            sigma=float(fit.gap_sigma_ev[main]),
        ),
        optical_density=optical_density,
        flags=tuple(dict.fromkeys(flags)),
        window_ev=window_ev,
    )
