"""The auditor finds every kind of violation that is put into a right schedule."""

from dataclasses import replace

import pytest
from lab_tasks import LAB, NOW_S, annealing, recipe

from hp_lab.scheduling.audit import violations
from hp_lab.scheduling.from_recipe import tasks_of
from hp_lab.scheduling.scheduler import schedule
from hp_lab.scheduling.stations import stations_of

STATIONS = stations_of(LAB)
TASKS = [
    t
    for name, at_c in (("a", 100.0), ("b", 140.0), ("c", 100.0))
    for t in tasks_of(
        recipe(name, steps=(*recipe().steps[:2], annealing(at_c), *recipe().steps[3:])),
        LAB,
    )
]
PLAN = schedule(TASKS, STATIONS, now_s=NOW_S, effort=0)


def audit(bookings, **given):
    return violations(bookings, TASKS, STATIONS, now_s=NOW_S, **given)


def changed(task_id, **fields):
    return [replace(b, **fields) if b.task_id == task_id else b for b in PLAN.bookings]


def test_a_right_schedule_has_no_violation():
    assert audit(PLAN.bookings) == []


@pytest.mark.parametrize("index", range(len(TASKS)))
def test_any_task_moved_onto_its_predecessor_or_successor_is_found(index):
    booking = PLAN.booking(TASKS[index].task_id)
    length_s = booking.end_s - booking.start_s
    for shift_s in (-1.0, -length_s - 1.0):
        start_s = booking.start_s + shift_s
        moved = changed(booking.task_id, start_s=start_s, end_s=booking.end_s + shift_s)
        if TASKS[index].predecessor or start_s < NOW_S:
            before = PLAN.bookings[0]
            if TASKS[index].predecessor:
                before = PLAN.booking(TASKS[index].predecessor)
            if start_s < max(before.end_s, NOW_S):
                assert audit(moved)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"end_s": PLAN.booking("a/00-mix").start_s + 1.0}, "lasts 1 s, but needs"),
        ({"stations": ("gantry",)}, "uses ('gantry',), but needs"),
        ({"stations": ("oven",)}, "uses oven, which is not in service"),
        ({"place": "stage"}, "is at 'stage', but must be at one of"),
        ({"sample_id": "b"}, "is booked for film b, not a"),
        (
            {"start_s": NOW_S - 500.0, "end_s": NOW_S - 400.0},
            "starts 500 s before now",
        ),
    ],
)
def test_a_wrong_booking_is_named(change, words):
    assert any(words in line for line in audit(changed("a/00-mix", **change)))


def test_missing_double_and_unknown_bookings_are_named():
    assert audit(PLAN.bookings[1:]) == [f"{PLAN.bookings[0].task_id}: is not booked"]
    double = [*PLAN.bookings, PLAN.bookings[0]]
    assert any("booked twice" in line for line in audit(double))
    unknown = [*PLAN.bookings, replace(PLAN.bookings[0], task_id="x")]
    assert any("no task at all" in line for line in audit(unknown))


def test_two_films_on_one_device_and_on_one_place_are_found():
    first, second = (
        next(b for b in PLAN.bookings if b.sample_id == name and b.name == "spin_coat")
        for name in "ab"
    )
    shift_s = first.start_s - second.start_s
    together = [
        replace(b, start_s=b.start_s + shift_s, end_s=b.end_s + shift_s)
        if b.sample_id == "b"
        else b
        for b in PLAN.bookings
    ]
    found = audit(together)
    for name in ("pipettor", "spin_coater", "spin_chuck"):
        assert any(line.startswith(f"{name}: is used by") for line in found)


def test_a_film_left_on_its_place_until_another_arrives_is_found():
    # The film leaves the chuck only when the gantry brings the next: too long.
    coat = next(
        b for b in PLAN.bookings if b.sample_id == "a" and b.name == "spin_coat"
    )
    late = [
        replace(b, start_s=b.start_s + 3000.0, end_s=b.end_s + 3000.0)
        if b.sample_id == "a" and b.start_s >= coat.end_s
        else b
        for b in PLAN.bookings
    ]
    found = audit(late)
    assert any(line.startswith("spin_chuck: is used by") for line in found)
    assert any("at most 5 s are allowed" in line for line in found)


def test_a_plate_that_cannot_change_its_temperature_in_time_is_found():
    # Films a and b, 100 and 140 C, on one plate right after one another.
    anneals = {b.sample_id: b for b in PLAN.bookings if b.name == "anneal"}
    assert anneals["a"].place != anneals["b"].place
    there = [
        replace(b, place=anneals["a"].place)
        if b.sample_id == "b" and b.place == anneals["b"].place
        else b
        for b in PLAN.bookings
    ]
    found = audit(there)
    assert any("arrives for 140 C" in line and "160 s are" in line for line in found)


def test_a_film_that_changes_place_without_the_gantry_is_found():
    rest = next(b for b in PLAN.bookings if b.sample_id == "a" and b.name == "rest")
    found = audit(changed(rest.task_id, place="stage"))
    assert any("the film is at '', not 'stage'" in line for line in found)


def test_what_has_started_must_be_booked_as_it_is():
    given = replace(PLAN.bookings[0], end_s=PLAN.bookings[0].end_s + 10.0)
    assert any(
        "but is booked otherwise" in line
        for line in audit(PLAN.bookings, started=[given])
    )
