"""Absorbance: exciton, band gap, n-phases and optical density of a film."""

from dataclasses import dataclass

import numpy as np

from hp_lab.analysis.calibration import axis_sigma_ev
from hp_lab.analysis.emission import binned
from hp_lab.analysis.library import PhaseLine, phase_label
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.phase_fit import PhaseFit
from hp_lab.analysis.phases import fit_phases
from hp_lab.analysis.quality import because
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
# A film takes at least this much light (OD) below its gap, by reflection; less, or a
# background this many believed spreads off, means that the reference is another's.
_CLEAREST_OD = 0.03
_DRIFT_LIMITS = (-1.4, 1.8)
_INDEX_LIMIT = 2.2
_KNOT_LIMIT = 3.6
_WORST_CHI2 = 25.0


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
    curve: Curve, library: tuple[PhaseLine, ...], *, nominal_n: float | None = None
) -> Absorption | NoAbsorption:
    """Interpret an absorbance spectrum.

    Args:
        curve: Spectrum of kind absorbance.
        library: Phases the film may hold, see ``library.phase_library``.
        nominal_n: Layer number of the stoichiometry. Exciton and gap are of that
            phase; without it, and where the film holds too little of it, of the
            largest.
    """
    if "empty" in curve.flags:
        return NoAbsorption(
            reason=because("empty"), optical_density_limit=None, flags=curve.flags
        )
    energy, absorbance, sigma = curve.energy_points()
    energies = [line.exciton_ev for line in library if line.is_perovskite]
    inside = (
        (energy > min(energies) - _BELOW_EV)
        & (energy < max(energies) + _ABOVE_EV)
        & (sigma < _NOISIEST)
    )
    if int(inside.sum()) < 40:
        return NoAbsorption(
            reason=f"cut: only {int(inside.sum())} usable points lie between "
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
            reason=f"{because('no_signal')}; the absorbance varies by less than "
            f"{limit:.3g} OD",
            optical_density_limit=limit,
            flags=(*curve.flags, "no_signal"),
        )
    fit = fit_phases(energy, absorbance, sigma, library, nominal_n)
    parts = fit.parts_at(energy).sum(axis=0)
    strongest = int(np.argmax(fit.height / np.maximum(fit.height_sigma, 1e-12)))
    snr = float(fit.height[strongest] / max(fit.height_sigma[strongest], 1e-12))
    if snr < DETECTION_SIGMAS or float(parts.max()) < _FAINTEST_OD:
        return NoAbsorption(
            reason=f"{because('no_signal')}; no exciton and no edge",
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
        None if nominal_n is None else phase_label(nominal_n),
    )


def is_present(fit: PhaseFit, label: str) -> bool:
    """Return whether a phase stands out of the fit's uncertainty."""
    share = fit.share_of(label)
    return share.value > max(_LEAST_SHARE, DETECTION_SIGMAS * share.sigma)


def _is_strained(fit: PhaseFit) -> bool:
    """Return whether no film on this substrate could have such a background."""
    drift, index, knots = fit.strains
    low, high = _DRIFT_LIMITS
    reddest = float(np.mean(fit.base[: fit.base.size // 4]))
    strained = knots > _KNOT_LIMIT or abs(index) > _INDEX_LIMIT
    return strained or not low < drift < high or reddest < _CLEAREST_OD


def _ends_within(fit: PhaseFit, main: int) -> bool:
    """Return whether the spectrum ends before all that it should show.

    On the red side that is the bulk's edge, which tells how much of it there is; on the
    blue side the gap of the phase that is reported.
    """
    bulk = min(line.exciton_ev for line in fit.library if line.is_perovskite)
    red = float(fit.energy_ev[0]) > bulk - 0.02
    blue = float(fit.energy_ev[-1]) < float(fit.gap_ev[main])
    return red or blue


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
    exciton_ev = fit.exciton_of(label)
    if _is_strained(fit):
        flags.append("wrong_reference")
    if fit.reduced_chi2 > _WORST_CHI2:
        flags.append("poor_fit")
    if _ends_within(fit, main):
        flags.append("cut")
    return Absorption(
        phases=fit,
        main=main,
        exciton_ev=exciton_ev.widened(axis_sigma_ev(exciton_ev.value)),
        gap_ev=fit.gap_of(label),
        optical_density=optical_density,
        flags=tuple(dict.fromkeys(flags)),
        window_ev=window_ev,
    )
