"""The Opentrons OT-2 as the laboratory's pipetting robot."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from hp_lab import lab_config
from hp_lab.clock import Clock, Signal
from hp_lab.devices.armed import FireGate
from hp_lab.devices.pipettor.deck import NAMESPACE, VERSION, Deck, load_name
from hp_lab.devices.pipettor.job import Job, Run
from hp_lab.devices.pipettor.ledger import Ledger
from hp_lab.devices.pipettor.plan import PlannedDrop, plan_drops, plan_transfers
from hp_lab.devices.pipettor.protocol import (
    CHUCK,
    DeckState,
    DropResult,
    Mount,
    OnStep,
    TransferResult,
)
from hp_lab.devices.pipettor.robot_server import RobotServer
from hp_lab.errors import (
    Aborted,
    DeviceError,
    DeviceFault,
    NotFired,
)
from hp_lab.recipes.steps import Drop, Transfer

_LOG = logging.getLogger(__name__)

# Time from sending a command until its liquid moves, before it has been measured.
USUAL_LATENCY_S = 0.05
LATENCY_SAMPLES = 3
# How much earlier than it must act the robot wants to know its zero of time.
LEAD_MARGIN_S = 0.1


class OpentronsPipettor:
    """An OT-2 that moves liquids on its deck and drops them on the chuck on time.

    Args:
        address: HOST:PORT of its robot-server, or inproc://NAME.
        clock: The clock of this device.
        config: The robot and its labware.

    Raises:
        InvalidConfig: The labware cannot stand like that.
    """

    def __init__(self, address: str, clock: Clock, config: lab_config.Pipettor) -> None:
        self._clock = clock
        self._config = config
        self._server = RobotServer(address, clock)
        self._deck = Deck(config)
        self._ledger = Ledger(self._deck, DeckState())
        self._run: Run | None = None
        self._latency_s = USUAL_LATENCY_S
        self._made_safe = False

    def connect(self) -> None:
        """Check that the robot answers and has the pipettes it should.

        Raises:
            DeviceLost: It does not answer.
            DeviceFault: A pipette is missing or another one.
        """
        self._server.open()
        self._server.health()
        attached = self._server.pipettes()
        for mount, pipette in self._config.mounts.items():
            found = attached.get(mount)
            name = found.get("name") if isinstance(found, Mapping) else None
            if name != pipette.name:
                msg = (
                    f"pipettor: the {mount} mount has {name or 'no pipette'}, but "
                    f"pipettor.mounts.{mount} says {pipette.name}; attach it or "
                    "correct the file"
                )
                raise DeviceFault(msg)

    def close(self) -> None:
        """End the connection; nothing moves."""
        self._run = None
        self._server.close()

    def load_deck(self, state: DeckState) -> None:
        """State what the deck holds; this replaces the driver's own account.

        Tips that the driver knows on its mounts stay there until it has thrown them
        away, whatever the state says: they are in the way.

        Raises:
            InvalidInput: A name is unknown, or a number cannot be.
        """
        mounted = {**self._ledger.mounted, **state.mounted}
        self._ledger = Ledger(self._deck, replace(state, mounted=mounted))

    def deck(self) -> DeckState:
        """Return what the deck holds now."""
        return self._ledger.snapshot()

    def tips_left(self) -> int:
        """Return the number of unused tips on the deck."""
        return self._ledger.tips_left()

    def transfer(
        self,
        steps: Sequence[Transfer],
        *,
        stop: Signal,
        on_step: OnStep | None = None,
    ) -> TransferResult:
        """Move liquids, one step after the other; see the protocol for errors."""
        plan = plan_transfers(steps, self._config, self._deck, self._ledger)
        with self._job(stop) as job:
            for planned in plan:
                job.transfer(planned, on_step or _ignore_step)
            job.discard_tips()
        return TransferResult(moved_ul=tuple(step.volume_ul for step in steps))

    def needed_lead_s(self, drops: Sequence[Drop]) -> float:
        """Return how long before its zero of time a drop job must be fired."""
        earliest_s = min((drop.offset_s for drop in drops), default=0.0)
        return max(0.0, -earliest_s) + self._latency_s + LEAD_MARGIN_S

    def drop(
        self,
        drops: Sequence[Drop],
        target: str = CHUCK,
        *,
        gate: FireGate,
        stop: Signal,
        on_armed: Callable[[], None],
        arm_timeout_s: float,
        on_step: OnStep | None = None,
    ) -> DropResult:
        """Drop liquids on the target on time; see the protocol for errors."""
        plan = plan_drops(drops, target, self._config, self._deck, self._ledger)
        times_s = [0.0] * len(plan)
        with self._job(stop) as job:
            for planned in plan:
                job.load(planned)
            job.hover(plan[0].mount, target)
            on_armed()
            try:
                zero_s = self._fired_s(gate, stop, arm_timeout_s)
                self._refuse_past(plan[0], zero_s)
            except NotFired:
                job.discard_tips()
                raise
            for planned in plan:
                if planned is not plan[0]:
                    job.hover(planned.mount, target)
                due_s = zero_s + planned.drop.offset_s
                times_s[planned.index] = job.drop(planned, target, due_s)
                (on_step or _ignore_step)(planned.index, planned.drop.volume_ul)
            job.discard_tips()
        return DropResult(
            drop_times_s=tuple(times_s),
            moved_ul=tuple(drop.volume_ul for drop in drops),
        )

    def make_safe(self) -> None:
        """Stop whatever the robot does; the next job starts by homing.

        Raises:
            DeviceLost: The robot does not answer.
        """
        self._made_safe = True
        self._run = None
        self._server.stop_current()

    def _fired_s(self, gate: FireGate, stop: Signal, timeout_s: float) -> float:
        """Wait at the gate, and look at the stop signal every second."""
        given_up_s = self._clock.now_s() + timeout_s
        while (left_s := given_up_s - self._clock.now_s()) > 0:
            zero_s = gate.poll(min(1.0, left_s))
            if zero_s is not None:
                return zero_s
            if stop.is_set():
                gate.abort()
        return gate.close(timeout_s)

    def _refuse_past(self, first: PlannedDrop, zero_s: float) -> None:
        late_s = self._clock.now_s() - (zero_s + first.drop.offset_s - self._latency_s)
        if late_s > 0:
            msg = (
                f"pipettor: fired {late_s:.3f} s too late for the drop at "
                f"{first.drop.offset_s:+g} s; fire at least "
                f"{self.needed_lead_s([first.drop]):.2f} s before the zero of time"
            )
            raise NotFired(msg)

    @contextmanager
    def _job(self, stop: Signal) -> Iterator[Job]:
        self._made_safe = False
        try:
            run = self._prepared(stop)
            yield self._motions(run, stop)
        except NotFired:
            raise
        except Aborted:
            self._halt()
            raise
        except DeviceError as error:
            # What the robot's run thinks of tips and positions no longer holds.
            self._run = None
            if self._made_safe and isinstance(error, DeviceFault):
                msg = "pipettor: stopped while the job ran"
                raise Aborted(msg) from error
            raise

    def _motions(self, run: Run, stop: Signal) -> Job:
        return Job(
            self._server,
            run,
            self._config.mounts,
            self._deck,
            self._ledger,
            clock=self._clock,
            latency_s=self._latency_s,
            stop=stop,
        )

    def _halt(self) -> None:
        self._run = None
        try:
            self._server.stop_current()
        except DeviceError as error:
            # The abort is what the caller has to hear of.
            _LOG.error("pipettor: may still move: %s", error)

    def _prepared(self, stop: Signal) -> Run:
        """Return a run with everything loaded; a new one starts by homing."""
        server = self._server
        if self._run is not None and server.is_ready(self._run.run_id):
            return self._run
        run_id = server.create_run()
        pipettes: dict[Mount, str] = {}
        for mount, pipette in self._config.mounts.items():
            result = server.execute(
                run_id,
                "loadPipette",
                {"pipetteName": pipette.name, "mount": mount},
                stop=stop,
            )
            pipettes[mount] = str(result.get("pipetteId"))
        labware: dict[str, str] = {}
        for name, config in self._config.labware.items():
            server.define_labware(run_id, self._deck.definition(name))
            result = server.execute(
                run_id,
                "loadLabware",
                {
                    "location": {"slotName": str(config.slot)},
                    "loadName": load_name(config),
                    "namespace": NAMESPACE,
                    "version": VERSION,
                    "displayName": name,
                },
                stop=stop,
            )
            labware[name] = str(result.get("labwareId"))
        run = Run(run_id=run_id, pipettes=pipettes, labware=labware)
        server.execute(run_id, "home", {}, stop=stop, expected_s=8.0)
        # The robot cannot feel a tip that an earlier run, or program, left on.
        self._motions(run, stop).clear_mounts()
        self._latency_s = self._measured_latency_s(run_id, stop)
        self._run = run
        return run

    def _measured_latency_s(self, run_id: str, stop: Signal) -> float:
        """Return how long the robot takes to start a command, at best.

        A comment does nothing, so the time it takes is that of the way there and of the
        robot's queue.
        """
        samples_s = []
        for _ in range(LATENCY_SAMPLES):
            start_s = self._clock.now_s()
            self._server.execute(run_id, "comment", {"message": "latency"}, stop=stop)
            samples_s.append(self._clock.now_s() - start_s)
        return min(samples_s)


def _ignore_step(index: int, moved_ul: float) -> None:
    del index, moved_ul
