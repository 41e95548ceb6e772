"""Hotplates in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.simulation import constants as c
from hp_lab.simulation.plates import Plate

SETPOINTS = st.one_of(st.none(), st.floats(10.0, 300.0))


def stepped(plate: Plate, until_s: float, step_s: float = 0.02) -> float:
    """Integrate the plate's differential equation naively."""
    temperature_c, now_s = plate.steps[0].start_c, plate.steps[0].at_s
    while now_s < until_s - 1e-9:
        target = next(s.setpoint_c for s in reversed(plate.steps) if s.at_s <= now_s)
        losing = -(temperature_c - c.AMBIENT_C) / c.PLATE_LOSS_S
        if target is None:
            rate = losing
        else:
            wanted = (max(target, c.AMBIENT_C) - temperature_c) / c.PLATE_CONTROL_S
            rate = min(max(wanted, losing), c.PLATE_POWER_K_S + losing)
        temperature_c += rate * step_s
        now_s += step_s
    return temperature_c


def test_an_untouched_plate_is_at_ambient() -> None:
    assert Plate().temperature_c(1e9) == c.AMBIENT_C


@pytest.mark.parametrize(
    "orders",
    [
        [(0.0, 100.0)],
        [(0.0, 150.0), (200.0, 60.0)],
        [(0.0, 120.0), (60.0, None), (90.0, 80.0)],
        [(0.0, 90.0), (30.0, 91.0), (31.0, 92.0), (300.0, 92.5)],
        [(0.0, 500.0)],
    ],
)
def test_closed_form_agrees_with_stepping(
    orders: list[tuple[float, float | None]],
) -> None:
    plate = Plate()
    for at_s, setpoint_c in orders:
        plate = plate.set(at_s, setpoint_c)
    for until_s in (20.0, 95.0, 240.0, 420.0):
        expected = stepped(plate, until_s)
        assert plate.temperature_c(until_s) == pytest.approx(expected, abs=0.1)


@settings(max_examples=40)
@given(st.lists(SETPOINTS, min_size=1, max_size=5), st.floats(1.0, 400.0))
def test_temperature_is_continuous_and_within_its_rates(
    setpoints: list[float | None], each_s: float
) -> None:
    plate = Plate()
    for index, setpoint_c in enumerate(setpoints):
        plate = plate.set(index * each_s, setpoint_c)
    time_s = np.linspace(0.0, each_s * len(setpoints) + 100.0, 2000)
    temperature = plate.temperatures_c(time_s)
    rate = np.diff(temperature) / np.diff(time_s)
    assert rate.max() <= c.PLATE_POWER_K_S + 1e-6
    assert rate.min() >= -300.0 / c.PLATE_LOSS_S - 1e-6
    assert temperature.min() >= c.AMBIENT_C - 1e-6


@settings(max_examples=40)
@given(st.lists(SETPOINTS, min_size=1, max_size=5), st.floats(0.0, 2000.0))
def test_a_plate_forgets_no_more_than_it_may(
    setpoints: list[float | None], start_s: float
) -> None:
    plate = Plate()
    for index, setpoint_c in enumerate(setpoints):
        plate = plate.set(300.0 * index, setpoint_c)
    time_s = start_s + np.linspace(0.0, 500.0, 20)
    assert np.array_equal(
        plate.temperatures_c(time_s), plate.since(start_s).temperatures_c(time_s)
    )


@pytest.mark.parametrize(("target_c", "within_s"), [(100.0, 150.0), (150.0, 240.0)])
def test_a_plate_reaches_its_temperature_as_a_laboratory_plate_does(
    target_c: float, within_s: float
) -> None:
    plate = Plate().set(0.0, target_c)
    assert plate.temperature_c(0.4 * within_s) < target_c - 5.0
    assert plate.temperature_c(within_s) == pytest.approx(target_c, abs=1.0)
    assert plate.temperature_c(1e5) == pytest.approx(target_c)
