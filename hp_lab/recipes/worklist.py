"""Worklists of another laboratory: recipes, planned tasks, and their solutions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from hp_lab.chemistry.ions import is_ion
from hp_lab.chemistry.solutes import parse_solutes, parse_solvents
from hp_lab.chemistry.solution import Solution
from hp_lab.chemistry.stocks import StockTable, StockWell
from hp_lab.errors import InvalidInput
from hp_lab.lab_config import LabConfig
from hp_lab.recipes.characterization import Characterization
from hp_lab.recipes.steps import Anneal, Drop, Mix, Recipe, SpinCoat, Step
from hp_lab.records import TaskTime

# Added to what the films take from a well when nobody says how much is in it.
_SPARE_UL = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistSolution:
    """A solution as a worklist writes it.

    Attributes:
        solutes: Solute text, see :mod:`hp_lab.chemistry.solutes`; empty for none.
        molarity: By which the solutes' amounts are multiplied, mol/L. It is taken as
            given, also where the author meant mg/mL (PCBM 30).
        solvent: Solvent text.
    """

    solutes: str
    molarity: float
    solvent: str

    @property
    def solution(self) -> Solution:
        """What is dissolved, and in what."""
        amounts = parse_solutes(self.solutes)
        return Solution(
            species_m={name: x * self.molarity for name, x in amounts.items()},
            solvents=parse_solvents(self.solvent),
        )

    @property
    def name(self) -> str:
        """The solution's name for a person."""
        if not self.solutes:
            return self.solvent
        return f"{self.molarity:g} M {self.solutes} in {self.solvent}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DropHandling:
    """How the other laboratory's pipette makes a drop, beyond what our recipes say.

    Attributes:
        height_mm: Tip above the substrate.
        pre_mix_repetitions: How often the source is mixed before it is taken up.
        pre_mix_ul: Volume of that mixing.
    """

    height_mm: float = 2.0
    pre_mix_repetitions: int = 0
    pre_mix_ul: float = 0.0
    slow_retract: bool = True
    touch_tip: bool = True
    air_gap: bool = True
    reuse_tip: bool = False
    slow_travel: bool = False
    blow_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """A task of the other laboratory's plan.

    Attributes:
        start_s: Planned start, from the plan's zero.
        duration_s: Planned duration; None for moves, which plans do not state.
        precedent: Task of this sample that comes before; empty for the first.
        source: Where a move begins; empty for other tasks.
        destination: Where it ends.
        first_step: Index of the first recipe step that the task stands for.
        step_count: How many steps it stands for; 0 for moves.
        drops: How the drops of a spin coat are made, in the recipe's order.
        characterizations: What a characterisation consists of.
    """

    task_id: str
    sample_id: str
    name: str
    start_s: float
    duration_s: float | None = None
    precedent: str = ""
    source: str = ""
    destination: str = ""
    first_step: int = 0
    step_count: int = 0
    drops: tuple[DropHandling, ...] = ()
    characterizations: tuple[Characterization, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """Films to make, as another laboratory planned them.

    Attributes:
        recipes: One for each sample, in the file's order.
        tasks: The tasks of every sample, sample by sample.
        setpoints_c: Temperature of each hotplate.
        baseline_exposures_s: Exposures at which each instrument needs a baseline.
        solutions: What each well (LABWARE/WELL) holds.
    """

    name: str
    description: str
    recipes: tuple[Recipe, ...]
    tasks: tuple[PlannedTask, ...]
    setpoints_c: Mapping[str, float] = field(default_factory=dict, hash=False)
    baseline_exposures_s: Mapping[str, tuple[float, ...]] = field(
        default_factory=dict, hash=False
    )
    solutions: Mapping[str, WorklistSolution] = field(default_factory=dict, hash=False)

    def first(self, count: int) -> "Worklist":
        """Return the worklist of the first samples only.

        Raises:
            InvalidInput: count is below 1.
        """
        if count < 1:
            msg = f"worklist: the first {count} samples; ask for at least 1"
            raise InvalidInput(msg)
        recipes = self.recipes[:count]
        samples = {recipe.sample_id for recipe in recipes}
        return replace(
            self,
            recipes=recipes,
            tasks=tuple(task for task in self.tasks if task.sample_id in samples),
        )

    def move_durations_s(self) -> dict[str, float]:
        """Return how long each kind of move takes, as far as the plan shows.

        A plan states no durations of moves. The shortest time from a move's start to
        the start of what follows it is one without waiting.
        """
        shortest: dict[str, float] = {}
        for task, following in pairwise(self.tasks):
            if task.duration_s is None and task.sample_id == following.sample_id:
                gap_s = following.start_s - task.start_s
                shortest[task.name] = min(gap_s, shortest.get(task.name, gap_s))
        return shortest

    def planned_times(self) -> tuple[TaskTime, ...]:
        """Return when each task was planned, moves as short as the plan shows them.

        A kind of move of which the plan shows no end ends when it starts.
        """
        moves_s = self.move_durations_s()
        return tuple(
            TaskTime(
                task_id=task.task_id,
                sample_id=task.sample_id,
                name=task.name,
                stations=(task.source, task.destination) if task.source else (),
                planned_start_s=task.start_s,
                planned_end_s=task.start_s
                + (
                    moves_s.get(task.name, 0.0)
                    if task.duration_s is None
                    else task.duration_s
                ),
            )
            for task in self.tasks
        )

    def needed_ul(self) -> dict[str, float]:
        """Return the volume that the recipes drop from each well."""
        needed = dict.fromkeys(self.solutions, 0.0)
        for recipe in self.recipes:
            for step in recipe.steps:
                if isinstance(step, SpinCoat):
                    for drop in step.drops:
                        needed[drop.source] += drop.volume_ul
        return needed

    def stock_table(
        self, volumes_ul: Mapping[str, float] | None = None, dead_volume_ul: float = 0.0
    ) -> StockTable:
        """Return the solutions as a table of stocks.

        Args:
            volumes_ul: Volume in each well; by default what the recipes drop, what
                their mixing needs, and 200 uL more.
            dead_volume_ul: What the pipette cannot reach.
        """
        volumes = volumes_ul or {
            well: volume + dead_volume_ul + _SPARE_UL
            for well, volume in self.needed_ul().items()
        }
        wells = {
            well: StockWell(
                name=text.name,
                species_m=_species(text.solution, ions=True),
                molecules=_species(text.solution, ions=False),
                solvents=dict(text.solution.solvents),
                volume_ul=volumes.get(well, 0.0),
            )
            for well, text in self.solutions.items()
        }
        pure = {
            text.solvent: well
            for well, text in self.solutions.items()
            if not text.solutes
        }
        slots: dict[str, list[str]] = {}
        for recipe in self.recipes:
            slots.setdefault(recipe.substrate, []).append(recipe.slot)
        return StockTable.model_validate(
            {
                "wells": wells,
                "antisolvents": pure,
                "dead_volume_ul": dead_volume_ul,
                "substrates": [{"name": k, "slots": v} for k, v in slots.items()],
            }
        )

    def renamed(self, names: Mapping[str, str]) -> "Worklist":
        """Return the worklist with other names of labware, trays and hotplates.

        Args:
            names: Old name to new name; what is not named keeps its name.
        """
        return replace(
            self,
            recipes=tuple(_renamed_recipe(recipe, names) for recipe in self.recipes),
            tasks=tuple(
                replace(
                    task,
                    source=names.get(task.source, task.source),
                    destination=names.get(task.destination, task.destination),
                )
                for task in self.tasks
            ),
            setpoints_c={names.get(k, k): v for k, v in self.setpoints_c.items()},
            solutions={
                _renamed_place(well, names): text
                for well, text in self.solutions.items()
            },
        )

    def placed_in(self, lab: LabConfig) -> "Worklist":
        """Return the worklist with the names of a laboratory that has room for it.

        Labware, trays and hotplates that the laboratory has by name stay; others get
        the first of the kind that has all wells or slots in use and is not taken.

        Raises:
            InvalidInput: The laboratory has no room for some of them.
        """
        labware = {
            name: set(item.wells())
            for name, item in lab.pipettor.labware.items()
            if item.kind == "wells"
        }
        trays = {name: set(grid.positions()) for name, grid in lab.gantry.grids.items()}
        plates: dict[str, set[str]] = {name: set() for name in lab.hotplates}
        wells = _by_owner([*self.solutions])
        slots = _by_owner([recipe.slot for recipe in self.recipes])
        heated: dict[str, set[str]] = {
            step.hotplate: set()
            for recipe in self.recipes
            for step in recipe.steps
            if isinstance(step, Anneal) and step.hotplate
        }
        return self.renamed(
            {
                **_assigned("labware", wells, labware),
                **_assigned("tray", slots, trays),
                **_assigned("hotplate", heated, plates),
            }
        )


def _species(solution: Solution, *, ions: bool) -> dict[str, float]:
    return {k: v for k, v in solution.species_m.items() if is_ion(k) == ions}


def _by_owner(places: list[str]) -> dict[str, set[str]]:
    owners: dict[str, set[str]] = {}
    for place in places:
        owner, _, spot = place.partition("/")
        owners.setdefault(owner, set()).add(spot)
    return owners


def _assigned(
    what: str, wanted: Mapping[str, set[str]], offered: Mapping[str, set[str]]
) -> dict[str, str]:
    names = {
        name: name
        for name, spots in wanted.items()
        if name in offered and spots <= offered[name]
    }
    for name, spots in wanted.items():
        if name in names:
            continue
        free = [
            other
            for other, has in offered.items()
            if spots <= has and other not in names.values()
        ]
        if not free:
            text = f" with {', '.join(sorted(spots))}" if spots else ""
            msg = (
                f"worklist: {what} {name}: the laboratory has none{text} that is not "
                f"taken; it has {', '.join(offered)}"
            )
            raise InvalidInput(msg)
        names[name] = free[0]
    return names


def _renamed_place(place: str, names: Mapping[str, str]) -> str:
    owner, _, spot = place.partition("/")
    return f"{names.get(owner, owner)}/{spot}"


def _renamed_recipe(recipe: Recipe, names: Mapping[str, str]) -> Recipe:
    return replace(
        recipe,
        slot=_renamed_place(recipe.slot, names),
        steps=tuple(_renamed_step(step, names) for step in recipe.steps),
    )


def _renamed_step(step: Step, names: Mapping[str, str]) -> Step:
    if isinstance(step, Anneal):
        return replace(step, hotplate=names.get(step.hotplate, step.hotplate))
    if isinstance(step, SpinCoat):
        drops: tuple[Drop, ...] = tuple(
            replace(drop, source=_renamed_place(drop.source, names))
            for drop in step.drops
        )
        return replace(step, drops=drops)
    if isinstance(step, Mix):
        transfers = tuple(
            replace(
                transfer,
                source=_renamed_place(transfer.source, names),
                target=_renamed_place(transfer.target, names),
            )
            for transfer in step.transfers
        )
        return replace(step, transfers=transfers)
    return step
