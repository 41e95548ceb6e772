"""The running account of a job: volumes, used tips, mounted tips.

It starts from the state that the journal gives and is written as commands succeed. A
command whose outcome is unknown is written as done: its liquid and its tip are not
offered again.
"""

import math
from collections.abc import Mapping
from typing import Self

from hp_lab import lab_config
from hp_lab.devices.pipettor.deck import Deck
from hp_lab.devices.pipettor.protocol import DeckState, Mount
from hp_lab.errors import InvalidInput, InventoryError


class Ledger:
    """What the deck holds, while a job runs.

    Args:
        deck: The deck, for what there is on it.
        state: What it holds.

    Raises:
        InvalidInput: The state names a place that is not on the deck, or a volume or
            count that cannot be.
    """

    def __init__(self, deck: Deck, state: DeckState) -> None:
        _check_volumes(deck, state.volumes_ul)
        _check_counts(deck, state.tips_used)
        for tip in state.mounted.values():
            deck.rack_of(tip)
        self._deck = deck
        self.volumes_ul = dict(state.volumes_ul)
        self.tips_used = {name: state.tips_used.get(name, 0) for name in deck.racks()}
        self.mounted = dict(state.mounted)

    def snapshot(self) -> DeckState:
        """Return the state as a value."""
        return DeckState(
            volumes_ul=dict(self.volumes_ul),
            tips_used=dict(self.tips_used),
            mounted=dict(self.mounted),
        )

    def copy(self) -> Self:
        """Return a ledger of its own with the same state, to plan with."""
        return type(self)(self._deck, self.snapshot())

    def tips_left(self) -> int:
        """Return the number of unused tips in all racks."""
        racks = self._deck.racks()
        return sum(len(r.wells()) - self.tips_used[name] for name, r in racks.items())

    def mount_tip(self, mount: Mount, pipette: lab_config.Pipette) -> str:
        """Write the next unused tip that fits as used and mounted, and return it.

        Raises:
            InventoryError: No tip is left for the pipette.
        """
        racks = self._deck.racks_for(pipette)
        for name, rack in racks.items():
            used = self.tips_used[name]
            if used < len(rack.wells()):
                self.tips_used[name] = used + 1
                self.mounted[mount] = f"{name}/{rack.wells()[used]}"
                return self.mounted[mount]
        msg = (
            f"pipettor: no unused tip is left for {pipette.name} (racks "
            f"{', '.join(racks)}); put new racks on the deck and state them as full"
        )
        raise InventoryError(msg)

    def discard_tip(self, mount: Mount) -> None:
        """Write that a mount has no tip any more."""
        self.mounted.pop(mount, None)

    def remove(self, well: str, volume_ul: float) -> None:
        """Write that liquid was taken from a well."""
        left_ul = self.volumes_ul.get(well, 0.0) - volume_ul
        # Sums of decimal volumes end a rounding error beside zero.
        self.volumes_ul[well] = left_ul if left_ul > 1e-9 else 0.0

    def add(self, well: str, volume_ul: float) -> None:
        """Write that liquid was given to a well; a chuck keeps nothing."""
        if self._deck.is_well(well):
            self.volumes_ul[well] = self.volumes_ul.get(well, 0.0) + volume_ul


def _check_volumes(deck: Deck, volumes_ul: Mapping[str, float]) -> None:
    for well, volume_ul in volumes_ul.items():
        if not deck.is_well(well):
            msg = f"deck state: {well} is not a well on the deck (write LABWARE/WELL)"
            raise InvalidInput(msg)
        if not (math.isfinite(volume_ul) and 0 <= volume_ul <= deck.capacity_ul(well)):
            msg = (
                f"deck state: {well} cannot hold {volume_ul:g} ul; give 0 to "
                f"{deck.capacity_ul(well):g} ul"
            )
            raise InvalidInput(msg)


def _check_counts(deck: Deck, tips_used: Mapping[str, int]) -> None:
    racks = deck.racks()
    for name, used in tips_used.items():
        size = len(racks[name].wells()) if name in racks else 0
        if not 0 <= used <= size:
            what = f"has {size} tips" if size else "is no tip rack on the deck"
            msg = f"deck state: {used} tips of {name} cannot be used: it {what}"
            raise InvalidInput(msg)
