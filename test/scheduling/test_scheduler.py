"""Both schedulers keep every constraint, the auditor says so, and equal is equal."""

import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lab_tasks import (
    LAB,
    NOW_S,
    annealing,
    booking,
    coating,
    laboratories,
    mixing,
    recipe,
    task,
    task_sets,
)

from hp_lab.errors import InvalidInput
from hp_lab.scheduling.audit import violations
from hp_lab.scheduling.from_recipe import tasks_of
from hp_lab.scheduling.schedule import figures, stays
from hp_lab.scheduling.scheduler import schedule
from hp_lab.scheduling.stations import Station, stations_of

STATIONS = stations_of(LAB)
random_sets = given(tasks=task_sets(), stations=laboratories())
few = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def films(count, temperatures_c=(100.0,)):
    return [
        t
        for index in range(count)
        for t in tasks_of(
            recipe(
                f"film-{index:02d}",
                steps=(
                    mixing(),
                    coating(),
                    annealing(temperatures_c[index % len(temperatures_c)]),
                    *recipe().steps[3:],
                ),
            ),
            LAB,
        )
    ]


@pytest.mark.slow
@random_sets
@few
def test_no_station_and_no_film_is_used_twice_at_once_by_the_list_scheduler(
    tasks, stations
):
    plan = schedule(tasks, stations, now_s=NOW_S, effort=0)
    assert violations(plan.bookings, tasks, stations, now_s=NOW_S) == []
    assert plan.late == ()


@pytest.mark.slow
@random_sets
@few
def test_no_station_and_no_film_is_used_twice_at_once_by_the_solver(tasks, stations):
    greedy = schedule(tasks, stations, now_s=NOW_S, effort=0)
    plan = schedule(tasks, stations, now_s=NOW_S, effort=0.05)
    assert violations(plan.bookings, tasks, stations, now_s=NOW_S) == []
    assert plan.makespan_s <= greedy.makespan_s + 1e-6
    assert plan.bound_s <= plan.makespan_s + 1e-6
    assert not plan.optimal or plan.bound_s == pytest.approx(plan.makespan_s)


@pytest.mark.slow
@given(
    tasks=task_sets(most=3),
    stations=laboratories(),
    after_s=st.floats(0, 400),
    slip=st.floats(0.5, 3.0),
    effort=st.sampled_from([0, 0.05]),
)
@few
def test_what_has_started_stays_and_the_rest_keeps_every_rule(
    tasks, stations, after_s, slip, effort
):
    first = schedule(tasks, stations, now_s=NOW_S, effort=0)
    now_s = NOW_S + after_s
    started = []
    for planned in first.bookings:
        if planned.start_s > now_s:
            continue
        # What is under way takes longer or less long than planned.
        length_s = planned.end_s - planned.start_s
        end_s = planned.end_s
        if end_s > now_s:
            end_s = max(now_s, planned.start_s + slip * length_s)
        started.append(replace(planned, end_s=end_s))
    plan = schedule(
        tasks, stations, now_s=now_s, started=started, previous=first, effort=effort
    )
    found = violations(plan.bookings, tasks, stations, now_s=now_s, started=started)
    waits = [line for line in found if "at most" in line]
    assert found == waits
    assert {line.split(":")[0] for line in waits} <= set(plan.late)


@pytest.mark.slow
def test_equal_problems_give_equal_schedules():
    tasks = films(6, (100.0, 120.0, 80.0))
    plans = [schedule(tasks, STATIONS, now_s=NOW_S, effort=0.1) for _ in range(2)]
    assert plans[0] == plans[1]


def test_a_schedule_does_not_depend_on_the_date():
    tasks = films(3)
    early = schedule(tasks, STATIONS, now_s=0.0, effort=0.05)
    late = schedule(tasks, STATIONS, now_s=1e9, effort=0.05)
    assert [b.start_s + 1e9 for b in early.bookings] == [
        b.start_s for b in late.bookings
    ]


def test_the_solver_proves_a_small_optimum():
    # Both need the arm, then the eye: by Johnson's rule the short one goes first.
    def film(name, arm_s, eye_s):
        return [
            task(f"{name}-1", sample_id=name, duration_s=arm_s, stations=("arm",)),
            task(
                f"{name}-2",
                sample_id=name,
                duration_s=eye_s,
                stations=("eye",),
                predecessor=f"{name}-1",
            ),
        ]

    tasks = [*film("long", 50.0, 10.0), *film("short", 10.0, 50.0)]
    stations = [Station(name="arm"), Station(name="eye")]
    plan = schedule(tasks, stations, now_s=0.0, effort=1.0)
    assert plan.optimal
    assert plan.makespan_s == plan.bound_s == 70.0
    assert plan.booking("short-1").start_s == 0.0
    with pytest.raises(KeyError):
        plan.booking("none")


def test_films_of_one_temperature_share_a_plate_and_others_wait_for_it():
    config = LAB.model_copy(
        update={
            "hotplates": {
                "hotplate": LAB.hotplates["hotplate"].model_copy(
                    update={"positions": ["hotplate/1", "hotplate_2/1"]}
                )
            }
        }
    )
    stations = stations_of(config)

    def overlap_s(first_c, second_c, ramp_k_min=0.0):
        tasks = [
            t
            for name, at_c in (("a", first_c), ("b", second_c))
            for t in tasks_of(
                recipe(name, steps=(annealing(at_c, ramp_k_min=ramp_k_min),)), config
            )
        ]
        plan = schedule(tasks, stations, now_s=0.0, effort=0.1)
        assert violations(plan.bookings, tasks, stations, now_s=0.0) == []
        a, b = (
            next(iter(stays([x for x in plan.bookings if x.sample_id == name])))
            for name in "ab"
        )
        first, second = sorted((a, b), key=lambda stay: stay.start_s)
        return first.end_s - second.start_s

    assert overlap_s(100.0, 100.0) > 500.0
    # Heating from 100 to 130 C at 15 K/min takes 120 s, cooling back 93 s.
    assert overlap_s(100.0, 130.0) == -94.0
    # A ramp is for one film alone.
    assert overlap_s(100.0, 100.0, ramp_k_min=10.0) < 0.0


def test_a_film_that_comes_back_waits_for_its_plate_to_heat():
    def film(most_s):
        steps = (annealing(80.0, hotplate="hotplate"), coating())
        steps += (annealing(120.0, hotplate="hotplate"),)
        chain = list(tasks_of(recipe(steps=steps), LAB))
        # The spin follows the arrival on the chuck.
        coat = next(t for t in chain if t.name == "spin_coat")
        index = chain.index(coat)
        chain[index] = replace(coat, max_wait_s=most_s)
        return chain

    for effort in (0, 0.05):
        plan = schedule(film(1e4), STATIONS, now_s=0.0, effort=effort)
        assert violations(plan.bookings, film(1e4), STATIONS, now_s=0.0) == []
        first, second = stays(plan.bookings)[::2]
        # 40 K at 15 K/min.
        assert second.start_s - first.end_s >= 160.0
    with pytest.raises(InvalidInput, match="allow longer waits"):
        schedule(film(5.0), STATIONS, now_s=0.0)


@pytest.mark.parametrize("effort", [0, 0.05])
def test_work_begins_later_so_that_the_film_need_not_wait_after_it(effort):
    tasks = [
        task("a", sample_id="a", duration_s=20.0, stations=("gantry",)),
        task("b-1", sample_id="b", duration_s=12.0, stations=("arm",)),
        task(
            "b-2",
            sample_id="b",
            duration_s=30.0,
            stations=("gantry",),
            predecessor="b-1",
            max_wait_s=5.0,
        ),
    ]
    started = [booking(tasks[0], 0.0)]
    stations = [Station(name="gantry"), Station(name="arm")]
    plan = schedule(tasks, stations, now_s=0.0, started=started, effort=effort)
    assert plan.booking("b-2").start_s == 20.0
    assert plan.booking("b-1").start_s >= 3.0
    assert plan.late == ()


@pytest.mark.slow
def test_a_film_never_waits_longer_than_it_may_after_the_spin():
    tasks = films(8, (100.0, 140.0, 80.0))
    for effort in (0, 0.1):
        plan = schedule(tasks, STATIONS, now_s=NOW_S, effort=effort)
        by_id = {b.task_id: b for b in plan.bookings}
        for this in tasks:
            if by_id[this.task_id].name == "spin_coat":
                after = next(t for t in tasks if t.predecessor == this.task_id)
                wait_s = by_id[after.task_id].start_s - by_id[this.task_id].end_s
                assert wait_s <= 5.0


def test_a_plan_slips_with_what_overruns_and_says_which_film_is_late():
    tasks = films(2)
    first = schedule(tasks, STATIONS, now_s=NOW_S, effort=0)
    coats = sorted(
        (b for b in first.bookings if b.name == "spin_coat"), key=lambda b: b.start_s
    )
    other = next(
        b
        for b in first.bookings
        if b.sample_id != coats[0].sample_id and b.name == "mix"
    )
    now_s = coats[0].end_s
    # The gantry is held up elsewhere for five minutes when the first film is coated.
    done = [b for b in first.bookings if b.end_s <= now_s]
    stuck = booking(
        task("fix", sample_id="fixture", name="move", stations=("gantry",), moves=True),
        now_s - 1.0,
        end_s=now_s + 300.0,
    )
    fixture = task(
        "fix", sample_id="fixture", name="move", stations=("gantry",), moves=True
    )
    started = [*done, stuck]
    if other.task_id not in {b.task_id for b in done}:
        started = [b for b in started if b.sample_id != other.sample_id]
    everything = [*tasks, fixture]
    for effort in (0, 0.1):
        plan = schedule(
            everything, STATIONS, now_s=now_s, started=started, effort=effort
        )
        move = next(t for t in tasks if t.predecessor == coats[0].task_id)
        assert plan.late == (move.task_id,)
        assert plan.booking(move.task_id).start_s == pytest.approx(now_s + 300.0, abs=1)
        (line,) = violations(
            plan.bookings, everything, STATIONS, now_s=now_s, started=started
        )
        assert line.startswith(f"{move.task_id}: starts 300")


def test_a_task_done_while_another_ran_on_does_not_hide_that_one():
    # The short task's times round to a tick within the long one's.
    tasks = [
        task("long", sample_id="a", duration_s=40.0, stations=("arm",)),
        task("short", sample_id="b", duration_s=0.0, stations=("arm",)),
        task("next", sample_id="c", duration_s=10.0, stations=("arm",)),
    ]
    started = [booking(tasks[0], -8.5), booking(tasks[1], -0.5)]
    for effort in (0, 0.05):
        plan = schedule(
            tasks, [Station(name="arm")], now_s=0.0, started=started, effort=effort
        )
        assert plan.booking("next").start_s == 32.0


@pytest.mark.parametrize("effort", [0, 0.05])
def test_films_in_one_anothers_way_go_by_turns(effort):
    # Film a needs the chuck, where b is; b needs the stage and then the plate, where a
    # is: b goes to the stage, a to the chuck, b to the plate.
    def film(name, *places):
        tasks = []
        for place in (*places, ""):
            tasks.append(
                task(
                    f"{name}-{len(tasks)}",
                    sample_id=name,
                    at=(place,) if place else (),
                    moves=True,
                    stations=("gantry",),
                    predecessor=tasks[-1].task_id if tasks else "",
                )
            )
        return tasks

    tasks = [*film("a", "plate", "chuck"), *film("b", "chuck", "stage", "plate")]
    stations = [Station(name=n) for n in ("gantry", "plate", "chuck", "stage")]
    started = [
        booking(tasks[0], 0.0, place="plate"),
        booking(tasks[3], 10.0, place="chuck"),
    ]
    plan = schedule(tasks, stations, now_s=20.0, started=started, effort=effort)
    found = violations(plan.bookings, tasks, stations, now_s=20.0, started=started)
    assert found == []
    assert plan.booking("b-1").start_s < plan.booking("a-1").start_s


def test_films_that_block_one_another_are_named():
    def film(name, here, there):
        return [
            task(f"{name}-1", sample_id=name, at=(here,), moves=True),
            task(
                f"{name}-2",
                sample_id=name,
                at=(there,),
                moves=True,
                predecessor=f"{name}-1",
            ),
            task(f"{name}-3", sample_id=name, moves=True, predecessor=f"{name}-2"),
        ]

    tasks = [*film("a", "chuck", "stage"), *film("b", "stage", "chuck")]
    stations = [Station(name="chuck"), Station(name="stage")]
    started = [
        booking(tasks[0], 0.0, place="chuck"),
        booking(tasks[3], 0.0, place="stage"),
    ]
    with pytest.raises(InvalidInput, match="films a, b: each waits for a place"):
        schedule(tasks, stations, now_s=20.0, started=started)


def test_a_lost_station_stops_only_films_that_still_need_it():
    tasks = films(1)
    lost = [s for s in STATIONS if s.name != "pipettor"]
    with pytest.raises(InvalidInput, match="mix: pipettor is not in service"):
        schedule(tasks, lost, now_s=0.0)
    first = schedule(tasks, STATIONS, now_s=0.0, effort=0)
    coat = next(b for b in first.bookings if b.name == "spin_coat")
    started = [b for b in first.bookings if b.start_s <= coat.start_s]
    plan = schedule(tasks, lost, now_s=coat.end_s, started=started, effort=0.1)
    assert (
        violations(plan.bookings, tasks, lost, now_s=coat.end_s, started=started) == []
    )
    out = [replace(s, capacity=0) if s.name == "hotplate" else s for s in STATIONS]
    plan = schedule(tasks, out, now_s=0.0)
    assert {b.place for b in plan.bookings if b.name == "anneal"} == {"hotplate_2"}


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([task("a"), task("a", sample_id="other")], "given twice"),
        ([task("a"), task("b")], "one chain"),
        ([task("a", predecessor="x")], "is no task of film"),
        ([task("a", duration_s=-1.0)], "duration -1"),
        ([task("a", duration_s=math.nan)], "duration nan"),
        ([task("a", max_wait_s=-1.0)], "at most -1"),
        ([task("a", stations=("oven",))], "oven is not in service"),
        ([task("a", at=("stage",))], "put a move before it"),
        (
            [
                task("a", at=("stage",), moves=True),
                task("b", at=("stage",), moves=True, predecessor="a"),
            ],
            "leave out the move",
        ),
        ([task("a", at=("stage",), moves=True)], "ends at stage and would block it"),
    ],
)
def test_tasks_that_no_schedule_could_carry_out_are_refused(tasks, words):
    with pytest.raises(InvalidInput, match=words):
        schedule(tasks, [Station(name="stage")], now_s=0.0)


def test_starts_that_are_no_beginning_are_refused():
    tasks = films(1)
    second = booking(tasks[1], 0.0)
    with pytest.raises(InvalidInput, match="comes before it and has not started"):
        schedule(tasks, STATIONS, now_s=0.0, started=[second])
    with pytest.raises(InvalidInput, match="is none of the tasks"):
        schedule(tasks[:0], STATIONS, now_s=0.0, started=[second])


def test_an_empty_schedule_is_one():
    plan = schedule([], STATIONS, now_s=5.0)
    assert plan.bookings == ()
    assert plan.makespan_s == 0.0
    assert figures(plan, [], STATIONS).films_per_hour == 0.0


def test_figures_are_those_of_the_bookings():
    tasks = films(1)
    plan = schedule(tasks, STATIONS, now_s=NOW_S, effort=0.1)
    found = figures(plan, tasks, STATIONS)
    by_name = {b.name: b for b in plan.bookings if b.name in ("anneal", "mix")}
    first_reading = min(b.start_s for b in plan.bookings if b.name == "measure")
    assert found.makespan_s == plan.makespan_s
    assert found.film_age_s == {"film-00": first_reading - by_name["anneal"].end_s}
    assert found.mean_film_age_s == found.max_film_age_s > 60.0
    mixed = by_name["mix"].end_s - by_name["mix"].start_s
    coat = next(b for b in plan.bookings if b.name == "spin_coat")
    used_s = mixed + coat.end_s - coat.start_s
    assert found.utilisation["pipettor"] == pytest.approx(used_s / found.makespan_s)
    assert found.films_per_hour == pytest.approx(3600 / found.makespan_s)
    record = coat.task_time()
    assert record.stations == ("pipettor", "spin_coater", "spin_chuck")
    assert (record.planned_start_s, record.actual_start_s) == (coat.start_s, None)
