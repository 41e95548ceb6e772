"""How much of each layer number n a film holds.

Shares are of lead. Spacers and lead are conserved: the mean of 1/n over all phases is
that of the stoichiometry, whatever shape the distribution has. Around the nominal n
lies a log-normal core; a part of the lead falls apart into thin layers (n = 1, 2) and
3D-like grains, as films do.
"""

import math
from dataclasses import dataclass

import numpy as np

from hp_lab.simulation import constants as c
from hp_lab.simulation.inks import Composition
from hp_lab.units import FloatArray

# Layer numbers that are told apart; the last is everything thicker, 3D-like.
LAYERS = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, math.inf])
INVERSE_LAYERS = 1.0 / LAYERS
# Where the thick rest stands on the axis ln n.
_LN_LAYERS = np.log(np.append(LAYERS[:-1], c.GRAIN_LAYERS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """What decides the distribution.

    Attributes:
        width: Standard deviation of the core in ln n.
        apart: Share of the lead that falls apart, 0 to 1.
        low_one: Share of n = 1 among the thin layers of that part.
        delta: Share of the 3D-like part that is the yellow delta phase.
    """

    width: float
    apart: float
    low_one: float
    delta: float


def ordering_of(
    composition: Composition,
    *,
    inverse_n: float,
    quality: float,
    crystalline: float,
    ordered: float,
    coarsening: float,
    alpha: float,
) -> Ordering:
    """Return how well a film orders.

    Args:
        composition: The film's ions.
        inverse_n: Mean of 1/n, by the film's spacers.
        quality: Of the drop, 0 to 1.
        crystalline: Crystallised share, 0 to 1.
        ordered: How far the spacers found their places, 0 to 1.
        coarsening: Integrated rate of coarsening.
        alpha: Integrated rate of the delta to alpha change.
    """
    spacers = composition.spacers
    thickness = math.log(max(1.0 / max(inverse_n, c.LEAST_INVERSE_N), 1.0))
    away = thickness - math.log(spacers.mean("favoured_n", c.ORDINARY_N))
    strain = (
        composition.lattice_a - spacers.mean("lattice_a", composition.lattice_a)
    ) / c.LATTICE_TOLERANCE_A
    strained = min(c.WIDTH_LATTICE * strain**2, c.WIDTH_LATTICE_MOST)
    missed, uncooked = 1.0 - quality, 1.0 - crystalline
    width = (
        c.WIDTH_LN
        * spacers.mean("width", 1.0)
        * (1.0 + c.WIDTH_N_MISMATCH * away**2)
        * (1.0 + strained)
        * (1.0 + c.WIDTH_DROP * missed)
        * (1.0 + c.WIDTH_UNORDERED * (1.0 - ordered))
    )
    fa, cs = composition.a_fraction("FA"), composition.a_fraction("Cs")
    yellow = fa**2 * math.exp(-(alpha**c.JMAK_ORDER))
    stays = (
        (1.0 - c.APART - c.APART_N * max(thickness - math.log(c.ORDINARY_N), 0.0))
        * (1.0 - c.APART_DROP * missed)
        * (1.0 - c.APART_UNANNEALED * uncooked)
        * (1.0 - c.APART_FA * yellow)
        * (1.0 - min(c.APART_CS * max(cs - c.CS_TOLERATED, 0.0), c.APART_CS_MOST))
        * (1.0 - c.APART_BR * composition.bromide**2)
        * (1.0 + c.COARSENING_MOST * math.expm1(-coarsening))
    )
    return Ordering(
        width=width,
        apart=1.0 - stays,
        low_one=c.LOW_N_ONE * (1.0 - c.LOW_N_ONE_FA * fa),
        delta=c.DELTA_FA * yellow,
    )


def distribute(inverse_n: float, ordering: Ordering) -> FloatArray:
    """Return the share of lead in each of :data:`LAYERS`, shape (9,), adding to one.

    The mean of 1/n is ``inverse_n``: core and remainder each keep the spacers.
    """
    if inverse_n <= 0.0:
        return np.append(np.zeros(len(LAYERS) - 1), 1.0)
    if inverse_n >= 1.0:
        return np.append(1.0, np.zeros(len(LAYERS) - 1))
    core = _core(inverse_n, ordering.width)
    return (1.0 - ordering.apart) * core + ordering.apart * _remainder(
        inverse_n, ordering.low_one
    )


def _core(inverse_n: float, width: float) -> FloatArray:
    """Return the log-normal whose mean of 1/n is given, by bisection of its centre."""
    # So far out that one end holds next to everything, whatever the width.
    high = 4.0 + 30.0 * width**2
    low = -high
    weights = np.zeros(len(LAYERS))
    for _ in range(50):
        centre = 0.5 * (low + high)
        exponent = -0.5 * ((_LN_LAYERS - centre) / width) ** 2
        weights = np.exp(exponent - exponent.max())
        if float(weights @ INVERSE_LAYERS) > inverse_n * float(weights.sum()):
            low = centre
        else:
            high = centre
    return np.asarray(weights / weights.sum())


def _remainder(inverse_n: float, low_one: float) -> FloatArray:
    """Return thin layers and 3D grains with a given mean of 1/n."""
    inverse_low = 0.5 * (1.0 + low_one)
    shares = np.zeros(len(LAYERS))
    if inverse_n > inverse_low:
        shares[0] = 2.0 * inverse_n - 1.0
        shares[1] = 1.0 - shares[0]
        return shares
    thin = inverse_n / inverse_low
    shares[0], shares[1] = thin * low_one, thin * (1.0 - low_one)
    shares[-1] = 1.0 - thin
    return shares
