"""The first films say something about every value of every setting."""

from collections import Counter

import numpy as np
import pytest

from hp_lab.planner.initial import initial_count, spread
from hp_lab.planner.space import Space

SPACE = Space.parse(
    {
        "spacer": {"type": "molecule", "choices": ["PEA", "BA", "HA", "PA"]},
        "n": {"type": "ordinal", "values": [2, 3, 4]},
        **{f"x{i}": {"type": "continuous", "low": 0.0, "high": 1.0} for i in range(5)},
    }
)


def first_films(seed: int) -> list[dict[str, object]]:
    """The films that are asked for one by one, each by a planner that kept nothing."""
    taken = np.empty((0, SPACE.width))
    for asked in range(initial_count(SPACE)):
        rng = np.random.default_rng([seed, asked])
        taken = np.vstack([taken, spread(SPACE, taken, 1, rng)])
    return [dict(settings) for settings in SPACE.settings(taken)]


@pytest.mark.parametrize("seed", range(3))
def test_every_listed_value_is_tried_about_equally_often(seed: int) -> None:
    films = first_films(seed)
    for name in ("spacer", "n"):
        times = Counter(film[name] for film in films)
        assert len(times) == (4 if name == "spacer" else 3)
        assert min(times.values()) >= len(films) // len(times) - 2


@pytest.mark.parametrize("seed", range(3))
def test_the_inside_of_every_range_is_tried_as_well_as_its_ends(seed: int) -> None:
    films = first_films(seed)
    values = np.array([[film[f"x{i}"] for i in range(5)] for film in films])
    inside = (np.abs(values - 0.5) < 0.25).mean(axis=0)
    assert inside.min() > 0.1
    assert inside.mean() > 0.25


def test_of_a_list_each_film_is_the_farthest_from_those_before() -> None:
    space = Space.parse({"x": {"type": "continuous", "low": 0, "high": 1}})
    choices = np.array([[0.05], [0.4], [0.45], [0.9]])
    taken = np.array([[0.0]])
    found = spread(space, taken, 3, np.random.default_rng(0), choices)
    assert found[:, 0].tolist() == [0.9, 0.45, 0.05]


def test_of_a_list_the_least_used_labels_go_first() -> None:
    space = Space.parse({"who": {"type": "categorical", "choices": ["a", "b", "c"]}})
    taken = np.array([[0.0], [0.0], [1.0]])
    choices = np.array([[0.0], [1.0], [1.0], [2.0], [2.0]])
    found = spread(space, taken, 3, np.random.default_rng(0), choices)
    # After the one without any film two have one each.
    assert found[0, 0] == 2.0
    assert 0.0 not in found


@pytest.mark.parametrize("listed", [False, True], ids=["space", "list"])
def test_no_first_film_is_made_twice_while_there_are_others(listed: bool) -> None:
    space = Space.parse(
        {
            "solvent": {"type": "categorical", "choices": ["DMF", "DMSO", "GBL"]},
            "n": {"type": "ordinal", "values": [1, 2, 3]},
        }
    )
    every = np.array([[label, n] for label in (0.0, 1.0, 2.0) for n in (0.0, 0.5, 1.0)])
    # The last of the solvents is rare among the choices, and soon used up.
    choices = every[:7] if listed else None
    wanted = 7 if listed else 9
    none = np.empty((0, space.width))
    found = spread(space, none, wanted, np.random.default_rng(0), choices)
    assert len(np.unique(found, axis=0)) == wanted
    assert len(spread(space, found, 1, np.random.default_rng(1), choices)) == 1
