"""What a reader gives: one spectrum of a file, as the instrument wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hp_lab.analysis.spectrum import BoolArray, Kind
from hp_lab.units import FloatArray


def _no_values() -> FloatArray:
    return np.empty(0)


def _no_points() -> BoolArray:
    return np.empty(0, dtype=bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateRead:
    """Where a spectrum stands in the export of a plate that was read several times.

    Attributes:
        well: Such as B7.
        step: What the reads of one series have in common: ``pl top``, ``pl bottom``,
            ``absorbance``, with the excitation where several are used.
        cycle: Number of the read within its series, from 0.
        interval_s: Time between two reads of a series; None where the file does not
            say.
    """

    well: str
    step: str
    cycle: int
    interval_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSpectrum:
    """One spectrum of a file; arrays share one shape (k,) or are empty.

    Attributes:
        file: Name of the file.
        name: Well, column or, where a file holds one spectrum, the file's stem.
        kind: pl, absorbance or transmission; None where the file does not say.
        wavelength_nm: Strictly ascending.
        value: Signal; NaN where the file has none. Transmission is a fraction, PL a
            density per wavelength.
        unit: Unit of the signal.
        raw: Raw counts behind the signal, where the file has them.
        dark: Dark counts, where the file has them.
        overflow: True where the instrument reports overflow.
        ceiling: Highest value the instrument can report, 0 where unknown.
        integration_s: Integration time, 0 where unknown.
        excitation_nm: Excitation wavelength, 0 where unknown.
        bandpass_nm: Emission bandpass, 0 where unknown.
        plate: Well and read of a plate's export, None for other files.
        header: What the file says of itself, as printed.
        flags: Warnings of the reader.
    """

    file: str
    name: str
    kind: Kind | None
    wavelength_nm: FloatArray
    value: FloatArray
    unit: str = ""
    raw: FloatArray = field(default_factory=_no_values)
    dark: FloatArray = field(default_factory=_no_values)
    overflow: BoolArray = field(default_factory=_no_points)
    ceiling: float = 0.0
    integration_s: float = 0.0
    excitation_nm: float = 0.0
    bandpass_nm: float = 0.0
    plate: PlateRead | None = None
    header: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
