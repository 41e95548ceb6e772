"""Chance that belongs to things."""

import numpy as np
import pytest

from hp_lab.simulation.variation import IDEAL, Variation, normal_of


def test_numbers_are_standard_normal() -> None:
    numbers = np.array([normal_of(1, str(i)) for i in range(4000)])
    assert abs(numbers.mean()) < 0.05
    assert abs(numbers.std() - 1.0) < 0.04
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.05


def test_a_number_belongs_to_seed_thing_and_purpose() -> None:
    one = Variation(seed=1, film_id="tray/A1", batch_id="tray/A")
    same = Variation(seed=1, film_id="tray/A1", batch_id="tray/A")
    neighbour = Variation(seed=1, film_id="tray/A2", batch_id="tray/A")
    elsewhere = Variation(seed=2, film_id="tray/A1", batch_id="tray/A")
    assert one.film("yield") == same.film("yield")
    assert one.film("yield") != one.film("peak")
    assert one.film("yield") != neighbour.film("yield")
    assert one.batch("yield") == neighbour.batch("yield")
    assert one.film("yield") != elsewhere.film("yield")


def test_the_numbers_do_not_change_between_versions() -> None:
    assert normal_of(7, "film", "tray/A1", "yield") == pytest.approx(
        -0.24963768971731073
    )


def test_an_ideal_film_deviates_in_nothing() -> None:
    assert IDEAL.film("yield") == 0.0
    assert IDEAL.factor("yield", 1.0, 1.0) == 1.0
