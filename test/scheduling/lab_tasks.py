"""Laboratories, recipes and random task sets for the scheduling tests."""

from pathlib import Path

from hypothesis import strategies as st

from hp_lab.lab_config import load_lab_config
from hp_lab.recipes.steps import (
    Anneal,
    AnnealSegment,
    Drop,
    Measure,
    Mix,
    Recipe,
    Rest,
    SpinCoat,
    SpinStep,
    Transfer,
)
from hp_lab.scheduling.schedule import Booking
from hp_lab.scheduling.stations import Station
from hp_lab.scheduling.tasks import Heat, Lag, Task

NOW_S = 1_767_225_600.25
LAB = load_lab_config(Path(__file__).parents[2] / "config" / "lab.yaml")

DEVICES = ("gantry", "arm", "coater", "eye")
PLACES = ("chuck", "plate", "plate_2", "stage")


def mixing(count=2):
    transfer = Transfer(source="stocks/A1", target="mix/A1", volume_ul=50)
    return Mix(transfers=(transfer,) * count)


def coating(duration_s=40.0):
    return SpinCoat(
        steps=(
            SpinStep(speed_rpm=4000, acceleration_rpm_s=1000, duration_s=duration_s),
        ),
        drops=(
            Drop(source="mix/A1", volume_ul=40, offset_s=-2),
            Drop(source="solvents/A1", volume_ul=120, offset_s=15),
        ),
    )


def annealing(temperature_c=100.0, hold_s=600.0, hotplate="", ramp_k_min=0.0):
    segment = AnnealSegment(
        temperature_c=temperature_c, hold_s=hold_s, ramp_k_min=ramp_k_min
    )
    return Anneal(profile=(segment,), hotplate=hotplate)


READINGS = (Measure(mode="absorbance"), Measure(mode="photoluminescence"))


def recipe(sample_id="film-1", steps=None):
    if steps is None:
        steps = (mixing(), coating(), annealing(), Rest(duration_s=60.0), *READINGS)
    return Recipe(
        sample_id=sample_id,
        candidate_id="c",
        substrate="glass",
        slot="tray/A1",
        steps=tuple(steps),
    )


def task(task_id, **fields):
    given = {"sample_id": "film", "name": "work", "duration_s": 10.0, **fields}
    return Task(task_id=task_id, **given)


def booking(of, start_s, *, end_s=None, place=""):
    """Return a booking of a task as it really went."""
    return Booking(
        task_id=of.task_id,
        sample_id=of.sample_id,
        name=of.name,
        stations=of.stations,
        place=place,
        start_s=start_s,
        end_s=start_s + of.duration_s if end_s is None else end_s,
    )


_PLACES = [(), ("chuck",), ("plate",), ("plate", "plate_2"), ("stage",)]


@st.composite
def laboratories(draw):
    """Return stations of random capacity, one plate of them with a temperature."""
    plates = [
        Station(
            name=name,
            capacity=draw(st.integers(1, 3)),
            heating_k_s=draw(st.sampled_from([0.0, 0.25])),
        )
        for name in ("plate", "plate_2")
    ]
    others = [name for name in (*DEVICES, *PLACES) if not name.startswith("plate")]
    return (*(Station(name=name) for name in others), *plates)


@st.composite
def chains(draw, sample_id):
    """Return one film's tasks: visits to places, work at each, now and then a rest."""
    tasks = []
    at = ()

    def add(name, **fields):
        tasks.append(
            task(
                f"{sample_id}/{len(tasks)}-{name}",
                sample_id=sample_id,
                name=name,
                at=at,
                predecessor=tasks[-1].task_id if tasks else "",
                **fields,
            )
        )

    # One temperature a film: a plate cannot change it within a wait of no seconds.
    warm_c = draw(st.sampled_from([80.0, 100.0]))
    waits = st.sampled_from([0.0, 5.0, 100.0, float("inf")])
    durations = st.sampled_from([0.0, 0.5, 10.0, 37.0, 120.0])
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.sampled_from(_PLACES).filter(lambda place, at=at: place != at))
        moves = bool(at) or bool(tasks and tasks[-1].at)
        if moves:
            add(
                "move",
                duration_s=draw(st.sampled_from([8.0, 20.0])),
                stations=("gantry",),
                moves=True,
                max_wait_s=draw(waits) if tasks and tasks[-1].at else float("inf"),
            )
        heat = None
        if at and at[0] == "plate":
            constant = draw(st.booleans())
            heat = Heat(arrive_c=warm_c, leave_c=warm_c, constant=constant)
        stations = draw(st.sampled_from([(), ("arm",), ("arm", "coater"), ("eye",)]))
        lags = ()
        if tasks and draw(st.booleans()):
            after = draw(st.sampled_from([t.task_id for t in tasks]))
            lags = (Lag(after=after, max_s=draw(st.sampled_from([900.0, 1e9]))),)
            if draw(st.booleans()):
                lags = (Lag(after=after, film_age=True),)
        add(
            "work",
            duration_s=draw(durations),
            stations=stations,
            max_wait_s=draw(waits) if moves else float("inf"),
            lags=lags,
            heat=heat,
        )
    if at:
        at = ()
        add("move", duration_s=8.0, stations=("gantry",), moves=True)
    return tasks


@st.composite
def task_sets(draw, most=4):
    count = draw(st.integers(1, most))
    films = [draw(chains(f"film-{index}")) for index in range(count)]
    # Films that are alike are a case of their own.
    if draw(st.booleans()):
        template = draw(chains("twin"))
        films += [
            [_renamed(t, name) for t in template] for name in ("twin-a", "twin-b")
        ]
    return [t for film in films for t in film]


def _renamed(of, sample_id):
    def rename(task_id):
        return task_id.replace("twin", sample_id)

    return Task(
        task_id=rename(of.task_id),
        sample_id=sample_id,
        name=of.name,
        duration_s=of.duration_s,
        stations=of.stations,
        at=of.at,
        moves=of.moves,
        predecessor=rename(of.predecessor),
        max_wait_s=of.max_wait_s,
        lags=tuple(
            Lag(after=rename(x.after), max_s=x.max_s, film_age=x.film_age)
            for x in of.lags
        ),
        heat=of.heat,
    )
