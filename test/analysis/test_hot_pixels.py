"""A hot pixel is a defect of the detector, not a saturated film."""

import numpy as np

from hp_lab.analysis.film import analyze_film
from hp_lab.records import Spectrum


def emission(*, hot: bool, clipped: bool = False) -> Spectrum:
    rng = np.random.default_rng(4)
    wavelength = np.linspace(450.0, 900.0, 1200)
    light = 3e4 * np.exp(-0.5 * ((wavelength - 640.0) / 18.0) ** 2)
    dark = 1200.0 + rng.normal(0.0, 12.0, wavelength.size)
    counts = dark + light + rng.normal(0.0, 40.0, wavelength.size)
    saturated = np.zeros(wavelength.size, dtype=bool)
    if hot:
        dark[500] = counts[500] = 65535.0
        saturated[500] = True
    if clipped:
        counts = np.minimum(counts, 20000.0)
        saturated |= counts >= 20000.0
    return Spectrum(
        mode="photoluminescence",
        sample_id="s",
        wavelength_nm=wavelength,
        counts=counts,
        dark=dark,
        saturated=saturated,
        integration_s=1.0,
        excitation_nm=405.0,
    )


def found(spectrum: Spectrum) -> dict[str, tuple[float, str]]:
    result = analyze_film([spectrum], sample_id="s", candidate_id="c", film_age_s=60.0)
    return {o.quantity: (o.value, o.kind) for o in result.observations}


def test_a_hot_pixel_costs_no_peak() -> None:
    with_hot, without = found(emission(hot=True)), found(emission(hot=False))
    assert with_hot["pl_log_intensity"][1] == "exact"
    assert abs(with_hot["pl_peak_ev"][0] - without["pl_peak_ev"][0]) < 1e-3


def test_a_clipped_peak_is_still_a_bound() -> None:
    assert found(emission(hot=True, clipped=True))["pl_log_intensity"][1] != "exact"
