"""Plans: what a job will do, checked to its end before anything moves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations

from hp_lab import lab_config
from hp_lab.devices.pipettor.deck import Deck, Move
from hp_lab.devices.pipettor.ledger import Ledger
from hp_lab.devices.pipettor.protocol import Mount
from hp_lab.errors import InvalidInput
from hp_lab.recipes.steps import Drop, Transfer

# From the end of one drop until the other can be sent: raise, move by the distance
# between the mounts, lower, and see that it is done (assumption: about two seconds, and
# half a second to spare).
SWAP_S = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTransfer:
    """One step of a job, decided.

    Attributes:
        index: Of the step in the job.
        mount: left or right.
        new_tip: Take a new tip first; otherwise go on with the one at hand.
        portions_ul: The volume in as many strokes as the tip needs.
    """

    index: int
    step: Transfer
    mount: Mount
    new_tip: bool
    rate_ul_s: float
    portions_ul: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDrop:
    """One timed drop, decided; index is its place in the job as it was asked for."""

    index: int
    drop: Drop
    mount: Mount
    rate_ul_s: float


def plan_transfers(
    steps: Sequence[Transfer], config: lab_config.Pipettor, deck: Deck, ledger: Ledger
) -> tuple[PlannedTransfer, ...]:
    """Decide mounts and strokes of a job, and check that it can be done to its end.

    Args:
        steps: What is asked for.
        config: The robot.
        deck: Its deck, for places and room.
        ledger: What the deck holds; it is not changed.

    Raises:
        InvalidInput: A step cannot be done; the message names it.
        InventoryError: Liquid or tips do not suffice.
    """
    trial = ledger.copy()
    planned: list[PlannedTransfer] = []
    hand: Mount | None = None
    for index, step in enumerate(steps):
        _check_transfer(index, step, deck)
        if step.new_tip:
            hand = _choose_mount(index, step.volume_ul, config, deck)
            trial.mount_tip(hand, config.mounts[hand])
        if hand is None:
            msg = f"pipettor step {index}: no tip is at hand; set new_tip"
            raise InvalidInput(msg)
        pipette = config.mounts[hand]
        _check_minimum(index, step.volume_ul, pipette)
        _check_mix(index, step, pipette, deck.tip_ul(pipette))
        count = _strokes(step.volume_ul, deck.tip_ul(pipette))
        planned.append(
            PlannedTransfer(
                index=index,
                step=step,
                mount=hand,
                new_tip=step.new_tip,
                rate_ul_s=step.rate_ul_s or pipette.rate_ul_s,
                portions_ul=(step.volume_ul / count,) * count,
            )
        )
    deck.rehearse(
        ledger.volumes_ul,
        [
            Move(
                step=index,
                source=step.source,
                target=step.target,
                volume_ul=step.volume_ul,
            )
            for index, step in enumerate(steps)
        ],
    )
    _check_mix_volumes(steps, trial)
    return tuple(planned)


def plan_drops(
    drops: Sequence[Drop],
    target: str,
    config: lab_config.Pipettor,
    deck: Deck,
    ledger: Ledger,
) -> tuple[PlannedDrop, ...]:
    """Give each drop a mount of its own; the result is in the order in which they fall.

    Raises:
        InvalidInput: No drop, more drops than mounts, two too close in time, or a drop
            that its pipette cannot make.
        InventoryError: Liquid or tips do not suffice.
    """
    if not 0 < len(drops) <= len(config.mounts):
        msg = (
            f"pipettor: {len(drops)} timed drops, but each needs a mount of its own; "
            f"ask for 1 to {len(config.mounts)}"
        )
        raise InvalidInput(msg)
    for index, drop in enumerate(drops):
        _check_drop(index, drop, target, deck)
    mounts = _mounts_for_drops(drops, config, deck)
    trial = ledger.copy()
    for mount in mounts:
        trial.mount_tip(mount, config.mounts[mount])
    planned = sorted(
        (
            PlannedDrop(
                index=index,
                drop=drop,
                mount=mounts[index],
                rate_ul_s=drop.rate_ul_s or config.mounts[mounts[index]].rate_ul_s,
            )
            for index, drop in enumerate(drops)
        ),
        key=lambda item: (item.drop.offset_s, item.index),
    )
    _check_spacing(planned)
    deck.rehearse(
        ledger.volumes_ul,
        [
            Move(
                step=item.index,
                source=item.drop.source,
                target=target,
                volume_ul=item.drop.volume_ul,
            )
            for item in planned
        ],
    )
    return tuple(planned)


def _strokes(volume_ul: float, tip_ul: float) -> int:
    # A rounding error above a full tip is not another stroke.
    return math.ceil(volume_ul / tip_ul - 1e-9)


def _check_spacing(planned: Sequence[PlannedDrop]) -> None:
    for first, second in pairwise(planned):
        busy_s = first.drop.volume_ul / first.rate_ul_s + SWAP_S
        gap_s = second.drop.offset_s - first.drop.offset_s
        if gap_s < busy_s:
            msg = (
                f"pipettor: drops {first.index} and {second.index} are {gap_s:g} s "
                f"apart, but the robot needs {busy_s:.2f} s to finish the first and "
                "bring the other tip; put them further apart or raise the rate"
            )
            raise InvalidInput(msg)


def _check_transfer(index: int, step: Transfer, deck: Deck) -> None:
    _check_places(index, step.source, step.target, deck)
    if step.source == step.target:
        msg = (
            f"pipettor step {index}: source and target are both {step.source}; "
            "mix after a transfer with mix_repetitions"
        )
        raise InvalidInput(msg)
    _check_positive(index, "volume_ul", step.volume_ul)
    _check_rate(index, step.rate_ul_s)
    if step.mix_repetitions < 0:
        msg = (
            f"pipettor step {index}: mix_repetitions {step.mix_repetitions} "
            "must be 0 or more"
        )
        raise InvalidInput(msg)


def _check_drop(index: int, drop: Drop, target: str, deck: Deck) -> None:
    _check_places(index, drop.source, target, deck)
    _check_positive(index, "volume_ul", drop.volume_ul)
    _check_rate(index, drop.rate_ul_s)
    if not math.isfinite(drop.offset_s):
        msg = f"pipettor step {index}: offset_s {drop.offset_s} must be a finite number"
        raise InvalidInput(msg)


def _check_places(index: int, source: str, target: str, deck: Deck) -> None:
    if not deck.is_well(source):
        msg = (
            f"pipettor step {index}: source {source!r} is not a well on the deck; "
            "write LABWARE/WELL, such as stocks/A1"
        )
        raise InvalidInput(msg)
    if not deck.is_target(target):
        msg = (
            f"pipettor step {index}: target {target!r} is not on the deck; "
            "write LABWARE/WELL, such as mix/B2 or spin_chuck/A1"
        )
        raise InvalidInput(msg)


def _check_positive(index: int, name: str, value: float) -> None:
    # Written so that a NaN fails too.
    if not (value > 0 and math.isfinite(value)):
        msg = f"pipettor step {index}: {name} {value} must be a number above 0"
        raise InvalidInput(msg)


def _check_rate(index: int, rate_ul_s: float) -> None:
    if not (rate_ul_s >= 0 and math.isfinite(rate_ul_s)):
        msg = (
            f"pipettor step {index}: rate_ul_s {rate_ul_s} must be above 0, or 0 for "
            "the pipette's own"
        )
        raise InvalidInput(msg)


def _check_minimum(index: int, volume_ul: float, pipette: lab_config.Pipette) -> None:
    if volume_ul < pipette.min_ul:
        msg = (
            f"pipettor step {index}: {volume_ul:g} ul is below the {pipette.min_ul:g} "
            f"ul that {pipette.name} can measure; use more, or a more dilute stock"
        )
        raise InvalidInput(msg)


def _check_mix(
    index: int, step: Transfer, pipette: lab_config.Pipette, tip_ul: float
) -> None:
    if not step.mix_repetitions:
        return
    if not pipette.min_ul <= step.mix_volume_ul <= tip_ul:
        msg = (
            f"pipettor step {index}: mix_volume_ul {step.mix_volume_ul:g} must be "
            f"{pipette.min_ul:g} to {tip_ul:g} ul"
        )
        raise InvalidInput(msg)


def _check_mix_volumes(steps: Sequence[Transfer], trial: Ledger) -> None:
    for index, step in enumerate(steps):
        trial.remove(step.source, step.volume_ul)
        trial.add(step.target, step.volume_ul)
        held_ul = trial.volumes_ul.get(step.target, 0.0)
        if step.mix_repetitions and step.mix_volume_ul > held_ul:
            msg = (
                f"pipettor step {index}: cannot mix {step.mix_volume_ul:g} ul in "
                f"{step.target}, which then holds {held_ul:g} ul; lower mix_volume_ul"
            )
            raise InvalidInput(msg)


def _choose_mount(
    index: int, volume_ul: float, config: lab_config.Pipettor, deck: Deck
) -> Mount:
    """Return the mount with the fewest strokes, then with the finest pipette."""
    able: list[tuple[int, float, Mount]] = [
        (_strokes(volume_ul, deck.tip_ul(pipette)), pipette.max_ul, mount)
        for mount, pipette in config.mounts.items()
        if volume_ul >= pipette.min_ul
    ]
    if not able:
        finest = min(config.mounts.values(), key=lambda pipette: pipette.min_ul)
        _check_minimum(index, volume_ul, finest)
    return min(able)[2]


def _mounts_for_drops(
    drops: Sequence[Drop], config: lab_config.Pipettor, deck: Deck
) -> tuple[Mount, ...]:
    """Return a mount for each drop, the finest pipettes that can."""

    def can(mount: Mount, drop: Drop) -> bool:
        pipette = config.mounts[mount]
        return pipette.min_ul <= drop.volume_ul <= deck.tip_ul(pipette)

    able = [
        mounts
        for mounts in permutations(sorted(config.mounts), len(drops))
        if all(can(mount, drop) for mount, drop in zip(mounts, drops, strict=True))
    ]
    if not able:
        ranges = ", ".join(
            f"{mount} {pipette.min_ul:g} to {deck.tip_ul(pipette):g} ul"
            for mount, pipette in config.mounts.items()
        )
        volumes = ", ".join(f"{drop.volume_ul:g}" for drop in drops)
        msg = (
            f"pipettor: drops of {volumes} ul must each come from one tip of a mount "
            f"of its own, and the mounts take {ranges}; change the volumes"
        )
        raise InvalidInput(msg)
    return min(able, key=lambda mounts: [config.mounts[m].max_ul for m in mounts])
