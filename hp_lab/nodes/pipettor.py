"""The pipetting robot's node: liquid transfers, and drops that fall on time."""

from typing import Any

from hp_lab_interfaces.action import TransferLiquids
from hp_lab_interfaces.msg import DeckState as DeckStateMsg
from hp_lab_interfaces.msg import TransferStep as TransferStepMsg

from hp_lab.devices.pipettor.driver import OpentronsPipettor
from hp_lab.devices.pipettor.protocol import DeckState
from hp_lab.errors import InvalidInput
from hp_lab.lab_config import LabConfig
from hp_lab.nodes.device_node import LATCHED, DeviceNode
from hp_lab.nodes.job import Job
from hp_lab.nodes.process import run_node
from hp_lab.nodes.runtime import LabRuntime, time_msg
from hp_lab.recipes.steps import Drop, Transfer


class PipettorNode(DeviceNode):
    """Serves ~/transfer, publishes ~/deck."""

    action_type = TransferLiquids
    action_name = "transfer"
    arms = True

    def __init__(self, name: str, runtime: LabRuntime, **node_options: Any) -> None:
        super().__init__(name, runtime, **node_options)
        self.declare_address("address", "HOST:PORT of the robot")
        self._deck_pub = self.create_publisher(DeckStateMsg, "~/deck", LATCHED)

    def make_driver(self, lab: LabConfig) -> OpentronsPipettor:
        """Return the driver."""
        config = lab.pipettor
        address = self.address("address", config.address)
        self._pipettor = OpentronsPipettor(address, self.clock, config)
        return self._pipettor

    def work(self, job: Job, result: TransferLiquids.Result) -> None:
        """Move liquids, or load drops, wait to be fired, and drop them."""
        goal = job.goal
        timed = [step for step in goal.steps if step.timed]
        if goal.arm and len(timed) != len(goal.steps):
            msg = (
                f"{self.get_name()}: an armed goal has timed drops only; "
                "send the transfers before as a goal of their own"
            )
            raise InvalidInput(msg)
        if timed and not goal.arm:
            msg = f"{self.get_name()}: timed drops need arm; nobody could fire them"
            raise InvalidInput(msg)
        if goal.deck.wells or goal.deck.racks:
            # The journal owns the inventory; the driver's account is rebuilt from it.
            self._pipettor.load_deck(_deck_state(goal.deck))
        moved = [0.0] * len(goal.steps)

        def on_step(index: int, volume_ul: float) -> None:
            moved[index] = volume_ul
            phase = "dropping" if goal.arm else "moving"
            job.feedback(TransferLiquids.Feedback(phase=phase, step=index))

        try:
            if goal.arm:
                dropped = self._pipettor.drop(
                    [_drop(step) for step in goal.steps],
                    gate=job.gate,
                    stop=job.stop,
                    on_armed=job.armed,
                    arm_timeout_s=goal.arm_timeout_s,
                    on_step=on_step,
                )
                result.drop_times = [time_msg(at_s) for at_s in dropped.drop_times_s]
            else:
                steps = [_transfer(step) for step in goal.steps]
                self._pipettor.transfer(steps, stop=job.stop, on_step=on_step)
        finally:
            result.moved_ul = moved
            result.deck = self._deck_msg()
            self._deck_pub.publish(result.deck)

    def _deck_msg(self) -> DeckStateMsg:
        deck = self._pipettor.deck()
        message = DeckStateMsg(
            wells=list(deck.volumes_ul),
            volumes_ul=list(deck.volumes_ul.values()),
            racks=list(deck.tips_used),
            tips_used=list(deck.tips_used.values()),
            mounts=list(deck.mounted),
            mounted_tips=list(deck.mounted.values()),
        )
        message.header.stamp = time_msg(self.clock.now_s())
        return message


def _deck_state(deck: DeckStateMsg) -> DeckState:
    return DeckState(
        volumes_ul=dict(zip(deck.wells, deck.volumes_ul, strict=True)),
        tips_used=dict(zip(deck.racks, deck.tips_used, strict=True)),
    )


def _transfer(step: TransferStepMsg) -> Transfer:
    return Transfer(
        source=step.source,
        target=step.target,
        volume_ul=step.volume_ul,
        rate_ul_s=step.rate_ul_s,
        mix_repetitions=step.mix_repetitions,
        mix_volume_ul=step.mix_volume_ul,
        new_tip=step.new_tip,
    )


def _drop(step: TransferStepMsg) -> Drop:
    return Drop(
        source=step.source,
        volume_ul=step.volume_ul,
        offset_s=step.drop_offset_s,
        rate_ul_s=step.rate_ul_s,
    )


def main() -> None:
    """Run the node in this process."""
    run_node(PipettorNode, "pipettor")


if __name__ == "__main__":
    main()
