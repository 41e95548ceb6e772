"""G-code blocks as GRBL 1.1 reads them: words, modal state, error numbers."""

import math
import re
from dataclasses import dataclass, replace

_WORD = re.compile(r"([A-Z])([-+]?(?:\d+\.?\d*|\.\d+))?")
_AXES = "XYZ"
_INCH_MM = 25.4

# Modal groups of what a gantry needs; commands that change nothing here are accepted.
_GROUPS = {
    "motion": (0, 1),
    "stillness": (4, 53),
    "plane": (17, 18, 19),
    "units": (20, 21),
    "distance": (90, 91),
    "feed mode": (94,),
    "offset": (54,),
    "cutter": (40,),
    "length": (49,),
    "path": (61,),
    "cycle": (80,),
}
_GROUP_OF = {code: group for group, codes in _GROUPS.items() for code in codes}
_M_CODES = (0, 2, 3, 4, 5, 8, 9, 30)
# Codes that a jog may use.
_JOG_CODES = (20, 21, 53, 90, 91)


class GcodeError(Exception):
    """A block that GRBL refuses.

    Args:
        number: GRBL's error number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"error:{number}")
        self.number = number


@dataclass(frozen=True, slots=True, kw_only=True)
class Modes:
    """What one block leaves to the next."""

    motion: int = 0
    absolute: bool = True
    inches: bool = False
    feed_mm_min: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One parsed block.

    Attributes:
        modes: In force from this block on.
        axes: Axis letter to millimetres; empty when nothing moves.
        rapid: Whether it moves as fast as it can.
        machine: Whether the axes are machine coordinates (G53).
        dwell_s: None without G4.
        ends: Whether the program ends (M2, M30).
    """

    modes: Modes
    axes: dict[str, float]
    rapid: bool
    machine: bool
    dwell_s: float | None
    ends: bool

    def target(self, current: tuple[float, float, float]) -> tuple[float, float, float]:
        """Return where a move ends that starts at a machine position (mm)."""
        relative = not (self.modes.absolute or self.machine)
        x, y, z = (
            here + self.axes.get(axis, 0.0) if relative else self.axes.get(axis, here)
            for axis, here in zip(_AXES, current, strict=True)
        )
        return (x, y, z)


def words_of(text: str) -> list[tuple[str, float]]:
    """Return letters and numbers of a block without blanks.

    Raises:
        GcodeError: 1 where a letter is missing, 2 where a number is.
    """
    found = []
    place = 0
    while place < len(text):
        match = _WORD.match(text, place)
        if match is None:
            raise GcodeError(1)
        if match[2] is None:
            raise GcodeError(2)
        found.append((match[1], float(match[2])))
        place = match.end()
    return found


def parse(text: str, modes: Modes, *, jog: bool = False) -> Block:
    """Return what a block asks for.

    Args:
        text: Capitals, no blanks, no comments.
        modes: In force before it.
        jog: Whether it is a jog, which has its own modes and always a feed.

    Raises:
        GcodeError: GRBL refuses it.
    """
    codes: dict[str, int] = {}
    values: dict[str, float] = {}
    for letter, value in words_of(text):
        if letter == "G":
            _take_code(codes, value, jog=jog)
        elif letter == "M":
            if value not in _M_CODES or jog:
                raise GcodeError(16 if jog else 20)
            codes["program"] = int(value)
        elif letter in values:
            raise GcodeError(25)
        elif letter in "FNPSTXYZ":
            values[letter] = value
        else:
            raise GcodeError(20)
    for letter in "FNST":
        if values.get(letter, 0.0) < 0:
            raise GcodeError(4)
    return _block(codes, values, modes, jog=jog)


def _take_code(codes: dict[str, int], value: float, *, jog: bool) -> None:
    if value != math.floor(value):
        raise GcodeError(20 if value in (38.2, 38.3, 43.1, 91.1, 92.1) else 23)
    code = int(value)
    if jog and code not in _JOG_CODES:
        raise GcodeError(16)
    group = _GROUP_OF.get(code)
    if group is None:
        raise GcodeError(20)
    if group in codes:
        raise GcodeError(21)
    codes[group] = code


def _block(
    codes: dict[str, int], values: dict[str, float], modes: Modes, *, jog: bool
) -> Block:
    dwells = codes.get("stillness") == 4
    machine = codes.get("stillness") == 53
    units = codes.get("units")
    inches = modes.inches if units is None else units == 20
    scale = _INCH_MM if inches else 1.0
    distance = codes.get("distance")
    new = replace(
        modes,
        motion=codes.get("motion", modes.motion),
        absolute=modes.absolute if distance is None else distance == 90,
        inches=inches,
        feed_mm_min=values["F"] * scale if "F" in values else modes.feed_mm_min,
    )
    axes = {axis: values[axis] * scale for axis in _AXES if axis in values}
    if dwells and "P" not in values:
        raise GcodeError(28)
    if dwells and axes:
        raise GcodeError(31)
    if "P" in values and not dwells:
        raise GcodeError(36)
    if dwells and values["P"] < 0:
        raise GcodeError(4)
    if machine and not axes:
        raise GcodeError(26)
    if jog:
        if "F" not in values:
            raise GcodeError(22)
        if not axes:
            raise GcodeError(26)
    rapid = new.motion == 0 and not jog
    if axes and not rapid and new.feed_mm_min == 0.0:
        raise GcodeError(22)
    return Block(
        modes=new,
        axes=axes,
        rapid=rapid,
        machine=machine,
        dwell_s=values["P"] if dwells else None,
        ends=codes.get("program") in (2, 30),
    )
