"""Whatever fails and whenever the program stops, no film is lost."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.errors import ErrorCode
from hp_lab.orchestration import commands as cmd
from hp_lab.orchestration import events as ev
from hp_lab.orchestration.fold import apply
from hp_lab.orchestration.recipe_data import recipe_data, recipe_from
from hp_lab.orchestration.state import UNKNOWN, CampaignState
from hp_lab.orchestration.step import decide
from hp_lab.recipes.steps import (
    Anneal,
    AnnealSegment,
    Drop,
    Measure,
    Mix,
    Recipe,
    SpinCoat,
    SpinStep,
    Transfer,
)

STATIONS = {
    "mix": ("pipettor",),
    "move": ("gantry",),
    "spin_coat": ("pipettor", "spin_coater"),
    "anneal": ("hotplate",),
    "measure": ("spectrometer",),
}
FILM = [
    ("mix", 0, ""),
    ("move", -1, "spin_chuck"),
    ("spin_coat", 1, "spin_chuck"),
    ("move", -1, "hotplate/1"),
    ("anneal", 2, "hotplate/1"),
    ("move", -1, "stage"),
    ("measure", 3, "stage"),
    ("move", -1, "slot"),
]
BLANK = [("move", -1, "stage"), ("measure", 0, "stage"), ("move", -1, "slot")]
CODES = [
    ErrorCode.BUSY,
    ErrorCode.DEVICE_LOST,
    ErrorCode.DEVICE_FAULT,
    ErrorCode.AMBIGUOUS,
    ErrorCode.INTERLOCK,
]


def recipe(sample_id: str, slot: str, *, blank: bool = False) -> Recipe:
    steps = (
        Mix(
            transfers=(Transfer(source="stocks/A1", target="mix/A1", volume_ul=100.0),)
        ),
        SpinCoat(
            steps=(SpinStep(speed_rpm=4e3, acceleration_rpm_s=1e3, duration_s=30.0),),
            drops=(Drop(source="mix/A1", volume_ul=50.0, offset_s=-2.0),),
        ),
        Anneal(profile=(AnnealSegment(temperature_c=100.0, hold_s=600.0),)),
        Measure(mode="absorbance"),
    )
    return Recipe(
        sample_id=sample_id,
        candidate_id="",
        substrate="glass",
        slot=slot,
        steps=(Measure(mode="reference"),) if blank else steps,
    )


@dataclass
class Lab:
    """Carries commands out on paper: sequential plans, outcomes drawn from a list."""

    outcomes: list[ErrorCode]
    stops: set[int]
    state: CampaignState = field(default_factory=CampaignState)
    log: list[ev.Event] = field(default_factory=list)
    running: list[tuple[float, str]] = field(default_factory=list)
    now_s: float = 0.0
    spins: dict[str, int] = field(default_factory=dict)
    candidates: int = 0
    plan_s: float = 0.0

    def record(self, event: ev.Event) -> None:
        # Through plain data, as the journal does it.
        again = ev.event_from(event.kind, ev.event_data(event))
        assert again == event
        self.log.append(event)
        self.state = apply(self.state, event, self.now_s)
        if len(self.log) in self.stops:
            self.running.clear()
            self.record(ev.Restarted())

    def run(self, films: int) -> CampaignState:
        self.record(
            ev.CampaignStarted(
                name="laws",
                seed=1,
                films=films,
                parallel=2,
                worklist=False,
                volumes_ul={"stocks/A1": 1e6},
                tip_racks={"tips_1": 10_000},
                slots=[f"tray/A{i}" for i in range(1, 400)],
                mix_wells=[f"mix/A{i}" for i in range(1, 400)],
            )
        )
        for _ in range(20_000):
            if self.state.status in {"done", "failed", "cancelled"}:
                return self.state
            found = decide(self.state, self.now_s)
            due = [c for c in found if not isinstance(c, cmd.WakeAt)]
            if due:
                self.do(due[0])
            elif self.running:
                self.finish_one()
            elif self.state.status == "paused":
                self.record(ev.Resumed())
            elif self.state.question is not None:
                self.record(
                    ev.QuestionAnswered(
                        question_id=self.state.question.question_id,
                        answer="quarantine",
                    )
                )
            elif found:
                self.now_s = found[0].when_s
            else:
                msg = f"stuck at {self.now_s} s, {len(self.log)} events"
                raise AssertionError(msg)
        raise AssertionError("does not end")

    def do(self, command: cmd.Command) -> None:
        match command:
            case cmd.RequestProposals():
                self.record(ev.ProposalsRequested(count=command.count, seed=1))
                made = []
                for _ in range(command.count):
                    self.candidates += 1
                    made.append(
                        ev.CandidateData(
                            candidate_id=f"c{self.candidates}", settings={"n": 2.0}
                        )
                    )
                self.record(ev.CandidatesProposed(candidates=made))
            case cmd.MakeSample() | cmd.MakeBlank():
                blank = isinstance(command, cmd.MakeBlank)
                number = len(self.state.samples)
                slot = self.state.slots[0]
                sample_id = f"{'b' if blank else 's'}{number}"
                self.record(
                    ev.SampleCreated(
                        sample_id=sample_id,
                        candidate_id="" if blank else command.candidate_id,
                        slot=slot,
                        mix_well="",
                        recipe=recipe_data(recipe(sample_id, slot, blank=blank)),
                        counts=not blank,
                    )
                )
            case cmd.PlanTasks():
                self.record(self.plan())
            case cmd.StartTask():
                task = self.state.tasks[command.task_id]
                taken = set(task.data.stations)
                for _, other in self.running:
                    assert not taken & set(self.state.tasks[other].data.stations)
                if task.data.action == "spin_coat":
                    sample = task.data.sample_id
                    self.spins[sample] = self.spins.get(sample, 0) + 1
                self.record(
                    ev.TaskStarted(
                        task_id=command.task_id,
                        sample_id=task.data.sample_id,
                        attempt=task.attempt + 1,
                    )
                )
                if self.state.tasks[command.task_id].status == "running":
                    self.running.append((self.now_s + 10.0, command.task_id))
            case cmd.AnalyseFilm():
                self.record(
                    ev.FilmAnalysed(sample_id=command.sample_id, observations=[])
                )
            case cmd.EndSample():
                self.record(
                    ev.SampleEnded(
                        sample_id=command.sample_id,
                        status=command.status,
                        reason=command.reason,
                        remake=command.remake,
                    )
                )
            case cmd.AskPerson():
                self.record(
                    ev.QuestionAsked(
                        question_id=f"q{len(self.log)}",
                        task_id=command.task_id,
                        text=command.text,
                    )
                )
            case cmd.EndCampaign():
                self.record(ev.CampaignEnded(status=command.status))

    def plan(self) -> ev.TasksPlanned:
        # One film after the other, those on a station first.
        planned: list[ev.TaskData] = []
        self.plan_s = self.now_s
        for sample in sorted(
            self.state.active(), key=lambda s: (s.location == s.slot, s.sample_id)
        ):
            if sample.failure:
                if sample.location not in {sample.slot, UNKNOWN}:
                    planned.append(self.task(sample, "clear", "move", -1, sample.slot))
                continue
            chain = FILM if sample.counts else BLANK
            for number, (action, step, target) in enumerate(chain):
                task_id = f"{sample.sample_id}.{number}"
                done = self.state.tasks.get(task_id)
                if done is not None and done.status != "planned":
                    continue
                place = sample.slot if target == "slot" else target
                planned.append(self.task(sample, str(number), action, step, place))
        return ev.TasksPlanned(tasks=planned)

    def task(self, sample, suffix, action, step, target) -> ev.TaskData:
        start_s, self.plan_s = self.plan_s, self.plan_s + 10.0
        return ev.TaskData(
            task_id=f"{sample.sample_id}.{suffix}",
            sample_id=sample.sample_id,
            action=action,
            step=step,
            target=target,
            stations=STATIONS[action],
            planned_start_s=start_s,
            planned_end_s=self.plan_s,
        )

    def finish_one(self) -> None:
        self.running.sort()
        at_s, task_id = self.running.pop(0)
        self.now_s = max(self.now_s, at_s)
        task = self.state.tasks[task_id]
        code = self.outcomes.pop() if self.outcomes else ErrorCode.OK
        location = ""
        if task.data.action == "move" and code == ErrorCode.OK:
            location = task.data.target
            others = [
                s.location
                for s in self.state.samples.values()
                if s.sample_id != task.data.sample_id
            ]
            assert location not in others, "two films in one place"
        self.record(
            ev.TaskEnded(
                task_id=task_id,
                sample_id=task.data.sample_id,
                error_code=int(code),
                message="" if code == ErrorCode.OK else "drawn",
                location=location,
                readings=[1] if task.data.action == "measure" else [],
            )
        )


FAILURES = st.lists(
    st.sampled_from([ErrorCode.OK] * 12 + CODES), min_size=0, max_size=60
)


@given(outcomes=FAILURES, stops=st.sets(st.integers(2, 300), max_size=4))
@settings(max_examples=60, deadline=None)
@pytest.mark.slow
def test_every_film_is_accounted_for_whatever_happens(outcomes, stops) -> None:
    lab = Lab(list(outcomes), set(stops))
    state = lab.run(films=5)
    assert state.status == "done"
    assert state.films_done + state.films_failed == 5
    assert all(sample.status != "active" for sample in state.samples.values())
    for sample in state.samples.values():
        assert sample.status == "quarantined" or sample.location == sample.slot


@given(outcomes=FAILURES, stops=st.sets(st.integers(2, 300), max_size=4))
@settings(max_examples=30, deadline=None)
@pytest.mark.slow
def test_a_journal_replays_to_the_same_state(outcomes, stops) -> None:
    lab = Lab(list(outcomes), set(stops))
    lab.run(films=3)
    state = CampaignState()
    for event in lab.log:
        state = apply(state, event, 0.0)
    assert state == replay_at(lab)


def replay_at(lab: Lab) -> CampaignState:
    state = CampaignState()
    for event in lab.log:
        state = apply(state, ev.event_from(event.kind, ev.event_data(event)), 0.0)
    return state


@given(codes=st.lists(st.sampled_from([ErrorCode.AMBIGUOUS, ErrorCode.DEVICE_LOST])))
@settings(max_examples=20, deadline=None)
@pytest.mark.slow
def test_a_spin_that_may_have_happened_is_never_repeated(codes) -> None:
    lab = Lab([ErrorCode.OK, *codes] * 3, set())
    lab.run(films=4)
    assert all(count == 1 for count in lab.spins.values())


def test_recipes_survive_the_journal() -> None:
    made = recipe("s1", "tray/A1")
    assert recipe_from(recipe_data(made)) == made


def stop_at_the_pause(lab: Lab):
    def record(event: ev.Event) -> None:
        if isinstance(event, ev.Resumed):
            raise StopIteration
        Lab.record(lab, event)

    return record


def test_an_emergency_stop_pauses_the_campaign() -> None:
    lab = Lab([], set())
    lab.outcomes = [ErrorCode.EMERGENCY_STOP]
    lab.record = stop_at_the_pause(lab)
    with pytest.raises(StopIteration):
        lab.run(films=2)
    assert lab.state.status == "paused"
    del lab.record
    lab.record(ev.Resumed())
    resumed = Lab(
        [], set(), state=lab.state, log=lab.log, running=lab.running, now_s=lab.now_s
    )
    resumed.candidates = lab.candidates
    while resumed.state.status == "running":
        found = [
            c
            for c in decide(resumed.state, resumed.now_s)
            if not isinstance(c, cmd.WakeAt)
        ]
        if found:
            resumed.do(found[0])
        else:
            resumed.finish_one()
    assert resumed.state.status == "done"
    assert resumed.state.films_done == 2


def test_unreachable_candidates_end_a_campaign_that_can_make_nothing() -> None:
    state = replace(CampaignState(), status="running", needs_blank=False, films=2)
    state = replace(state, asked=21, unreachable={"c1": "no lead"})
    assert decide(state, 0.0) == [
        cmd.EndCampaign(
            status="failed",
            message="1 of 21 proposals cannot be made from the stocks; check "
            "stocks.yaml against the campaign's space",
        )
    ]


def test_film_age_counts_from_the_last_anneal_before_the_first_reading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As worklists do it that measure a film and then make a device of it.
    again = [("move", -1, "hotplate/1"), ("anneal", 2, "hotplate/1")]
    monkeypatch.setitem(globals(), "FILM", [*FILM[:-1], *again, FILM[-1]])
    state = Lab([], set()).run(films=1)
    film = next(s for s in state.samples.values() if s.counts)
    anneals = [
        state.tasks[name].ended_s
        for name in film.tasks
        if state.tasks[name].data.action == "anneal"
    ]
    assert len(anneals) == 2
    assert film.annealed_s == anneals[0]


def test_what_the_planner_said_last_is_kept():
    state = CampaignState()
    for notes in (["q: fitted cold"], ["outlier: c0004", "q: none holds"], []):
        state = apply(state, ev.CandidatesProposed(candidates=[], notes=notes), 1.0)
        assert state.planner_notes == tuple(notes)
