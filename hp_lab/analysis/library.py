"""What textbooks say of the n-phases: exciton energies, binding energies, widths.

These numbers are the analysis's own, compiled from the literature; what the laboratory
(or its simulation) really makes may differ, so every entry carries a spread and the fit
may move it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hp_lab.analysis.responsivity import TUNGSTEN_HALOGEN_K
from hp_lab.errors import InvalidInput

BULK = float("inf")

# 1s exciton absorption of BA2MA(n-1)PbnI(3n+1) at room temperature: Stoumpos et al.,
# Chem. Mater. 2016, 28, 2852 (n = 1 to 4) and Chem 2017, 2, 427 (n = 5); n = 6 and 8
# between n = 5 and the film value of MAPbI3.
_IODIDE_EV = {
    1: 2.41,
    2: 2.16,
    3: 2.03,
    4: 1.92,
    5: 1.84,
    6: 1.785,
    8: 1.72,
    BULK: 1.62,
}
# Bromides: Weidman et al., ACS Nano 2016, 10, 7830, and Bohn et al., Nano Lett. 2018,
# 18, 5231 (nanoplatelets of 1 to 6 layers).
_BROMIDE_EV = {
    1: 3.04,
    2: 2.85,
    3: 2.70,
    4: 2.61,
    5: 2.54,
    6: 2.50,
    8: 2.44,
    BULK: 2.32,
}
# Chlorides: Weidman et al. for n = 1, 2; MAPbCl3 for the bulk.
_CHLORIDE_EV = {
    1: 3.64,
    2: 3.50,
    3: 3.40,
    4: 3.32,
    5: 3.27,
    6: 3.23,
    8: 3.18,
    BULK: 3.05,
}
# 1s binding energy: Blancon et al., Nat. Commun. 2018, 9, 2254; bulk: Miyata et al.,
# Nat. Phys. 2015, 11, 582.
_BINDING_EV = {
    1: 0.42,
    2: 0.26,
    3: 0.19,
    4: 0.15,
    5: 0.125,
    6: 0.11,
    8: 0.085,
    BULK: 0.018,
}
# Exciton line in absorption, full width at half maximum, from published film spectra.
_FWHM_EV = {
    1: 0.070,
    2: 0.080,
    3: 0.085,
    4: 0.090,
    5: 0.095,
    6: 0.10,
    8: 0.10,
    BULK: 0.090,
}
# Continuum over the exciton's peak, read off published spectra: just above the gap for
# thin phases, 0.3 eV above it for those whose continuum is bulk-like.
_RATIO = {1: 0.3, 2: 0.45, 3: 0.6, 4: 0.75, 5: 1.2, 6: 1.4, 8: 1.7, BULK: 2.2}
# From five layers on the continuum follows the bulk's form rather than a step.
_THICK = 5.0
# From here on all phases go by one name.
_ONE_NAME = 5.5
# Lead iodide, the usual product of decomposition: its direct absorption sets in near
# 2.4 to 2.5 eV in films (Dugan and Henisch, J. Phys. Chem. Solids 1967, 28, 971).
_LEAD_IODIDE_EV = 2.42
# Halide alloys bow: energy = mean of the ends - b x (1 - x). Noh et al., Nano Lett.
# 2013, 13, 1764 has 0.33 eV for the bulk.
_BOWING_EV = 0.25
# Families whose ladder differs from that of BA and has been measured: Mao et al., J.
# Am. Chem. Soc. 2018, 140, 3775 (3AMP, 4AMP), Soe et al., J. Am. Chem. Soc. 2017, 139,
# 16297 (guanidinium, ACI).
_LADDERS_EV: dict[str, dict[float, float]] = {
    "3AMP": {1: 2.23, 2: 2.02, 3: 1.92, 4: 1.87},
    "4AMP": {1: 2.38, 2: 2.17, 3: 1.99, 4: 1.89},
    "GA": {1: 2.27, 2: 1.99, 3: 1.73},
}
# n = 1 exciton of lead iodides by spacer (eV): Mitzi, Prog. Inorg. Chem. 1999, 48, 1;
# Straus and Kagan, J. Phys. Chem. Lett. 2018, 9, 1434.
_SPACER_N1_EV = {
    "BA": 2.41,
    "PEA": 2.40,
    "HA": 2.38,
    "OA": 2.40,
    "DDA": 2.42,
    "4F-PEA": 2.39,
    "4FPEA": 2.39,
    "F-PEA": 2.39,
    "4Cl-PEA": 2.37,
    "4Br-PEA": 2.36,
    "MBA": 2.47,
}
# Spread of one phase's energy beside the shifts that all phases share.
_OWN_SPREAD_EV = 0.018
# Bulk iodide gap by A site (films): NREL and textbook values.
_A_SITE_BULK_EV = {"MA": 1.61, "FA": 1.55, "Cs": 1.75, "GA": 1.61}


BY_PRODUCT = 0.0
LEAD_IODIDE = "PbI2"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseLine:
    """What is believed of one phase before a spectrum is seen; energies in eV.

    Attributes:
        n: Layers of octahedra; infinite for the bulk, 0 for what is no perovskite.
        exciton_ev: 1s exciton (the edge of a by-product).
        exciton_sigma_ev: How far off that may be, apart from shifts of all phases.
        binding_ev: Band gap minus exciton.
        fwhm_ev: Width of the exciton.
        ratio: Continuum over exciton.
    """

    n: float
    exciton_ev: float
    exciton_sigma_ev: float
    binding_ev: float
    fwhm_ev: float
    ratio: float

    @property
    def label(self) -> str:
        """Name of the phase; 3D-like phases above n = 5 go by one name."""
        return phase_label(self.n)

    @property
    def is_perovskite(self) -> bool:
        """Whether this is an n-phase and no by-product."""
        return self.n != BY_PRODUCT

    @property
    def has_own_name(self) -> bool:
        """Whether it is an n-phase with which no other shares its name."""
        return self.is_perovskite and self.n < _ONE_NAME

    @property
    def is_thin(self) -> bool:
        """Whether the continuum is the step of a layered phase."""
        return self.is_perovskite and self.n < _THICK

    @property
    def spacer_share(self) -> float:
        """How much of the spacer's shift of n = 1 this phase feels."""
        thin = self.is_perovskite and not np.isinf(self.n)
        return float(self.n**-1.5) if thin else 0.0


def phase_label(n: float) -> str:
    """Return n=1 to n=5 for thin phases, n>=6 for all thicker ones, PbI2 for n = 0."""
    if n == BY_PRODUCT:
        return LEAD_IODIDE
    return f"n={n:.0f}" if n < _ONE_NAME else "n>=6"


def _unit_iodide() -> Mapping[str, float]:
    return {"I": 1.0}


def _unit_ma() -> Mapping[str, float]:
    return {"MA": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmContext:
    """What is known of a film before it is measured.

    Attributes:
        spacer: Abbreviation such as BA or PEA; None where unknown.
        n: Nominal layer number; None where unknown.
        halides: Fractions of I, Br and Cl.
        a_site: Fractions of the small cations (MA, FA, Cs).
        n1_exciton_ev: n = 1 exciton of this very spacer and halide, where somebody
            has measured it; it replaces the library's value.
        bandpass_nm: Full width at half maximum of the emission bandpass.
        lamp_k: Colour temperature of the lamp of the absorbance readings, by which PL
            is corrected for the spectrometer's response; None leaves PL as counted.
    """

    spacer: str | None = None
    n: float | None = None
    halides: Mapping[str, float] = field(default_factory=_unit_iodide)
    a_site: Mapping[str, float] = field(default_factory=_unit_ma)
    n1_exciton_ev: float | None = None
    bandpass_nm: float = 0.0
    lamp_k: float | None = TUNGSTEN_HALOGEN_K


def _alloyed(n: float, halides: Mapping[str, float]) -> float:
    """Return the exciton energy of a halide alloy."""
    ends = {"I": _IODIDE_EV, "Br": _BROMIDE_EV, "Cl": _CHLORIDE_EV}
    unknown = sorted(set(halides) - set(ends))
    if unknown:
        msg = f"halide {unknown[0]!r} is not in the library; use I, Br and Cl"
        raise InvalidInput(msg)
    total = sum(halides.values())
    if not total > 0.0:
        msg = f"halide fractions {dict(halides)} sum to {total}; they must be above 0"
        raise InvalidInput(msg)
    shares = {name: part / total for name, part in halides.items()}
    mean = sum(share * ends[name][n] for name, share in shares.items())
    names = sorted(shares)
    mixed = sum(
        shares[one] * shares[other]
        for place, one in enumerate(names)
        for other in names[place + 1 :]
    )
    return mean - _BOWING_EV * mixed


def phase_library(context: FilmContext) -> tuple[PhaseLine, ...]:
    """Return the phases a film of this kind may hold: n ascending, bulk, by-products.

    The spacer moves the thin phases: its shift of n = 1 fades as n**-1.5. The A site
    moves the thick ones, in proportion to the share of inner layers.

    Raises:
        InvalidInput: A halide is unknown or the fractions sum to nothing.
    """
    spacer_shift = 0.0
    if context.spacer in _SPACER_N1_EV:
        spacer_shift = _SPACER_N1_EV[context.spacer] - _IODIDE_EV[1]
    if context.n1_exciton_ev is not None:
        spacer_shift = context.n1_exciton_ev - _alloyed(1, context.halides)
    weights = {a: part for a, part in context.a_site.items() if a in _A_SITE_BULK_EV}
    total = sum(weights.values())
    bulk_shift = 0.0
    if total > 0.0:
        mean = sum(_A_SITE_BULK_EV[a] * part for a, part in weights.items()) / total
        bulk_shift = mean - _IODIDE_EV[BULK]
    mixed = 1.0 - max(context.halides.values()) / sum(context.halides.values())
    lines = []
    for n, iodide_ev in _IODIDE_EV.items():
        inner = 1.0 if np.isinf(n) else (n - 1.0) / n
        fading = 0.0 if np.isinf(n) else n**-1.5
        own_shift = spacer_shift * fading
        if context.spacer in _LADDERS_EV and n in _LADDERS_EV[context.spacer]:
            own_shift = _LADDERS_EV[context.spacer][n] - iodide_ev
        # n = 8 stands for a family of unresolved thick phases.
        spread = 0.03 if n == 8 else _OWN_SPREAD_EV
        lines.append(
            PhaseLine(
                n=n,
                exciton_ev=_alloyed(n, context.halides)
                + own_shift
                + bulk_shift * inner,
                exciton_sigma_ev=float(np.hypot(spread, 0.05 * mixed)),
                binding_ev=_BINDING_EV[n],
                fwhm_ev=_FWHM_EV[n],
                ratio=_RATIO[n],
            )
        )
    if context.halides.get("I", 0.0) > 0.5 * sum(context.halides.values()):
        lines.append(
            PhaseLine(
                n=BY_PRODUCT,
                exciton_ev=_LEAD_IODIDE_EV,
                exciton_sigma_ev=0.03,
                binding_ev=0.03,
                fwhm_ev=0.12,
                ratio=1.0,
            )
        )
    return tuple(lines)
