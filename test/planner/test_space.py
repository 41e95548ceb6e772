"""Laws of the search space."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.errors import InvalidConfig, InvalidInput
from hp_lab.planner.expressions import Expression
from hp_lab.planner.space import Space

RNG = np.random.default_rng
SECTION = {
    "spacer": {
        "type": "molecule",
        "choices": {
            "PEA": "[NH3+]CCc1ccccc1",
            "BA": "CCCC[NH3+]",
            "HA": "CCCCCC[NH3+]",
        },
    },
    "n": {"type": "ordinal", "values": [1, 2, 3, 4, 5]},
    "a_site": {
        "type": "simplex",
        "components": ["MA", "FA", "Cs"],
        "upper": {"Cs": 0.2},
    },
    "br_fraction": {"type": "continuous", "low": 0, "high": 0.5},
    "solvent": {"type": "categorical", "choices": ["DMF", "DMSO"]},
    "drop_time_s": {"type": "continuous", "low": 5, "high": 30, "step": 0.5},
    "anneal_s": {"type": "continuous", "low": 60, "high": 3600, "log": True},
}
CONSTRAINTS = ["a_site.Cs + br_fraction <= 0.5", "n <= 3 or spacer != 'BA'"]


@pytest.fixture(scope="module")
def space():
    return Space.parse(SECTION, CONSTRAINTS)


@given(seed=st.integers(0, 2**31), count=st.integers(1, 50))
@settings(max_examples=15, deadline=None)
def test_every_sample_lies_in_the_space_and_codes_go_there_and_back(seed, count):
    space = Space.parse(SECTION, CONSTRAINTS)
    rng = np.random.default_rng(seed)
    codes = space.sample_codes(rng, count)
    for one in space.settings(codes):
        space.check(one)
    assert np.abs(space.codes(space.settings(codes)) - codes).max() < 1e-7
    moved = space.move(codes, rng, 0.3)
    for one in space.settings(moved):
        space.check(one)


def test_steps_are_kept(space):
    columns = space.columns(space.sample_codes(np.random.default_rng(1), 200))
    assert np.allclose(columns["drop_time_s"] * 2 % 1, 0)
    assert set(columns["n"]) == {1, 2, 3, 4, 5}


def test_a_free_simplex_is_filled_evenly():
    space = Space.parse({"x": {"type": "simplex", "components": ["a", "b", "c"]}})
    codes = space.sample_codes(np.random.default_rng(0), 4096)
    assert np.allclose(codes.sum(axis=1), 1)
    # Dirichlet(1, 1, 1) has means 1/3 and variances 1/18.
    assert np.allclose(codes.mean(axis=0), 1 / 3, atol=0.01)
    assert np.allclose(codes.var(axis=0), 1 / 18, atol=0.003)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": 7.0}, ["n", "7", "1, 2, 3, 4, 5"]),
        ({"drop_time_s": 31.0}, ["drop_time_s", "31", "30"]),
        ({"spacer": "XYZ"}, ["spacer", "XYZ", "PEA"]),
        (
            {"a_site.MA": 0.9, "a_site.FA": 0.3, "a_site.Cs": 0.0},
            ["a_site", "1.2", "1"],
        ),
        ({"a_site.Cs": 0.4}, ["a_site.Cs", "0.4", "0.2"]),
        ({"br_fraction": float("nan")}, ["br_fraction", "finite"]),
        ({"br_fraction": "much"}, ["br_fraction", "much", "number"]),
        ({"colour": 1.0}, ["colour", "search space"]),
        ({"spacer": "BA", "n": 4.0}, ["n <= 3", "n = 4"]),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_limit(space, change, words):
    good = {
        "spacer": "PEA",
        "n": 2.0,
        "a_site.MA": 0.5,
        "a_site.FA": 0.4,
        "a_site.Cs": 0.1,
        "br_fraction": 0.1,
        "solvent": "DMF",
        "drop_time_s": 10.0,
        "anneal_s": 600.0,
    }
    space.check(good)
    with pytest.raises(InvalidInput) as error:
        space.check({**good, **change})
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"x": {"type": "continuous", "low": 3, "high": 1}}, ["x", "3", "1"]),
        ({"x": {"type": "ordinal", "values": [2, 1]}}, ["x", "ascend"]),
        ({"x": {"type": "molecule", "choices": {"A": "no smiles"}}}, ["no smiles"]),
        ({"x": {"type": "molecule", "choices": ["NOBODY"]}}, ["NOBODY", "SMILES"]),
        # It reads as a SMILES, but nobody means it.
        ({"x": {"type": "molecule", "choices": ["BOO"]}}, ["BOO", "SMILES"]),
        (
            {"x": {"type": "molecule", "choices": ["PEA", "c1ccccc1CC[NH3+]"]}},
            ["'PEA' and 'c1ccccc1CC[NH3+]' are one molecule"],
        ),
        (
            {"x": {"type": "simplex", "components": ["a", "b"], "upper": {"c": 1}}},
            ["c"],
        ),
        (
            {
                "x": {
                    "type": "simplex",
                    "components": ["a", "b"],
                    "upper": {"a": 0.3, "b": 0.3},
                }
            },
            ["0.3"],
        ),
        ({"x": {"type": "colour"}}, ["colour"]),
        ({}, ["dimension"]),
        (
            {
                "x": {"type": "continuous", "low": 0, "high": 1},
                "constraints": ["y > 1"],
            },
            ["y"],
        ),
    ],
)
def test_a_wrong_section_is_refused_with_a_reason(section, words):
    with pytest.raises(InvalidConfig) as error:
        Space.parse(section)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    "text", ["__import__('os')", "a.b()", "[1]", "lambda: 1", "a if b else c", "a <"]
)
def test_an_expression_can_do_nothing_but_compare_settings(text):
    with pytest.raises(InvalidConfig):
        Expression(text)


KINDS = {
    "spacer": {"type": "categorical", "choices": ["PEA", "BA"]},
    "n": {"type": "ordinal", "values": [1, 2, 3]},
    "a": {"type": "simplex", "components": ["MA", "FA"]},
}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n + 1", ["compares nothing"]),
        ("n", ["compares nothing"]),
        ("m <= 3", ["'m'", "spacer, n, a.MA, a.FA"]),
        ("spacer <= 2", ["spacer is a text", "label"]),
        ("n != 'two'", ["'two' is a text", "n is none"]),
        ("spacer < 'PEA'", ["without order", "=="]),
        ("spacer != 'pea'", ["'pea'", "no label of spacer", "PEA"]),
        ("spacer == 'HDA'", ["'HDA'", "PEA, BA"]),
        ("n <= 3 or spacer", ["spacer is no comparison"]),
        ("not n", ["n is no comparison"]),
        ("spacer + 1 <= 2", ["spacer is a text", "calculated"]),
        ("abs(spacer) <= 2", ["spacer is a text", "calculated"]),
        ("log(n, 2) <= 2", ["log(n, 2)", "not allowed"]),
    ],
)
def test_a_constraint_that_cannot_be_meant_is_refused(text, words):
    with pytest.raises(InvalidConfig) as error:
        Space.parse(KINDS, [text])
    for word in (f"constraint {text!r}", *words):
        assert word in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "1 <= n <= 2",
        "not (spacer == 'PEA' and n > 2)",
        "n * (spacer == 'BA') + min(n, a.MA) < 9",
        "'BA' != spacer",
    ],
)
def test_a_constraint_may_join_calculate_and_tell_labels(text):
    assert Space.parse(KINDS, [text]).constraints == (text,)


PROFILE = {"type": "trajectory", "high_c": 150, "max_hold_s": 600}


def test_a_constraint_may_be_about_a_segment_of_a_profile():
    section = {"anneal": PROFILE, "who": {"type": "categorical", "choices": ["a.1.b"]}}
    texts = ["anneal.1.c < anneal.2.c", "anneal.2.s <= 300 or who != 'a.1.b'"]
    space = Space.parse(section, texts)
    for one in space.sample(np.random.default_rng(0), 32):
        assert one["anneal.1.c"] < one["anneal.2.c"]
        assert one["anneal.2.s"] <= 300
    with pytest.raises(InvalidConfig, match=r"'anneal.3.c' is no setting"):
        Space.parse(section, ["anneal.3.c < 100"])
    with pytest.raises(InvalidConfig, match=r"'anneal.1' is no setting"):
        Space.parse(section, ["anneal.1 < 100"])
    with pytest.raises(InvalidConfig, match=r": anneal.1.c is no comparison"):
        Space.parse(section, ["not anneal.1.c"])


@given(a=st.integers(-20, 20), b=st.integers(-20, 20), over=st.integers(-1, 1))
def test_of_less_equal_and_more_one_holds_for_decimal_fractions(a, b, over):
    c = a + b + over
    columns = {n: np.array([v / 10]) for n, v in zip("abc", (a, b, c), strict=True)}
    for op, held in (
        ("<", a + b < c),
        ("<=", a + b <= c),
        ("==", a + b == c),
        ("!=", a + b != c),
        (">=", a + b >= c),
        (">", a + b > c),
    ):
        assert Expression(f"a + b {op} c").holds(columns, 1)[0] == held


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("x <= {:g}", 0.2),
        ("x - y <= -{:g}", 0.3),
        ("{:g} < x", 0.4),
        ("max(x, y) < {:g}", 0.5),
        ("2 * x / 4 >= {:g}", 0.25),
    ],
)
def test_a_constraint_means_the_same_in_any_unit(unit, text, share):
    def chosen(unit):
        number = {"type": "continuous", "low": 0, "high": unit}
        space = Space.parse({"x": number, "y": number}, [text.format(share * unit)])
        return space.sample_codes(np.random.default_rng(0), 64)

    assert np.array_equal(chosen(unit), chosen(1.0))


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12 / 7])
@pytest.mark.parametrize(
    "text",
    [
        "x + y <= {0}",
        "{0} - x >= y",
        "x + y - {0} == 0",
        "abs(x + y - {0}) == 0",
        "max(x + y - {0}, -{0}) <= 0",
        "7 * (x + y - {0}) == 0",
        "(x + y - {0}) / 7 == 0",
        "log((x + y) / {0}) == 0",
    ],
)
def test_rounding_breaks_no_constraint_in_any_unit(unit, text):
    text = text.format(repr(0.3 * unit))
    columns = {"x": np.array([0.1 * unit]), "y": np.array([0.2 * unit])}
    assert Expression(text).holds(columns, 1).all()


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("1 / x <= 5", False),
        ("1 / x > 5", True),
        ("log(x) >= -3", False),
        ("1 / x == 1 / x", True),
        ("min(y, 1 / x) <= 3", False),
        ("min(y, exp(50)) <= 3", False),
        ("max(-exp(50), y) == 500", True),
        ("max(-exp(50), y) == 500.1", False),
    ],
)
def test_what_is_infinite_or_not_chosen_makes_no_others_equal(text, held):
    columns = {"x": np.array([0.0]), "y": np.array([500.0])}
    assert Expression(text).holds(columns, 1)[0] == held


def test_constraints_of_a_section_and_further_ones_all_hold():
    space = Space.parse({**KINDS, "constraints": ["n <= 2"]}, ["n >= 2"])
    assert set(space.columns(space.sample_codes(RNG(0), 20))["n"]) == {2}
    with pytest.raises(InvalidConfig, match="n <= 2"):
        Space.parse({**KINDS, "constraints": "n <= 2"}, ["n >= 2"])


@given(
    step=st.integers(2, 60).map(lambda units: 1 / units),
    lower=st.lists(st.floats(0, 0.3), min_size=3, max_size=3),
    upper=st.lists(st.floats(0.3, 1), min_size=3, max_size=3),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=50, deadline=None)
def test_fractions_are_whole_steps_within_any_bounds(step, lower, upper, seed):
    names = ["a", "b", "c"]
    section = {
        "type": "simplex",
        "components": names,
        "lower": dict(zip(names, lower, strict=True)),
        "upper": dict(zip(names, upper, strict=True)),
        "step": step,
    }
    try:
        space = Space.parse({"x": section})
    except InvalidConfig as error:
        assert "step" in str(error)  # noqa: PT017 - either it is refused or it holds
        return
    codes = space.sample_codes(RNG(seed), 20)
    for some in (codes, space.move(codes, RNG(seed), 0.3)):
        assert np.allclose(some / step, np.round(some / step), atol=1e-6)
        assert np.allclose(some.sum(axis=1), 1)
        assert np.all(some >= np.array(lower) - 1e-6)
        assert np.all(some <= np.array(upper) + 1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"step": 0.03}, ["0.03", "divide 1", "0.0294118", "0.030303"]),
        (
            {"step": 0.1, "lower": {"a": 0.25}, "upper": {"a": 0.26}},
            ["0.1", "0.25", "0.26"],
        ),
    ],
)
def test_steps_that_no_fractions_have_are_refused(change, words):
    section = {"type": "simplex", "components": ["a", "b"], **change}
    with pytest.raises(InvalidConfig) as error:
        Space.parse({"x": section})
    for word in words:
        assert word in str(error.value)


def test_fractions_may_be_rounded_to_a_thousandth():
    space = Space.parse({"x": {"type": "simplex", "components": ["a", "b", "c"]}})
    space.check({"x.a": 0.333, "x.b": 0.333, "x.c": 0.333})
    with pytest.raises(InvalidInput, match=r"sum to 0\.99"):
        space.check({"x.a": 0.33, "x.b": 0.33, "x.c": 0.33})


def test_a_constraint_that_nothing_satisfies_is_an_error():
    space = Space.parse(
        {"x": {"type": "continuous", "low": 0, "high": 1}}, ["x > 1", "x < 0"]
    )
    with pytest.raises(InvalidInput, match="loosen"):
        space.sample(np.random.default_rng(0), 1)


def test_molecules_are_listed_as_abbreviations_or_smiles():
    section = {"type": "molecule", "choices": ["BA", "CCC[NH3+]"]}
    (molecule,) = Space.parse({"x": section}).dimensions.values()
    assert molecule.choices == {"BA": "CCCC[NH3+]", "CCC[NH3+]": "CCC[NH3+]"}
    assert molecule.label("[NH3+]CCC") == "CCC[NH3+]"
    assert molecule.label("nobody") == "nobody"


def test_similar_molecules_are_nearer_than_different_ones(space):
    base = space.settings(space.sample_codes(np.random.default_rng(0), 1))[0]
    X = space.encode([{**base, "spacer": s} for s in ("BA", "HA", "PEA")])
    assert np.linalg.norm(X[0] - X[1]) < np.linalg.norm(X[0] - X[2])


def test_every_dimension_is_moved_and_further_by_a_larger_scale(space):
    codes = space.sample_codes(np.random.default_rng(0), 400)

    def steps(scale):
        moved = space.move(codes, np.random.default_rng(1), scale)
        change = np.abs(moved - codes)
        return {name: change[:, part].mean() for name, part in space.slices.items()}

    near, far = steps(0.01), steps(0.4)
    assert min(near.values()) > 0
    assert all(near[name] < far[name] for name in near)
    assert near["br_fraction"] < 0.02


def test_what_tells_labels_is_told_apart(space):
    codes = space.sample_codes(np.random.default_rng(0), 1)
    other = codes.copy()
    other[0, space.slices["spacer"]] = (codes[0, 0] + 1) % 3
    changed = (space.features(codes) != space.features(other))[0]
    assert changed.any()
    assert space.label_features[changed].all()
    numbers = space.label_features.size - space.label_features.sum()
    # n, three fractions, and four numbers less the solvent.
    assert numbers == 1 + 3 + 3


def test_a_logarithmic_scale_has_its_middle_at_the_geometric_mean():
    space = Space.parse(
        {"t": {"type": "continuous", "low": 10, "high": 1000, "log": True}}
    )
    assert space.columns(np.array([[0.5]]))["t"][0] == pytest.approx(100)


def test_of_many_choices_an_error_names_some_and_their_number():
    choices = [f"s{i}" for i in range(500)]
    space = Space.parse({"s": {"type": "categorical", "choices": choices}})
    with pytest.raises(InvalidInput, match=r"'foo' .* s0, .*\(500 in all\)") as error:
        space.check({"s": "foo"})
    assert len(str(error.value)) < 200
