"""The stock solutions on the deck (config/stocks.yaml): what is in which well."""

import difflib
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import AwareDatetime, Field, field_validator, model_validator

from hp_lab.chemistry.ions import is_ion
from hp_lab.chemistry.salts import salt_ions
from hp_lab.chemistry.solution import Solution, mixed
from hp_lab.errors import InvalidConfig, InvalidInput
from hp_lab.lab_config import LabConfig, Model, Positive, load_model

__all__ = [
    "Solution",
    "StockTable",
    "StockWell",
    "SubstrateStock",
    "load_stocks",
    "mixed",
]

T = TypeVar("T")
NonNegative = Annotated[float, Field(ge=0)]
WellName = Annotated[str, Field(pattern=r"^[^/\s]+/[A-Z]\d+$")]

_SLOT_RANGE = re.compile(
    r"(?P<tray>[^/]+)/(?P<row>[A-Z])(?P<first>\d+)(?:-(?P=row)(?P<last>\d+))?"
)


class StockWell(Model):
    """One well and what was filled into it.

    Attributes:
        name: How people call the solution.
        salts: Halide salts and their molarity.
        molecules: Inert solutes (monolayers, fullerenes, polymers) and their molarity.
        species_m: Ions by themselves, for solutions known only by their content.
        solvents: Solvents in parts by volume.
        volume_ul: Volume filled in.
        expires: Not to be used from this moment on.
    """

    name: Annotated[str, Field(min_length=1)]
    salts: dict[str, NonNegative] = Field(default_factory=dict)
    molecules: dict[str, NonNegative] = Field(default_factory=dict)
    species_m: dict[str, NonNegative] = Field(default_factory=dict)
    solvents: Annotated[dict[str, Positive], Field(min_length=1)]
    volume_ul: NonNegative
    expires: AwareDatetime | None = None

    @field_validator("salts")
    @classmethod
    def _salts_are_known(cls, value: dict[str, float]) -> dict[str, float]:
        for salt in value:
            salt_ions(salt)
        return value

    @field_validator("molecules")
    @classmethod
    def _molecules_are_inert(cls, value: dict[str, float]) -> dict[str, float]:
        for name in value:
            if is_ion(name):
                msg = f"{name} is an ion; list it under salts or species_m"
                raise ValueError(msg)
        return value

    @cached_property
    def solution(self) -> Solution:
        """The well's content: ions and inert molecules, mol/L, and solvents."""
        species: dict[str, float] = {}
        contributions = [(self.species_m, 1.0), (self.molecules, 1.0)]
        contributions += [
            (salt_ions(salt), molar) for salt, molar in self.salts.items()
        ]
        for amounts, factor in contributions:
            for name, amount in amounts.items():
                species[name] = species.get(name, 0.0) + factor * amount
        parts = sum(self.solvents.values())
        return Solution(
            species_m=species,
            solvents={name: part / parts for name, part in self.solvents.items()},
        )


class SubstrateStock(Model):
    """Substrates that wait in tray slots; slots are written tray/A1 or tray/A1-A8."""

    name: Annotated[str, Field(min_length=1)]
    slots: list[str]

    @field_validator("slots")
    @classmethod
    def _ranges(cls, value: list[str]) -> list[str]:
        return [slot for text in value for slot in _expand_slots(text)]


class StockTable(Model):
    """Everything that is used up: solutions, antisolvents, substrates.

    Attributes:
        wells: LABWARE/WELL to what it holds.
        antisolvents: Name of an antisolvent to the well that holds it.
        dead_volume_ul: What the pipette cannot reach at the bottom of a well.
        substrates: What lies in which tray slots.
    """

    wells: Annotated[dict[WellName, StockWell], Field(min_length=1)]
    antisolvents: dict[str, WellName] = Field(default_factory=dict)
    dead_volume_ul: NonNegative = 100.0
    substrates: list[SubstrateStock] = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for name, well in self.antisolvents.items():
            if well not in self.wells:
                msg = f"antisolvent {name}: well {well} is not among the wells"
                raise ValueError(msg)
            if self.wells[well].solution.species_m:
                msg = f"antisolvent {name}: well {well} holds solutes; it must be pure"
                raise ValueError(msg)
        slots = [slot for stock in self.substrates for slot in stock.slots]
        for slot in slots:
            if slots.count(slot) > 1:
                msg = f"substrates: slot {slot} is listed twice"
                raise ValueError(msg)
        return self

    @property
    def precursors(self) -> dict[str, StockWell]:
        """Wells that mixes are made from: all but the antisolvents."""
        aside = set(self.antisolvents.values())
        return {name: well for name, well in self.wells.items() if name not in aside}

    @property
    def slots(self) -> dict[str, str]:
        """Tray slot to the substrate in it, in the table's order."""
        return {slot: stock.name for stock in self.substrates for slot in stock.slots}

    def well(self, well: str) -> StockWell:
        """Return what a well holds.

        Raises:
            InvalidInput: The table does not know the well.
        """
        return _lookup(self.wells, well, "well")

    def antisolvent_well(self, name: str) -> str:
        """Return the well that holds an antisolvent.

        Raises:
            InvalidInput: The table has no such antisolvent.
        """
        return _lookup(self.antisolvents, name, "antisolvent")

    def volumes_ul(self) -> dict[str, float]:
        """Return the volume in each well as it was filled."""
        return {name: well.volume_ul for name, well in self.wells.items()}

    def volume_of_ul(self, name: str) -> float:
        """Return the volume of all wells with a solution of this name together."""
        return sum(w.volume_ul for w in self.wells.values() if w.name == name)

    def expired(self, now_s: float) -> list[str]:
        """Return the wells not to be used any more at a laboratory time."""
        return [
            name
            for name, well in self.wells.items()
            if well.expires is not None and well.expires.timestamp() <= now_s
        ]

    def check_deck(self, lab: LabConfig) -> None:
        """Check that the laboratory has these wells and slots, and that they hold it.

        Raises:
            InvalidConfig: A well or slot does not exist, or a volume exceeds its well;
                one line each.
        """
        faults = []
        for name, well in self.wells.items():
            labware_name, _, position = name.partition("/")
            labware = lab.pipettor.labware.get(labware_name)
            if labware is None or labware.kind != "wells":
                known = [
                    k for k, v in lab.pipettor.labware.items() if v.kind == "wells"
                ]
                faults.append(
                    f"stocks: {name}: the deck has no labware of wells called "
                    f"{labware_name}; use {', '.join(known)}"
                )
            elif position not in labware.wells():
                faults.append(
                    f"stocks: {name}: {labware_name} has wells "
                    f"{labware.wells()[0]} to {labware.wells()[-1]}"
                )
            elif well.volume_ul > labware.well_ul:
                faults.append(
                    f"stocks: {name}: {well.volume_ul:g} uL are above the well's "
                    f"{labware.well_ul:g} uL; fill in less"
                )
        positions = lab.gantry.positions()
        faults += [
            f"stocks: substrate {what} in {slot}: the laboratory has no such slot"
            for slot, what in self.slots.items()
            if slot not in positions
        ]
        if faults:
            raise InvalidConfig("\n".join(faults))


def load_stocks(path: Path) -> StockTable:
    """Read and check a table of stock solutions.

    Raises:
        InvalidConfig: The file cannot be read or a field is wrong; the message names
            the file, the field, the value and what it must be.
    """
    return load_model(StockTable, path)


def _lookup(table: Mapping[str, T], name: str, what: str) -> T:
    try:
        return table[name]
    except KeyError:
        close = difflib.get_close_matches(name, table, n=3)
        choice = ", ".join(close or list(table)[:6]) or "none"
        msg = f"stocks: {what} {name!r} is not in the table; it has {choice}"
        raise InvalidInput(msg) from None


def _expand_slots(text: str) -> list[str]:
    match = _SLOT_RANGE.fullmatch(text)
    if match is None:
        msg = f"slot {text!r} must be written like tray/A1 or tray/A1-A8"
        raise ValueError(msg)
    first, last = int(match["first"]), int(match["last"] or match["first"])
    return [f"{match['tray']}/{match['row']}{i}" for i in range(first, last + 1)]
