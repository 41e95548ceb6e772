"""Worklists of PASCAL, the perovskite line of the University of California, San Diego.

A netlist is the worklist that this robot executes: for each sample its spin coats,
anneals, rests and characterisations with their planned starts, and the moves between
them. :func:`load_worklist` reads one, :func:`export_netlist` writes one. Units are
those of the file: rpm, rpm/s, seconds, microlitres, degrees Celsius.

PASCAL: Fenning group, github.com/fenning-research-group/PASCAL, MIT licence.
"""

import csv
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import NoReturn, TypeVar

from hp_lab.errors import InvalidConfig
from hp_lab.lab_config import LabConfig, check_model
from hp_lab.recipes.characterization import (
    PICTURES,
    Characterization,
    characterization_steps,
    is_spectrum,
)
from hp_lab.recipes.netlist import (
    AnnealDetails,
    CharacterizeDetails,
    MoveDetails,
    Netlist,
    NetlistCharacterization,
    NetlistDrop,
    NetlistSample,
    NetlistTask,
    PictureDetails,
    PicturesDetails,
    RestDetails,
    Shape,
    SpectrumDetails,
    SpincoatDetails,
    read_json,
)
from hp_lab.recipes.pascal_export import export_netlist
from hp_lab.recipes.recipe_worklist import worklist_from_recipes
from hp_lab.recipes.steps import (
    Anneal,
    AnnealSegment,
    Drop,
    Recipe,
    Rest,
    SpinCoat,
    SpinStep,
    Step,
)
from hp_lab.recipes.worklist import (
    DropHandling,
    PlannedTask,
    Worklist,
    WorklistSolution,
)

__all__ = [
    "Worklist",
    "example_worklist",
    "export_netlist",
    "load_stock_volumes",
    "load_worklist",
    "parse_netlist",
    "worklist_from_recipes",
]

_MOVE = re.compile(r"[a-z]+_to_[a-z]+")
ModelT = TypeVar("ModelT", bound=Shape)


def load_worklist(path: Path, *, lab: LabConfig | None = None) -> Worklist:
    """Read a PASCAL netlist.

    Args:
        path: The JSON file.
        lab: A laboratory to place it in, see :meth:`Worklist.placed_in`; by default
            labware, trays and hotplates keep PASCAL's names.

    Raises:
        InvalidConfig: The file is unknown or broken; the message says what was expected
            and where.
        InvalidInput: The laboratory has no room for it.
    """
    worklist = parse_netlist(read_json(path), str(path))
    return worklist if lab is None else worklist.placed_in(lab)


def example_worklist() -> Worklist:
    """Return the worklist of 36 samples that is shipped with hp_lab."""
    example = files("hp_lab.recipes") / "data" / "pascal" / "netlist_36.json"
    with as_file(example) as path:
        return load_worklist(path)


def parse_netlist(data: object, origin: str) -> Worklist:
    """Turn a netlist's content into a worklist.

    Args:
        data: What JSON gave.
        origin: Its file, for messages.

    Raises:
        InvalidConfig: As :func:`load_worklist`.
    """
    if not isinstance(data, dict) or "samples" not in data:
        msg = f"{origin}: has no field samples; expected a PASCAL netlist"
        raise InvalidConfig(msg)
    netlist = check_model(Netlist, data, origin)
    reader = _Reader(origin)
    parts = [reader.sample(key, sample) for key, sample in netlist.samples.items()]
    return Worklist(
        name=netlist.name,
        description=netlist.description,
        recipes=tuple(recipe for recipe, _ in parts),
        tasks=tuple(task for _, tasks in parts for task in tasks),
        setpoints_c=dict(netlist.hotplate_setpoints),
        baseline_exposures_s={
            name: tuple(exposures)
            for name, exposures in netlist.baselines_required.items()
        },
        solutions=reader.solutions,
    )


def load_stock_volumes(path: Path) -> dict[str, float]:
    """Read the volumes of PASCAL's table of stock solutions (CSV).

    Returns:
        Well (LABWARE/WELL) to its volume, microlitres.

    Raises:
        InvalidConfig: A column is missing or a volume is not a number.
    """
    columns = ("Labware", "Well", "Volume (uL)")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [c for c in columns if c not in (reader.fieldnames or ())]
            if missing:
                msg = f"{path}: line 1: no column {missing[0]!r}; expected {columns}"
                raise InvalidConfig(msg)
            return {
                f"{row['Labware']}/{row['Well']}": _number(
                    row, columns[2], reader, path
                )
                for row in reader
            }
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); give a CSV file"
        raise InvalidConfig(msg) from error


def _number(
    row: Mapping[str, str], column: str, reader: "csv.DictReader[str]", path: Path
) -> float:
    try:
        return float(row[column])
    except (TypeError, ValueError):
        msg = f"{path}: line {reader.line_num}: {column} {row[column]!r} is no number"
        raise InvalidConfig(msg) from None


@dataclass(kw_only=True)
class _Read:
    """What a task turned out to be."""

    steps: list[Step] = field(default_factory=list)
    duration_s: float | None = None
    source: str = ""
    destination: str = ""
    drops: tuple[DropHandling, ...] = ()
    characterizations: tuple[Characterization, ...] = ()


class _Reader:
    """Reads samples, and collects the solutions that they use."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self.solutions: dict[str, WorklistSolution] = {}

    def sample(
        self, key: str, sample: NetlistSample
    ) -> tuple[Recipe, list[PlannedTask]]:
        if sample.name != key:
            self._refuse(f"samples.{key}.name", f"{sample.name!r}; expected {key!r}")
        steps: list[Step] = []
        tasks: list[PlannedTask] = []
        known: set[str] = set()
        for index, task in enumerate(sample.worklist):
            where = f"samples.{key}.worklist.{index}"
            if task.sample != key:
                self._refuse(f"{where}.sample", f"{task.sample!r}; expected {key!r}")
            if task.precedent is not None and task.precedent not in known:
                self._refuse(
                    f"{where}.precedent",
                    f"{task.precedent!r}; expected the id of a task before it",
                )
            known.add(task.id)
            planned, made = self._task(task, where, len(steps))
            tasks.append(planned)
            steps += made
        recipe = Recipe(
            sample_id=key,
            candidate_id="",
            substrate=sample.substrate,
            slot=f"{sample.storage_slot.tray}/{sample.storage_slot.slot}",
            steps=tuple(steps),
        )
        return recipe, tasks

    def _task(
        self, task: NetlistTask, where: str, first_step: int
    ) -> tuple[PlannedTask, list[Step]]:
        kinds: dict[str, Callable[[NetlistTask, str], _Read]] = {
            "spincoat": self._spincoat,
            "anneal": self._anneal,
            "rest": self._rest,
            "characterize": self._characterize,
        }
        kind = self._move if _MOVE.fullmatch(task.name) else kinds.get(task.name)
        if kind is None:
            self._refuse(
                f"{where}.name",
                f"{task.name!r}; expected {', '.join(kinds)} or a move such as "
                "storage_to_spincoater",
            )
        read = kind(task, where)
        planned = PlannedTask(
            task_id=task.id,
            sample_id=task.sample,
            name=task.name,
            start_s=task.start,
            duration_s=read.duration_s,
            precedent=task.precedent or "",
            source=read.source,
            destination=read.destination,
            first_step=first_step,
            step_count=len(read.steps),
            drops=read.drops,
            characterizations=read.characterizations,
        )
        return planned, read.steps

    def _details(self, model: type[ModelT], task: NetlistTask, where: str) -> ModelT:
        return check_model(model, task.details, f"{self._origin}: {where}.details")

    def _anneal(self, task: NetlistTask, where: str) -> "_Read":
        anneal = self._details(AnnealDetails, task, where)
        segment = AnnealSegment(
            temperature_c=anneal.temperature, hold_s=anneal.duration
        )
        step = Anneal(profile=(segment,), hotplate=anneal.hotplate)
        return _Read(steps=[step], duration_s=anneal.duration)

    def _rest(self, task: NetlistTask, where: str) -> "_Read":
        rest = self._details(RestDetails, task, where)
        step = Rest(duration_s=rest.duration)
        return _Read(steps=[step], duration_s=rest.duration)

    def _move(self, task: NetlistTask, where: str) -> "_Read":
        move = self._details(MoveDetails, task, where)
        return _Read(source=move.source, destination=move.destination)

    def _spincoat(self, task: NetlistTask, where: str) -> "_Read":
        spin = self._details(SpincoatDetails, task, where)
        return _Read(
            steps=[self._spin_coat(spin, f"{where}.details")],
            duration_s=spin.duration,
            drops=tuple(_handling(drop) for drop in spin.drops),
        )

    def _characterize(self, task: NetlistTask, where: str) -> "_Read":
        line = self._details(CharacterizeDetails, task, where)
        if task.duration is None:
            self._refuse(f"{where}.duration", "missing; expected seconds")
        parts = [
            self._characterization(item, f"{where}.details.characterization_tasks.{i}")
            for i, item in enumerate(line.characterization_tasks)
        ]
        return _Read(
            steps=[step for part in parts for step in characterization_steps(part)],
            duration_s=task.duration,
            characterizations=tuple(parts),
        )

    def _spin_coat(self, spin: SpincoatDetails, where: str) -> SpinCoat:
        lead_s = max(0.0, -min(drop.time for drop in spin.drops))
        expected = [lead_s]
        for step in spin.steps[:-1]:
            expected.append(expected[-1] + step.duration)
        if not _close(spin.start_times, expected):
            self._refuse(
                f"{where}.start_times",
                f"{spin.start_times}; expected {expected}, from the first drop and the "
                "durations",
            )
        return SpinCoat(
            steps=tuple(
                SpinStep(
                    speed_rpm=step.rpm,
                    acceleration_rpm_s=step.acceleration,
                    duration_s=step.duration,
                )
                for step in spin.steps
            ),
            drops=tuple(
                Drop(
                    source=self._solution(drop, f"{where}.drops.{i}"),
                    volume_ul=drop.volume,
                    offset_s=drop.time,
                    rate_ul_s=drop.rate,
                )
                for i, drop in enumerate(spin.drops)
            ),
        )

    def _solution(self, drop: NetlistDrop, where: str) -> str:
        text = drop.solution
        well = f"{text.well.labware}/{text.well.well}"
        found = WorklistSolution(
            solutes=text.solutes, molarity=text.molarity, solvent=text.solvent
        )
        known = self.solutions.setdefault(well, found)
        if known != found:
            self._refuse(
                f"{where}.solution",
                f"{found.name} in {well}; expected {known.name}, as before",
            )
        return well

    def _characterization(
        self, item: NetlistCharacterization, where: str
    ) -> Characterization:
        origin = f"{self._origin}: {where}.details"
        if item.name in PICTURES and "exposure_times" in item.details:
            pictures = check_model(PicturesDetails, item.details, origin)
            exposures, count = pictures.exposure_times, pictures.num_frames
        elif item.name in PICTURES:
            picture = check_model(PictureDetails, item.details, origin)
            exposures, count = [picture.exposure_time], picture.num_frames
        elif is_spectrum(item.name):
            spectra = check_model(SpectrumDetails, item.details, origin)
            exposures, count = spectra.exposure_times, spectra.num_scans
        else:
            self._refuse(
                f"{where}.name",
                f"{item.name!r}; expected {', '.join(PICTURES)}, Transmission or "
                "PL_635nm",
            )
        return Characterization(
            name=item.name,
            station=item.station,
            position_mm=item.position,
            duration_s=item.duration,
            exposures_s=tuple(exposures),
            count=count,
        )

    def _refuse(self, where: str, text: str) -> NoReturn:
        msg = f"{self._origin}: {where}: {text}"
        raise InvalidConfig(msg)


def _close(values: Sequence[float], expected: Sequence[float]) -> bool:
    return len(values) == len(expected) and all(
        math.isclose(a, b, abs_tol=1e-6) for a, b in zip(values, expected, strict=True)
    )


def _handling(drop: NetlistDrop) -> DropHandling:
    repetitions, volume_ul = drop.pre_mix
    return DropHandling(
        height_mm=drop.height,
        pre_mix_repetitions=round(repetitions),
        pre_mix_ul=volume_ul,
        slow_retract=drop.slow_retract,
        touch_tip=drop.touch_tip,
        air_gap=drop.air_gap,
        reuse_tip=drop.reuse_tip,
        slow_travel=drop.slow_travel,
        blow_out=drop.blow_out,
    )
