"""A task's steps as the goals of actions, and what they take from the inventory.

Numbers become float here whatever they were: an int in a float64 field of a ROS message
ends the whole process.
"""

from collections import defaultdict

from hp_lab_interfaces.action import (
    AcquireSpectrum,
    Anneal,
    SpinCoat,
    TransferLiquids,
)
from hp_lab_interfaces.msg import AnnealSegment as AnnealSegmentMsg
from hp_lab_interfaces.msg import DeckState as DeckStateMsg
from hp_lab_interfaces.msg import SpinStep as SpinStepMsg
from hp_lab_interfaces.msg import TransferStep as TransferStepMsg

from hp_lab.errors import InventoryError
from hp_lab.orchestration.events import DeckData, TaskStarted
from hp_lab.orchestration.state import CampaignState, Sample, Task
from hp_lab.recipes import steps


def intent_of(task: Task, sample: Sample, state: CampaignState) -> TaskStarted:
    """Return what is about to be done and taken from the inventory.

    Raises:
        InventoryError: There are not enough fresh tips.
    """
    step = sample.recipe.steps[task.data.step] if task.data.step >= 0 else None
    liquids: list[tuple[str, float]] = []
    tips = 0
    if isinstance(step, steps.Mix):
        liquids = [(t.source, t.volume_ul) for t in step.transfers]
        tips = sum(t.new_tip for t in step.transfers)
    elif isinstance(step, steps.SpinCoat):
        liquids = [(d.source, d.volume_ul) for d in step.drops]
        tips = len(step.drops)
    if tips > state.tips_left:
        msg = (
            f"{task.data.task_id}: needs {tips} fresh tips, {state.tips_left} are "
            "left; put new racks on the deck"
        )
        raise InventoryError(msg)
    volumes: dict[str, float] = defaultdict(float)
    for well, volume_ul in liquids:
        volumes[well] += volume_ul
    return TaskStarted(
        task_id=task.data.task_id,
        sample_id=sample.sample_id,
        attempt=task.attempt + 1,
        tips=tips,
        volumes_ul=volumes,
    )


def mix_goal(
    sample: Sample, step: steps.Mix, deck: DeckStateMsg
) -> TransferLiquids.Goal:
    """Return the goal that prepares a solution."""
    return TransferLiquids.Goal(
        sample_id=sample.sample_id,
        deck=deck,
        steps=[
            TransferStepMsg(
                source=t.source,
                target=t.target,
                volume_ul=float(t.volume_ul),
                rate_ul_s=float(t.rate_ul_s),
                mix_repetitions=t.mix_repetitions,
                mix_volume_ul=float(t.mix_volume_ul),
                new_tip=t.new_tip,
            )
            for t in step.transfers
        ],
    )


def spin_goal(sample: Sample, step: steps.SpinCoat, patience_s: float) -> SpinCoat.Goal:
    """Return the armed goal of a spin program."""
    return SpinCoat.Goal(
        sample_id=sample.sample_id,
        arm=True,
        arm_timeout_s=patience_s,
        steps=[
            SpinStepMsg(
                speed_rpm=float(s.speed_rpm),
                acceleration_rpm_s=float(s.acceleration_rpm_s),
                duration_s=float(s.duration_s),
            )
            for s in step.steps
        ],
    )


def drop_goal(
    sample: Sample,
    step: steps.SpinCoat,
    deck: DeckStateMsg,
    patience_s: float,
) -> TransferLiquids.Goal:
    """Return the armed goal of the drops of a spin coat."""
    return TransferLiquids.Goal(
        sample_id=sample.sample_id,
        arm=True,
        arm_timeout_s=patience_s,
        deck=deck,
        steps=[
            TransferStepMsg(
                source=d.source,
                target="spin_chuck/A1",
                volume_ul=float(d.volume_ul),
                rate_ul_s=float(d.rate_ul_s),
                new_tip=True,
                timed=True,
                drop_offset_s=float(d.offset_s),
            )
            for d in step.drops
        ],
    )


def anneal_goal(sample: Sample, step: steps.Anneal, position: str) -> Anneal.Goal:
    """Return the goal that anneals at a position of a plate."""
    return Anneal.Goal(
        sample_id=sample.sample_id,
        position=position,
        profile=[
            AnnealSegmentMsg(
                temperature_c=float(s.temperature_c),
                ramp_k_min=float(s.ramp_k_min),
                hold_s=float(s.hold_s),
            )
            for s in step.profile
        ],
    )


def measure_goal(sample: Sample, step: steps.Measure) -> AcquireSpectrum.Goal:
    """Return the goal that takes spectra."""
    return AcquireSpectrum.Goal(
        sample_id=sample.sample_id,
        mode=step.mode,
        integration_s=float(step.integration_s),
        averages=step.averages,
        repeats=step.repeats,
        interval_s=float(step.interval_s),
    )


def deck_msg(state: CampaignState) -> DeckStateMsg:
    """Return the inventory as the robot is told it."""
    return DeckStateMsg(
        wells=list(state.volumes_ul),
        volumes_ul=[float(v) for v in state.volumes_ul.values()],
        racks=list(state.tips_used),
        tips_used=list(state.tips_used.values()),
    )


def deck_data(deck: DeckStateMsg) -> DeckData | None:
    """Return what the robot says the deck holds, None where it says nothing."""
    if not deck.wells:
        # The robot's node never got as far as its driver.
        return None
    return DeckData(
        volumes_ul=dict(zip(deck.wells, deck.volumes_ul, strict=True)),
        tips_used=dict(zip(deck.racks, deck.tips_used, strict=True)),
    )
