"""Droplets dried in wells, against figures of a published plate.

The plate: PEA2PbI4, BDAPbI4 and FAPbI3 in steps of 8 %, 91 compositions, read every
9 minutes for 189 minutes.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest

from hp_lab.errors import InvalidInput
from hp_lab.simulation.liquids import WellContents
from hp_lab.simulation.plate_reader import PlateReader
from hp_lab.simulation.variation import IDEAL, Variation
from hp_lab.simulation.wells import after, dried_well, kinetics_of

STEPS = range(0, 97, 8)
# FAPbI3, BDAPbI4, PEA2PbI4 in per cent of the lead.
PLATE = [(fa, bda, 100 - fa - bda) for fa in STEPS for bda in range(0, 97 - fa, 8)]
READER = PlateReader()
MINUTES = np.arange(0, 190, 9)


def droplet(fa: float, bda: float, pea: float) -> WellContents:
    species_m = {
        "FA": fa,
        "BDA": bda,
        "PEA": 2 * pea,
        "Pb": fa + bda + pea,
        "I": 3 * fa + 4 * (bda + pea),
    }
    return WellContents.from_molar(
        10.0, {name: m * 0.0025 for name, m in species_m.items()}, {"DMF": 1.0}
    )


def well(seed: int | None, mixture: tuple[float, float, float]) -> Variation:
    if seed is None:
        return IDEAL
    return Variation(seed=seed, film_id=f"plate/{mixture}", batch_id="plate")


@pytest.fixture(scope="module")
def peaks() -> dict[tuple[int, int, int], list[float]]:
    """Highest point of every well's export, over replicates: what a reader gives."""
    rng = np.random.default_rng(0)
    found: dict[tuple[int, int, int], list[float]] = {}
    for mixture in PLATE:
        for seed in range(3):
            film = dried_well(droplet(*mixture), well(seed, mixture))
            counts = READER.counts(film, rng)
            peak_nm = READER.wavelength_nm[int(np.nanargmax(counts))]
            found.setdefault(mixture, []).append(float(peak_nm))
    return found


def test_the_plate_has_its_91_compositions() -> None:
    assert len(PLATE) == 91


def band_nm(fa: int) -> tuple[int, int]:
    """Return where the median dominant peak lies at a share of FAPbI3, per cent."""
    if fa <= 16:
        return 545, 565
    if fa == 24:
        return 650, 685
    return (760, 785) if fa == 32 else (770, 795)


@pytest.mark.slow
@pytest.mark.parametrize("fa", STEPS)
def test_dominant_peak_at_every_share_of_fapbi3(
    peaks: dict[tuple[int, int, int], list[float]], fa: int
) -> None:
    chosen = [peak for mixture, found in peaks.items() if mixture[0] == fa
              for peak in found]  # fmt: skip
    assert len(chosen) == 3 * sum(mixture[0] == fa for mixture in PLATE)
    low_nm, high_nm = band_nm(fa)
    assert low_nm <= np.median(chosen) <= high_nm


@pytest.mark.slow
def test_wells_rich_in_bda_emit_where_n_1_does() -> None:
    # Published at 524 nm, where wells with more PEA emit near 550 nm.
    for fa in (0, 8, 16):
        expected = READER.expected_counts(dried_well(droplet(fa, 96 - fa, 4), IDEAL))
        peak_nm = READER.wavelength_nm[int(np.argmax(expected))]
        assert peak_nm == pytest.approx(524.0, abs=4.0)


@pytest.mark.slow
def test_what_a_censored_well_exports_peaks_on_a_flank() -> None:
    # Published: the export's highest points lie at 551-575 nm where the top is missing.
    rng = np.random.default_rng(4)
    flank = []
    for mixture in ((0, 0, 100), (0, 16, 84), (8, 0, 92), (16, 0, 84), (0, 40, 60)):
        for seed in range(4):
            counts = READER.counts(dried_well(droplet(*mixture), well(seed, mixture)),
                                   rng)  # fmt: skip
            if np.isnan(counts).any():
                peak_nm = READER.wavelength_nm[int(np.nanargmax(counts))]
                top = READER.wavelength_nm[np.isnan(counts)].mean()
                flank.append(abs(peak_nm - top))
    assert len(flank) >= 15
    assert 10.0 <= np.median(flank) <= 35.0


@pytest.mark.parametrize(
    ("chosen", "rises", "keeps"),
    [
        (lambda m: m[0] >= 48 and m[2] >= 28, 2.7, 0.66),
        (lambda m: m[2] <= 12, 7.0, 0.24),
        (lambda m: m[1] >= 40 and m[0] >= 16, 8.0, 0.30),
    ],
)
def test_classes_of_kinetics(
    chosen: Callable[[tuple[int, int, int]], bool], rises: float, keeps: float
) -> None:
    rise, kept = [], []
    for mixture in filter(chosen, PLATE):
        for seed in range(4):
            kinetics = kinetics_of(droplet(*mixture), well(seed, mixture))
            course = np.array([kinetics.factor(60.0 * minute) for minute in MINUTES])
            rise.append(course.max() / course[0])
            kept.append(course[-1] / course.max())
    assert np.median(rise) == pytest.approx(rises, rel=0.3)
    assert np.median(kept) == pytest.approx(keeps, abs=0.08)


@pytest.mark.slow
@pytest.mark.parametrize("mixture", [(56, 16, 28), (64, 8, 28), (32, 40, 28)])
def test_replicates_scatter_as_published(mixture: tuple[int, int, int]) -> None:
    start, most, peak_nm = [], [], []
    for seed in range(60):
        variation = well(seed, mixture)
        film = dried_well(droplet(*mixture), variation)
        kinetics = kinetics_of(droplet(*mixture), variation)
        expected = READER.expected_counts(film)
        course = [kinetics.factor(60.0 * minute) for minute in MINUTES]
        start.append(math.log(expected.max()))
        most.append(math.log(expected.max() * max(course)))
        peak_nm.append(READER.wavelength_nm[int(np.argmax(expected))])
    assert 0.3 <= np.std(start) <= 0.6
    assert 0.3 <= np.std(most) <= 0.6
    assert np.std(most) > np.std(start)
    assert 4.0 <= np.std(peak_nm) <= 10.0


@pytest.mark.slow
def test_wells_rich_in_spacer_are_censored_by_the_ceiling() -> None:
    rng = np.random.default_rng(1)
    rich = [mixture for mixture in PLATE if mixture[2] >= 60]
    poor = [mixture for mixture in PLATE if mixture[2] < 40]

    def censored(mixture: tuple[int, int, int]) -> bool:
        counts = READER.counts(dried_well(droplet(*mixture), IDEAL), rng)
        return bool(np.isnan(counts).any())

    assert np.mean([censored(mixture) for mixture in rich]) > 0.9
    assert np.mean([censored(mixture) for mixture in poor]) < 0.1


def test_a_censored_well_seems_stable_and_is_not() -> None:
    rng = np.random.default_rng(2)
    liquid = droplet(0, 8, 92)
    film, kinetics = dried_well(liquid, IDEAL), kinetics_of(liquid, IDEAL)
    late = after(film, kinetics, 189.0 * 60.0)
    seen = [float(np.nanmax(READER.counts(f, rng))) for f in (film, late)]
    real = [float(READER.expected_counts(f).max()) for f in (film, late)]
    assert seen[1] / seen[0] == pytest.approx(1.0, abs=0.05)
    assert abs(real[1] / real[0] - 1.0) > 0.3


def test_diammonium_in_place_of_monoammonium_dims_and_broadens() -> None:
    def spectrum(mixture: tuple[int, int, int]) -> np.ndarray:
        return READER.expected_counts(dried_well(droplet(*mixture), IDEAL))

    mono, double = spectrum((24, 0, 76)), spectrum((24, 76, 0))
    assert double.max() < 0.1 * mono.max()
    width = [np.sum(s > 0.5 * s.max()) for s in (mono, double)]
    assert width[1] > width[0]


def test_the_two_faces_of_a_well_differ() -> None:
    film = dried_well(droplet(48, 0, 52), IDEAL)
    top, bottom = (READER.expected_counts(film, top=face) for face in (True, False))
    blue = READER.wavelength_nm < 700
    assert bottom[blue].sum() / bottom.sum() > 2.0 * top[blue].sum() / top.sum()


def test_counts_are_whole_numbers_within_the_reader_s_range() -> None:
    rng = np.random.default_rng(3)
    counts = READER.counts(dried_well(droplet(8, 8, 84), IDEAL), rng)
    valid = counts[~np.isnan(counts)]
    assert np.array_equal(valid, np.rint(valid))
    assert valid.max() <= 99_999


def test_lead_is_conserved_in_wells() -> None:
    for mixture in PLATE:
        film = dried_well(droplet(*mixture), IDEAL)
        assert film.layered.sum() + film.by_products.sum() == pytest.approx(1.0)


def test_a_droplet_without_lead_is_refused() -> None:
    water = WellContents.from_molar(10.0, {}, {"DMF": 1.0})
    with pytest.raises(InvalidInput, match="no metal halide"):
        dried_well(water, IDEAL)
    with pytest.raises(InvalidInput, match="no metal halide"):
        kinetics_of(water, IDEAL)
