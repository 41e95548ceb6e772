"""The schedule of a campaign's films, from the state and for the state."""

from hp_lab.lab_config import LabConfig
from hp_lab.orchestration.events import TasksPlanned
from hp_lab.orchestration.state import CampaignState
from hp_lab.scheduling.schedule import Booking
from hp_lab.scheduling.scheduler import schedule
from hp_lab.scheduling.stations import stations_of
from hp_lab.scheduling.tasks import Task as PlanTask

_ACTIONS = {"Mix": "mix", "SpinCoat": "spin_coat", "Anneal": "anneal", "Rest": "rest"}
# What the gantry takes to bring a stranded film back to its slot.
_CLEAR_S = 30.0


def plan_tasks(state: CampaignState, lab: LabConfig, now_s: float) -> TasksPlanned:
    """Return when and where every task that has not started is done.

    Raises:
        InvalidInput: The tasks cannot be scheduled; the message says why.
    """
    tasks: list[PlanTask] = []
    begun: list[Booking] = []
    for sample in state.active():
        done = [_booking(state.tasks[t], now_s) for t in _begun(state, sample)]
        begun += done
        chain = _chain(state, sample, lab)
        tasks += chain
    stations = stations_of(lab)
    plan = schedule(tasks, stations, now_s=now_s, started=begun)
    positions = _positions(lab, plan.bookings)
    by_id = {task.task_id: task for task in tasks}
    known = {booking.task_id for booking in begun}
    return TasksPlanned(
        tasks=[
            _task_data(state, lab, by_id[booking.task_id], booking, positions)
            for booking in plan.bookings
            if booking.task_id not in known
        ]
    )
