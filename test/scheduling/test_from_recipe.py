"""A recipe's tasks: the film goes where its steps need it, and back to its slot."""

import itertools

import pytest
from lab_tasks import LAB, READINGS, annealing, coating, mixing, recipe

from hp_lab.errors import InvalidInput
from hp_lab.recipes.steps import Anneal, AnnealSegment, Image, Measure, Rest
from hp_lab.records import TaskTime
from hp_lab.scheduling.durations import Durations, Waits
from hp_lab.scheduling.from_recipe import tasks_of
from hp_lab.scheduling.stations import Station, stations_of

ANNEAL_30_MIN = annealing(100.0, 1800.0)


def test_a_film_goes_from_its_slot_through_its_steps_and_back():
    tasks = tasks_of(recipe(), LAB)
    assert [(t.name, t.at, t.step) for t in tasks] == [
        ("mix", (), 0),
        ("move", ("spin_chuck",), -1),
        ("spin_coat", ("spin_chuck",), 1),
        ("move", ("hotplate", "hotplate_2"), -1),
        ("anneal", ("hotplate", "hotplate_2"), 2),
        ("move", (), -1),
        ("rest", (), 3),
        ("move", ("stage",), -1),
        ("measure", ("stage",), 4),
        ("measure", ("stage",), 5),
        ("move", (), -1),
    ]
    for before, after in itertools.pairwise(tasks):
        assert after.predecessor == before.task_id
        assert after.task_id > before.task_id
    assert [t.stations for t in tasks if t.moves] == [("gantry",)] * 5


def test_waits_and_ages_are_limited_as_asked():
    waits = Waits(
        after_spin_s=1.0,
        before_anneal_s=2.0,
        after_anneal_s=3.0,
        film_age_s=400.0,
        solution_age_s=500.0,
    )
    tasks = {t.task_id.split("/")[1]: t for t in tasks_of(recipe(), LAB, waits=waits)}
    assert tasks["03-move"].max_wait_s == 1.0
    assert tasks["04-anneal"].max_wait_s == 2.0
    assert tasks["05-move"].max_wait_s == 3.0
    (solution,) = tasks["02-spin_coat"].lags
    assert (solution.after, solution.max_s) == ("film-1/00-mix", 500.0)
    assert not solution.film_age
    (age,) = tasks["08-measure"].lags
    assert (age.after, age.max_s, age.film_age) == ("film-1/04-anneal", 400.0, True)
    assert tasks["09-measure"].lags == ()


def test_steps_at_one_place_need_no_move_between_them():
    steps = (annealing(80.0), annealing(120.0), *READINGS, Rest(duration_s=1.0))
    names = [t.name for t in tasks_of(recipe(steps=steps), LAB)]
    assert names == [
        *("move", "anneal", "anneal", "move", "measure", "measure", "move", "rest"),
    ]


def test_every_coat_and_anneal_of_a_film_is_planned():
    steps = (
        mixing(),
        coating(),
        mixing(),
        coating(),
        annealing(),
        coating(),
        READINGS[0],
    )
    tasks = tasks_of(recipe(steps=steps), LAB)
    assert [t.name for t in tasks].count("spin_coat") == 3
    first, second, third = (t for t in tasks if t.name == "spin_coat")
    assert first.lags[0].after.endswith("00-mix")
    assert second.lags[0].after.endswith("03-mix")
    assert third.lags == ()
    assert tasks[3].at == ("spin_chuck",)


def test_an_anneal_lasts_as_long_as_its_ramps_and_holds():
    profile = (
        AnnealSegment(temperature_c=60.0, hold_s=100.0),
        AnnealSegment(temperature_c=90.0, hold_s=200.0, ramp_k_min=10.0),
        AnnealSegment(temperature_c=120.0, hold_s=300.0, ramp_k_min=100.0),
    )
    # 30 K at 10 K/min, then 30 K at the plate's own 15 K/min at most.
    expected_s = 100.0 + 180.0 + 200.0 + 120.0 + 300.0
    steps = (Anneal(profile=profile, hotplate="hotplate_2"),)
    anneal = tasks_of(recipe(steps=steps), LAB)[1]
    assert anneal.at == ("hotplate_2",)
    assert anneal.duration_s == pytest.approx(expected_s)
    assert anneal.heat is not None
    assert (anneal.heat.arrive_c, anneal.heat.leave_c) == (60.0, 120.0)
    assert not anneal.heat.constant
    warm = tasks_of(recipe(steps=(annealing(100.0, 60.0, ramp_k_min=15.0),)), LAB)[1]
    assert warm.heat.arrive_c == 25.0
    assert warm.duration_s == pytest.approx(60.0 + 300.0)
    with pytest.raises(InvalidInput, match="no hotplate oven; the laboratory has"):
        tasks_of(recipe(steps=(annealing(hotplate="oven"),)), LAB)


def test_durations_are_of_the_order_that_pascal_publishes():
    durations = Durations()
    # 40 uL take about 27 s of pipetting there, 80 uL of antisolvent about 31 s.
    assert durations.mix(mixing(1)) == pytest.approx(28.0)
    assert durations.move("spin", "hotplate") == 22.0
    assert durations.move("hotplate", "hotplate") == durations.other_move_s
    # Two drops to load, 2 s before the start, 40 s of spinning.
    assert 100.0 < durations.spin_coat(coating()) < 120.0
    series = Measure(
        mode="photoluminescence", integration_s=0.5, repeats=5, interval_s=60
    )
    assert durations.measure(series) == pytest.approx(12.0 + 1.5 + 240.0)
    image = Image(lighting="brightfield", exposure_s=0.5)
    assert durations.image(image) == pytest.approx(2.5)
    picture = tasks_of(recipe(steps=(image,)), LAB)[1]
    assert (picture.stations, picture.at) == (("camera",), ("stage",))


def record(name, actual_s, planned_s=10.0, task_id="t"):
    return TaskTime(
        task_id=task_id,
        sample_id="film",
        name=name,
        stations=(),
        planned_start_s=0.0,
        planned_end_s=planned_s,
        actual_start_s=100.0,
        actual_end_s=None if actual_s is None else 100.0 + actual_s,
    )


def test_durations_are_learnt_from_what_tasks_really_took():
    records = [record("move", s) for s in (5.0, 4.0, 20.0)]
    records += [record("anneal", 99.0)] * 3 + [record("mix", 50.0)] * 2
    records += [record("measure", None)] * 5
    learned = Durations().learn(records)
    assert learned.learned == {"move": 0.5}
    assert learned.move("tray", "spin") == 8.0
    assert learned.mix(mixing(1)) == Durations().mix(mixing(1))
    # Planned with what was learnt, a move that goes as planned changes nothing.
    assert learned.learn([record("move", 10.0)] * 3) == learned
    # Compared with what the unlearnt figures expect, whatever the plan said.
    again = Durations().learn([record("move", 4.0, 7.7)] * 3, {"t": 8.0})
    assert again.learned == {"move": 0.5}


def test_the_laboratory_has_its_stations():
    stations = {station.name: station for station in stations_of(LAB)}
    assert set(stations) == {
        *("gantry", "pipettor", "spin_coater", "spin_chuck", "hotplate"),
        *("hotplate_2", "spectrometer", "camera", "stage"),
    }
    plate = stations["hotplate"]
    assert plate.changeover_s(100.0, 130.0) == pytest.approx(120.0)
    assert plate.changeover_s(100.0, 101.0) == 0.0
    # Newton's law from 75 K to 37 K above ambient with tau = 300 s.
    assert plate.changeover_s(100.0, 60.0) == pytest.approx(211.97, abs=0.1)
    assert plate.changeover_s(100.0, 10.0) > plate.changeover_s(100.0, 30.0) > 0
    assert stations["stage"].changeover_s(20.0, 100.0) == 0.0
    with pytest.raises(InvalidInput, match="capacity -1"):
        Station(name="x", capacity=-1)
