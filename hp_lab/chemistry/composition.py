"""Compositions of layered lead halide perovskites.

General formulas, L a spacer, A a small cation, B a metal, X a halide, n the number of
metal halide sheets a layer (Mao, Stoumpos, Kanatzidis, J. Am. Chem. Soc. 2019, 141,
1171)::

    RP    L2 A(n-1) Bn X(3n+1)    Ruddlesden-Popper, singly charged spacer
    DJ    L  A(n-1) Bn X(3n+1)    Dion-Jacobson, doubly charged spacer
    ACI   L  A(n)   Bn X(3n+1)    alternating cations in the interlayer space
    3D       A      B  X3         n without limit, no spacer
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hp_lab.chemistry.ions import B_SITE, X_SITE, a_site_cations, charge
from hp_lab.chemistry.spacers import spacer
from hp_lab.errors import InvalidInput
from hp_lab.records import Setting

Family = Literal["RP", "DJ", "ACI", "3D"]

# Fractions and charges are sums of a few rounded numbers.
_SUM_TOLERANCE = 1e-6

_SITE_PREFIXES = ("a_site.", "b_site.", "x_site.")
# A fraction that stands alone; the rest of its site is the site's main ion.
_SINGLE_FRACTIONS = {
    "fa_fraction": ("a_site", "FA"),
    "cs_fraction": ("a_site", "Cs"),
    "sn_fraction": ("b_site", "Sn"),
    "br_fraction": ("x_site", "Br"),
    "cl_fraction": ("x_site", "Cl"),
}
_MAIN_ION = {"a_site": "MA", "b_site": "Pb", "x_site": "I"}
NO_SPACER = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """What a film is to consist of.

    Attributes:
        spacer: Abbreviation of a spacer of the library; empty for a 3D perovskite.
        n: Metal halide sheets a layer, a whole number, or infinity for 3D.
        a_site: Ion to fraction of the A site; the fractions add to one.
        b_site: The same for the metal.
        x_site: The same for the halide.

    Raises:
        InvalidInput: A fraction is negative, fractions do not add to one, an ion or
            spacer is unknown, n is below 1 or not whole, or charges do not balance.
    """

    spacer: str = ""
    n: float = math.inf
    a_site: Mapping[str, float] = field(default_factory=lambda: {"MA": 1.0}, hash=False)
    b_site: Mapping[str, float] = field(default_factory=lambda: {"Pb": 1.0}, hash=False)
    x_site: Mapping[str, float] = field(default_factory=lambda: {"I": 1.0}, hash=False)

    def __post_init__(self) -> None:
        """Check and put each site's ions into the order of formulas."""
        if self.spacer:
            spacer(self.spacer)
        _check_n(self.n, self.spacer)
        for site, allowed in (
            ("a_site", a_site_cations()),
            ("b_site", B_SITE),
            ("x_site", X_SITE),
        ):
            fractions = _checked_site(site, getattr(self, site), allowed)
            object.__setattr__(self, site, fractions)
        if abs(self.charge) > _SUM_TOLERANCE:
            msg = (
                f"composition {self.formula}: charge {self.charge:+g} a formula unit, "
                "but it must be 0; change the ions"
            )
            raise InvalidInput(msg)

    @property
    def family(self) -> Family:
        """The general formula that applies.

        Spacers known not to form layers get the formula their charge would give, so
        that it can be tried.
        """
        if not self.spacer or math.isinf(self.n):
            return "3D"
        entry = spacer(self.spacer)
        if entry.structure_class == "ACI":
            return "ACI"
        return "DJ" if entry.charge == 2 else "RP"

    @property
    def site_counts(self) -> tuple[float, float, float, float]:
        """Numbers of spacers, A, B and X in a formula unit."""
        n = self.n
        match self.family:
            case "RP":
                return 2.0, n - 1, n, 3 * n + 1
            case "DJ":
                return 1.0, n - 1, n, 3 * n + 1
            case "ACI":
                return 1.0, n, n, 3 * n + 1
            case "3D":
                return 0.0, 1.0, 1.0, 3.0

    @property
    def ions(self) -> dict[str, float]:
        """Amount of each ion in a formula unit; ions that are absent are left out."""
        spacers, a, b, x = self.site_counts
        amounts: dict[str, float] = {}
        for count, fractions in (
            (spacers, {self.spacer: 1.0}),
            (a, self.a_site),
            (b, self.b_site),
            (x, self.x_site),
        ):
            for ion, fraction in fractions.items():
                if count * fraction > 0:
                    amounts[ion] = amounts.get(ion, 0.0) + count * fraction
        return amounts

    @property
    def ions_per_metal(self) -> dict[str, float]:
        """Amount of each ion for one metal ion."""
        metal = self.site_counts[2]
        return {ion: amount / metal for ion, amount in self.ions.items()}

    @property
    def charge(self) -> float:
        """Sum of the charges of a formula unit, in elementary charges."""
        return sum(charge(ion) * amount for ion, amount in self.ions.items())

    @property
    def formula(self) -> str:
        """The formula as chemists write it, for example PEA2MA2Pb3I10."""
        spacers, a, b, x = self.site_counts
        return "".join(
            (
                _counted(self.spacer, spacers),
                _counted(_site_text(self.a_site), a),
                _counted(_site_text(self.b_site), b),
                _counted(_site_text(self.x_site), x),
            )
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against this composition without forbidding it."""
        if self.family == "3D":
            return ()
        entry = spacer(self.spacer)
        if entry.forms_2d == "yes":
            return ()
        what = {
            "no": "is known not to form a layered lead iodide",
            "uncertain": "is not known for certain to form a layered lead iodide",
            "mixed": "forms layered and other lead iodides",
        }[entry.forms_2d]
        return (f"spacer {self.spacer} {what} ({entry.evidence})",)


def is_composition_setting(name: str) -> bool:
    """Return whether :func:`composition_from_settings` reads a setting of this name."""
    return (
        name in {"spacer", "n"}
        or name in _SINGLE_FRACTIONS
        or name.startswith(_SITE_PREFIXES)
    )


def composition_from_settings(settings: Mapping[str, Setting]) -> Composition:
    """Return the composition that a candidate's settings describe.

    Settings: ``spacer`` (``none`` for 3D), ``n`` (default: 3D), then for each site
    either all its fractions (``a_site.MA``, ``a_site.FA``, ..., ``b_site.Pb``,
    ``x_site.I``, ...) or those beside its main ion (``fa_fraction``, ``cs_fraction``;
    ``sn_fraction``; ``br_fraction``, ``cl_fraction``), the rest being MA, Pb or I.
    Settings that are not about composition are left to others.

    Raises:
        InvalidInput: As :class:`Composition`, or a setting is not a number, or a site
            is given in both ways.
    """
    name = str(settings.get("spacer", NO_SPACER))
    return Composition(
        spacer="" if name == NO_SPACER else name,
        n=number_setting(settings, "n") if "n" in settings else math.inf,
        a_site=_site_from_settings("a_site", settings),
        b_site=_site_from_settings("b_site", settings),
        x_site=_site_from_settings("x_site", settings),
    )


def number_setting(settings: Mapping[str, Setting], name: str) -> float:
    """Return a setting that must be a number.

    Raises:
        InvalidInput: It is missing or not a number.
    """
    try:
        return float(settings[name])
    except KeyError:
        msg = f"setting {name} is missing; give a number"
        raise InvalidInput(msg) from None
    except ValueError:
        msg = f"setting {name}: {settings[name]!r} must be a number"
        raise InvalidInput(msg) from None


def _site_from_settings(site: str, settings: Mapping[str, Setting]) -> dict[str, float]:
    whole = {
        name.removeprefix(f"{site}."): number_setting(settings, name)
        for name in settings
        if name.startswith(f"{site}.")
    }
    single = {
        ion: number_setting(settings, name)
        for name, (owner, ion) in _SINGLE_FRACTIONS.items()
        if owner == site and name in settings
    }
    if whole and single:
        msg = (
            f"settings give {site} both as {site}.{next(iter(whole))} and as a "
            f"fraction of {next(iter(single))}; use one of the two ways"
        )
        raise InvalidInput(msg)
    if whole:
        return whole
    rest = 1.0 - sum(single.values())
    if rest < -_SUM_TOLERANCE:
        text = ", ".join(f"{ion} {value:g}" for ion, value in single.items())
        msg = f"{site}: fractions {text} add to {1.0 - rest:g}, but 1 is the most"
        raise InvalidInput(msg)
    return {_MAIN_ION[site]: max(rest, 0.0), **single}


def _check_n(n: float, spacer_name: str) -> None:
    if math.isnan(n) or n < 1 or not (math.isinf(n) or float(n).is_integer()):
        msg = f"composition: n = {n:g} must be a whole number from 1, or inf for 3D"
        raise InvalidInput(msg)
    if not spacer_name and not math.isinf(n):
        msg = f"composition: n = {n:g} needs a spacer; name one, or leave n out for 3D"
        raise InvalidInput(msg)


def _checked_site(
    site: str, fractions: Mapping[str, float], allowed: tuple[str, ...]
) -> dict[str, float]:
    for ion, fraction in fractions.items():
        if ion not in allowed:
            choice = ", ".join(allowed[:5]) + (", ..." if len(allowed) > 5 else "")
            msg = f"{site}: {ion!r} cannot sit there; use {choice}"
            raise InvalidInput(msg)
        if not (math.isfinite(fraction) and fraction >= 0):
            msg = f"{site}.{ion}: fraction {fraction:g} must be from 0 to 1"
            raise InvalidInput(msg)
    total = sum(fractions.values())
    if abs(total - 1.0) > _SUM_TOLERANCE:
        text = ", ".join(f"{ion} {value:g}" for ion, value in fractions.items())
        msg = f"{site}: fractions {text or 'none'} add to {total:g}, but must add to 1"
        raise InvalidInput(msg)
    ordered = sorted(
        (ion for ion in fractions if fractions[ion] > 0), key=allowed.index
    )
    return {ion: fractions[ion] for ion in ordered}


def _site_text(fractions: Mapping[str, float]) -> str:
    if len(fractions) == 1:
        return next(iter(fractions))
    return f"({''.join(f'{ion}{value:.4g}' for ion, value in fractions.items())})"


def _counted(text: str, count: float) -> str:
    if count == 0:
        return ""
    return text if count == 1 else f"{text}{count:g}"
