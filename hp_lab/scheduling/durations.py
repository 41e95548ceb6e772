"""How long things take and how long a film may wait: the figures of the plan.

The defaults are of the order of the published figures of PASCAL, the perovskite line of
the University of California, San Diego. What a laboratory really needs is learnt from
its own records.
"""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from hp_lab.recipes.steps import Drop, Image, Measure, Mix, SpinCoat, Transfer
from hp_lab.records import TaskTime

# From and to: spin coater, hotplate, storage in the tray, characterisation.
_PASCAL_MOVE_S: Final[Mapping[tuple[str, str], float]] = {
    ("spin", "hotplate"): 22.0,
    ("spin", "tray"): 19.0,
    ("spin", "stage"): 23.0,
    ("hotplate", "spin"): 16.0,
    ("hotplate", "tray"): 8.0,
    ("hotplate", "stage"): 9.0,
    ("tray", "spin"): 16.0,
    ("tray", "hotplate"): 8.0,
    ("tray", "stage"): 8.0,
    ("stage", "tray"): 8.0,
    ("stage", "hotplate"): 9.0,
    ("stage", "spin"): 18.0,
}
# Fewer films than this teach nothing.
_FEWEST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """Expected durations.

    Attributes:
        move_s: From and to (spin, hotplate, tray, stage) to the time of a move.
        other_move_s: Any other move, as between two hotplates.
        transfer_s: A transfer without its liquid: tip, travel, touch.
        transfer_s_ul: What each microlitre adds to it.
        spin_overhead_s: Vacuum, arming and braking.
        reading_s: A reading without its integration: stage, lamp, dark, reference.
        auto_exposure_s: Finding the integration time where none is given.
        image_s: A picture without its exposure.
        learned: Task name to the factor that this laboratory needs.
    """

    move_s: Mapping[tuple[str, str], float] = field(
        default_factory=lambda: dict(_PASCAL_MOVE_S)
    )
    other_move_s: float = 12.0
    transfer_s: float = 23.0
    transfer_s_ul: float = 0.1
    spin_overhead_s: float = 8.0
    reading_s: float = 12.0
    auto_exposure_s: float = 4.0
    image_s: float = 2.0
    learned: Mapping[str, float] = field(default_factory=dict)

    def move(self, source: str, target: str) -> float:
        """Return the seconds of a move between two kinds of place."""
        return self._scaled(
            "move", self.move_s.get((source, target), self.other_move_s)
        )

    def mix(self, step: Mix) -> float:
        """Return the seconds that preparing a solution takes."""
        return self._scaled("mix", sum(self._transfer(t) for t in step.transfers))

    def spin_coat(self, step: SpinCoat) -> float:
        """Return the seconds from filling the tips to the chuck's standstill."""
        loading_s = sum(self._drop(drop) for drop in step.drops)
        early_s = max([0.0, *(-drop.offset_s for drop in step.drops)])
        total_s = loading_s + early_s + step.duration_s + self.spin_overhead_s
        return self._scaled("spin_coat", total_s)

    def measure(self, step: Measure) -> float:
        """Return the seconds of a reading, with all its repeats."""
        integration_s = step.integration_s or self.auto_exposure_s
        # Sample, dark and reference.
        once_s = self.reading_s + 3 * integration_s * step.averages
        return self._scaled("measure", once_s + (step.repeats - 1) * step.interval_s)

    def image(self, step: Image) -> float:
        """Return the seconds of a picture."""
        return self._scaled("image", self.image_s + step.exposure_s)

    def learn(
        self,
        records: Iterable[TaskTime],
        expected_s: Mapping[str, float] | None = None,
    ) -> Self:
        """Return durations scaled by the median of what the records show.

        Only moves, mixing, spin coating, readings and pictures are learnt: how long a
        film is annealed or rests is for the recipe to say.

        Args:
            records: Planned and actual times; those without an end teach nothing.
            expected_s: Task id to the duration that these durations expect of it.
                Without it the planned times are taken for that, which is right only
                where all were planned with these durations.
        """
        ratios: dict[str, list[float]] = {}
        for record in records:
            planned_s = record.planned_end_s - record.planned_start_s
            if expected_s is not None:
                planned_s = expected_s.get(record.task_id, 0.0)
            if record.actual_start_s is None or record.actual_end_s is None:
                continue
            actual_s = record.actual_end_s - record.actual_start_s
            if record.name in _LEARNT and planned_s > 0 and actual_s > 0:
                ratios.setdefault(record.name, []).append(actual_s / planned_s)
        learned = dict(self.learned)
        for name, values in ratios.items():
            if len(values) >= _FEWEST:
                learned[name] = statistics.median(values) * learned.get(name, 1.0)
        return replace(self, learned=learned)

    def _transfer(self, transfer: Transfer) -> float:
        mixed_ul = 2 * transfer.mix_repetitions * transfer.mix_volume_ul
        return self.transfer_s + self.transfer_s_ul * (transfer.volume_ul + mixed_ul)

    def _drop(self, drop: Drop) -> float:
        return self.transfer_s + self.transfer_s_ul * drop.volume_ul

    def _scaled(self, name: str, duration_s: float) -> float:
        return duration_s * self.learned.get(name, 1.0)


_LEARNT: Final = frozenset({"move", "mix", "spin_coat", "measure", "image"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long a film may wait.

    Attributes:
        after_spin_s: Wet film: between the spin's end and the gantry's setting out.
        before_anneal_s: On the plate before the anneal counts.
        after_anneal_s: Still hot: between the end of the anneal and the gantry.
        film_age_s: Between the end of the last anneal and the first reading.
        solution_age_s: Between the end of the mixing and the spin coating.
    """

    after_spin_s: float = 5.0
    before_anneal_s: float = 5.0
    after_anneal_s: float = 15.0
    film_age_s: float = 3600.0
    solution_age_s: float = 3600.0
