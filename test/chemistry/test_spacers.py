import pytest

from hp_lab.chemistry.spacers import DESCRIPTORS, library, spacer
from hp_lab.errors import InvalidInput


def test_every_row_of_the_table_is_a_spacer():
    assert len(library()) == 76
    classes = [entry.structure_class for entry in library().values()]
    assert {name: classes.count(name) for name in set(classes)} == {
        "RP": 45,
        "DJ": 16,
        "ACI": 1,
        "none": 12,
        "A-site": 2,
    }
    assert sum(s.exciton_n1_ev is not None for s in library().values()) == 24


def test_charge_follows_from_the_smiles():
    for entry in library().values():
        assert entry.smiles.count("+]") == entry.charge, entry.abbreviation


def test_every_spacer_has_every_descriptor():
    for entry in library().values():
        assert tuple(entry.descriptors) == DESCRIPTORS


def test_library_has_negatives_and_says_so():
    assert spacer("tBA").forms_2d == "no"
    assert spacer("PEA").forms_2d == "yes"
    assert spacer("PEA").exciton_n1_ev == 2.4


def test_library_cannot_be_changed():
    with pytest.raises(TypeError):
        library()["PEA"] = library()["BA"]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("pea", "PEA"), ("PAE", "PEA"), ("FPEA", "4F-PEA"), ("butylamonium", "BA")],
)
def test_an_unknown_spacer_is_named_with_what_was_meant(wrong, right):
    with pytest.raises(InvalidInput) as caught:
        spacer(wrong)
    message = str(caught.value)
    assert repr(wrong) in message
    assert right in message.split("did you mean ")[1].rstrip("?").split(", ")


def test_a_spacer_like_no_other_gets_the_command_that_lists_them():
    with pytest.raises(InvalidInput, match="hp-lab spacers"):
        spacer("unobtainium-42")
