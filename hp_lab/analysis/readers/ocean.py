"""Text exports of Ocean's OceanView, SpectraSuite and OOIBase32.

Lines ``name: value``, a line ``>>>>>Begin ... Spectral Data<<<<<``, rows of wavelength
and value, and in older programs a line ``>>>>>End ... Spectral Data<<<<<``.
"""

import re

import numpy as np

from hp_lab.analysis.readers.named_spectrum import NamedSpectrum
from hp_lab.analysis.readers.table import UNITS, ascending, guess_kind, parse_table
from hp_lab.analysis.readers.text import Text

_BEGIN = re.compile(r"^>+\s*Begin.*Spectral Data", re.IGNORECASE)
_END = re.compile(r"^>+\s*End.*Spectral Data", re.IGNORECASE)
_TIME = re.compile(r"integration time\s*\((sec|msec|usec|ms|us|s)\)", re.IGNORECASE)
_SECONDS = {"sec": 1.0, "s": 1.0, "msec": 1e-3, "ms": 1e-3, "usec": 1e-6, "us": 1e-6}
_PIXELS = re.compile(r"number of pixels", re.IGNORECASE)


def recognises(text: Text) -> bool:
    """Return whether this is an export of an Ocean program."""
    return any(_BEGIN.match(line) for line in text.lines[:80])


def read(text: Text) -> list[NamedSpectrum]:
    """Return the one spectrum of an Ocean export.

    Raises:
        InvalidInput: Rows are missing that the header promises, or break off.
    """
    begin = next(i for i, line in enumerate(text.lines) if _BEGIN.match(line))
    end = next(
        (i for i, line in enumerate(text.lines) if _END.match(line)), len(text.lines)
    )
    header: dict[str, str] = {}
    for line in text.lines[:begin]:
        name, _, stated = line.partition(":")
        if stated.strip():
            header[name.strip()] = stated.strip()
    table = parse_table(text, start=begin + 1, stop=end)
    promised = _promised(header)
    if promised and table.values.shape[0] < promised:
        raise text.broken(
            end,
            f"{promised} rows of data, as line 'Number of Pixels' promises; there "
            f"are {table.values.shape[0]}",
        )
    # The programs name the plot's axis or node, e.g. "Absorbance" in the first lines.
    kind = guess_kind(text.lines[0], header.get("YAxis mode", ""))
    kind = kind or guess_kind(text.path.stem)
    wavelength_nm, value = ascending(table.values[:, 0], table.values[:, 1])
    if kind == "transmission" and float(np.nanpercentile(value, 95.0)) > 2.0:
        value = value / 100.0
    return [
        NamedSpectrum(
            file=text.file,
            name=text.path.stem,
            kind=kind,
            wavelength_nm=wavelength_nm,
            value=value,
            unit=UNITS.get(kind or "", "counts"),
            integration_s=_integration_s(header),
            header=header,
        )
    ]


def _integration_s(header: dict[str, str]) -> float:
    for name, value in header.items():
        match = _TIME.search(name)
        number = re.match(r"[\d.]+([eE][+-]?\d+)?", value)
        if match and number:
            return float(number.group()) * _SECONDS[match.group(1).lower()]
    return 0.0


def _promised(header: dict[str, str]) -> int:
    for name, value in header.items():
        if _PIXELS.search(name) and value.isdigit():
            return int(value)
    return 0
