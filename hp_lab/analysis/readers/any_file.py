"""Reading a spectrum file without being told its format."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hp_lab.analysis.readers import cytation, luqy, ocean, stellarnet, table
from hp_lab.analysis.readers.named_spectrum import NamedSpectrum
from hp_lab.analysis.readers.text import Text, read_text


class _Format(NamedTuple):
    recognises: Callable[[Text], bool]
    read: Callable[[Text], list[NamedSpectrum]]


# Asked in this order; the generic table takes what nobody claims.
_FORMATS = (
    _Format(luqy.recognises, luqy.read),
    _Format(stellarnet.recognises, stellarnet.read),
    _Format(ocean.recognises, ocean.read),
    _Format(cytation.recognises, cytation.read),
)


def read_any(path: Path | str) -> list[NamedSpectrum]:
    """Return the spectra of a file, its format recognised from its content.

    Formats: BioTek Gen5 plate exports, LuQY Pro, StellarNet SpectraWiz, Ocean text,
    and tables of wavelength and values in text or CSV.

    Raises:
        InvalidInput: The file is none of these, or broken; says what was expected and
            in which line it went wrong.
    """
    text = read_text(Path(path))
    for known in _FORMATS:
        if known.recognises(text):
            return known.read(text)
    return table.read_table(text)
