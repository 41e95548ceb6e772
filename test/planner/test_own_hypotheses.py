"""Hypotheses that a campaign brings along in modules of its own."""

from functools import partial
from pathlib import Path

import pytest

from hp_lab.errors import InvalidConfig
from hp_lab.planner.chosen_hypotheses import load_modules
from hp_lab.planner.hypotheses import find, hypothesis, registered
from hp_lab.planner.priors import Normal

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_hypothesis.py"
HEAD = """
from hp_lab.planner.hypotheses import hypothesis
from hp_lab.planner.priors import Normal
"""
FLAT = """
@hypothesis("flat", level=Normal(mean={mean}, sd=1))
def flat(x, level):
    return level + 0 * x["n"]
"""


@pytest.fixture
def write(tmp_path):
    def module(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(HEAD + text)
        return str(path)

    return module


def test_a_module_is_known_to_those_alone_that_name_it(write):
    before = registered()
    own = load_modules([str(EXAMPLE)])
    assert set(own) == {"well", "line"}
    assert find("well", own=own) == own["well"]
    assert registered() == before
    # Another campaign may call its own hypothesis the same.
    other = load_modules([write(FLAT.replace("flat", "well").format(mean=0))])
    assert set(other["well"].priors) == {"level"}
    assert load_modules([str(EXAMPLE)])["well"] is own["well"]


def test_a_module_that_was_changed_is_run_anew_and_leaves_nothing_behind(
    write, tmp_path
):
    for mean in (1, 2):
        own = load_modules([write(FLAT.format(mean=mean))])
        assert own["flat"].priors["level"].mean == mean
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_a_module_may_be_named_as_python_imports_it():
    own = load_modules(["hp_lab.planner.ready_made"])
    assert own["confinement"] == find("confinement")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 / 0", "ZeroDivisionError.* in line 4"),
        ("def", "SyntaxError"),
        ("raise SystemExit(3)", r"SystemExit\(3\) in line 4"),
        ("", "registers no hypothesis"),
        (FLAT.replace("flat", "confinement").format(mean=0), "the name is taken"),
    ],
)
def test_a_module_that_cannot_be_used_says_why(write, text, words):
    path = write(text)
    with pytest.raises(InvalidConfig, match=rf"mine\.py: .*{words}"):
        load_modules([path])


def test_a_module_that_is_missing_or_doubled_is_named(write):
    with pytest.raises(InvalidConfig, match=r"gone\.py: cannot be read"):
        load_modules(["gone.py"])
    with pytest.raises(InvalidConfig, match="no_such_thing: cannot be imported"):
        load_modules(["no_such_thing"])
    two = [write(FLAT.format(mean=0)), write(FLAT.format(mean=0), "other.py")]
    with pytest.raises(InvalidConfig, match=r"other\.py: hypothesis 'flat' is another"):
        load_modules(two)


def test_a_partial_function_is_a_hypothesis_of_what_it_leaves_open():
    def power(x, exponent, scale):
        return scale * x["n"] ** exponent

    made = hypothesis("square", scale=Normal(mean=1, sd=1))(partial(power, exponent=2))
    assert list(made.priors) == ["scale"]
    with pytest.raises(InvalidConfig, match=r"parameters after x are \['exponent', 's"):
        hypothesis("odd", scale=Normal(mean=1, sd=1))(partial(power))
