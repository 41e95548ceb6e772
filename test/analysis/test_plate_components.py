"""Components and groups of a plate's spectra."""

import numpy as np
import pytest

from hp_lab.analysis.plates import factorize, phase_map
from hp_lab.analysis.spectrum import Curve
from hp_lab.errors import InvalidInput

AXIS_NM = np.arange(500.0, 851.0)
CENTRES_NM = (530.0, 660.0, 780.0)


def curve(value: np.ndarray, *, ceiling: float = np.inf) -> Curve:
    return Curve(
        kind="pl",
        wavelength_nm=AXIS_NM,
        value=np.minimum(value, ceiling),
        sigma=np.full(AXIS_NM.size, 5.0),
        usable=value < ceiling,
        unit="counts",
        saturated=value >= ceiling,
    )


def mixtures(
    rng: np.random.Generator, count: int, *, scale: float = 4_000.0
) -> tuple[dict[str, Curve], np.ndarray]:
    """Return noisy mixtures of three lines by name, and their true shares."""
    lines = [np.exp(-0.5 * ((AXIS_NM - centre) / 12.0) ** 2) for centre in CENTRES_NM]
    shares = rng.dirichlet((0.4, 0.4, 0.4), count)
    # Brightness must not matter.
    bright = scale * np.exp(rng.normal(0.0, 0.8, count))
    noise = rng.normal(0.0, 5.0, (count, AXIS_NM.size))
    values = bright[:, None] * (shares @ np.array(lines)) + 20.0 + noise
    return {f"A{k + 1}": curve(value) for k, value in enumerate(values)}, shares


@pytest.mark.slow
def test_known_mixtures_are_recovered() -> None:
    spectra, shares = mixtures(np.random.default_rng(1), 48)
    parts = factorize(spectra)
    assert parts.peak_nm == pytest.approx(CENTRES_NM, abs=2.0)
    assert np.max(np.abs(parts.weights - shares)) < 0.05
    assert np.max(parts.residual) < 0.1


@pytest.mark.slow
def test_components_and_weights_are_never_negative_and_weights_add_to_one() -> None:
    spectra, _ = mixtures(np.random.default_rng(2), 30)
    for count in (2, 3, 5):
        parts = factorize(spectra, count)
        assert parts.components.shape[0] == count
        assert np.min(parts.components) >= 0.0
        assert np.min(parts.weights) >= 0.0
        assert parts.weights.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.slow
def test_order_of_the_wells_does_not_matter() -> None:
    spectra, _ = mixtures(np.random.default_rng(3), 24)
    forward = factorize(spectra, 3)
    backward = factorize(dict(reversed(spectra.items())), 3)
    assert backward.names == forward.names[::-1]
    assert backward.weights[::-1] == pytest.approx(forward.weights, abs=0.02)


def test_saturated_and_dark_wells_are_left_out_by_name() -> None:
    spectra, _ = mixtures(np.random.default_rng(4), 8)
    spectra["H1"] = curve(1e5 * np.exp(-0.5 * ((AXIS_NM - 530) / 12) ** 2), ceiling=9e4)
    spectra["H2"] = curve(np.random.default_rng(5).normal(20.0, 5.0, AXIS_NM.size))
    parts = factorize(spectra, 3)
    assert parts.left_out == {"H1": "saturated", "H2": "no_signal"}
    assert not {"H1", "H2"} & set(parts.names)


@pytest.mark.slow
def test_groups_are_what_wells_emit_mostly() -> None:
    spectra, shares = mixtures(np.random.default_rng(6), 40)
    pure = shares.max(axis=1) > 0.9
    wells = phase_map(factorize(spectra, 3))
    assert np.bincount(wells.cluster)[0] == np.bincount(wells.cluster).max()
    found = wells.peak_nm[wells.cluster[pure]]
    assert found == pytest.approx(
        np.array(CENTRES_NM)[shares[pure].argmax(axis=1)], abs=2.0
    )


def test_the_result_says_that_components_are_no_phase_fractions() -> None:
    spectra, _ = mixtures(np.random.default_rng(7), 8)
    parts = factorize(spectra, 3)
    assert "not phase fractions" in parts.caveat
    assert "not phase fractions" in phase_map(parts).caveat


def test_too_few_spectra_and_impossible_counts_are_refused() -> None:
    spectra, _ = mixtures(np.random.default_rng(8), 6)
    with pytest.raises(InvalidInput, match="needs 4"):
        factorize({name: spectra[name] for name in ("A1", "A2", "A3")})
    with pytest.raises(InvalidInput, match="between 1 and 5"):
        factorize(spectra, 6)


def test_spectra_without_a_common_range_are_refused() -> None:
    spectra, _ = mixtures(np.random.default_rng(9), 4)
    low = curve(4_000.0 * np.exp(-0.5 * ((AXIS_NM - 530) / 12) ** 2))
    low = low.masked(AXIS_NM > 560.0)
    high = curve(4_000.0 * np.exp(-0.5 * ((AXIS_NM - 800) / 12) ** 2))
    high = high.masked(AXIS_NM < 760.0)
    with pytest.raises(InvalidInput, match="share no range"):
        factorize({**spectra, "low": low, "high": high})
