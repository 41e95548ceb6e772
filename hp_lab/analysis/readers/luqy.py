"""LuQY Pro files (.abspl.txt, .pli.txt): absolute PL with raw and dark counts.

Lines of a name and a value up to a line of dashes, then titles, then rows of
wavelength, photon flux density, raw counts and, in .abspl files, dark counts. The
instrument sets the flux to 0 where it sees nothing.
"""

import numpy as np

from hp_lab.analysis.readers.named_spectrum import NamedSpectrum
from hp_lab.analysis.readers.table import parse_table
from hp_lab.analysis.readers.text import Text

_TITLE = "luminescence flux density"


def recognises(text: Text) -> bool:
    """Return whether this is a LuQY file."""
    return any(
        line.startswith("LuQY") or _TITLE in line.lower() for line in text.lines[:40]
    )


def read(text: Text) -> list[NamedSpectrum]:
    """Return the one spectrum of a LuQY file, as photon flux density.

    Raises:
        InvalidInput: The titles are missing or the rows break off.
    """
    place = next(
        (i for i, line in enumerate(text.lines) if _TITLE in line.lower()), None
    )
    if place is None:
        raise text.broken(
            len(text.lines),
            "a line 'Wavelength (nm)<tab>Luminescence flux density ...'",
        )
    header = {}
    for line in text.lines[:place]:
        name, _, value = line.partition("\t")
        if value:
            header[name.strip()] = value.strip()
    if text.lines[0].strip() and "\t" not in text.lines[0]:
        header["taken"] = text.lines[0].strip()
    table = parse_table(text, start=place + 1)
    columns = table.values.shape[1]
    if columns < 2:
        raise text.broken(place + 1, "wavelength and luminescence flux density")
    wavelength_nm, flux = table.values[:, 0], table.values[:, 1]
    empty = np.empty(0)
    return [
        NamedSpectrum(
            file=text.file,
            name=text.path.name.split(".")[0],
            kind="pl",
            wavelength_nm=wavelength_nm,
            value=flux,
            unit="photons/(s cm2 nm)",
            raw=table.values[:, 2] if columns > 2 else empty,
            dark=table.values[:, 3] if columns > 3 else empty,
            integration_s=_milliseconds(header) / 1e3,
            header=header,
        )
    ]


def _milliseconds(header: dict[str, str]) -> float:
    try:
        return float(header.get("Integration Time (ms)", "0"))
    except ValueError:
        return 0.0
