"""Absorbance: exciton, band gap, n-phases and optical density of a film."""

from collections.abc import Sequence
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
from hp_lab.units import HC_EV_NM

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
_LEAST_POINTS = 40
GAP_NOT_IN_VIEW = "gap_not_in_view"
# A spectrum without features that reaches this far (OD) from 0 is no bare substrate.
_OFFSET_OD = 0.06
# A fall by so much over such a distance at the violet end is no film's.
_VIOLET_FROM_EV, _VIOLET_EV, _VIOLET_FALL_OD = 3.2, 0.04, 0.12
# Relative uncertainty of an optical density: what is smooth in it is told from
# reflection, scattering and holes no better than this.
_DENSITY_SHARE = 0.17


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorption:
    """What an absorbance spectrum says.

    Attributes:
        phases: The fit that the rest is read from.
        main: Index of the phase that exciton and gap belong to.
        exciton_ev: Its 1s exciton; for n>=6 the mean over the share of each phase.
        gap_ev: Its band gap by the Elliott fit, likewise; a lower bound where the flag
            ``gap_not_in_view`` says so.
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
    energies = [line.exciton_ev for line in library if line.is_perovskite]
    window = min(energies) - _BELOW_EV, max(energies) + _ABOVE_EV
    covered = _covers(curve, window, energies)
    energy, absorbance, sigma = curve.energy_points()
    inside = (energy > window[0]) & (energy < window[1]) & (sigma < _NOISIEST)
    if int(inside.sum()) < _LEAST_POINTS:
        # Points that are there but have no logarithm are dark, not missing.
        cause = "no_signal" if covered else "cut"
        return NoAbsorption(
            reason=f"{because(cause)}; only {int(inside.sum())} usable points lie "
            f"between {window[0]:.2f} and {window[1]:.2f} eV, where the phases absorb, "
            f"and {_LEAST_POINTS} are needed",
            optical_density_limit=None,
            flags=(*curve.flags, cause),
        )
    energy, absorbance, sigma = binned(
        energy[inside], absorbance[inside], sigma[inside], _MOST_POINTS
    )
    limit = max(3.0 * float(np.median(sigma)), _FAINTEST_OD)
    flat = float(np.ptp(absorbance)) < limit
    if flat and abs(float(np.median(absorbance))) < _OFFSET_OD:
        return _nothing(curve, covered, limit)
    fit = fit_phases(energy, absorbance, sigma, library, nominal_n)
    strongest = int(np.argmax(fit.height / np.maximum(fit.height_sigma, 1e-12)))
    snr = float(fit.height[strongest] / max(fit.height_sigma[strongest], 1e-12))
    wrong = _is_strained(fit) or _falls_in_violet(curve)
    if snr < DETECTION_SIGMAS or fit.optical_density.value < _FAINTEST_OD:
        if wrong and float(np.percentile(np.abs(absorbance), 90.0)) > _OFFSET_OD:
            return NoAbsorption(
                reason=because("wrong_reference"),
                optical_density_limit=None,
                flags=(*curve.flags, "wrong_reference"),
            )
        limit = max(limit, fit.optical_density.value)
        return _nothing(curve, covered, limit)
    flags = [*curve.flags, *(["wrong_reference"] if wrong else [])]
    # Beyond the end, nobody knows what the other phases take.
    flags += [] if covered else ["cut"]
    target = None if nominal_n is None else phase_label(nominal_n)
    return _absorption(fit, flags, target)


def _covers(
    curve: Curve, window: tuple[float, float], energies: Sequence[float]
) -> bool:
    """Return whether the axis reaches from below all excitons to above them."""
    axis_ev = HC_EV_NM / curve.wavelength_nm
    within = (axis_ev > window[0]) & (axis_ev < window[1])
    if int(within.sum()) < _LEAST_POINTS:
        return False
    return bool(axis_ev.min() < min(energies) and axis_ev.max() > max(energies))


def _nothing(curve: Curve, covered: bool, limit: float) -> NoAbsorption:
    """Return that no film shows: because there is none, or it is not in view."""
    cause = "no_signal" if covered else "cut"
    return NoAbsorption(
        reason=f"{because(cause)}; no exciton and no edge of more than {limit:.3g} OD",
        optical_density_limit=limit if covered else None,
        flags=(*curve.flags, cause),
    )


def _falls_in_violet(curve: Curve) -> bool:
    """Return whether the absorbance falls at its violet end as no film's does.

    Lead halides absorb ever more into the ultraviolet. A fall means that the reference
    held a substrate which absorbs there and the film's does not.
    """
    energy, absorbance, sigma = curve.energy_points()
    if energy.size < _LEAST_POINTS:
        return False
    end = float(energy[-1])
    last = energy > end - _VIOLET_EV
    before = (energy < end - 2.0 * _VIOLET_EV) & (energy > end - 4.0 * _VIOLET_EV)
    if end < _VIOLET_FROM_EV or int(last.sum()) < 4 or int(before.sum()) < 4:
        return False
    noise = float(np.sqrt(np.mean(sigma[last] ** 2) / last.sum()))
    fall = float(np.median(absorbance[before]) - np.median(absorbance[last]))
    return fall > _VIOLET_FALL_OD + 4.0 * noise


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


def _absorption(fit: PhaseFit, flags: list[str], target: str | None) -> Absorption:
    wanted = target if target is not None and is_present(fit, target) else None
    if target is not None and wanted is None:
        flags.append("target_phase_not_seen")
    main = fit.dominant(wanted)
    label = fit.library[main].label
    exciton_ev = fit.exciton_of(label)
    if fit.reduced_chi2 > _WORST_CHI2:
        flags.append("poor_fit")
    gap_ev = fit.gap_of(label)
    if gap_ev.value + gap_ev.sigma > float(fit.energy_ev[-1]):
        flags.append(GAP_NOT_IN_VIEW)
    density = fit.optical_density
    return Absorption(
        phases=fit,
        main=main,
        exciton_ev=exciton_ev.widened(axis_sigma_ev(exciton_ev.value)),
        gap_ev=gap_ev,
        optical_density=density.widened(_DENSITY_SHARE * density.value),
        flags=tuple(dict.fromkeys(flags)),
        window_ev=(float(fit.energy_ev[0]), float(fit.energy_ev[-1])),
    )
