"""What a run of the emulated robot believes, and one command as it sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hp_lab.simulation.emulators.opentrons_deck import Place, slot_origin_mm

# Rounding of sums of volumes.
_SLACK_UL = 1e-6


class CommandError(Exception):
    """The robot refuses a command, or fails at it."""

    def __init__(self, error_type: str, detail: str) -> None:
        super().__init__(detail)
        self.error_type = error_type
        self.detail = detail


@dataclass(frozen=True, slots=True)
class LoadedLabware:
    """Labware as a run knows it."""

    slot: int
    definition: Mapping[str, object]


@dataclass(slots=True)
class Belief:
    """What the commands of a run have told it.

    Attributes:
        pipettes: Mount by pipette id.
        labware: By labware id.
        definitions: By URI, namespace/loadName/version.
        tip_ul: What the tip on a mount can hold; a mount not named has none.
        held_ul: What it holds.
    """

    pipettes: dict[str, str] = field(default_factory=dict)
    labware: dict[str, LoadedLabware] = field(default_factory=dict)
    definitions: dict[str, Mapping[str, object]] = field(default_factory=dict)
    tip_ul: dict[str, float] = field(default_factory=dict)
    held_ul: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """One command: its parameters, in the eyes of its run, at the time it begins."""

    belief: Belief
    parameters: Mapping[str, object]
    now_s: float

    def text(self, key: str) -> str:
        """Return a parameter as text."""
        return str(self.parameters.get(key, ""))

    def number(self, key: str) -> float:
        """Return a parameter that is a number."""
        return number_in(self.parameters, key)

    def mount(self) -> str:
        """Return the mount of the pipette."""
        pipette_id = self.text("pipetteId")
        if pipette_id not in self.belief.pipettes:
            raise CommandError(
                "PipetteNotLoadedError", f"Pipette {pipette_id} not found."
            )
        return self.belief.pipettes[pipette_id]

    def mount_with_tip(self) -> str:
        """Return the mount of the pipette, which must have a tip."""
        mount = self.mount()
        if mount not in self.belief.tip_ul:
            raise CommandError(
                "TipNotAttachedError",
                "Pipette should have a tip attached, but does not.",
            )
        return mount

    def mount_with_room(self) -> str:
        """Return the mount of the pipette, whose tip must take the volume."""
        mount = self.mount_with_tip()
        free_ul = self.belief.tip_ul[mount] - self.belief.held_ul[mount]
        if self.number("volume") > free_ul + _SLACK_UL:
            raise CommandError(
                "InvalidAspirateVolumeError",
                f"Cannot aspirate {self.number('volume')} µL when only {free_ul} is "
                "available in the tip.",
            )
        return mount

    def mount_with_liquid(self) -> str:
        """Return the mount of the pipette, whose tip must hold the volume."""
        mount = self.mount_with_tip()
        held_ul = self.belief.held_ul[mount]
        if self.number("volume") > held_ul + _SLACK_UL:
            raise CommandError(
                "InvalidDispenseVolumeError",
                f"Cannot dispense {self.number('volume')} µL when only {held_ul} µL "
                "has been aspirated.",
            )
        return mount

    def labware(self) -> LoadedLabware:
        """Return the labware."""
        labware_id = self.text("labwareId")
        if labware_id not in self.belief.labware:
            raise CommandError(
                "LabwareNotLoadedError", f"Labware {labware_id} not found."
            )
        return self.belief.labware[labware_id]

    def well(self) -> Mapping[str, object]:
        """Return the well as the labware's definition has it."""
        wells = self.labware().definition.get("wells")
        well = wells.get(self.text("wellName")) if isinstance(wells, Mapping) else None
        if not isinstance(well, Mapping):
            raise CommandError(
                "WellDoesNotExistError",
                f"{self.text('wellName')} does not exist in the labware.",
            )
        return well

    def place(self) -> Place:
        """Return where the run thinks that the well is."""
        corner_x, corner_y = slot_origin_mm(self.labware().slot)
        well = self.well()
        return Place(corner_x + number_in(well, "x"), corner_y + number_in(well, "y"))


def number_in(values: Mapping[str, object], key: str) -> float:
    """Return a number among JSON values."""
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CommandError("InvalidParametersError", f"{key} must be a number.")
    return float(value)
