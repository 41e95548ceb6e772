import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.chemistry.composition import Composition, composition_from_settings
from hp_lab.chemistry.ions import charge
from hp_lab.chemistry.spacers import library
from hp_lab.errors import InvalidInput


def fractions(ions):
    weights = st.tuples(*(st.floats(0.0, 1.0) for _ in ions))
    return weights.filter(lambda w: sum(w) > 1e-3).map(
        lambda w: {ion: x / sum(w) for ion, x in zip(ions, w, strict=True)}
    )


compositions = st.builds(
    Composition,
    spacer=st.sampled_from(list(library())),
    n=st.one_of(st.integers(1, 12).map(float), st.just(math.inf)),
    a_site=fractions(("MA", "FA", "Cs", "GA")),
    b_site=fractions(("Pb", "Sn")),
    x_site=fractions(("I", "Br", "Cl")),
)


@settings(deadline=None, max_examples=40)
@given(compositions)
def test_charges_balance_for_every_spacer_and_composition(composition):
    total = sum(charge(ion) * x for ion, x in composition.ions.items())
    assert total == pytest.approx(0, abs=1e-9 * composition.site_counts[3])


@settings(deadline=None, max_examples=40)
@given(compositions)
def test_one_metal_carries_the_halides_of_its_family(composition):
    per_metal = composition.ions_per_metal
    halides = sum(per_metal.get(x, 0) for x in ("I", "Br", "Cl"))
    n = composition.n
    expected = 3.0 if composition.family == "3D" else 3 + 1 / n
    assert halides == pytest.approx(expected)
    assert per_metal.get("Pb", 0) + per_metal.get("Sn", 0) == pytest.approx(1)


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(list(library())), fractions(("MA", "FA")))
def test_composition_tends_to_3d_with_n(name, a_site):
    thick = Composition(spacer=name, n=1e6, a_site=a_site).ions_per_metal
    bulk = Composition(a_site=a_site).ions_per_metal
    for ion in bulk:
        assert thick[ion] == pytest.approx(bulk[ion], abs=1e-5)


@pytest.mark.parametrize(
    ("formula", "arguments"),
    [
        ("PEA2PbI4", {"spacer": "PEA", "n": 1}),
        ("PEA2MA2Pb3I10", {"spacer": "PEA", "n": 3}),
        ("3AMPMA2Pb3I10", {"spacer": "3AMP", "n": 3}),
        ("BDAPbI4", {"spacer": "BDA", "n": 1}),
        ("GAMA3Pb3I10", {"spacer": "GA", "n": 3}),
        ("MAPbI3", {}),
        ("MAPbI3", {"spacer": "PEA", "n": math.inf}),
        (
            "BA2(FA0.8Cs0.2)4Pb5(I0.9Br0.1)16",
            {
                "spacer": "BA",
                "n": 5,
                "a_site": {"Cs": 0.2, "FA": 0.8},
                "x_site": {"I": 0.9, "Br": 0.1},
            },
        ),
        ("FA(Pb0.5Sn0.5)I3", {"a_site": {"FA": 1}, "b_site": {"Pb": 0.5, "Sn": 0.5}}),
        ("PEA2PbBr4", {"spacer": "PEA", "n": 1, "x_site": {"I": 0.0, "Br": 1.0}}),
    ],
)
def test_formula_is_what_chemists_write(formula, arguments):
    assert Composition(**arguments).formula == formula


def test_ions_of_a_formula_unit():
    assert Composition(spacer="PEA", n=3).ions == {"PEA": 2, "MA": 2, "Pb": 3, "I": 10}


def test_a_spacer_that_does_not_form_warns_and_may_be_tried():
    composition = Composition(spacer="EDA", n=2)
    assert composition.formula == "EDAMAPb2I7"
    (warning,) = composition.warnings
    assert "EDA is known not to form" in warning
    assert Composition(spacer="PEA", n=2).warnings == ()
    assert "not known for certain" in Composition(spacer="F5-PEA", n=1).warnings[0]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"spacer": "PEA", "n": 2.5}, "n = 2.5 must be a whole number from 1"),
        ({"spacer": "PEA", "n": 0}, "n = 0 must be a whole number from 1"),
        ({"spacer": "PEA", "n": math.nan}, "n = nan must be a whole number"),
        ({"n": 3}, "n = 3 needs a spacer"),
        ({"spacer": "PAE", "n": 3}, "'PAE' is not in the library"),
        ({"a_site": {"MA": 0.5, "FA": 0.4}}, "MA 0.5, FA 0.4 add to 0.9"),
        ({"a_site": {"MA": 1.2, "FA": -0.2}}, "a_site.FA: fraction -0.2 must be from"),
        ({"x_site": {"F": 1.0}}, "x_site: 'F' cannot sit there; use I, Br, Cl"),
        ({"a_site": {"BDA": 1.0}}, "a_site: 'BDA' cannot sit there"),
        ({"b_site": {}}, "b_site: fractions none add to 0"),
    ],
)
def test_what_cannot_be_is_refused_with_value_and_limit(arguments, text):
    with pytest.raises(InvalidInput) as caught:
        Composition(**arguments)
    assert text in str(caught.value)


def test_settings_of_a_planner_become_a_composition():
    wish = {
        "spacer": "4F-PEA",
        "n": 3.0,
        "a_site.FA": 0.8,
        "a_site.Cs": 0.2,
        "br_fraction": 0.25,
        "anneal_c": 100.0,
    }
    composition = composition_from_settings(wish)
    assert composition.formula == "4F-PEA2(FA0.8Cs0.2)2Pb3(I0.75Br0.25)10"


def test_settings_default_to_methylammonium_lead_iodide():
    assert composition_from_settings({}).formula == "MAPbI3"
    assert composition_from_settings({"spacer": "none"}).formula == "MAPbI3"
    assert composition_from_settings({"fa_fraction": 0.3}).formula == "(FA0.3MA0.7)PbI3"


@pytest.mark.parametrize(
    ("wish", "text"),
    [
        ({"a_site.FA": 0.5}, "add to 0.5, but must add to 1"),
        ({"br_fraction": 0.7, "cl_fraction": 0.7}, "add to 1.4, but 1 is the most"),
        ({"a_site.MA": 1.0, "fa_fraction": 0.2}, "use one of the two ways"),
        ({"spacer": "PEA", "n": "three"}, "setting n: 'three' must be a number"),
    ],
)
def test_settings_that_contradict_are_refused(wish, text):
    with pytest.raises(InvalidInput, match=text):
        composition_from_settings(wish)
