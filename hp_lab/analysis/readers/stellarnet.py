"""StellarNet SpectraWiz files: .SSM (scope counts), .TRM (transmission), .ABS.

Two comment lines in quotes, the second with mode, cursor and settings, then rows of
wavelength and value. SpectraWiz writes 0.001 % where the reference has no light.
"""

import re

import numpy as np

from hp_lab.analysis.readers.named_spectrum import NamedSpectrum
from hp_lab.analysis.readers.table import UNITS, ascending, parse_table
from hp_lab.analysis.readers.text import Text
from hp_lab.analysis.spectrum import Kind

_MODE = re.compile(
    r'^"?\s*(SCOPE|TRANS|ABS|ABSOR\w*|IRRAD\w*|REFL\w*)->', re.IGNORECASE
)
_FIELD = re.compile(r"([A-Za-z]+):\s*(-?[\w.]+)")
_KINDS: dict[str, Kind] = {"SCOPE": "pl", "TRANS": "transmission", "ABS": "absorbance"}
_NO_LIGHT_PERCENT = 1e-3
_CEILING = 65_535.0


def recognises(text: Text) -> bool:
    """Return whether this is a SpectraWiz file."""
    return any(_MODE.match(line) for line in text.lines[:4])


def read(text: Text) -> list[NamedSpectrum]:
    """Return the one spectrum of a SpectraWiz file.

    Raises:
        InvalidInput: The mode is not known, or the rows break off.
    """
    place = next(index for index, line in enumerate(text.lines) if _MODE.match(line))
    match = _MODE.match(text.lines[place])
    mode = match.group(1).upper()[:5] if match else ""
    kind = _KINDS.get(mode if mode != "ABSOR" else "ABS")
    if kind is None:
        raise text.broken(place, "the mode SCOPE, TRANS or ABS")
    header = dict(_FIELD.findall(text.lines[place]))
    header["mode"] = mode
    table = parse_table(text, start=place + 1)
    wavelength_nm, value = ascending(table.values[:, 0], table.values[:, 1])
    flags: tuple[str, ...] = ()
    if kind == "transmission":
        value = np.where(value == _NO_LIGHT_PERCENT, np.nan, value / 100.0)
    elif kind == "pl":
        # Scope mode is counts of anything (a lamp, a laser or a film) above a dark
        # that the file does not hold.
        flags = ("kind_guessed", "no_dark")
    milliseconds = re.match(r"[\d.]+", header.get("Time", ""))
    return [
        NamedSpectrum(
            file=text.file,
            name=text.path.stem,
            kind=kind,
            wavelength_nm=wavelength_nm,
            value=value,
            unit=UNITS[kind],
            ceiling=_CEILING if kind == "pl" else 0.0,
            integration_s=float(milliseconds.group()) / 1e3 if milliseconds else 0.0,
            header=header,
            flags=flags,
        )
    ]
