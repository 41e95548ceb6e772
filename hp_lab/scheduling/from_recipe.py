"""The tasks of a recipe: its steps, and the moves between the places they need."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hp_lab.errors import InvalidInput
from hp_lab.lab_config import LabConfig
from hp_lab.recipes.steps import (
    Anneal,
    Image,
    Measure,
    Mix,
    Recipe,
    Rest,
    SpinCoat,
    Step,
)
from hp_lab.scheduling.durations import Durations, Waits
from hp_lab.scheduling.stations import AMBIENT_C
from hp_lab.scheduling.tasks import Heat, Lag, Task

_CHUCK: Final = "spin_chuck"
_SLOT: Final[tuple[str, ...]] = ()


def tasks_of(
    recipe: Recipe,
    config: LabConfig,
    *,
    durations: Durations | None = None,
    waits: Waits | None = None,
) -> tuple[Task, ...]:
    """Return what is to be done to one film, from its slot and back to it.

    A first anneal segment without a ramp is expected to find the plate at its
    temperature; one with a ramp starts from ambient. Solutions are mixed while the film
    is where it was.

    Raises:
        InvalidInput: An anneal names a hotplate that the laboratory does not have.
    """
    writer = _Writer(
        recipe=recipe,
        config=config,
        durations=durations or Durations(),
        waits=waits or Waits(),
    )
    for index, step in enumerate(recipe.steps):
        writer.write(step, index)
    writer.go_to(_SLOT)
    return tuple(writer.tasks)


@dataclass(slots=True)
class _Writer:
    recipe: Recipe
    config: LabConfig
    durations: Durations
    waits: Waits
    tasks: list[Task] = field(default_factory=list)
    at: tuple[str, ...] = _SLOT
    # Ids of the last mixing and the last anneal that limits refer to.
    mixed: str = ""
    annealed: str = ""

    def write(self, step: Step, index: int) -> None:
        """Append the step's task and the move that it needs."""
        match step:
            case Mix():
                self._add("mix", self.durations.mix(step), ("pipettor",), step=index)
                self.mixed = self.tasks[-1].task_id
            case SpinCoat():
                self.go_to((_CHUCK,))
                lags = self._lag(self.mixed, self.waits.solution_age_s)
                duration_s = self.durations.spin_coat(step)
                stations = ("pipettor", "spin_coater")
                self._add("spin_coat", duration_s, stations, lags=lags, step=index)
                self.mixed = ""
            case Anneal():
                self._anneal(step, index)
            case Rest():
                self.go_to(_SLOT)
                self._add("rest", step.duration_s, (), step=index)
            case Measure():
                self._read("measure", self.durations.measure(step), index)
            case Image():
                self._read("image", self.durations.image(step), index)

    def go_to(self, at: tuple[str, ...]) -> None:
        """Append a move, unless the film is there."""
        if at == self.at:
            return
        duration_s = self.durations.move(self._kind(self.at), self._kind(at))
        last = self.tasks[-1].name if self.tasks else ""
        max_wait_s = {
            "spin_coat": self.waits.after_spin_s,
            "anneal": self.waits.after_anneal_s,
        }.get(last, math.inf)
        self.at = at
        self._add("move", duration_s, ("gantry",), moves=True, max_wait_s=max_wait_s)

    def _anneal(self, step: Anneal, index: int) -> None:
        plates = self._plates(step)
        if self.at != plates:
            self.go_to(plates)
        first, last = step.profile[0], step.profile[-1]
        at_once = first.ramp_k_min <= 0
        heat = Heat(
            arrive_c=first.temperature_c if at_once else AMBIENT_C,
            leave_c=last.temperature_c,
            constant=at_once and len({s.temperature_c for s in step.profile}) == 1,
        )
        self._add(
            "anneal",
            self._anneal_s(step, heat.arrive_c),
            (),
            heat=heat,
            max_wait_s=self.waits.before_anneal_s,
            step=index,
        )
        self.annealed = self.tasks[-1].task_id

    def _anneal_s(self, step: Anneal, start_c: float) -> float:
        plates = [self.config.hotplates[name] for name in self._plates(step)]
        fastest_k_min = min(plate.max_ramp_k_min for plate in plates)
        total_s, at_c = 0.0, start_c
        for segment in step.profile:
            ramp_k_min = min(segment.ramp_k_min or fastest_k_min, fastest_k_min)
            total_s += abs(segment.temperature_c - at_c) / ramp_k_min * 60.0
            total_s += segment.hold_s
            at_c = segment.temperature_c
        return total_s

    def _plates(self, step: Anneal) -> tuple[str, ...]:
        known = tuple(self.config.hotplates)
        if not step.hotplate:
            return known
        if step.hotplate not in known:
            msg = (
                f"recipe of {self.recipe.sample_id}: there is no hotplate "
                f"{step.hotplate}; the laboratory has {', '.join(known)}"
            )
            raise InvalidInput(msg)
        return (step.hotplate,)

    def _read(self, name: str, duration_s: float, index: int) -> None:
        self.go_to((self.config.spectrometer.position,))
        device = "spectrometer" if name == "measure" else "camera"
        lags: tuple[Lag, ...] = ()
        if self.annealed and name == "measure":
            # The film's age is that of its first reading.
            lags = (
                Lag(after=self.annealed, max_s=self.waits.film_age_s, film_age=True),
            )
            self.annealed = ""
        self._add(name, duration_s, (device,), lags=lags, step=index)

    def _lag(self, after: str, max_s: float) -> tuple[Lag, ...]:
        return (Lag(after=after, max_s=max_s),) if after else ()

    def _kind(self, at: Sequence[str]) -> str:
        if not at:
            return "tray"
        if at[0] in self.config.hotplates:
            return "hotplate"
        return "spin" if at[0] == _CHUCK else "stage"

    def _add(
        self,
        name: str,
        duration_s: float,
        stations: tuple[str, ...],
        *,
        moves: bool = False,
        max_wait_s: float = math.inf,
        lags: tuple[Lag, ...] = (),
        heat: Heat | None = None,
        step: int = -1,
    ) -> None:
        # Numbered, so that ids sort in the order of the work and steps may repeat.
        task_id = f"{self.recipe.sample_id}/{len(self.tasks):02d}-{name}"
        self.tasks.append(
            Task(
                task_id=task_id,
                sample_id=self.recipe.sample_id,
                name=name,
                duration_s=duration_s,
                stations=stations,
                at=self.at,
                moves=moves,
                predecessor=self.tasks[-1].task_id if self.tasks else "",
                max_wait_s=max_wait_s if self.tasks else math.inf,
                lags=lags,
                heat=heat,
                step=step,
            )
        )
