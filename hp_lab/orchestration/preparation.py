"""What a campaign prepares for its laboratory: recipes, plans, analyses.

Pure computations over the state; the campaign's node runs them and records the events
they return.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from hp_lab.analysis.film import analyze_film
from hp_lab.analysis.library import FilmContext
from hp_lab.chemistry.composition import composition_from_settings
from hp_lab.chemistry.stocks import StockTable, load_stocks
from hp_lab.errors import InvalidConfig, InvalidInput, InventoryError
from hp_lab.lab_config import LabConfig, load_lab_config
from hp_lab.orchestration.campaign_file import CampaignFile, load_campaign
from hp_lab.orchestration.events import (
    CampaignStarted,
    CandidateUnreachable,
    Event,
    FilmAnalysed,
    RejectedData,
    SampleCreated,
    TasksPlanned,
)
from hp_lab.orchestration.observations import candidate_from_data, observation_data
from hp_lab.orchestration.planning import plan_tasks
from hp_lab.orchestration.recipe_data import recipe_data
from hp_lab.orchestration.run_dir import RunDir
from hp_lab.orchestration.state import CampaignState, Sample
from hp_lab.orchestration.worklists import executable
from hp_lab.planner.objectives import Objective
from hp_lab.recipes.compiler import compile_recipe
from hp_lab.recipes.pascal import load_worklist
from hp_lab.recipes.steps import Measure, Recipe
from hp_lab.recipes.worklist import Worklist
from hp_lab.store.readings import Readings

_BLANK = "blank"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """A campaign or a worklist, and the laboratory it runs in.

    Attributes:
        campaign: None for a worklist.
        worklist: None for a campaign.
    """

    lab: LabConfig
    stocks: StockTable
    campaign: CampaignFile | None = None
    worklist: Worklist | None = None

    @classmethod
    def load(cls, run_dir: RunDir) -> "Preparation":
        """Read what a run directory holds.

        Raises:
            InvalidConfig: A file is missing or wrong.
        """
        lab = load_lab_config(run_dir.lab)
        stocks = load_stocks(run_dir.stocks)
        stocks.check_deck(lab)
        if run_dir.worklist.exists():
            worklist = load_worklist(run_dir.worklist, lab=lab)
            return cls(lab=lab, stocks=stocks, worklist=executable(worklist, lab))
        if run_dir.campaign.exists():
            campaign = load_campaign(run_dir.campaign)
            return cls(lab=lab, stocks=stocks, campaign=campaign)
        msg = (
            f"{run_dir.path}: holds neither campaign.yaml nor worklist.json; start "
            "runs with `hp-lab campaign run` or `hp-lab worklist run`"
        )
        raise InvalidConfig(msg)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The campaign's objectives; none for a worklist."""
        return self.campaign.objectives if self.campaign is not None else ()

    @property
    def space_json(self) -> str:
        """The search space, for the planner's node."""
        return self.campaign.space.model_dump_json() if self.campaign else "{}"

    @property
    def objectives_json(self) -> str:
        """The objectives, for the planner's node."""
        return json.dumps([o.model_dump(mode="json") for o in self.objectives])

    @property
    def planner_json(self) -> str:
        """The planner's settings, for its node."""
        return self.campaign.planner.model_dump_json() if self.campaign else "{}"

    def first_events(self) -> list[Event]:
        """Return the events with which the journal begins."""
        wells = [
            f"{name}/{well}"
            for name, labware in self.lab.pipettor.labware.items()
            if labware.kind == "wells"
            for well in labware.wells()
        ]
        filled = self.stocks.volumes_ul()
        racks = {
            name: len(labware.wells())
            for name, labware in self.lab.pipettor.labware.items()
            if labware.kind == "tips"
        }
        campaign, worklist = self.campaign, self.worklist
        recipes = worklist.recipes if worklist is not None else ()
        slots = list(self.stocks.slots) or [
            f"{grid}/{slot}"
            for grid, positions in self.lab.gantry.grids.items()
            for slot in positions.positions()
        ]
        started = CampaignStarted(
            name=campaign.name if campaign else "worklist",
            seed=campaign.seed if campaign else 0,
            films=campaign.budget.films if campaign else len(recipes),
            parallel=campaign.budget.parallel if campaign else max(1, len(recipes)),
            worklist=worklist is not None,
            volumes_ul=filled,
            tip_racks=racks,
            # The last substrates are blanks, whose transmission is the reference.
            slots=slots,
            mix_wells=[w for w in wells if w.startswith("mix/") and w not in filled],
        )
        samples = [
            SampleCreated(
                sample_id=recipe.sample_id,
                candidate_id=recipe.candidate_id,
                slot=recipe.slot,
                mix_well="",
                recipe=recipe_data(recipe),
            )
            for recipe in recipes
        ]
        return [started, *samples]

    def blank(self, state: CampaignState) -> SampleCreated:
        """Return a bare substrate whose transmission is to be the reference.

        Raises:
            InventoryError: No substrate is left.
        """
        number = 1 + sum(s.startswith(_BLANK) for s in state.samples)
        sample_id = f"{_BLANK}{number}"
        slot = self._slot(reversed(state.slots))
        recipe = Recipe(
            sample_id=sample_id,
            candidate_id="",
            substrate=self.stocks.slots.get(slot, "glass"),
            slot=slot,
            steps=(Measure(mode="reference", averages=4),),
        )
        return SampleCreated(
            sample_id=sample_id,
            candidate_id="",
            slot=slot,
            mix_well="",
            recipe=recipe_data(recipe),
            counts=False,
        )

    def sample(
        self, state: CampaignState, candidate_id: str
    ) -> SampleCreated | CandidateUnreachable:
        """Return the sample of a candidate, or why there cannot be one.

        Raises:
            InventoryError: No substrate or no well for the mix is left.
            InvalidConfig: There is no campaign.
        """
        if self.campaign is None:
            msg = f"candidate {candidate_id}: a worklist has none"
            raise InvalidConfig(msg)
        slot = self._slot(state.slots)
        mix_well = _first(state.mix_wells, "free well for mixing")
        number = 1 + sum(s.counts for s in state.samples.values())
        sample_id = f"s{number:03d}"
        try:
            recipe = compile_recipe(
                candidate_from_data(state.candidates[candidate_id]),
                sample_id=sample_id,
                slot=slot,
                mix_well=mix_well,
                lab=self.lab,
                stocks=self.stocks,
                process=self.campaign.process,
                available_ul=state.volumes_ul,
            )
        except InvalidInput as error:
            # The planner learns what cannot be made.
            return CandidateUnreachable(candidate_id=candidate_id, reason=str(error))
        return SampleCreated(
            sample_id=sample_id,
            candidate_id=candidate_id,
            slot=slot,
            mix_well=mix_well,
            recipe=recipe_data(recipe),
        )

    def _slot(self, slots: Iterable[str]) -> str:
        """Return the first slot that holds what the campaign's films are made on."""
        if self.campaign is None:
            return _first(slots, "substrate in the tray")
        wanted, known = self.campaign.process.substrate, self.stocks.slots
        return _first(
            (slot for slot in slots if known.get(slot, wanted) == wanted),
            f"{wanted} substrate in the tray",
        )

    def plan(self, state: CampaignState, now_s: float) -> TasksPlanned:
        """Return the schedule of everything that has not started."""
        return plan_tasks(state, self.lab, now_s)

    def analyse(
        self, state: CampaignState, sample_id: str, readings: Readings
    ) -> FilmAnalysed:
        """Return what a film's raw readings say."""
        sample = state.samples[sample_id]
        spectra = [stored.spectrum for stored in readings.spectra(sample.sample_id)]
        taken_s = min((s.taken_s for s in spectra), default=0.0)
        age_s = taken_s - sample.annealed_s if sample.annealed_s is not None else 0.0
        result = analyze_film(
            spectra,
            sample_id=sample.sample_id,
            candidate_id=sample.candidate_id,
            film_age_s=max(0.0, age_s),
            context=_context(state, sample),
        )
        return FilmAnalysed(
            sample_id=sample.sample_id,
            observations=[observation_data(o) for o in result.observations],
            rejected=[
                RejectedData(quantity=r.quantity, reason=r.reason)
                for r in result.rejected
            ],
        )


def _context(state: CampaignState, sample: Sample) -> FilmContext | None:
    """Return what is known of a film before it is measured."""
    candidate = state.candidates.get(sample.candidate_id)
    if candidate is None:
        return None
    composition = composition_from_settings(candidate.settings)
    return FilmContext(
        spacer=composition.spacer,
        n=composition.n,
        a_site=composition.a_site,
        halides=composition.x_site,
    )


def _first(items: Iterable[str], what: str) -> str:
    for item in items:
        return item
    msg = f"no {what} is left; restock the laboratory and start a new campaign"
    raise InventoryError(msg)
