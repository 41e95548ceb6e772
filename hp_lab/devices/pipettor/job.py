"""What a job makes the robot do: tips, strokes and drops, written in the ledger."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hp_lab import lab_config
from hp_lab.clock import Clock, Signal
from hp_lab.devices.pipettor.deck import Deck
from hp_lab.devices.pipettor.ledger import Ledger
from hp_lab.devices.pipettor.plan import PlannedDrop, PlannedTransfer
from hp_lab.devices.pipettor.protocol import Mount, OnStep
from hp_lab.devices.pipettor.robot_server import Json, RobotServer
from hp_lab.errors import Aborted, AmbiguousOutcome, DeviceFault

# A drop that would fall later than this makes another film than the recipe's.
LATE_S = 0.25
# Clearance of the tip's end above a chuck, and above the floor of a well.
DROP_HEIGHT_MM = 10.0
FLOOR_MM = 1.0
# Below the rim of a well, above its liquid: the tip stays clean for the next stroke.
RIM_MM = -2.0
TRASH = "fixedTrash"
# Motion that goes with every stroke; only how long to wait before asking depends on it.
MOTION_S = 1.75
TIP_S = 3.75
_AT_FLOOR: Json = {
    "wellLocation": {"origin": "bottom", "offset": {"x": 0, "y": 0, "z": FLOOR_MM}}
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of the robot that is ready for jobs, and the robot's names in it."""

    run_id: str
    pipettes: Mapping[Mount, str]
    labware: Mapping[str, str]


class Job:
    """The motions of one job.

    Args:
        server: The robot.
        run: Its run.
        pipettes: The pipette on each mount.
        deck: What stands where.
        ledger: Written as things happen.
        clock: The clock that drops are timed by.
        latency_s: From sending a command until its liquid moves.
        stop: Ends the job before the next motion.
    """

    def __init__(
        self,
        server: RobotServer,
        run: Run,
        pipettes: Mapping[Mount, lab_config.Pipette],
        deck: Deck,
        ledger: Ledger,
        *,
        clock: Clock,
        latency_s: float,
        stop: Signal,
    ) -> None:
        self._server = server
        self._run = run
        self._pipettes = pipettes
        self._deck = deck
        self._ledger = ledger
        self._clock = clock
        self._latency_s = latency_s
        self._stop = stop

    def transfer(self, planned: PlannedTransfer, on_step: OnStep) -> None:
        """Carry out one step, with its mixing."""
        step, mount, rate_ul_s = planned.step, planned.mount, planned.rate_ul_s
        if planned.new_tip:
            self.take_tip(mount)
        moved_ul = 0.0
        for volume_ul in planned.portions_ul:
            self._aspirate(mount, step.source, volume_ul, rate_ul_s)
            self._dispense(mount, step.target, volume_ul, rate_ul_s, touch=False)
            moved_ul += volume_ul
            on_step(planned.index, moved_ul)
        for _ in range(step.mix_repetitions):
            self._aspirate(mount, step.target, step.mix_volume_ul, rate_ul_s)
            self._dispense(
                mount, step.target, step.mix_volume_ul, rate_ul_s, touch=True
            )

    def load(self, planned: PlannedDrop) -> None:
        """Take a drop up into a new tip on its mount."""
        self.take_tip(planned.mount)
        drop = planned.drop
        self._aspirate(planned.mount, drop.source, drop.volume_ul, planned.rate_ul_s)

    def hover(self, mount: Mount, target: str) -> None:
        """Bring a mount's tip over the place on which it is to drop."""
        self._do("moveToWell", mount, {**self._place(target), **self._above(target)})

    def drop(self, planned: PlannedDrop, target: str, due_s: float) -> float:
        """Drop at due_s and return when the liquid started to move.

        Raises:
            Aborted: The job was stopped before; nothing drops.
            DeviceFault: It is too late for this drop; nothing drops.
        """
        drop, mount = planned.drop, planned.mount
        send_s = due_s - self._latency_s
        if self._stop.wait(send_s - self._clock.now_s()) or self._stop.is_set():
            msg = f"pipettor: stopped before the drop at {drop.offset_s:+g} s"
            raise Aborted(msg)
        sent_s = self._clock.now_s()
        if sent_s - send_s > LATE_S:
            msg = (
                f"pipettor: the drop at {drop.offset_s:+g} s would fall "
                f"{sent_s - send_s:.2f} s late (limit {LATE_S:g} s), so it was not "
                "made; put the drops further apart"
            )
            raise DeviceFault(msg)
        self._stroke(
            "dispenseInPlace",
            mount,
            {},
            drop.volume_ul,
            planned.rate_ul_s,
            lambda: self._ledger.add(target, drop.volume_ul),
        )
        return sent_s + self._latency_s

    def take_tip(self, mount: Mount) -> None:
        """Put a new tip on a mount; one that is on goes to the trash first."""
        if mount in self._ledger.mounted:
            self._discard(mount, "dropTipInPlace")
        # Written before it is taken: a tip of unknown state counts as used.
        tip = self._ledger.mount_tip(mount, self._pipettes[mount])
        rack, _, well = tip.partition("/")
        try:
            self._do(
                "pickUpTip",
                mount,
                {"labwareId": self._run.labware[rack], "wellName": well},
                expected_s=TIP_S,
            )
        except DeviceFault:
            self._ledger.discard_tip(mount)
            raise

    def discard_tips(self) -> None:
        """Throw every mounted tip away, with what is in it."""
        for mount in self._run.pipettes:
            if mount in self._ledger.mounted:
                self._discard(mount, "dropTipInPlace")

    def clear_mounts(self) -> None:
        """Throw away whatever is on the mounts, known to this run or not."""
        for mount in self._run.pipettes:
            self._discard(mount, "unsafe/dropTipInPlace")

    def _discard(self, mount: Mount, command: str) -> None:
        self._do(
            "moveToAddressableAreaForDropTip",
            mount,
            {"addressableAreaName": TRASH, "offset": {"x": 0, "y": 0, "z": 0}},
        )
        # When the answer is lost the tip stays in the account, and the next job drops
        # it again: over the trash that does no harm.
        self._do(command, mount, {})
        self._ledger.discard_tip(mount)

    def _aspirate(
        self, mount: Mount, well: str, volume_ul: float, rate_ul_s: float
    ) -> None:
        self._stroke(
            "aspirate",
            mount,
            {**self._place(well), **_AT_FLOOR},
            volume_ul,
            rate_ul_s,
            lambda: self._ledger.remove(well, volume_ul),
        )

    def _dispense(
        self,
        mount: Mount,
        well: str,
        volume_ul: float,
        rate_ul_s: float,
        *,
        touch: bool,
    ) -> None:
        where = _AT_FLOOR if touch else self._above(well)
        self._stroke(
            "dispense",
            mount,
            {**self._place(well), **where},
            volume_ul,
            rate_ul_s,
            lambda: self._ledger.add(well, volume_ul),
        )

    def _stroke(
        self,
        command: str,
        mount: Mount,
        where: Json,
        volume_ul: float,
        rate_ul_s: float,
        write: Callable[[], None],
    ) -> None:
        """Move the plunger, and write what moved; an unknown outcome counts as done."""
        try:
            self._do(
                command,
                mount,
                {**where, "volume": volume_ul, "flowRate": rate_ul_s},
                expected_s=MOTION_S + volume_ul / rate_ul_s,
            )
        except AmbiguousOutcome:
            write()
            raise
        write()

    def _place(self, well: str) -> Json:
        name, _, item = well.partition("/")
        return {"labwareId": self._run.labware[name], "wellName": item}

    def _above(self, well: str) -> Json:
        height_mm = DROP_HEIGHT_MM if self._deck.is_chuck(well) else RIM_MM
        offset = {"x": 0, "y": 0, "z": height_mm}
        return {"wellLocation": {"origin": "top", "offset": offset}}

    def _do(
        self,
        command: str,
        mount: Mount,
        parameters: Json,
        *,
        expected_s: float = MOTION_S,
    ) -> Json:
        return self._server.execute(
            self._run.run_id,
            command,
            {"pipetteId": self._run.pipettes[mount], **parameters},
            stop=self._stop,
            expected_s=expected_s,
        )
