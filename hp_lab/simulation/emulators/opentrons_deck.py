"""Where things really stand on the emulated robot's deck, and how long moves take."""

import math
from dataclasses import dataclass

from hp_lab import lab_config

# Deck frame of the OT-2: slot 1's front left corner is the origin, three slots a row.
SLOT_PITCH_MM = (132.5, 90.5)
FOOTPRINT_MM = (127.76, 85.48)
TRASH_MM = (360.0, 330.0)
# Distance between the nozzles of the two mounts.
MOUNT_PITCH_MM = 34.0

# Gantry speed of the OT-2; the other times are assumptions that make a pick-up, an
# aspiration and a drop take what PASCAL's worklists plan for them.
SPEED_MM_S = 400.0
LIFT_S = 1.2
SWAP_S = 0.6
IN_WELL_S = 0.3
PICK_UP_S = 2.5
EJECT_S = 1.5
PREPARE_S = 0.3
HOME_S = 8.0


def slot_origin_mm(slot: int) -> tuple[float, float]:
    """Return the front left corner of a slot from 1 to 12."""
    row, column = divmod(slot - 1, 3)
    return column * SLOT_PITCH_MM[0], row * SLOT_PITCH_MM[1]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mount's tip is, or where a labware's well is; deck frame."""

    x_mm: float
    y_mm: float

    def distance_mm(self, other: "Place") -> float:
        """Return the distance to another place."""
        return math.hypot(self.x_mm - other.x_mm, self.y_mm - other.y_mm)


TRASH = Place(*TRASH_MM)


class Layout:
    """Labware as it stands on the deck: a grid in the middle of each footprint.

    Args:
        config: The robot and its labware.
    """

    def __init__(self, config: lab_config.Pipettor) -> None:
        self._wells: list[tuple[Place, float, str]] = []
        self._racks = {n for n, item in config.labware.items() if item.kind == "tips"}
        for name, labware in config.labware.items():
            corner_x, corner_y = slot_origin_mm(labware.slot)
            left = (FOOTPRINT_MM[0] - (labware.columns - 1) * labware.pitch_mm) / 2
            back = (FOOTPRINT_MM[1] + (labware.rows - 1) * labware.pitch_mm) / 2
            radius_mm = 12.5 if labware.kind == "chuck" else labware.pitch_mm / 2
            for index, well in enumerate(labware.wells()):
                row, column = divmod(index, labware.columns)
                place = Place(
                    corner_x + left + column * labware.pitch_mm,
                    corner_y + back - row * labware.pitch_mm,
                )
                self._wells.append((place, radius_mm, f"{name}/{well}"))

    def liquid_at(self, place: Place) -> str | None:
        """Return the well or chuck under a tip; None where liquid would be lost."""
        well = self.well_at(place)
        if well is None or well.partition("/")[0] in self._racks:
            return None
        return well

    def well_at(self, place: Place) -> str | None:
        """Return the well (LABWARE/WELL) under a mount; None is beside all of them."""
        distance_mm, radius_mm, well = min(
            (center.distance_mm(place), radius, name)
            for center, radius, name in self._wells
        )
        return well if distance_mm <= radius_mm else None


def move_s(start: Place | None, end: Place, *, swap: bool) -> float:
    """Return how long an arc from one place to another takes.

    Args:
        start: None after homing, at the back right corner.
        end: Where to.
        swap: Whether the other mount has to be lifted first.
    """
    distance_mm = end.distance_mm(start if start is not None else TRASH)
    if distance_mm < 0.1 and not swap:
        # From the rim to the floor of the same well, without an arc.
        return IN_WELL_S
    return LIFT_S + distance_mm / SPEED_MM_S + (SWAP_S if swap else 0.0)
