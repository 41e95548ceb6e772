"""What the emulated robot's commands do: checks, motions, and liquids in the world.

A run believes what its commands have told it (which labware is where, which mount has a
tip); the robot's body is as it is, whatever run is current. A tip that an earlier run
left on a mount is unknown to the next one. Racks are never empty: whoever restocks them
is outside the laboratory.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hp_lab import lab_config
from hp_lab.simulation.emulators.fault_set import FaultSet
from hp_lab.simulation.emulators.opentrons_deck import (
    EJECT_S,
    HOME_S,
    MOUNT_PITCH_MM,
    PICK_UP_S,
    PREPARE_S,
    TRASH,
    Layout,
    Place,
    move_s,
)
from hp_lab.simulation.emulators.opentrons_orders import (
    Belief,
    CommandError,
    LoadedLabware,
    Order,
    number_in,
)
from hp_lab.simulation.world import World


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that happens to the world, after_s from the start of its command."""

    after_s: float
    happen: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Motion:
    """What a command comes to: how long it takes, what it does, what it answers."""

    duration_s: float = 0.0
    effects: tuple[Effect, ...] = ()
    result: Mapping[str, object] = field(default_factory=dict)


class Engine:
    """The robot's body.

    Args:
        world: The hidden world.
        config: The robot and its labware.
        faults: What is wrong with it.

    Attributes:
        homed: Whether the gantry knows where it is.
        at: Where the mount that moved last is.
        lowered: That mount.
        tips: The tip (RACK/WELL) that really is on a mount.
    """

    def __init__(
        self, world: World, config: lab_config.Pipettor, faults: FaultSet
    ) -> None:
        self._world = world
        self._config = config
        self._faults = faults
        self._layout = Layout(config)
        self.homed = False
        self.at: Place | None = None
        self.lowered = ""
        self.tips: dict[str, str] = {}
        self._verbs: dict[str, Callable[[Order], Motion]] = {
            "aspirate": self._aspirate,
            "aspirateInPlace": self._aspirate_in_place,
            "comment": lambda _: Motion(),
            "dispense": self._dispense,
            "dispenseInPlace": self._dispense_in_place,
            "dropTip": self._drop_tip,
            "dropTipInPlace": lambda order: self._eject(order, 0.0),
            "home": self._home,
            "loadLabware": self._load_labware,
            "loadPipette": self._load_pipette,
            "moveToAddressableAreaForDropTip": self._move_to_trash,
            "moveToCoordinates": self._move_to_coordinates,
            "moveToWell": lambda o: Motion(self._go(o.mount(), o.place(), o.now_s)),
            "pickUpTip": self._pick_up_tip,
            "unsafe/dropTipInPlace": self._force_tip_off,
        }

    def begin(
        self,
        command: str,
        belief: Belief,
        parameters: Mapping[str, object],
        now_s: float,
    ) -> Motion:
        """Check a command and return what it comes to.

        Raises:
            CommandError: It cannot be done.
        """
        return self._verbs[command](Order(belief, parameters, now_s))

    def halt(self) -> None:
        """Stop all motion; the gantry does not know where it is until it is homed."""
        self.homed = False
        self.at = None

    def _home(self, order: Order) -> Motion:
        del order
        self.homed = True
        self.at, self.lowered = None, ""
        return Motion(HOME_S)

    def _load_pipette(self, order: Order) -> Motion:
        mount, name = order.text("mount"), order.text("pipetteName")
        attached = {str(m): p.name for m, p in self._config.mounts.items()}
        if attached.get(mount) != name:
            raise CommandError(
                "FailedToLoadPipetteError", f"{name} is not attached to {mount} mount."
            )
        pipette_id = order.text("pipetteId") or f"pipette-{mount}"
        order.belief.pipettes[pipette_id] = mount
        return Motion(result={"pipetteId": pipette_id})

    def _load_labware(self, order: Order) -> Motion:
        location = order.parameters["location"]
        slot = str(location.get("slotName")) if isinstance(location, Mapping) else ""
        if slot not in {str(number) for number in range(1, 12)}:
            raise CommandError("SlotDoesNotExistError", f"Slot {slot} does not exist.")
        belief = order.belief
        if any(item.slot == int(slot) for item in belief.labware.values()):
            raise CommandError(
                "LocationIsOccupiedError", f"Labware is already present at {slot}."
            )
        uri = "/".join(order.text(key) for key in ("namespace", "loadName", "version"))
        if uri not in belief.definitions:
            raise CommandError(
                "LabwareDefinitionDoesNotExistError",
                f"Labware definition for matching {uri} not found.",
            )
        labware_id = order.text("labwareId") or f"labware-{slot}"
        belief.labware[labware_id] = LoadedLabware(int(slot), belief.definitions[uri])
        return Motion(result={"labwareId": labware_id})

    def _pick_up_tip(self, order: Order) -> Motion:
        mount, belief = order.mount(), order.belief
        if mount in belief.tip_ul or mount in self.tips:
            raise CommandError(
                "TipAttachedError", "Pipette should not have a tip attached, but does."
            )
        parameters = order.labware().definition.get("parameters")
        if not (isinstance(parameters, Mapping) and parameters.get("isTiprack")):
            raise CommandError(
                "LabwareIsNotTipRackError", "The labware is not a tip rack."
            )
        place = order.place()
        capacity_ul = number_in(order.well(), "totalLiquidVolume")
        travel_s = self._go(mount, place, order.now_s)
        pipette = self._config.mounts["left" if mount == "left" else "right"]
        belief.tip_ul[mount] = min(capacity_ul, pipette.max_ul)
        belief.held_ul[mount] = 0.0

        def take(at_s: float) -> None:
            spot = self._layout.well_at(place)
            missing = self._faults.use_up("no_tip", at_s) is not None
            if spot is not None and not missing:
                self.tips[mount] = spot

        return Motion(
            travel_s + PICK_UP_S,
            (Effect(travel_s + PICK_UP_S / 2, take),),
            {"tipVolume": capacity_ul},
        )

    def _drop_tip(self, order: Order) -> Motion:
        mount = order.mount_with_tip()
        return self._eject(order, self._go(mount, order.place(), order.now_s))

    def _eject(self, order: Order, after_s: float) -> Motion:
        mount = order.mount_with_tip()
        del order.belief.tip_ul[mount], order.belief.held_ul[mount]
        return Motion(
            after_s + EJECT_S,
            (Effect(after_s, lambda at_s: self._lose_tip(mount, at_s)),),
        )

    def _force_tip_off(self, order: Order) -> Motion:
        mount = order.mount()
        order.belief.tip_ul.pop(mount, None)
        order.belief.held_ul.pop(mount, None)

        def force(at_s: float) -> None:
            # Also a tip that this emulator, started anew, does not remember.
            self.tips.pop(mount, None)
            self._world.drop_tip(at_s, mount)

        return Motion(EJECT_S, (Effect(0.0, force),))

    def _move_to_coordinates(self, order: Order) -> Motion:
        point = order.parameters["coordinates"]
        point = point if isinstance(point, Mapping) else {}
        place = Place(number_in(point, "x"), number_in(point, "y"))
        return Motion(self._go(order.mount(), place, order.now_s))

    def _move_to_trash(self, order: Order) -> Motion:
        area = order.text("addressableAreaName")
        if area != "fixedTrash":
            raise CommandError(
                "AddressableAreaDoesNotExistError", f"{area} is not on the deck."
            )
        return Motion(self._go(order.mount(), TRASH, order.now_s))

    def _aspirate(self, order: Order) -> Motion:
        travel_s = self._go(order.mount_with_room(), order.place(), order.now_s)
        return self._suck(order, travel_s + PREPARE_S)

    def _aspirate_in_place(self, order: Order) -> Motion:
        order.mount_with_room()
        return self._suck(order, 0.0)

    def _suck(self, order: Order, after_s: float) -> Motion:
        mount, volume_ul = order.mount(), order.number("volume")
        order.belief.held_ul[mount] += volume_ul

        def suck(at_s: float) -> None:
            well = self._under(mount)
            if well is not None and mount in self.tips:
                moved_ul = volume_ul * self._plunger(at_s)
                self._world.aspirate(at_s, mount, well, moved_ul)

        return Motion(
            after_s + volume_ul / order.number("flowRate"),
            (Effect(after_s, suck),),
            {"volume": volume_ul},
        )

    def _dispense(self, order: Order) -> Motion:
        travel_s = self._go(order.mount_with_liquid(), order.place(), order.now_s)
        return self._push(order, travel_s)

    def _dispense_in_place(self, order: Order) -> Motion:
        order.mount_with_liquid()
        return self._push(order, 0.0)

    def _push(self, order: Order, after_s: float) -> Motion:
        mount, volume_ul = order.mount(), order.number("volume")
        rate_ul_s = order.number("flowRate")
        held_ul = order.belief.held_ul
        held_ul[mount] = max(0.0, held_ul[mount] - volume_ul)

        def push(at_s: float) -> None:
            well = self._under(mount)
            if well is not None and mount in self.tips:
                moved_ul = volume_ul * self._plunger(at_s)
                self._world.dispense(at_s, mount, well, moved_ul, rate_ul_s)

        return Motion(
            after_s + volume_ul / rate_ul_s,
            (Effect(after_s, push),),
            {"volume": volume_ul},
        )

    def _plunger(self, now_s: float) -> float:
        """Return how much of a volume the plunger really moves."""
        if self._faults.get("wrong_volume", now_s) is None:
            return 1.0
        return self._faults.number("wrong_volume", "factor", 0.8, now_s)

    def _go(self, mount: str, place: Place, now_s: float) -> float:
        """Bring a mount to a place and return how long that takes."""
        if not self.homed:
            raise CommandError("MustHomeError", "Current position is unknown; home.")
        travel_s = move_s(self.at, place, swap=self.lowered not in ("", mount))
        self.at, self.lowered = place, mount
        if self._faults.use_up("lost_tip", now_s) is not None:
            self._lose_tip(mount, now_s)
        return travel_s

    def _lose_tip(self, mount: str, now_s: float) -> None:
        if self.tips.pop(mount, None) is not None:
            self._world.drop_tip(now_s, mount)

    def _under(self, mount: str) -> str | None:
        """Return the well under a mount; the other mount hangs a pitch beside."""
        if self.at is None:
            return None
        if mount == self.lowered:
            return self._layout.liquid_at(self.at)
        side = MOUNT_PITCH_MM if mount == "right" else -MOUNT_PITCH_MM
        return self._layout.liquid_at(Place(self.at.x_mm + side, self.at.y_mm))
