"""A real robot's worklist: its own plan is right by our rules, and ours is shorter."""

from dataclasses import replace

import pytest

from hp_lab.errors import InvalidInput
from hp_lab.recipes.pascal import example_worklist
from hp_lab.scheduling.audit import violations
from hp_lab.scheduling.from_worklist import worklist_stations, worklist_tasks
from hp_lab.scheduling.schedule import Booking, figures
from hp_lab.scheduling.scheduler import schedule

PUBLISHED_MAKESPAN_S = 15_753.0
WORKLIST = example_worklist()
TASKS = worklist_tasks(WORKLIST)
STATIONS = worklist_stations(WORKLIST)


def published():
    starts = {planned.task_id: planned.start_s for planned in WORKLIST.tasks}
    return [
        Booking(
            task_id=task.task_id,
            sample_id=task.sample_id,
            name=task.name,
            stations=task.stations,
            place=task.at[0] if task.at else "",
            start_s=starts[task.task_id],
            end_s=starts[task.task_id] + task.duration_s,
        )
        for task in TASKS
    ]


def test_the_published_plan_keeps_the_rules_and_has_the_published_makespan():
    plan = published()
    assert violations(plan, TASKS, STATIONS, now_s=0.0) == []
    assert max(booking.end_s for booking in plan) == PUBLISHED_MAKESPAN_S
    late = [
        replace(b, start_s=b.start_s + 1.0, end_s=b.end_s + 1.0)
        if b.task_id == plan[3].task_id
        else b
        for b in plan
    ]
    assert len(violations(late, TASKS, STATIONS, now_s=0.0)) >= 2


@pytest.mark.slow
def test_the_list_scheduler_alone_beats_the_published_plan_and_its_film_ages():
    plan = schedule(TASKS, STATIONS, now_s=0.0, effort=0)
    assert violations(plan.bookings, TASKS, STATIONS, now_s=0.0) == []
    found = figures(plan, TASKS, STATIONS)
    assert found.makespan_s < 0.93 * PUBLISHED_MAKESPAN_S
    assert found.mean_film_age_s < 1500.0
    assert found.max_film_age_s < 3600.0


def test_tasks_stand_for_the_recipes_steps():
    own = [task for task in TASKS if task.sample_id == "sample0"]
    steps = WORKLIST.recipes[0].steps
    first = [task.step for task in own if task.step >= 0]
    assert first == sorted(first)
    assert first[-1] < len(steps)
    assert [task.step for task in own if task.moves] == [-1] * 7
    assert {task.at for task in own if task.name == "anneal"} == {("Hotplate1",)}


def test_a_move_whose_duration_the_plan_does_not_show_is_refused():
    alone = WORKLIST.first(1)
    cut = replace(alone, tasks=alone.tasks[:1])
    with pytest.raises(InvalidInput, match="does not show how long a storage_to_spin"):
        worklist_tasks(cut)
