import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.chemistry.composition import composition_from_settings
from hp_lab.chemistry.mixing import aspirations_ul, plan_mix
from hp_lab.chemistry.stocks import StockTable, load_stocks, mixed
from hp_lab.errors import (
    InvalidInput,
    InventoryError,
    UnreachableComposition,
)

STOCKS = load_stocks(Path(__file__).parents[2] / "config" / "stocks.yaml")
MIN_UL, MAX_UL = 20.0, 300.0
SPACERS = (
    "PEA",
    "BA",
    "HA",
    "4F-PEA",
    "ThMA",
    "PA",
    "BDA",
    "3AMP",
    "4AMP",
    "tBA",
    "EDA",
)


def plan(settings=None, target=None, **changes):
    arguments = {
        "concentration_m": 0.5,
        "volume_ul": 100.0,
        "max_volume_ul": 400.0,
        "stocks": STOCKS,
        "pipette_min_ul": MIN_UL,
        "pipette_max_ul": MAX_UL,
        **changes,
    }
    if target is None:
        target = composition_from_settings(settings).ions
    return plan_mix(target, **arguments)


def pour(volumes_ul):
    """Mix by hand, independently of what the plan says it holds."""
    amounts = {}
    for well, volume_ul in volumes_ul.items():
        stock = STOCKS.wells[well]
        for salt, molar in stock.salts.items():
            amounts[salt] = amounts.get(salt, 0.0) + molar * volume_ul
    return amounts


wishes = st.fixed_dictionaries(
    {
        "spacer": st.sampled_from(SPACERS),
        "n": st.integers(1, 5).map(float),
        "fa_fraction": st.floats(0, 1),
        "br_fraction": st.floats(0, 0.6),
    }
)


@settings(deadline=None, max_examples=40)
@given(wishes, st.sampled_from([(20.0, 300.0), (50.0, 80.0)]))
@pytest.mark.slow
def test_what_the_volumes_hold_is_the_target_and_the_pipette_can_do_them(wish, pipette):
    low_ul, high_ul = pipette
    target = composition_from_settings(wish).ions_per_metal
    try:
        result = plan(
            target=target,
            max_volume_ul=900.0,
            tolerance=0.02,
            pipette_min_ul=low_ul,
            pipette_max_ul=high_ul,
        )
    except UnreachableComposition:
        return
    for volume_ul in result.volumes_ul.values():
        portions = aspirations_ul(
            volume_ul, pipette_min_ul=low_ul, pipette_max_ul=high_ul
        )
        assert all(low_ul - 1e-9 <= p <= high_ul + 1e-9 for p in portions)
        assert sum(portions) == pytest.approx(volume_ul)
    assert 100 - 0.01 <= result.total_ul <= 900 + 0.01
    held = mixed((STOCKS.wells[w].solution, v) for w, v in result.volumes_ul.items())
    assert held.metal_m == pytest.approx(0.5, rel=0.02)
    for ion in {*held.species_m, *target}:
        reached = held.species_m.get(ion, 0.0) / held.metal_m
        assert abs(reached - target.get(ion, 0.0)) <= 0.02
        assert result.deviations[ion] == pytest.approx(reached - target.get(ion, 0.0))


def test_an_exact_mix_is_found_where_there_is_one():
    result = plan({"spacer": "PEA", "n": 3.0})
    assert result.volumes_ul == {"stocks/A1": 33.333, "stocks/C5": 66.667}
    assert result.deviation < 1e-4
    assert pour(result.volumes_ul) == pytest.approx(
        {"PEAI": 33.333, "PbI2": 50.0, "MAI": 33.3335}
    )


def test_the_volume_is_raised_until_small_shares_reach_the_minimum():
    wish = {"spacer": "PEA", "n": 5.0, "fa_fraction": 0.05}
    with pytest.raises(UnreachableComposition) as caught:
        plan(wish)
    message = str(caught.value)
    assert "stocks/D1 (FAPbI3) would give 16.0 uL of 400 uL" in message
    assert "below the pipette's 20 uL; raise max_volume_ul to 500 uL" in message
    assert plan(wish, max_volume_ul=500.0).volumes_ul == {
        "stocks/A1": 100.0,
        "stocks/C5": 380.0,
        "stocks/D1": 20.0,
    }


def test_solvent_dilutes_to_a_lower_concentration():
    result = plan({"spacer": "PEA", "n": 3.0}, concentration_m=0.25)
    assert result.volumes_ul["solvents/B1"] == pytest.approx(60.0)
    assert result.solution.metal_m == pytest.approx(0.25)
    assert result.solution.solvents == pytest.approx({"DMF": 0.8, "DMSO": 0.2})


@pytest.mark.parametrize("first", ["DMF", "DMSO"])
def test_wanted_solvents_are_kept_to_on_both_sides(first):
    second = {"DMF": "DMSO", "DMSO": "DMF"}[first]
    pure = {
        f"solvents/A{i + 1}": {
            "name": name,
            "solvents": {name: 1},
            "volume_ul": 9000,
        }
        for i, name in enumerate((first, second))
    }
    ink = {
        "name": "MAPbI3",
        "salts": {"MAI": 1, "PbI2": 1},
        "solvents": {"DMF": 1},
        "volume_ul": 1000,
    }
    stocks = StockTable.model_validate({"wells": {"stocks/A1": ink, **pure}})
    result = plan({}, stocks=stocks, solvents={"DMSO": 0.25})
    assert result.solution.solvents["DMSO"] == pytest.approx(0.25, abs=0.001)
    assert result.solution.metal_m == pytest.approx(0.5, rel=0.02)


def test_the_same_arguments_give_the_same_plan():
    wish = {"spacer": "BDA", "n": 4.0, "fa_fraction": 0.37, "br_fraction": 0.21}
    first, second = (plan(wish, max_volume_ul=900.0) for _ in range(2))
    assert first.volumes_ul == second.volumes_ul


def test_an_empty_well_gives_way_to_its_twin():
    left = {**STOCKS.volumes_ul(), "stocks/C5": 110.0}
    result = plan({"spacer": "PEA", "n": 3.0}, available_ul=left)
    assert set(result.volumes_ul) == {"stocks/A1", "stocks/C6"}


def test_a_stock_that_ran_out_is_an_inventory_error_and_not_unreachable():
    left = {**STOCKS.volumes_ul(), "stocks/A1": 120.0}
    with pytest.raises(InventoryError) as caught:
        plan({"spacer": "PEA", "n": 3.0}, available_ul=left)
    message = str(caught.value)
    assert "stocks/A1 (PEA2PbI4) would give 33.3 uL, but has 20.0 uL" in message
    assert "refill the well" in message


@pytest.mark.parametrize(
    ("wish", "changes", "text"),
    [
        (
            {"spacer": "OA", "n": 3.0},
            {},
            "OA is in none of the stocks; add a stock with OAI",
        ),
        (
            {"cl_fraction": 0.1},
            {},
            "Cl is in none of the stocks; add a stock with PbCl2",
        ),
        (
            {"spacer": "tBA", "n": 1.0, "br_fraction": 0.5},
            {},
            "no stock brings Br without what is not wanted here",
        ),
        (
            {"spacer": "PEA", "n": 3.0, "cs_fraction": 0.8},
            {},
            "0.533 Cs for each metal ion are wanted, but the closest mix has 0.333",
        ),
        (
            {"spacer": "PEA", "n": 3.0},
            {"concentration_m": 1.0},
            "1 M metal is wanted, but the stocks give 0.5 M",
        ),
        (
            {"spacer": "PEA", "n": 3.0},
            {"solvents": {"DMSO": 0.5}},
            "solvents DMSO 0.5 are wanted, but the stocks give DMF 0.8, DMSO 0.2",
        ),
        (
            {},
            {"pipette_min_ul": 60.0, "pipette_max_ul": 70.0, "max_volume_ul": 110.0},
            "no volumes of at least 60 uL that add to at most 110 uL",
        ),
        (
            {},
            {"volume_ul": 30000.0, "max_volume_ul": 30000.0},
            "stocks/C5 (MAPbI3) would give 30000.0 uL, but has 3800.0 uL",
        ),
    ],
)
def test_what_cannot_be_mixed_names_the_component_or_the_volume(wish, changes, text):
    with pytest.raises(UnreachableComposition) as caught:
        plan(wish, **changes)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"volume_ul": -10.0}, "min_volume_ul -10 must be a finite number above 0"),
        ({"volume_ul": 500.0}, "min_volume_ul 500 is above max_volume_ul 400"),
        ({"concentration_m": math.nan}, "concentration_m nan must be"),
        ({"pipette_min_ul": 400.0}, "pipette_min_ul 400 is above pipette_max_ul 300"),
        ({"tolerance": 0.0}, "tolerance 0 must be from 0.001"),
        ({"target": {"MA": 1.0, "I": 1.0}}, "the target needs a metal"),
        ({"target": {"Pb": 1.0, "I": -2.0}}, "amount -2 of I must be"),
    ],
)
def test_arguments_outside_their_limits_are_refused(changes, text):
    with pytest.raises(InvalidInput) as caught:
        plan(**{"settings": {}, **changes})
    assert text in str(caught.value)
    assert not isinstance(caught.value, UnreachableComposition)


def test_antisolvents_and_foreign_solvents_never_get_into_a_mix():
    stocks = StockTable.model_validate(
        {
            "wells": {
                "stocks/A1": {
                    "name": "MAPbI3",
                    "salts": {"MAI": 1, "PbI2": 1},
                    "solvents": {"DMF": 1},
                    "volume_ul": 1000,
                },
                "solvents/A1": {
                    "name": "isopropanol",
                    "solvents": {"IPA": 1},
                    "volume_ul": 9000,
                },
            }
        }
    )
    with pytest.raises(UnreachableComposition, match="add a stock of the pure solvent"):
        plan({}, stocks=stocks)


def test_a_share_may_need_several_aspirations():
    assert aspirations_ul(700, pipette_min_ul=20, pipette_max_ul=300) == (700 / 3,) * 3
    assert aspirations_ul(300, pipette_min_ul=20, pipette_max_ul=300) == (300,)
    with pytest.raises(InvalidInput, match="10 uL cannot be moved in portions from 20"):
        aspirations_ul(10, pipette_min_ul=20, pipette_max_ul=300)


@settings(deadline=None)
@given(st.floats(20, 3000))
def test_aspirations_are_never_below_the_minimum(volume_ul):
    portions = aspirations_ul(volume_ul, pipette_min_ul=20, pipette_max_ul=300)
    assert all(20 - 1e-6 <= portion <= 300 + 1e-6 for portion in portions)


@pytest.mark.slow
def test_the_reference_stocks_last_for_forty_films_over_all_their_spacers():
    left = STOCKS.volumes_ul()
    for i in range(40):
        wish = {
            "spacer": SPACERS[i % 11],
            "n": 1.0 + i % 5,
            "fa_fraction": (i % 7) / 6,
            "br_fraction": 0.05 * (i % 3) if i % 5 else 0.0,
        }
        result = plan(wish, max_volume_ul=900.0, tolerance=0.02, available_ul=left)
        for well, volume_ul in result.volumes_ul.items():
            left[well] -= volume_ul
    assert min(left[well] for well in STOCKS.precursors) >= STOCKS.dead_volume_ul


@pytest.mark.parametrize(
    ("wish", "salt"),
    [
        ({"spacer": "ODA", "n": 1.0}, "ODAI2"),
        ({"sn_fraction": 0.5}, "SnI2"),
        ({"a_site.Rb": 1.0}, "RbI"),
    ],
)
def test_the_remedy_names_a_salt_that_would_help(wish, salt):
    with pytest.raises(UnreachableComposition, match=f"add a stock with {salt}, or"):
        plan(wish)


def test_stocks_without_a_metal_say_so():
    stocks = StockTable.model_validate(
        {
            "wells": {
                "stocks/A1": {
                    "name": "MAI",
                    "salts": {"MAI": 1},
                    "solvents": {"DMF": 1},
                    "volume_ul": 1000,
                }
            }
        }
    )
    with pytest.raises(UnreachableComposition, match="Pb is in none of the stocks"):
        plan({}, stocks=stocks)
