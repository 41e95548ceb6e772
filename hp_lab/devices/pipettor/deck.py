"""The deck as PyLabRobot resources: geometry, and what fits where.

Resources are defined here from the laboratory's description, because PyLabRobot's own
Opentrons labware is downloaded when it is asked for. Wells and tips stand in a grid in
the middle of an SBS footprint (ANSI SLAS 1-2004: 127.76 mm x 85.48 mm), row A at the
back. PyLabRobot's volume trackers check a plan and are set anew from the given volumes
each time: what is in the wells is never taken from them.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pylabrobot.resources import (
    Container,
    Plate,
    Tip,
    TipRack,
    TipSpot,
    Well,
    create_ordered_items_2d,
)
from pylabrobot.resources.errors import TooLittleLiquidError, TooLittleVolumeError
from pylabrobot.resources.opentrons import OTDeck

from hp_lab import lab_config
from hp_lab.errors import InvalidConfig, InvalidInput, InventoryError

FOOTPRINT_MM = (127.76, 85.48)
NAMESPACE = "hp_lab"
VERSION = 1
# An Opentrons 300 ul tip and its rack: outer diameter of the collar, length over all,
# and how much of it the nozzle takes up.
TIP_DIAMETER_MM = 5.23
TIP_OVERLAP_MM = 7.47
RACK_FLOOR_MM = 5.39
WELL_FLOOR_MM = 2.0
CHUCK_MM = 25.0
TRASH_SLOT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A volume from one well to another, as one step of a plan."""

    step: int
    source: str
    target: str
    volume_ul: float


class Deck:
    """The robot's deck.

    Args:
        config: The robot and its labware.

    Raises:
        InvalidConfig: Two labware share a slot, one stands on the trash, or a grid is
            wider than its footprint.
    """

    def __init__(self, config: lab_config.Pipettor) -> None:
        self._labware = dict(config.labware)
        self._resource = OTDeck()
        self._containers: dict[str, Container] = {}
        taken: dict[int, str] = {}
        for name, labware in self._labware.items():
            _check_place(name, labware, taken)
            taken[labware.slot] = name
            self._resource.assign_child_at_slot(self._make(name, labware), labware.slot)

    def is_well(self, well: str) -> bool:
        """Return whether liquid can be taken from and given to a place."""
        return well in self._containers and self._kind(well) == "wells"

    def is_target(self, well: str) -> bool:
        """Return whether liquid can be given to a place (a well or a chuck)."""
        return well in self._containers

    def is_chuck(self, well: str) -> bool:
        """Return whether a place is a chuck: it is dropped on from above."""
        return well in self._containers and self._kind(well) == "chuck"

    def capacity_ul(self, well: str) -> float:
        """Return how much a well or a chuck can hold."""
        return float(self._containers[well].max_volume)

    def racks(self) -> dict[str, lab_config.Labware]:
        """Return the tip racks by name, in the order in which they are used up."""
        return {n: item for n, item in self._labware.items() if item.kind == "tips"}

    def racks_for(self, pipette: lab_config.Pipette) -> dict[str, lab_config.Labware]:
        """Return the racks whose tips go on a pipette.

        A pipette takes tips of its own volume, and filter tips that hold a little less.

        Raises:
            InventoryError: There is none on the deck.
        """
        fitting = {
            name: rack
            for name, rack in self.racks().items()
            if 0.5 * pipette.max_ul <= rack.well_ul <= pipette.max_ul
        }
        if not fitting:
            msg = (
                f"pipettor: no tip rack on the deck fits {pipette.name} "
                f"({pipette.max_ul:g} ul); add one to pipettor.labware"
            )
            raise InventoryError(msg)
        return fitting

    def tip_ul(self, pipette: lab_config.Pipette) -> float:
        """Return how much a pipette can take up with any tip that goes on it.

        Raises:
            InventoryError: No rack on the deck fits it.
        """
        racks = self.racks_for(pipette).values()
        return min(pipette.max_ul, *(rack.well_ul for rack in racks))

    def rack_of(self, tip: str) -> lab_config.Labware:
        """Return the rack in which a tip (RACK/WELL) stands.

        Raises:
            InvalidInput: There is no such tip on the deck.
        """
        name, _, well = tip.partition("/")
        rack = self.racks().get(name)
        if rack is None or well not in rack.wells():
            msg = (
                f"pipettor: tip {tip!r} is not on the deck; write RACK/WELL with a "
                f"rack of {', '.join(self.racks()) or 'tips (there is none)'}"
            )
            raise InvalidInput(msg)
        return rack

    def rehearse(self, volumes_ul: Mapping[str, float], moves: Iterable[Move]) -> None:
        """Check that every source holds enough and every target has room, in order.

        Args:
            volumes_ul: What the wells hold before.
            moves: What is to be moved.

        Raises:
            InventoryError: A source holds too little.
            InvalidInput: A target would overflow.
        """
        for well, container in self._containers.items():
            container.tracker.set_volume(volumes_ul.get(well, 0.0))
        for move in moves:
            self._take(move)
            if self.is_chuck(move.target):
                # What lands on a spinning substrate leaves it; nothing adds up.
                self._containers[move.target].tracker.set_volume(0.0)
            self._add(move)

    def _take(self, move: Move) -> None:
        source = self._containers[move.source].tracker
        try:
            source.remove_liquid(move.volume_ul)
        except TooLittleLiquidError as error:
            msg = (
                f"pipettor step {move.step}: {move.source} holds "
                f"{source.get_used_volume():g} ul, but {move.volume_ul:g} ul are "
                "needed; refill it and state its new volume"
            )
            raise InventoryError(msg) from error

    def _add(self, move: Move) -> None:
        target = self._containers[move.target].tracker
        try:
            target.add_liquid(move.volume_ul)
        except TooLittleVolumeError as error:
            msg = (
                f"pipettor step {move.step}: {move.target} has room for "
                f"{target.get_free_volume():g} ul, but {move.volume_ul:g} ul would be "
                "added; use a larger or an empty well"
            )
            raise InvalidInput(msg) from error

    def center_mm(self, place: str) -> tuple[float, float]:
        """Return x and y of a well's or tip's middle, from slot 1's front left corner.

        Args:
            place: LABWARE/WELL.
        """
        name, _, item = place.partition("/")
        inside = self._resource.get_resource(name).get_item(item)
        center = inside.get_absolute_location(x="c", y="c")
        center -= self._resource.slot_locations[0]
        return float(center.x), float(center.y)

    def definition(self, name: str) -> dict[str, object]:
        """Return the Opentrons labware definition (schema 2) of a labware."""
        labware = self._labware[name]
        resource = self._resource.get_resource(name)
        tips = labware.kind == "tips"
        wells = {
            well: {
                "x": round(x, 3),
                "y": round(y, 3),
                "z": RACK_FLOOR_MM if tips else WELL_FLOOR_MM,
                "depth": labware.depth_mm,
                "totalLiquidVolume": labware.well_ul,
                "shape": "circular",
                "diameter": round(_diameter_mm(labware), 3),
            }
            for well in labware.wells()
            for x, y in [self._inside_mm(name, well)]
        }
        parameters: dict[str, object] = {
            "format": "irregular",
            "isTiprack": tips,
            "isMagneticModuleCompatible": False,
            "loadName": load_name(labware),
        }
        if tips:
            parameters |= {
                "tipLength": labware.depth_mm,
                "tipOverlap": TIP_OVERLAP_MM,
            }
        return {
            "schemaVersion": 2,
            "namespace": NAMESPACE,
            "version": VERSION,
            "metadata": {
                "displayName": name,
                "displayCategory": "tipRack" if tips else "wellPlate",
                "displayVolumeUnits": "µL",
            },
            "brand": {"brand": NAMESPACE},
            "parameters": parameters,
            "dimensions": {
                "xDimension": FOOTPRINT_MM[0],
                "yDimension": FOOTPRINT_MM[1],
                "zDimension": float(resource.get_size_z()),
            },
            "cornerOffsetFromSlot": {"x": 0, "y": 0, "z": 0},
            # Column by column, front row last, as the robot's software lists them.
            "ordering": [
                labware.wells()[column :: labware.columns]
                for column in range(labware.columns)
            ],
            "groups": [{"metadata": {}, "wells": labware.wells()}],
            "wells": wells,
        }

    def _kind(self, well: str) -> str:
        return self._labware[well.partition("/")[0]].kind

    def _inside_mm(self, name: str, well: str) -> tuple[float, float]:
        item = self._resource.get_resource(name).get_item(well)
        corner = item.location
        return (
            float(corner.x) + item.get_size_x() / 2,
            float(corner.y) + item.get_size_y() / 2,
        )

    def _make(self, name: str, labware: lab_config.Labware) -> object:
        size_x, size_y = FOOTPRINT_MM
        diameter = _diameter_mm(labware)
        left = (size_x - (labware.columns - 1) * labware.pitch_mm - diameter) / 2
        front = (size_y - (labware.rows - 1) * labware.pitch_mm - diameter) / 2
        grid = {
            "num_items_x": labware.columns,
            "num_items_y": labware.rows,
            "dx": left,
            "dy": front,
            "item_dx": labware.pitch_mm,
            "item_dy": labware.pitch_mm,
            "size_x": diameter,
            "size_y": diameter,
        }
        if labware.kind == "tips":

            def make_tip(name: str) -> Tip:
                return Tip(
                    name=name,
                    has_filter=False,
                    total_tip_length=labware.depth_mm,
                    maximal_volume=labware.well_ul,
                    fitting_depth=TIP_OVERLAP_MM,
                )

            spots = create_ordered_items_2d(
                TipSpot, dz=RACK_FLOOR_MM, make_tip=make_tip, **grid
            )
            height = labware.depth_mm + RACK_FLOOR_MM
            return TipRack(name, size_x, size_y, height, ordered_items=spots)
        height = labware.depth_mm + WELL_FLOOR_MM
        wells = create_ordered_items_2d(
            Well,
            dz=WELL_FLOOR_MM,
            size_z=labware.depth_mm,
            max_volume=labware.well_ul,
            **grid,
        )
        plate = Plate(name, size_x, size_y, height, ordered_items=wells)
        for well in labware.wells():
            self._containers[f"{name}/{well}"] = plate.get_item(well)
        return plate


def load_name(labware: lab_config.Labware) -> str:
    """Return a labware's name in the robot's definitions: small letters and digits."""
    return f"labware_slot_{labware.slot}"


def _diameter_mm(labware: lab_config.Labware) -> float:
    """Return the diameter of a round well of that volume and depth."""
    if labware.kind == "tips":
        return TIP_DIAMETER_MM
    if labware.kind == "chuck":
        return CHUCK_MM
    area_mm2 = labware.well_ul / labware.depth_mm
    return min(2.0 * math.sqrt(area_mm2 / math.pi), 0.95 * labware.pitch_mm)


def _check_place(
    name: str, labware: lab_config.Labware, taken: Mapping[int, str]
) -> None:
    if labware.slot == TRASH_SLOT:
        msg = (
            f"pipettor.labware.{name}.slot: {TRASH_SLOT} is the robot's trash; "
            "use 1 to 11"
        )
        raise InvalidConfig(msg)
    if labware.slot in taken:
        msg = (
            f"pipettor.labware.{name}.slot: {labware.slot} is taken by "
            f"{taken[labware.slot]}"
        )
        raise InvalidConfig(msg)
    for what, count, limit_mm in (
        ("columns", labware.columns, FOOTPRINT_MM[0]),
        ("rows", labware.rows, FOOTPRINT_MM[1]),
    ):
        width_mm = (count - 1) * labware.pitch_mm + _diameter_mm(labware)
        if width_mm > limit_mm:
            msg = (
                f"pipettor.labware.{name}.{what}: {count} at a pitch of "
                f"{labware.pitch_mm:g} mm need {width_mm:.1f} mm, but the footprint "
                f"has {limit_mm:g} mm"
            )
            raise InvalidConfig(msg)
