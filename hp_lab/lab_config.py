"""The laboratory's own description (config/lab.yaml): stations, limits, deck.

It says what there is and what it may do, never whether it is emulated.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from hp_lab.errors import InvalidConfig

PositionMm = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0)]
ModelT = TypeVar("ModelT", bound=BaseModel)


class Model(BaseModel):
    """A frozen model that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Grid(Model):
    """Positions in rows A, B, ... and columns 1, 2, ...; gantry frame, millimetres."""

    origin_mm: PositionMm
    rows: Annotated[int, Field(ge=1, le=26)]
    columns: Annotated[int, Field(ge=1)]
    pitch_mm: Positive

    def positions(self) -> dict[str, PositionMm]:
        """Return the position of every slot, row by row."""
        x, y, z = self.origin_mm
        return {
            f"{chr(ord('A') + row)}{column + 1}": (
                x + column * self.pitch_mm,
                y + row * self.pitch_mm,
                z,
            )
            for row in range(self.rows)
            for column in range(self.columns)
        }


class Gantry(Model):
    """The transfer gantry: GRBL motion and a gripper."""

    motion_port: str
    gripper_port: str
    travel_mm: PositionMm
    clearance_mm: Positive = 40.0
    feed_mm_min: Positive = 6000.0
    grids: dict[str, Grid]
    points_mm: dict[str, PositionMm]

    def positions(self) -> dict[str, PositionMm]:
        """Return every position by name, e.g. tray/A1, spin_chuck, hotplate/1."""
        slots = {
            f"{name}/{slot}": position
            for name, grid in self.grids.items()
            for slot, position in grid.positions().items()
        }
        return {**slots, **self.points_mm}


class Pipette(Model):
    """A pipette on one mount."""

    name: str
    min_ul: Positive
    max_ul: Positive
    rate_ul_s: Positive


class Labware(Model):
    """Something on the robot's deck."""

    slot: Annotated[int, Field(ge=1, le=12)]
    kind: Literal["tips", "wells", "chuck"]
    rows: Annotated[int, Field(ge=1, le=16)] = 1
    columns: Annotated[int, Field(ge=1, le=24)] = 1
    well_ul: Positive = 1.0
    depth_mm: Positive = 10.0
    pitch_mm: Positive = 9.0

    def wells(self) -> list[str]:
        """Return the names of the wells, row by row: A1, A2, ..."""
        return [
            f"{chr(ord('A') + row)}{column + 1}"
            for row in range(self.rows)
            for column in range(self.columns)
        ]


class Pipettor(Model):
    """The pipetting robot and its deck."""

    address: str
    mounts: dict[Literal["left", "right"], Pipette]
    labware: dict[str, Labware]


class SpinCoater(Model):
    """The spin coater: an ODrive motor, and vacuum and lid on a relay board."""

    motor_port: str
    relay_port: str
    min_rpm: Positive = 200.0
    max_rpm: Positive = 9000.0
    min_acceleration_rpm_s: Positive = 50.0
    max_acceleration_rpm_s: Positive = 5000.0


class Hotplate(Model):
    """One hotplate; every position on it has its temperature."""

    port: str
    positions: Annotated[list[str], Field(min_length=1)]
    min_c: float = 25.0
    max_c: float = 300.0
    max_ramp_k_min: Positive = 15.0


class Spectrometer(Model):
    """The fibre spectrometer with its lamp, excitation LED and shutter."""

    address: str
    light_port: str
    model: str = "HDX"
    excitation_nm: Positive = 405.0
    min_integration_s: Positive = 0.006
    # seabreeze takes times below its ten seconds, not ten seconds themselves.
    max_integration_s: Positive = 9.9
    position: str = "stage"


class LabConfig(Model):
    """A laboratory."""

    name: str
    pipettor: Pipettor
    spin_coater: SpinCoater
    hotplates: Annotated[dict[str, Hotplate], Field(min_length=1)]
    spectrometer: Spectrometer
    gantry: Gantry
    heartbeat_timeout_s: Positive = 5.0

    @field_validator("hotplates")
    @classmethod
    def _names_are_node_names(cls, value: dict[str, Hotplate]) -> dict[str, Hotplate]:
        for name in value:
            if not name.isidentifier():
                msg = (
                    f"hotplate name {name!r} must be a ROS node name such as hotplate_2"
                )
                raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _stations_have_positions(self) -> Self:
        known = self.gantry.positions()
        wanted = ["spin_chuck", self.spectrometer.position]
        wanted += [p for plate in self.hotplates.values() for p in plate.positions]
        for name in wanted:
            if name not in known:
                msg = f"position {name!r} is used but missing in gantry.points_mm"
                raise ValueError(msg)
        return self


def load_lab_config(path: Path) -> LabConfig:
    """Read and check a laboratory description.

    Raises:
        InvalidConfig: The file cannot be read or a field is wrong; the message names
            the file, the field, the value and what it must be.
    """
    return load_model(LabConfig, path)


def load_model(model: type[ModelT], path: Path) -> ModelT:
    """Read a YAML file into a pydantic model.

    Raises:
        InvalidConfig: As :func:`load_lab_config`.
    """
    return check_model(model, read_yaml(path), str(path))


def read_yaml(path: Path) -> object:
    """Return what a YAML file holds.

    Raises:
        InvalidConfig: It cannot be read or is no YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); give the path of a YAML file"
        raise InvalidConfig(msg) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        msg = f"{path}: is not YAML ({error})"
        raise InvalidConfig(msg) from error


def check_model(model: type[ModelT], data: object, origin: str) -> ModelT:
    """Turn plain data into a model.

    Raises:
        InvalidConfig: The message has a line for each wrong field.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        lines = [
            f"{origin}: {_field(item, data)}: {line} (got {_short(item['input'])})"
            for item in error.errors(include_url=False)
            if not _follows(item)
            # One field may have several faults, a line each.
            for line in _says(item).splitlines()
        ]
        raise InvalidConfig("\n".join(lines)) from error


def _follows(fault: Mapping[str, Any]) -> bool:
    """Return whether a list is too short only as its items have faults."""
    if fault["type"] != "too_short":
        return False
    return bool(len(fault["input"]) >= fault["ctx"]["min_length"])


def _says(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "string_type" and isinstance(fault["input"], int | float):
        # YAML reads yes as True, and 10 as a number.
        return f"{fault['msg']}; put it in quotes"
    return str(fault["msg"]).removeprefix("Value error, ")


def _field(fault: Mapping[str, Any], data: Any) -> str:  # noqa: ANN401 - plain data
    """Return where a fault is, in the words of the data alone.

    pydantic's path also has the tags of unions, and names that a model gives to what
    the data list directly.
    """
    path: list[str] = []
    for part in fault["loc"]:
        inside = isinstance(data, list | tuple)
        if inside or (isinstance(data, Mapping) and part in data):
            data = data[part]
            path.append(str(part))
    if fault["type"] == "missing":
        path.append(str(fault["loc"][-1]))
    return ".".join(path) or "top level"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
