"""Laws of calculated values as a prior."""

import numpy as np
import pytest

from hp_lab.errors import InvalidConfig
from hp_lab.planner.objectives import Reading
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Surrogate
from hp_lab.planner.theory import from_function, from_table

AS_IT_IS = np.array([[0.0, 1.0]])
UNIT = {"type": "continuous", "low": 0, "high": 1}
SPACE = Space.parse({"a": UNIT, "b": UNIT})


def smooth(x):
    return np.sin(4 * x[:, 0]) + x[:, 1] ** 2


def table(points, values):
    return [
        {"a": float(p[0]), "b": float(p[1]), "value": float(v)}
        for p, v in zip(points, values, strict=True)
    ]


def columns(points):
    return {"a": points[:, 0], "b": points[:, 1]}


def unrelated(x):
    return np.cos(5 * x[:, 1]) * x[:, 0]


@pytest.mark.parametrize("scatter", [0.0, 0.2])
def test_a_table_is_interpolated_and_its_scatter_smoothed(scatter):
    rng = np.random.default_rng(1)
    known, new = rng.random((80, 2)), rng.random((200, 2))
    values = smooth(known) + scatter * rng.standard_normal(80)
    found = from_table("calc", table(known, values), "value")
    error = found.mean(columns(new), AS_IT_IS)[0] - smooth(new)
    # Nearest rows alone would be wrong by their whole scatter.
    assert np.sqrt(np.mean(error**2)) < 0.02 + 0.6 * scatter


def test_an_exact_table_is_met_at_its_rows():
    known = np.random.default_rng(2).random((30, 2))
    found = from_table("calc", table(known, smooth(known)), "value")
    assert np.allclose(
        found.mean(columns(known), AS_IT_IS)[0], smooth(known), atol=1e-4
    )


def test_units_of_settings_do_not_matter():
    rng = np.random.default_rng(3)
    known, new = rng.random((25, 2)), rng.random((20, 2))
    stretch = np.array([1e3, 1e-3])
    one = from_table("calc", table(known, smooth(known)), "value")
    other = from_table("calc", table(known * stretch, smooth(known)), "value")
    assert np.allclose(
        one.mean(columns(new), AS_IT_IS),
        other.mean(columns(new * stretch), AS_IT_IS),
        atol=1e-3,
    )


def test_what_no_row_is_like_is_worth_the_average():
    rows = [{"s": "A", "value": 1.0}, {"s": "B", "value": 3.0}]
    found = from_table("calc", rows, "value")
    x = {"s": np.array(["A", "B", "C"], dtype=object)}
    assert np.allclose(found.mean(x, AS_IT_IS)[0], [1.0, 3.0, 2.0], atol=1e-5)


def test_a_table_of_equal_values_may_be_off_by_as_much_as_they_are():
    # Their deviation is no 0, by rounding.
    rows = [{"a": float(a), "value": 0.1} for a in range(3)]
    assert from_table("calc", rows, "value").priors["offset"].sd == pytest.approx(0.05)


def test_offset_and_gain_move_and_stretch_a_function():
    found = from_function("calc", lambda x: x["a"] ** 2, centre=1.0, spread=2.0)
    x = {"a": np.array([1.0, 2.0])}
    value = found.mean(x, np.array([[0.0, 1.0], [0.5, 2.0]]))
    assert np.allclose(value, [[1.0, 4.0], [1.5, 7.5]])
    assert found.priors["offset"].sd == 1.0


@pytest.mark.slow
def test_a_table_that_films_contradict_is_ignored_and_a_right_one_is_not():
    rng = np.random.default_rng(4)
    films, new = SPACE.sample_codes(rng, 12), SPACE.sample_codes(rng, 200)
    known = rng.random((80, 2))

    def error(*hypotheses):
        one = Surrogate(
            SPACE,
            films,
            [Reading(value=float(v), sigma=0.02) for v in smooth(films)],
            [str(i) for i in range(len(films))],
            rng=np.random.default_rng(7),
            hypotheses=hypotheses,
        )
        mean, _ = one.predict(new).moments()
        return np.sqrt(np.mean((mean - smooth(new)) ** 2))

    none = error()
    wrong = error(from_table("calc", table(known, unrelated(known)), "value"))
    right = error(from_table("calc", table(known, 0.8 * smooth(known) + 0.3), "value"))
    assert wrong < 1.2 * none
    assert right < 0.5 * none


def test_a_table_too_long_to_solve_for_is_refused():
    rows = [{"a": float(i), "value": 0.0} for i in range(3001)]
    with pytest.raises(InvalidConfig, match="3001 rows"):
        from_table("calc", rows, "value")
