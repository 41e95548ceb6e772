"""The shape of PASCAL netlists: what a file must say, field by field."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from hp_lab.errors import InvalidConfig

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(min_length=1)]

# PASCAL's names of places; trays and hotplates have names of their own.
SPIN_COATER = "SpincoaterLiquidhandler"
CHARACTERIZATION = "Characterization"


class Shape(BaseModel):
    """Refuses fields that are unknown, and text where a number belongs."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False
    )


class Well(Shape):
    """A well on the deck."""

    labware: Name
    well: Name


class SolutionText(Shape):
    """What a drop consists of."""

    solutes: str
    molarity: NonNegative
    solvent: Name
    well: Well


class NetlistDrop(Shape):
    """A drop; microlitres, seconds from the start of the spin, uL/s, millimetres."""

    solution: SolutionText
    volume: Positive
    time: float
    rate: Positive
    height: Positive
    pre_mix: Annotated[list[NonNegative], Field(min_length=2, max_length=2)]
    slow_retract: bool
    touch_tip: bool
    air_gap: bool
    reuse_tip: bool
    slow_travel: bool
    blow_out: bool

    @field_validator("pre_mix")
    @classmethod
    def _repetitions_are_whole(cls, value: list[float]) -> list[float]:
        if not value[0].is_integer():
            msg = (
                f"pre_mix starts with {value[0]:g} repetitions; expected a whole number"
            )
            raise ValueError(msg)
        return value


class NetlistSpin(Shape):
    """A speed; rpm, rpm/s, seconds with the ramp."""

    rpm: Positive
    acceleration: Positive
    duration: Positive


class SpincoatDetails(Shape):
    """A spin coat; start_times count from the first drop or the first spin."""

    steps: Annotated[list[NetlistSpin], Field(min_length=1)]
    drops: Annotated[list[NetlistDrop], Field(min_length=1)]
    start_times: list[NonNegative]
    duration: Positive


class AnnealDetails(Shape):
    """An anneal; degrees Celsius, seconds."""

    temperature: float
    duration: Positive
    hotplate: Name


class RestDetails(Shape):
    """A rest; seconds."""

    duration: NonNegative


class MoveDetails(Shape):
    """A move of the gantry."""

    source: Name
    destination: Name


class SpectrumDetails(Shape):
    """Spectra; seconds."""

    exposure_times: Annotated[list[Positive], Field(min_length=1)]
    num_scans: Annotated[int, Field(ge=1)]


class PictureDetails(Shape):
    """Pictures at one exposure; seconds."""

    exposure_time: Positive
    num_frames: Annotated[int, Field(ge=1)]


class PicturesDetails(Shape):
    """Pictures at several exposures; seconds."""

    exposure_times: Annotated[list[Positive], Field(min_length=1)]
    num_frames: Annotated[int, Field(ge=1)]


class NetlistCharacterization(Shape):
    """One instrument's part of a characterisation; details depend on the instrument."""

    name: Name
    station: Name
    position: float
    duration: NonNegative
    details: dict[str, Any]


class CharacterizeDetails(Shape):
    """A characterisation."""

    characterization_tasks: Annotated[
        list[NetlistCharacterization], Field(min_length=1)
    ]


class NetlistTask(Shape):
    """A task; details depend on its name, start in seconds from the plan's zero."""

    id: Name
    name: Name
    sample: Name
    start: NonNegative
    precedent: str | None
    details: dict[str, Any]
    duration: Positive | None = None


class StorageSlot(Shape):
    """Where a sample is stored."""

    tray: Name
    slot: Name


class NetlistSample(Shape):
    """A sample and what is done to it."""

    name: Name
    substrate: Name
    storage_slot: StorageSlot
    worklist: Annotated[list[NetlistTask], Field(min_length=1)]


class Netlist(Shape):
    """A netlist."""

    name: str
    description: str
    samples: Annotated[dict[str, NetlistSample], Field(min_length=1)]
    hotplate_setpoints: dict[str, float]
    baselines_required: dict[str, list[Positive]]


def read_json(path: Path) -> object:
    """Return the content of a JSON file.

    Raises:
        InvalidConfig: It cannot be read or is not JSON; the message says where.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); give a netlist in JSON"
        raise InvalidConfig(msg) from error
    except json.JSONDecodeError as error:
        msg = (
            f"{path}: is not JSON: {error.msg} in line {error.lineno}, column "
            f"{error.colno}; expected a PASCAL netlist"
        )
        raise InvalidConfig(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path}: is not text (byte {error.start}); expected a PASCAL netlist"
        raise InvalidConfig(msg) from error
