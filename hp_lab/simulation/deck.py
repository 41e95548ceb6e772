"""The robot's deck as liquids see it: wells, tips, and what was spilled."""

import math
from collections.abc import Mapping

from hp_lab.chemistry.stocks import StockTable
from hp_lab.errors import InvalidInput
from hp_lab.lab_config import LabConfig, Labware
from hp_lab.simulation import constants as c
from hp_lab.simulation.liquids import Tip, WellContents, mixed
from hp_lab.simulation.variation import normal_of


def filled_wells(
    stocks: Mapping[str, WellContents] | StockTable,
) -> dict[str, WellContents]:
    """Return what is in each well at the start."""
    if not isinstance(stocks, StockTable):
        return dict(stocks)
    return {
        name: WellContents.from_molar(
            well.volume_ul, well.solution.species_m, well.solution.solvents
        )
        for name, well in stocks.wells.items()
    }


class Deck:
    """Wells and tips of a laboratory; nothing that is in them is ever lost or made.

    Args:
        lab: The laboratory.
        stocks: What is in the wells at the start; all others are empty.
        seed: The laboratory's seed, for the pipettes' small errors.

    Raises:
        InvalidInput: A stock is in a well that the laboratory does not have.
    """

    def __init__(
        self,
        lab: LabConfig,
        stocks: Mapping[str, WellContents] | StockTable,
        seed: int,
    ) -> None:
        self._labware = lab.pipettor.labware
        self._seed = seed
        self._tips: dict[str, Tip] = {mount: Tip() for mount in lab.pipettor.mounts}
        self._wells: dict[str, WellContents] = {}
        self._fillings: dict[str, int] = {}
        self._spilled: list[WellContents] = []
        for name, contents in filled_wells(stocks).items():
            self._well_of(name)
            self._wells[name] = contents

    def contents(self, well: str) -> WellContents:
        """Return what is in a well.

        Raises:
            InvalidInput: The deck has no such well.
        """
        self._well_of(well)
        return self._wells.get(well, WellContents())

    def in_tip(self, mount: str) -> WellContents:
        """Return the liquid in a mount's tip.

        Raises:
            InvalidInput: There is no such mount.
        """
        return self._tip(mount).liquid

    def is_chuck(self, well: str) -> bool:
        """Return whether a well is the spin coater's chuck.

        Raises:
            InvalidInput: The deck has no such well.
        """
        return self._well_of(well).kind == "chuck"

    @property
    def everything(self) -> WellContents:
        """All liquid on the deck: in wells, in tips and spilled or thrown away."""
        in_tips = [tip.liquid for tip in self._tips.values()]
        return mixed([*self._wells.values(), *in_tips, *self._spilled])

    def aspirate(self, mount: str, well: str, volume_ul: float) -> None:
        """Take liquid, and air where the well holds less.

        Raises:
            InvalidInput: Mount or well do not exist, or the volume is negative.
        """
        if not (math.isfinite(volume_ul) and volume_ul >= 0):
            msg = f"deck: cannot aspirate {volume_ul:g} uL; give a volume from 0"
            raise InvalidInput(msg)
        tip = self._tip(mount)
        taken, left = self.contents(well).split(volume_ul)
        self._wells[well] = left
        self._tips[mount] = tip.draw(taken, volume_ul - taken.volume_ul)

    def dispense(
        self, mount: str, well: str, volume_ul: float, *, target: str = ""
    ) -> WellContents:
        """Release liquid and return what left the tip; a little stays behind.

        Liquid for the chuck is returned only; what does not fit into a well is spilled.

        Args:
            mount: The pipette.
            well: Where it is.
            volume_ul: What it is told to release.
            target: Whose deviation this is; empty: the well's, for each filling anew.

        Raises:
            InvalidInput: Mount or well do not exist, or the volume is negative.
        """
        if not (math.isfinite(volume_ul) and volume_ul >= 0):
            msg = f"deck: cannot dispense {volume_ul:g} uL; give a volume from 0"
            raise InvalidInput(msg)
        labware = self._well_of(well)
        if not target:
            self._fillings[well] = self._fillings.get(well, 0) + 1
            target = f"{well} {self._fillings[well]}"
        deviation = normal_of(self._seed, "pipetting", target)
        stays = c.TIP_RETENTION + c.TIP_RETENTION_SPREAD * deviation
        delivered_ul = volume_ul * (1.0 - min(max(stays, 0.0), 0.05))
        released, self._tips[mount] = self._tip(mount).release(delivered_ul)
        if labware.kind != "chuck":
            self._pour(well, released, labware.well_ul)
        return released

    def drop_tip(self, mount: str) -> None:
        """Throw a tip away with what is in it.

        Raises:
            InvalidInput: There is no such mount.
        """
        self.spill(self._tip(mount).liquid)
        self._tips[mount] = Tip()

    def spill(self, liquid: WellContents) -> None:
        """Let liquid run to waste."""
        if liquid.volume_ul > 0:
            self._spilled = [mixed([*self._spilled, liquid])]

    def _pour(self, well: str, liquid: WellContents, room_ul: float) -> None:
        full = mixed([self.contents(well), liquid])
        kept, over = full.split(room_ul)
        self._wells[well] = kept
        self.spill(over)

    def _tip(self, mount: str) -> Tip:
        if mount not in self._tips:
            known = ", ".join(self._tips)
            msg = f"deck: there is no pipette mount {mount!r}; use {known}"
            raise InvalidInput(msg)
        return self._tips[mount]

    def _well_of(self, well: str) -> Labware:
        name, _, position = well.partition("/")
        labware = self._labware.get(name)
        if labware is None or labware.kind == "tips":
            known = ", ".join(k for k, v in self._labware.items() if v.kind != "tips")
            msg = f"deck: well {well!r} is not on the deck; labware with wells: {known}"
            raise InvalidInput(msg)
        if position not in labware.wells():
            wells = labware.wells()
            msg = f"deck: {name} has wells {wells[0]} to {wells[-1]}, not {position!r}"
            raise InvalidInput(msg)
        return labware
