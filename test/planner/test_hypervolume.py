"""Laws of several objectives, and of how good a value is."""

import numpy as np
import pytest

from hp_lab.planner import hypervolume
from hp_lab.planner.objectives import Objective

FRONT = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]])
DOMINATED = np.array([[1.5, 1.5], [1.0, 2.0]])
ZERO = np.zeros(2)
SURE = np.full((1, 2), 1e-6)


def gain(point, front, reference=ZERO):
    """Return what a film of known utilities adds to the volume."""
    mean = np.array([point], float)
    return np.exp(hypervolume.log_expected_gain(mean, SURE, front, reference))[0]


def test_the_front_is_what_nothing_beats_in_everything():
    found = hypervolume.non_dominated(np.vstack([FRONT, DOMINATED, FRONT[:1]]))
    assert found.tolist() == [True] * 3 + [False] * 2 + [True]


def test_only_what_lies_above_the_reference_has_a_volume():
    assert hypervolume.hypervolume(FRONT[:1], ZERO) == pytest.approx(3)
    assert hypervolume.hypervolume(FRONT, ZERO) == pytest.approx(6)
    # The corner of the first film at (0.5, 2.5): the other two lie below it.
    assert hypervolume.hypervolume(FRONT, np.array([0.5, 2.5])) == pytest.approx(0.25)
    assert hypervolume.hypervolume(FRONT, np.array([3.5, 0.0])) == 0


def test_a_dominated_film_adds_nothing_and_changes_no_gain():
    everything = np.vstack([FRONT, DOMINATED])
    assert hypervolume.hypervolume(everything, ZERO) == pytest.approx(6)
    assert gain((1.4, 1.4), FRONT) < 1e-5
    for point in [(2.5, 2.5), (0.5, 4.0)]:
        assert gain(point, everything) == pytest.approx(gain(point, FRONT))


@pytest.mark.parametrize("point", [(2.5, 2.5), (0.5, 4.0), (4.0, 4.0), (3.0, 2.0)])
@pytest.mark.parametrize("reference", [(0.0, 0.0), (1.5, -1.0), (2.2, 2.2)])
def test_the_gain_of_a_known_film_is_the_volume_it_adds(point, reference):
    reference = np.array(reference)
    added = hypervolume.hypervolume(np.vstack([FRONT, point]), reference)
    added -= hypervolume.hypervolume(FRONT, reference)
    assert gain(point, FRONT, reference) == pytest.approx(added, abs=1e-5)


def test_of_known_films_below_the_front_the_nearest_goes_first():
    # Their gains are below every number; a doubtful film still beats them all.
    mean = np.array([[1.9, 1.9], [1.5, 1.5], [0.5, 0.5], [-1.0, -1.0], [1.0, 1.0]])
    sd = np.array([[1e-4, 1e-4]] * 4 + [[0.2, 0.2]])
    value = hypervolume.log_expected_gain(mean, sd, FRONT, ZERO)
    assert np.isfinite(value).all()
    assert np.argsort(-value).tolist() == [4, 0, 1, 2, 3]


def test_every_film_of_the_front_counts_from_the_reference_that_it_sets():
    reference = hypervolume.reference_point(np.vstack([FRONT, [[-9.0, -9.0]]]))
    assert reference == pytest.approx([0.8, 0.8])
    alone = hypervolume.reference_point(np.array([[2.0, 5.0]]))
    assert (alone < [2.0, 5.0]).all()


def test_a_value_is_as_good_as_the_goal_says():
    value = np.array([1.0, 2.0, 3.0, 4.0, 6.0])
    more = Objective(quantity="q", goal="maximize")
    assert more.utility(value).tolist() == [1, 2, 3, 4, 6]
    less = Objective(quantity="q", goal="minimize")
    assert less.utility(value).tolist() == [-1, -2, -3, -4, -6]
    near = Objective(quantity="q", goal="target", value=3.0)
    assert near.utility(value).tolist() == [-2, -1, 0, -1, -3]
    about = Objective(quantity="q", goal="target", value=3.0, tolerance=1.0)
    assert about.utility(value).tolist() == [-1, 0, 0, 0, -2]
