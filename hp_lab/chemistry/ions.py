"""The ions that perovskites are made of, and their charges."""

from functools import cache

from hp_lab.chemistry.spacers import library
from hp_lab.errors import InvalidInput

# Cations of the lattice's cage, in the order in which formulas name them.
A_SITE = ("FA", "MA", "Cs", "Rb", "K")
B_SITE = ("Pb", "Sn", "Ge")
X_SITE = ("I", "Br", "Cl")

_CHARGES = {
    **dict.fromkeys(A_SITE, 1),
    **dict.fromkeys(B_SITE, 2),
    **dict.fromkeys(X_SITE, -1),
}


def is_ion(name: str) -> bool:
    """Return whether a name is an ion; what is not counts as an inert molecule."""
    return name in _CHARGES or name in library()


def charge(name: str) -> int:
    """Return the charge of an ion in elementary charges.

    Raises:
        InvalidInput: Neither a perovskite ion nor a spacer has this name.
    """
    if name in _CHARGES:
        return _CHARGES[name]
    if name in library():
        return library()[name].charge
    known = ", ".join(_CHARGES)
    msg = f"ion {name!r} is unknown; use {known} or a spacer's abbreviation"
    raise InvalidInput(msg)


@cache
def a_site_cations() -> tuple[str, ...]:
    """Return what may sit on the A site: the usual ions, then every single charge.

    Large cations do go there in small amounts (guanidinium, ethylammonium).
    """
    others = (s.abbreviation for s in library().values() if s.charge == 1)
    return (*A_SITE, *(name for name in others if name not in A_SITE))
