import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.chemistry.ions import A_SITE, B_SITE, X_SITE
from hp_lab.chemistry.solutes import amounts_text, parse_solutes, parse_solvents
from hp_lab.chemistry.spacers import library
from hp_lab.errors import InvalidInput


def test_a_robot_lines_ink_is_read_exactly():
    text = "FA0.78_Cs0.12_MA0.1_Pb1.09_I2.62_Br0.491_Cl0.164"
    assert parse_solutes(text) == {
        "FA": 0.78,
        "Cs": 0.12,
        "MA": 0.1,
        "Pb": 1.09,
        "I": 2.62,
        "Br": 0.491,
        "Cl": 0.164,
    }
    assert amounts_text(parse_solutes(text)) == text


@pytest.mark.parametrize("name", ["MEO-2_PAcZ", "PCBM", "P3HT", "spiro-OMeTAD"])
def test_what_has_no_ion_is_one_inert_molecule_and_keeps_its_name(name):
    assert parse_solutes(name) == {name: 1.0}


def test_an_inert_molecule_beside_ions_keeps_its_name_and_amount():
    assert parse_solutes("MA_Pb_I3_PCBM0.01") == {
        "MA": 1,
        "Pb": 1,
        "I": 3,
        "PCBM": 0.01,
    }


def test_names_that_hold_digits_are_not_cut():
    assert parse_solutes("TMA4_Pb_I3") == {"TMA4": 1, "Pb": 1, "I": 3}
    assert parse_solutes("4F-PEA2_Pb_I4") == {"4F-PEA": 2, "Pb": 1, "I": 4}


def test_an_empty_text_is_a_pure_solvent():
    assert parse_solutes("") == {}


def test_solvents_become_volume_fractions():
    assert parse_solvents("DMF0.75_DMSO0.25") == {"DMF": 0.75, "DMSO": 0.25}
    assert parse_solvents("DMF4_DMSO1") == {"DMF": 0.8, "DMSO": 0.2}
    assert parse_solvents("MethylAcetate") == {"MethylAcetate": 1.0}


ions = st.sampled_from((*A_SITE, *B_SITE, *X_SITE, *library()))


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(ions, st.floats(0.001, 9.99, allow_subnormal=False), min_size=1))
def test_what_is_written_is_read_back(amounts):
    assert parse_solutes(amounts_text(amounts)) == amounts


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_solutes, "MA_Pb_I3_MA0.2", "MA comes twice"),
        (parse_solutes, "MA__I3", "part '' must be a name and an amount"),
        (parse_solvents, "", "part '' must be a name"),
        (parse_solvents, "DMF0", "amounts add to 0"),
    ],
)
def test_a_broken_text_is_refused_with_its_part(parse, text, message):
    with pytest.raises(InvalidInput, match=message):
        parse(text)
