"""GRBL's ``$`` settings as this gantry has them, and what it prints of itself."""

from hp_lab.lab_config import PositionMm

HELP = "[HLP:$$ $# $G $I $N $x=val $Nx=line $J=line $SLP $C $X $H ~ ! ? ctrl-x]"
_ZERO = "0.000,0.000,0.000"
# No work offset is ever set here.
PARAMETERS = [
    *(f"[G{number}:{_ZERO}]" for number in (54, 55, 56, 57, 58, 59, 28, 30, 92)),
    "[TLO:0.000]",
    f"[PRB:{_ZERO}:0]",
]
# Settings that are printed as integers: pulses, masks, switches.
_WHOLE = frozenset({0, 1, 2, 3, 4, 5, 6, 10, 13, 20, 21, 22, 23, 26, 30, 31, 32})


def default_settings(travel_mm: PositionMm) -> dict[int, float]:
    """Return setting number to value, in the order in which GRBL prints them.

    Soft limits, hard limits and homing are on; motors stay locked at rest; the head
    can go 200 mm/s across and 50 mm/s up and down.
    """
    return {
        0: 10,
        1: 255,
        2: 0,
        3: 0,
        4: 0,
        5: 0,
        6: 0,
        10: 1,
        11: 0.01,
        12: 0.002,
        13: 0,
        20: 1,
        21: 1,
        22: 1,
        23: 0,
        24: 300.0,
        25: 3000.0,
        26: 25,
        27: 2.0,
        30: 1000,
        31: 0,
        32: 0,
        100: 80.0,
        101: 80.0,
        102: 400.0,
        110: 12000.0,
        111: 12000.0,
        112: 3000.0,
        120: 500.0,
        121: 500.0,
        122: 200.0,
        130: travel_mm[0],
        131: travel_mm[1],
        132: travel_mm[2],
    }


def setting_line(number: int, value: float) -> str:
    """Return a setting as ``$$`` prints it.

    >>> setting_line(22, 1), setting_line(110, 12000.0)
    ('$22=1', '$110=12000.000')
    """
    return f"${number}={value:.0f}" if number in _WHOLE else f"${number}={value:.3f}"
