"""Energies against the literature."""

import numpy as np
import pytest

from hp_lab.simulation.energies import binding_ev, exciton_ev, stokes_ev
from hp_lab.simulation.inks import Composition
from hp_lab.simulation.spacers import SpacerMix


def composition(
    spacer: str = "BA",
    a_site: tuple[tuple[str, float], ...] = (("MA", 1.0),),
    *,
    bromide: float = 0.0,
    tin: float = 0.0,
) -> Composition:
    spacers = SpacerMix.of({spacer: 1.0}) if spacer else SpacerMix()
    return Composition(
        spacers=spacers, a_site=a_site, bromide=bromide, chloride=0.0, tin=tin
    )


# n = 1 is the exciton's absorption, the others the optical gap.
BUTYL = {1: 2.41, 2: 2.17, 3: 2.03, 4: 1.91, 5: 1.83}
BUTYL_EMISSION = {1: 2.38, 2: 2.16, 3: 2.03, 4: 1.92, 5: 1.83}
FIRST = {
    "PEA": 2.40, "HA": 2.37, "OA": 2.40, "DDA": 2.42, "4F-PEA": 2.38, "4Cl-PEA": 2.37,
    "4Br-PEA": 2.36, "MBA": 2.48, "3AMP": 2.23, "4AMP": 2.38, "GA": 2.27,
}  # fmt: skip


@pytest.mark.parametrize(("n", "energy_ev"), BUTYL.items())
def test_the_butylammonium_ladder(n: int, energy_ev: float) -> None:
    assert exciton_ev(composition())[n - 1] == pytest.approx(energy_ev, abs=0.02)


@pytest.mark.parametrize(("n", "energy_ev"), BUTYL_EMISSION.items())
def test_the_butylammonium_emission(n: int, energy_ev: float) -> None:
    emitted = exciton_ev(composition()) - stokes_ev()
    assert emitted[n - 1] == pytest.approx(energy_ev, abs=0.02)


@pytest.mark.parametrize(("spacer", "energy_ev"), FIRST.items())
def test_first_members_of_other_spacers(spacer: str, energy_ev: float) -> None:
    assert exciton_ev(composition(spacer))[0] == pytest.approx(energy_ev, abs=0.02)


@pytest.mark.parametrize(
    ("spacer", "ladder"),
    [("3AMP", (2.23, 2.02, 1.92, 1.87)), ("4AMP", (2.38, 2.17, 1.99, 1.89))],
)
def test_whole_ladders_of_diammonium_spacers(
    spacer: str, ladder: tuple[float, ...]
) -> None:
    assert exciton_ev(composition(spacer))[:4] == pytest.approx(ladder, abs=0.02)


def test_energies_fall_with_n_and_end_between_the_film_values() -> None:
    for spacer in ("BA", "PEA", "BDA", "iBA"):
        energies = exciton_ev(composition(spacer), three_d_share=1.0)
        assert np.all(np.diff(energies) < 0)
        assert 1.55 <= energies[-1] <= 1.62


def test_3d_halide_alloys_follow_the_published_bowing() -> None:
    for x in (0.0, 0.2, 0.5, 0.8, 1.0):
        published = 1.57 + 0.39 * x + 0.33 * x**2
        found = exciton_ev(composition("", bromide=x))[-1]
        assert found == pytest.approx(published, abs=0.02)


@pytest.mark.parametrize(
    ("ion", "low_ev", "high_ev"),
    [("FA", 1.48, 1.54), ("MA", 1.56, 1.60), ("Cs", 1.71, 1.75)],
)
def test_3d_edges_by_cation(ion: str, low_ev: float, high_ev: float) -> None:
    energy = exciton_ev(composition("", ((ion, 1.0),)))[-1]
    assert low_ev <= energy <= high_ev


def test_bromides_are_where_they_should_be() -> None:
    found = exciton_ev(composition("BA", bromide=1.0))[:4]
    assert found == pytest.approx((3.03, 2.86, 2.70, 2.61), abs=0.02)


def test_tin_narrows_the_gap_with_a_minimum_inside() -> None:
    mixed = [exciton_ev(composition("", tin=y))[-1] for y in (0.0, 0.6, 1.0)]
    assert mixed[1] < mixed[2] < mixed[0]
    assert 1.17 <= mixed[1] <= 1.30


def test_binding_energies_go_through_the_measured_ends() -> None:
    assert binding_ev()[0] == pytest.approx(0.470, abs=0.001)
    assert binding_ev()[4] == pytest.approx(0.125, abs=0.01)
    assert binding_ev()[-1] == pytest.approx(0.016)
