"""All that the readings of one film say, as observations.

Quantities:

- ``pl_peak_ev``: maximum of the PL per photon energy;
- ``pl_fwhm_ev``: its full width at half maximum, bandpass removed where it is known;
- ``pl_log_intensity``: natural logarithm of the background-free peak signal in counts
  per second on the wavelength axis, as the detector counts it;
- ``exciton_ev``, ``gap_ev``: 1s exciton and Elliott gap of the target phase, or of the
  largest one where the film holds too little of the target (flag
  ``target_phase_not_seen``); the flag ``phase:n=2`` says which phase it is;
- ``phase_purity``: share of the target phase (without a target: of the largest) in the
  light that the film absorbs, 0 to 1, see ``phases``;
- ``optical_density``: highest absorbance of all phases together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hp_lab.analysis.absorption import (
    GAP_NOT_IN_VIEW,
    Absorption,
    NoAbsorption,
    analyze_absorbance,
)
from hp_lab.analysis.corrections import (
    absorbance_from_transmission,
    corrected_emission,
    corrected_transmission,
    saturation_mask,
)
from hp_lab.analysis.emission import Emission, NoEmission, analyze_emission
from hp_lab.analysis.exposures import merged
from hp_lab.analysis.library import FilmContext, phase_label, phase_library
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.quality import because
from hp_lab.analysis.responsivity import lamp_responsivity
from hp_lab.analysis.spectrum import Curve
from hp_lab.analysis.version import ANALYSIS_VERSION
from hp_lab.errors import InvalidInput
from hp_lab.records import Bound, Observation, Rejected, Spectrum
from hp_lab.units import HC_EV_NM, FloatArray

_UNITS = {
    "pl_peak_ev": "eV",
    "pl_fwhm_ev": "eV",
    "pl_log_intensity": "ln(counts/s)",
    "exciton_ev": "eV",
    "gap_ev": "eV",
    "phase_purity": "1",
    "optical_density": "OD",
}
PL_QUANTITIES = ("pl_peak_ev", "pl_fwhm_ev", "pl_log_intensity")
ABSORBANCE_QUANTITIES = ("exciton_ev", "gap_ev", "phase_purity", "optical_density")
# Relative uncertainty of an intensity that repeats on one film: lamp and placement.
_INTENSITY_REPEATABILITY = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmResult:
    """What was found of a film, and what could not be found and why.

    Attributes:
        observations: One for each quantity that was found.
        rejected: One for each that was not.
        absorption: The fit behind the quantities of the absorbance, where there is one.
    """

    observations: tuple[Observation, ...]
    rejected: tuple[Rejected, ...]
    absorption: Absorption | None = field(default=None, compare=False, repr=False)


class _Collector:
    """Gathers observations that share a film."""

    def __init__(self, blank: Observation) -> None:
        self._blank = blank
        self.observations: list[Observation] = []
        self.rejected: list[Rejected] = []
        self.absorption: Absorption | None = None

    def add(
        self,
        quantity: str,
        measured: Measured,
        *,
        flags: tuple[str, ...] = (),
        kind: Bound = "exact",
        cause: str = "",
    ) -> None:
        self.observations.append(
            replace(
                self._blank,
                quantity=quantity,
                value=measured.value,
                sigma=measured.sigma,
                unit=_UNITS[quantity],
                kind=kind,
                cause=cause,
                flags=flags,
            )
        )

    def reject(self, quantities: Sequence[str], reason: str) -> None:
        self.rejected.extend(
            Rejected(quantity=quantity, sample_id=self._blank.sample_id, reason=reason)
            for quantity in quantities
        )


def analyze_film(
    spectra: Sequence[Spectrum],
    *,
    sample_id: str,
    candidate_id: str,
    film_age_s: float,
    replicate: int = 0,
    context: FilmContext | None = None,
) -> FilmResult:
    """Turn the raw readings of one film into observations.

    Several PL readings of one film are merged (in counts/s, saturated points left
    out), so a series of exposures gives one answer. A reading of mode ``reference``
    serves the absorbance readings that carry no reference of their own.

    Args:
        spectra: Raw readings, any number of each mode.
        sample_id: The film.
        candidate_id: The experiment that asked for it.
        film_age_s: Time between the end of the anneal and the reading.
        replicate: Number of the replicate.
        context: What is known of the film; without it, a lead iodide is assumed.

    Returns:
        One observation or rejection for each quantity that the modes can give.
    """
    known = context or FilmContext()
    collector = _Collector(
        Observation(
            quantity="",
            value=0.0,
            sigma=1.0,
            unit="",
            sample_id=sample_id,
            candidate_id=candidate_id,
            replicate=replicate,
            film_age_s=film_age_s,
            analysis_version=ANALYSIS_VERSION,
        )
    )
    emissions = [item for item in spectra if item.mode == "photoluminescence"]
    if emissions:
        _observe_emission(emissions, _response(spectra, known), known, collector)
    passed = [item for item in spectra if item.mode in ("absorbance", "transmittance")]
    if passed:
        bare = next((item for item in spectra if item.mode == "reference"), None)
        _observe_absorbance(passed, bare, known, collector)
    return FilmResult(
        observations=tuple(collector.observations),
        rejected=tuple(collector.rejected),
        absorption=collector.absorption,
    )


def _response(
    spectra: Sequence[Spectrum], context: FilmContext
) -> tuple[FloatArray, FloatArray] | None:
    """Return wavelengths and the response seen in the lamp's light, if there is any."""
    if context.lamp_k is None:
        return None
    for item in spectra:
        lamp = item.counts if item.mode == "reference" else item.reference
        if lamp.shape != item.wavelength_nm.shape or lamp.size < 32:
            continue
        if saturation_mask(lamp).any():
            continue
        dark = item.dark if item.dark.shape == lamp.shape else 0.0
        response = lamp_responsivity(item.wavelength_nm, lamp - dark, context.lamp_k)
        if response is not None:
            return item.wavelength_nm, response
    return None


def _observe_emission(
    spectra: Sequence[Spectrum],
    response: tuple[FloatArray, FloatArray] | None,
    context: FilmContext,
    collector: _Collector,
) -> None:
    try:
        curve = merged(
            [
                corrected_emission(
                    spectrum, responsivity=_at(response, spectrum.wavelength_nm)
                )
                for spectrum in spectra
            ]
        )
    except InvalidInput as error:
        collector.reject(PL_QUANTITIES, str(error))
        return
    if "saturated" in curve.flags:
        _observe_saturated(curve, collector)
        return
    emission = analyze_emission(curve, bandpass_nm=context.bandpass_nm)
    if isinstance(emission, NoEmission):
        _observe_dark_film(emission, collector)
        return
    _observe_peak(emission, response, collector)


def _at(
    response: tuple[FloatArray, FloatArray] | None, wavelength_nm: FloatArray
) -> FloatArray | None:
    if response is None:
        return None
    return np.asarray(np.interp(wavelength_nm, *response, left=np.nan, right=np.nan))


def _observe_saturated(curve: Curve, collector: _Collector) -> None:
    """State that the film is at least as bright as the brightest point that was read.

    Where the top is missing, its place and width are missing too.
    """
    wavelengths, value, sigma = curve.points()
    collector.reject(
        ("pl_peak_ev", "pl_fwhm_ev"),
        because("saturated"),
    )
    if wavelengths.size == 0 or float(value.max()) <= 0.0:
        collector.reject(("pl_log_intensity",), because("saturated"))
        return
    top = int(np.argmax(value))
    base = float(np.percentile(value, 5.0))
    level = max(float(value[top]) - max(base, 0.0), float(sigma[top]))
    relative = float(np.hypot(sigma[top] / level, _INTENSITY_REPEATABILITY))
    collector.add(
        "pl_log_intensity",
        Measured(value=float(np.log(level)), sigma=relative),
        flags=curve.flags,
        kind="lower_bound",
        cause="detector_saturated",
    )


def _observe_dark_film(emission: NoEmission, collector: _Collector) -> None:
    collector.reject(("pl_peak_ev", "pl_fwhm_ev"), emission.reason)
    if emission.height_limit is None or emission.height_limit <= 0.0:
        collector.reject(("pl_log_intensity",), emission.reason)
        return
    # The limit is three sigmas of the noise, so a third of it is one.
    collector.add(
        "pl_log_intensity",
        Measured(value=float(np.log(emission.height_limit)), sigma=1.0 / 3.0),
        flags=emission.flags,
        kind="upper_bound",
        cause="below_noise",
    )


def _observe_peak(
    emission: Emission,
    response: tuple[FloatArray, FloatArray] | None,
    collector: _Collector,
) -> None:
    main = emission.peaks[0]
    if "top_not_in_view" in emission.flags:
        collector.reject(("pl_peak_ev", "pl_fwhm_ev"), because("cut"))
    else:
        collector.add("pl_peak_ev", main.center_ev, flags=emission.flags)
        if main.fwhm_ev is None:
            collector.reject(
                ("pl_fwhm_ev",), "the half maxima are not both in view of the spectrum"
            )
        else:
            collector.add("pl_fwhm_ev", main.fwhm_ev, flags=emission.flags)
    height = _as_counted(emission, response)
    collector.add(
        "pl_log_intensity",
        Measured(
            value=float(np.log(height.value)), sigma=height.sigma / height.value
        ).widened(_INTENSITY_REPEATABILITY),
        flags=emission.flags,
        kind="lower_bound" if "top_not_in_view" in emission.flags else "exact",
        cause="peak_out_of_view" if "top_not_in_view" in emission.flags else "",
    )


def _as_counted(
    emission: Emission, response: tuple[FloatArray, FloatArray] | None
) -> Measured:
    """Return the highest background-free signal as the detector counted it."""
    if response is None:
        return emission.height
    low_ev, high_ev = emission.window_ev
    wavelength_nm = np.linspace(HC_EV_NM / high_ev, HC_EV_NM / low_ev, 800)
    sensed = np.nan_to_num(np.interp(wavelength_nm, *response))
    counted = float(np.max(emission.signal_at(wavelength_nm) * sensed))
    share = counted / emission.height.value
    return emission.height.times(share)


def _observe_absorbance(
    spectra: Sequence[Spectrum],
    bare: Spectrum | None,
    context: FilmContext,
    collector: _Collector,
) -> None:
    try:
        transmissions = [
            corrected_transmission(
                spectrum, reference=None if spectrum.reference.size else bare
            )
            for spectrum in spectra
        ]
        library = phase_library(context)
    except InvalidInput as error:
        collector.reject(ABSORBANCE_QUANTITIES, str(error))
        return
    curve = absorbance_from_transmission(merged(transmissions))
    target = None if context.n is None else phase_label(context.n)
    absorption = analyze_absorbance(curve, library, nominal_n=context.n)
    if isinstance(absorption, NoAbsorption):
        collector.reject(("exciton_ev", "gap_ev", "phase_purity"), absorption.reason)
        _observe_transparent_film(absorption, collector)
        return
    collector.absorption = absorption
    _observe_phases(absorption, target, collector)


def _observe_transparent_film(absorption: NoAbsorption, collector: _Collector) -> None:
    limit = absorption.optical_density_limit
    if limit is None:
        collector.reject(("optical_density",), absorption.reason)
        return
    collector.add(
        "optical_density",
        Measured(value=limit, sigma=limit / 3.0),
        flags=absorption.flags,
        kind="upper_bound",
        cause="below_noise",
    )


def _observe_phases(
    absorption: Absorption, target: str | None, collector: _Collector
) -> None:
    label = absorption.phases.library[absorption.main].label
    flags = (*absorption.flags, f"phase:{label}")
    collector.add("exciton_ev", absorption.exciton_ev, flags=flags)
    if GAP_NOT_IN_VIEW in flags:
        # The spectrum shows no step, so that the gap lies near its end or behind it.
        end = absorption.window_ev[1] - absorption.gap_ev.sigma
        least = replace(absorption.gap_ev, value=min(absorption.gap_ev.value, end))
        collector.add(
            "gap_ev", least, flags=flags, kind="lower_bound", cause=GAP_NOT_IN_VIEW
        )
    else:
        collector.add("gap_ev", absorption.gap_ev, flags=flags)
    collector.add(
        "phase_purity", absorption.phases.share_of(target or label), flags=flags
    )
    collector.add("optical_density", absorption.optical_density, flags=flags)
