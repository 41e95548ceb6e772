"""Our own recipes as a worklist that a PASCAL netlist can express."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hp_lab.chemistry.solutes import amounts_text, parse_solutes
from hp_lab.chemistry.solution import Solution, mixed
from hp_lab.chemistry.stocks import StockTable
from hp_lab.errors import InvalidInput
from hp_lab.recipes.characterization import Characterization, characterizations_of
from hp_lab.recipes.netlist import CHARACTERIZATION, SPIN_COATER
from hp_lab.recipes.pascal_export import lead_s
from hp_lab.recipes.steps import (
    Anneal,
    AnnealSegment,
    Drop,
    Image,
    Measure,
    Mix,
    Recipe,
    Rest,
    SpinCoat,
    Step,
)
from hp_lab.recipes.worklist import (
    DropHandling,
    PlannedTask,
    Worklist,
    WorklistSolution,
)

# PASCAL takes a ladder of exposures and merges them; it has no automatic exposure.
_LADDER_S = (0.05, 0.2, 1.0, 5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetlistDefaults:
    """What a netlist must state and our recipes may leave open.

    Attributes:
        hotplate: Where films are annealed that may go anywhere.
        rate_ul_s: Rate of drops at the pipette's own rate.
        exposures_s: Exposures of spectra with automatic exposure.
        excitation_nm: Excitation of the PL.
        move_s: What a move is planned to take.
    """

    hotplate: str = "Hotplate1"
    rate_ul_s: float = 94.0
    exposures_s: tuple[float, ...] = _LADDER_S
    excitation_nm: float = 405.0
    move_s: float = 30.0


def worklist_from_recipes(
    recipes: Sequence[Recipe],
    *,
    stocks: StockTable,
    starts_s: Mapping[str, Sequence[float]] | None = None,
    name: str = "hp_lab",
    description: str = "",
    defaults: NetlistDefaults | None = None,
) -> Worklist:
    """Return our recipes as a worklist that a netlist can express.

    A netlist knows no mixing of stocks (a drop states the solution that its well holds
    instead), no absorbance (PASCAL computes it from the transmission), no automatic
    exposure and no candidates; such steps are put as it can say them. Moves are planned
    right before what they lead to.

    Args:
        recipes: What is done to each sample.
        stocks: What the wells hold before the mixes.
        starts_s: Sample to the planned start of each of its steps; by default one
            after the other from 0.
        name: Name of the experiment.
        description: Its description.
        defaults: What our recipes may leave open.

    Raises:
        InvalidInput: A step cannot be expressed: an anneal in segments or with a ramp,
            repeated or reference measurements, two temperatures on one hotplate.
    """
    defaults = defaults or NetlistDefaults()
    solutions: dict[str, WorklistSolution] = {}
    setpoints_c: dict[str, float] = {}
    plain: list[Recipe] = []
    tasks: list[PlannedTask] = []
    for recipe in recipes:
        held = well_contents(recipe, stocks)
        writer = _Writer(recipe, defaults, (starts_s or {}).get(recipe.sample_id))
        expressed, planned = writer.write()
        plain.append(expressed)
        tasks += planned
        for step in expressed.steps:
            if isinstance(step, SpinCoat):
                for drop in step.drops:
                    solutions[drop.source] = _solution_text(held, stocks, drop.source)
            elif isinstance(step, Anneal):
                _add_setpoint(setpoints_c, step)
    return Worklist(
        name=name,
        description=description,
        recipes=tuple(plain),
        tasks=tuple(tasks),
        setpoints_c=setpoints_c,
        solutions=solutions,
    )


def well_contents(recipe: Recipe, stocks: StockTable) -> dict[str, Solution]:
    """Return what the wells that a recipe mixes in hold after its mixes.

    Raises:
        InvalidInput: A source is neither a stock nor mixed before.
    """
    parts: dict[str, list[tuple[Solution, float]]] = {}
    for step in recipe.steps:
        for transfer in step.transfers if isinstance(step, Mix) else ():
            source = (
                mixed(parts[transfer.source])
                if transfer.source in parts
                else stocks.well(transfer.source).solution
            )
            parts.setdefault(transfer.target, []).append((source, transfer.volume_ul))
    return {well: mixed(content) for well, content in parts.items()}


class _Writer:
    """Puts one recipe as a netlist can say it, with its tasks."""

    def __init__(
        self,
        recipe: Recipe,
        defaults: NetlistDefaults,
        starts_s: Sequence[float] | None,
    ) -> None:
        if starts_s is not None and len(starts_s) != len(recipe.steps):
            msg = (
                f"netlist: {len(starts_s)} planned starts for the {len(recipe.steps)} "
                f"steps of {recipe.sample_id}; give one for each"
            )
            raise InvalidInput(msg)
        self._recipe = recipe
        self._defaults = defaults
        self._starts_s = starts_s
        self._tray = recipe.slot.partition("/")[0]
        self._at = self._tray
        self._now_s = 0.0
        self._steps: list[Step] = []
        self._tasks: list[PlannedTask] = []

    def write(self) -> tuple[Recipe, list[PlannedTask]]:
        line: list[Measure | Image] = []
        line_index = 0
        for index, step in enumerate(self._recipe.steps):
            if isinstance(step, Measure | Image):
                line_index = index if not line else line_index
                line += self._seen(step)
                continue
            self._characterize(line, line_index)
            line = []
            match step:
                case Mix():
                    continue
                case SpinCoat():
                    self._spin_coat(step, index)
                case Anneal():
                    self._anneal(step, index)
                case Rest():
                    self._add("rest", [step], index, step.duration_s, self._tray)
        self._characterize(line, line_index)
        self._move_to(self._tray, self._now_s + self._defaults.move_s)
        recipe = replace(self._recipe, candidate_id="", steps=tuple(self._steps))
        return recipe, self._tasks

    def _seen(self, step: Measure | Image) -> list[Measure | Image]:
        if isinstance(step, Image):
            return [step]
        if step.mode == "absorbance":
            step = replace(step, mode="transmittance")
        exposures_s = (
            (step.integration_s,) if step.integration_s else self._defaults.exposures_s
        )
        return [replace(step, integration_s=x) for x in exposures_s]

    def _characterize(self, line: Sequence[Measure | Image], index: int) -> None:
        if not line:
            return
        parts = characterizations_of(line, self._defaults.excitation_nm)
        duration_s = sum(part.duration_s for part in parts)
        self._add(
            "characterize", line, index, duration_s, CHARACTERIZATION, parts=parts
        )

    def _spin_coat(self, step: SpinCoat, index: int) -> None:
        drops: tuple[Drop, ...] = tuple(
            replace(drop, rate_ul_s=drop.rate_ul_s or self._defaults.rate_ul_s)
            for drop in step.drops
        )
        plain = SpinCoat(steps=step.steps, drops=drops)
        duration_s = lead_s(plain) + plain.duration_s
        handling = tuple(DropHandling() for _ in drops)
        self._add(
            "spincoat", [plain], index, duration_s, SPIN_COATER, handling=handling
        )

    def _anneal(self, step: Anneal, index: int) -> None:
        if len(step.profile) != 1 or step.profile[0].ramp_k_min:
            msg = (
                f"netlist: the anneal of {self._recipe.sample_id} has "
                f"{len(step.profile)} segments or a ramp, but a netlist says one "
                "temperature and time; export recipes with a single hold"
            )
            raise InvalidInput(msg)
        (segment,) = step.profile
        plain = Anneal(
            profile=(
                AnnealSegment(
                    temperature_c=segment.temperature_c, hold_s=segment.hold_s
                ),
            ),
            hotplate=step.hotplate or self._defaults.hotplate,
        )
        self._add("anneal", [plain], index, segment.hold_s, plain.hotplate)

    def _add(
        self,
        name: str,
        steps: Sequence[Step],
        index: int,
        duration_s: float,
        place: str,
        *,
        handling: tuple[DropHandling, ...] = (),
        parts: tuple[Characterization, ...] = (),
    ) -> None:
        if self._starts_s is not None:
            start_s = self._starts_s[index]
        else:
            start_s = self._now_s
            start_s += self._defaults.move_s if place != self._at else 0.0
        self._move_to(place, start_s)
        self._append(
            name,
            start_s,
            duration_s=duration_s,
            first_step=len(self._steps),
            step_count=len(steps),
            drops=handling,
            characterizations=parts,
        )
        self._steps += steps
        self._now_s = start_s + duration_s

    def _move_to(self, place: str, arrival_s: float) -> None:
        if place == self._at:
            return
        kinds = {SPIN_COATER: "spincoater", CHARACTERIZATION: "characterization"}
        kinds[self._tray] = "storage"
        source, destination = (kinds.get(p, "hotplate") for p in (self._at, place))
        start_s = max(self._now_s, arrival_s - self._defaults.move_s)
        self._append(
            f"{source}_to_{destination}", start_s, source=self._at, destination=place
        )
        self._at = place

    def _append(
        self,
        name: str,
        start_s: float,
        *,
        duration_s: float | None = None,
        source: str = "",
        destination: str = "",
        first_step: int | None = None,
        step_count: int = 0,
        drops: tuple[DropHandling, ...] = (),
        characterizations: tuple[Characterization, ...] = (),
    ) -> None:
        sample_id = self._recipe.sample_id
        self._tasks.append(
            PlannedTask(
                task_id=f"{name}-{sample_id}-{len(self._tasks)}",
                sample_id=sample_id,
                name=name,
                start_s=start_s,
                duration_s=duration_s,
                precedent=self._tasks[-1].task_id if self._tasks else "",
                source=source,
                destination=destination,
                first_step=len(self._steps) if first_step is None else first_step,
                step_count=step_count,
                drops=drops,
                characterizations=characterizations,
            )
        )


def _solution_text(
    held: Mapping[str, Solution], stocks: StockTable, well: str
) -> WorklistSolution:
    solution = held[well] if well in held else stocks.well(well).solution
    species = solution.species_m
    unit_m = solution.metal_m or max(species.values(), default=0.0)
    amounts = {name: molar / unit_m for name, molar in species.items()}
    text = amounts_text(amounts)
    if parse_solutes(text) != amounts:
        msg = (
            f"netlist: the solutes of {well} read {text!r}, which a netlist cannot "
            "tell from one molecule of that name; leave out all but one"
        )
        raise InvalidInput(msg)
    return WorklistSolution(
        solutes=text, molarity=unit_m, solvent=amounts_text(solution.solvents)
    )


def _add_setpoint(setpoints_c: dict[str, float], step: Anneal) -> None:
    value_c = step.profile[0].temperature_c
    known_c = setpoints_c.setdefault(step.hotplate, value_c)
    if known_c != value_c:
        msg = (
            f"netlist: {step.hotplate} would be at {known_c:g} C and at {value_c:g} C, "
            "but a netlist gives a hotplate one temperature; use one hotplate for each"
        )
        raise InvalidInput(msg)
