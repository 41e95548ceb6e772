"""Exciton energies of layered perovskites against n, spacer and ions.

The reference is BA2MA(n-1)Pb(n)I(3n+1). Spacer, A cation, halide and tin shift it;
halides alloy with bowing. All energies are of the 1s exciton's absorption unless said.
"""

import numpy as np

from hp_lab.simulation import constants as c
from hp_lab.simulation.inks import Composition
from hp_lab.simulation.phases import INVERSE_LAYERS, LAYERS
from hp_lab.simulation.spacers import hidden_spacer
from hp_lab.units import FloatArray


def _ladder(first_ev: tuple[float, ...], limit_ev: float, scale: float) -> FloatArray:
    """Return energies of all phases: a table, then the interpolant's confinement."""
    n = LAYERS[:-1]
    interpolated = limit_ev + scale * (
        c.LADDER_SCALE_EV / (n + c.LADDER_SHIFT) ** c.LADDER_POWER
    )
    interpolated[: len(first_ev)] = first_ev
    return np.append(interpolated, limit_ev)


_IODIDE = _ladder(c.IODIDE_LADDER_EV, c.LADDER_LIMIT_EV, 1.0)
_BROMIDE = _ladder(c.BROMIDE_LADDER_EV, c.BROMIDE_LIMIT_EV, c.BROMIDE_CONFINEMENT)
# Between n = 1 and the limit, chlorides follow the bromides' relative confinement.
_CHLORIDE = c.CHLORIDE_LIMIT_EV + (c.CHLORIDE_N1_EV - c.CHLORIDE_LIMIT_EV) * (
    (_BROMIDE - c.BROMIDE_LIMIT_EV) / (_BROMIDE[0] - c.BROMIDE_LIMIT_EV)
)


def exciton_ev(composition: Composition, three_d_share: float = 0.0) -> FloatArray:
    """Return the exciton energy of every phase, shape (9,), eV.

    Args:
        composition: The film's ions.
        three_d_share: Share of the 3D-like phase in the film; few such grains are small
            and emit bluer. Without spacer there is no such shift.
    """
    x, y = composition.bromide, composition.chloride
    iodide = 1.0 - x - y
    bowing = c.BOWING_3D_EV + (c.BOWING_2D_EV - c.BOWING_3D_EV) * INVERSE_LAYERS
    energy = iodide * _IODIDE + x * _BROMIDE + y * _CHLORIDE
    energy = energy - bowing * x * iodide - c.BOWING_BR_CL_EV * x * y
    a_shift = composition.a_mean(c.A_SITE_SHIFT_EV)
    felt = c.A_SITE_LAYER_SHARE * (1.0 - INVERSE_LAYERS)
    felt[-1] = 1.0
    energy = energy + a_shift * felt + spacer_shift_ev(composition)
    tin = composition.tin
    tin_shift = c.TIN_SHIFT_3D_EV + INVERSE_LAYERS * (
        c.TIN_SHIFT_2D_EV - c.TIN_SHIFT_3D_EV
    )
    energy = energy + tin_shift * tin - c.TIN_BOWING_EV * tin * (1.0 - tin)
    if composition.spacers.shares:
        small = np.exp(-three_d_share / c.SMALL_GRAIN_SHARE)
        energy[-1] += c.GRAIN_SHIFT_EV + c.SMALL_GRAIN_SHIFT_EV * small
    return np.asarray(energy)


def spacer_shift_ev(composition: Composition) -> FloatArray:
    """Return what the spacers add to each phase's energy, shape (9,), eV."""
    shift = np.zeros(len(LAYERS))
    decay = INVERSE_LAYERS**c.SPACER_SHIFT_POWER
    for name, share in composition.spacers.shares:
        spacer = hidden_spacer(name)
        own = spacer.shift_n1_ev * decay
        if spacer.ladder_ev is not None:
            known = np.array(spacer.ladder_ev) - _IODIDE[: len(spacer.ladder_ev)]
            own[: len(known)] = known
            # Beyond the table the last known shift fades.
            beyond = decay[len(known) :] / decay[len(known) - 1]
            own[len(known) :] = known[-1] * beyond
        shift += share * own
    return shift


def binding_ev() -> FloatArray:
    """Return the 1s binding energy of every phase, shape (9,), eV."""
    return c.BINDING_3D_EV + c.BINDING_N1_EV * INVERSE_LAYERS**c.BINDING_POWER


def stokes_ev() -> FloatArray:
    """Return how far below the absorption line every phase emits, shape (9,), eV."""
    return (
        c.STOKES_LIMIT_EV
        + (c.STOKES_N1_EV - c.STOKES_LIMIT_EV) * INVERSE_LAYERS**c.STOKES_POWER
    )
