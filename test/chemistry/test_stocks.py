from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.chemistry.ions import X_SITE, charge
from hp_lab.chemistry.salts import salt_ions
from hp_lab.chemistry.spacers import library
from hp_lab.chemistry.stocks import Solution, StockTable, load_stocks, mixed
from hp_lab.errors import InvalidConfig, InvalidInput
from hp_lab.lab_config import check_model, load_lab_config

CONFIG = Path(__file__).parents[2] / "config"
DMF = {"DMF": 4, "DMSO": 1}


def table(**changes):
    data = {
        "wells": {
            "stocks/A1": {
                "name": "PEA2PbI4",
                "salts": {"PEAI": 1.0, "PbI2": 0.5},
                "solvents": DMF,
                "volume_ul": 1000,
            },
            "solvents/A1": {
                "name": "toluene",
                "solvents": {"toluene": 1},
                "volume_ul": 9000,
            },
        },
        "antisolvents": {"toluene": "solvents/A1"},
        **changes,
    }
    return check_model(StockTable, data, "stocks.yaml")


def test_salts_give_their_ions():
    assert salt_ions("PbI2") == {"Pb": 1, "I": 2}
    assert salt_ions("BDAI2") == {"BDA": 1, "I": 2}
    assert salt_ions("4F-PEABr") == {"4F-PEA": 1, "Br": 1}
    assert salt_ions("MACl") == {"MA": 1, "Cl": 1}


@given(st.sampled_from(list(library())), st.sampled_from(X_SITE))
def test_every_spacer_has_neutral_salts(name, halide):
    count = charge(name)
    ions = salt_ions(f"{name}{halide}{count if count > 1 else ''}")
    assert sum(charge(ion) * amount for ion, amount in ions.items()) == 0


@pytest.mark.parametrize(
    ("salt", "text"),
    [
        ("BDAI", "BDA carries 2 charges; write BDAI2"),
        ("PEAI2", "PEA carries 1 charges; write PEAI"),
        ("NaI", "'NaI' is unknown"),
        ("PCBM", "list it under molecules"),
    ],
)
def test_a_salt_that_cannot_be_is_refused(salt, text):
    with pytest.raises(InvalidInput, match=text):
        salt_ions(salt)


def test_a_well_holds_the_ions_of_its_salts():
    solution = table().well("stocks/A1").solution
    assert solution.species_m == {"PEA": 1.0, "I": 2.0, "Pb": 0.5}
    assert solution.solvents == {"DMF": 0.8, "DMSO": 0.2}
    assert solution.metal_m == 0.5


parts = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(["PEA", "MA", "Pb", "I"]), st.floats(0, 3)),
        st.floats(0, 1),
        st.floats(0.1, 500),
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=50)
@given(parts)
def test_mixing_conserves_what_is_dissolved_and_every_solvent(content):
    solutions = [
        (Solution(species_m=s, solvents={"DMF": x, "DMSO": 1 - x}), v)
        for s, x, v in content
    ]
    total = sum(v for _, v in solutions)
    mix = mixed(solutions)
    for name in ("PEA", "MA", "Pb", "I"):
        before = sum(s.species_m.get(name, 0) * v for s, v in solutions)
        assert mix.species_m.get(name, 0) * total == pytest.approx(before)
    for name in ("DMF", "DMSO"):
        before = sum(s.solvents.get(name, 0) * v for s, v in solutions)
        assert mix.solvents.get(name, 0) * total == pytest.approx(before)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"species_m": {"Pb": -0.1}, "solvents": {"DMF": 1}}, "Pb -0.1 M must be"),
        ({"solvents": {"DMF": 0.5}}, "add to 0.5, but must to 1"),
        ({"solvents": {}}, "solvents none add to 0"),
    ],
)
def test_a_solution_that_cannot_be_is_refused(arguments, text):
    with pytest.raises(InvalidInput, match=text):
        Solution(**arguments)


def test_a_negative_volume_is_refused():
    water = Solution(solvents={"water": 1})
    with pytest.raises(InvalidInput, match="-5 uL must be a volume from 0"):
        mixed([(water, -5)])
    with pytest.raises(InvalidInput, match="add to 0 uL"):
        mixed([(water, 0)])


def test_lookups_name_what_is_close():
    stocks = table()
    assert stocks.antisolvent_well("toluene") == "solvents/A1"
    with pytest.raises(InvalidInput, match=r"antisolvent 'tolune' .* it has toluene"):
        stocks.antisolvent_well("tolune")
    with pytest.raises(InvalidInput, match=r"well 'stocks/A9' .* stocks/A1"):
        stocks.well("stocks/A9")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"antisolvents": {"toluene": "solvents/B3"}}, "B3 is not among the wells"),
        ({"antisolvents": {"ink": "stocks/A1"}}, "holds solutes; it must be pure"),
        (
            {"substrates": [{"name": "glass", "slots": ["tray/A1-A3", "tray/A2"]}]},
            "slot tray/A2 is listed twice",
        ),
        (
            {"substrates": [{"name": "glass", "slots": ["tray/A1-B3"]}]},
            "must be written like tray/A1 or tray/A1-A8",
        ),
        ({"wells": {}}, "wells: Dictionary should have at least 1 item"),
        ({"dead_volume_ul": -1}, "dead_volume_ul: .* greater than or equal to 0"),
    ],
)
def test_a_wrong_table_is_refused_with_its_field(changes, text):
    with pytest.raises(InvalidConfig, match=text):
        table(**changes)


@pytest.mark.parametrize(
    ("well", "text"),
    [
        ({"salts": {"PbI3": 1}}, "salts: .*Pb carries 2 charges; write PbI2"),
        ({"molecules": {"PEA": 1}}, "PEA is an ion; list it under salts"),
        ({"volume_ul": -5}, r"stocks/A1.volume_ul: .* \(got -5\)"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_well_is_refused_with_its_field(well, text):
    filled = {"name": "x", "solvents": DMF, "volume_ul": 100, **well}
    with pytest.raises(InvalidConfig, match=text):
        table(wells={"stocks/A1": filled}, antisolvents={})


def test_inert_molecules_and_bare_ions_are_dissolved_as_given():
    wells = {
        "stocks/A1": {
            "name": "monolayer",
            "molecules": {"MEO-2_PAcZ": 0.001},
            "species_m": {"Pb": 0.1},
            "solvents": {"IPA": 1},
            "volume_ul": 100,
        }
    }
    stocks = table(wells=wells, antisolvents={})
    expected = {"Pb": 0.1, "MEO-2_PAcZ": 0.001}
    assert stocks.well("stocks/A1").solution.species_m == expected


def test_a_solution_expires_at_its_moment():
    wells = {
        "stocks/A1": {
            "name": "ink",
            "salts": {"PbI2": 1},
            "solvents": DMF,
            "volume_ul": 100,
            "expires": "2026-01-01T12:00:00+00:00",
        }
    }
    stocks = table(wells=wells, antisolvents={})
    noon_s = 1_767_225_600.0 + 12 * 3600
    assert stocks.expired(noon_s - 1) == []
    assert stocks.expired(noon_s) == ["stocks/A1"]


def test_the_reference_stocks_fit_the_reference_deck():
    stocks = load_stocks(CONFIG / "stocks.yaml")
    stocks.check_deck(load_lab_config(CONFIG / "lab.yaml"))
    assert len(stocks.slots) >= 40
    assert stocks.volume_of_ul("MAPbI3") == 7800


def test_the_reference_stocks_hold_what_their_names_say():
    stocks = load_stocks(CONFIG / "stocks.yaml")
    for well in stocks.precursors.values():
        solution = well.solution
        assert sum(charge(i) * m for i, m in solution.species_m.items()) == 0
        if solution.species_m:
            assert solution.metal_m == 0.5
            spacers = [name for name in solution.species_m if name in well.name]
            assert spacers, well.name


def test_the_reference_stocks_hold_rp_dj_and_spacers_that_do_not_form():
    stocks = load_stocks(CONFIG / "stocks.yaml")
    held = {ion for w in stocks.precursors.values() for ion in w.solution.species_m}
    classes = [
        library()[name].structure_class
        for name in held
        if name in library() and name not in {"MA", "FA"}
    ]
    assert len(classes) >= 8
    assert {"RP", "DJ", "none"} == set(classes)


def test_a_table_for_another_deck_says_where_it_does_not_fit():
    lab = load_lab_config(CONFIG / "lab.yaml")
    wells = {
        name: {"name": "x", "solvents": DMF, "volume_ul": 5000}
        for name in ("stocks/A1", "stocks/H9", "shelf/A1", "tips_1/A1")
    }
    stocks = table(
        wells=wells,
        antisolvents={},
        substrates=[{"name": "glass", "slots": ["tray/Z9"]}],
    )
    with pytest.raises(InvalidConfig) as caught:
        stocks.check_deck(lab)
    lines = str(caught.value).splitlines()
    assert "5000 uL are above the well's 4000 uL; fill in less" in lines[0]
    assert "stocks/H9: stocks has wells A1 to D6" in lines[1]
    assert "no labware of wells called shelf; use stocks, solvents, mix" in lines[2]
    assert "no labware of wells called tips_1" in lines[3]
    assert "tray/Z9: the laboratory has no such slot" in lines[4]


def test_an_unknown_ion_is_refused_with_the_known_ones():
    assert charge("BDA") == 2
    with pytest.raises(InvalidInput, match="ion 'Zn' is unknown; use FA, MA, Cs"):
        charge("Zn")
