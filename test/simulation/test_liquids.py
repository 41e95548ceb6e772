"""Liquids in wells and tips."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.errors import InvalidInput
from hp_lab.simulation.liquids import Tip, WellContents, mixed

VOLUMES = st.floats(0.1, 5000.0)


def solution(volume_ul: float, lead_m: float = 0.5) -> WellContents:
    return WellContents.from_molar(
        volume_ul, {"Pb": lead_m, "I": 2 * lead_m}, {"DMF": 4.0, "DMSO": 1.0}
    )


@settings(max_examples=40)
@given(VOLUMES, VOLUMES)
def test_splitting_keeps_amounts_and_concentration(
    volume_ul: float, taken_ul: float
) -> None:
    whole = solution(volume_ul)
    taken, left = whole.split(taken_ul)
    assert taken.volume_ul == min(taken_ul, volume_ul)
    assert taken.volume_ul + left.volume_ul == pytest.approx(volume_ul)
    total = taken.species["Pb"] + left.species.get("Pb", 0.0)
    assert total == pytest.approx(whole.species["Pb"])
    assert taken.molar("Pb") == pytest.approx(0.5)


@settings(max_examples=40)
@given(st.lists(VOLUMES, min_size=1, max_size=6))
def test_mixing_adds_amounts_and_volumes(volumes: list[float]) -> None:
    parts = [solution(v, lead_m=0.1 * i) for i, v in enumerate(volumes)]
    whole = mixed(parts)
    assert whole.volume_ul == pytest.approx(sum(volumes))
    expected = sum(part.species["Pb"] for part in parts)
    assert whole.species["Pb"] == pytest.approx(expected)
    assert sum(whole.solvents.values()) == pytest.approx(1.0)


@settings(max_examples=40)
@given(VOLUMES, st.floats(0.0, 500.0), st.floats(0.0, 6000.0))
def test_a_tip_gives_back_no_more_than_it_took(
    liquid_ul: float, air_ul: float, released_ul: float
) -> None:
    tip = Tip().draw(solution(liquid_ul), air_ul)
    out, rest = tip.release(released_ul)
    assert out.volume_ul <= liquid_ul
    kept = out.volume_ul + rest.liquid.volume_ul
    assert kept == pytest.approx(liquid_ul)


def test_what_a_tip_took_last_leaves_first() -> None:
    tip = Tip().draw(solution(50.0), 0.0).draw(WellContents(), 20.0)
    out, rest = tip.release(20.0)
    assert out.volume_ul == 0
    assert rest.liquid.volume_ul == 50.0


def test_an_empty_well_has_no_concentration() -> None:
    assert WellContents().molar("Pb") == 0.0


def test_negative_amounts_are_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="Pb is -1"):
        WellContents(volume_ul=1.0, species={"Pb": -1.0}, solvents={"DMF": 1.0})
