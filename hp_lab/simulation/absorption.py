"""Absorption: what every phase of a film takes from the light that crosses it.

Each layered phase has its 1s exciton (a pseudo-Voigt line with a phonon side band), a
2s exciton and a continuum with Sommerfeld enhancement, in two dimensions up to n = 4
and in three above (Elliott; Shinada and Sugano). Edges are broadened by replacing the
energy above the gap with a softplus of it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.integrate import trapezoid
from scipy.special import expit

from hp_lab.simulation import constants as c
from hp_lab.simulation.energies import binding_ev, exciton_ev
from hp_lab.simulation.formation import Film, volumes_a3
from hp_lab.simulation.phases import LAYERS
from hp_lab.units import FloatArray

_FLAT_LAYERS = 4
_WEIGHT_POINTS = 320


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorber:
    """A film's optical depth on a grid of energies.

    Attributes:
        energy_ev: The grid, shape (k,).
        exciton_ev: Exciton energy of every layered phase, shape (9,).
        layered: Naperian depth of every layered phase, shape (9, k).
        by_products: Naperian depth of every by-product, shape (4, k).
    """

    energy_ev: FloatArray
    exciton_ev: FloatArray
    layered: FloatArray
    by_products: FloatArray

    @property
    def total(self) -> FloatArray:
        """Naperian depth of the film, shape (k,)."""
        return np.asarray(self.layered.sum(axis=0) + self.by_products.sum(axis=0))


def absorber_of(film: Film, energy_ev: FloatArray) -> Absorber:
    """Return a film's optical depth at energies, shape (k,)."""
    exciton = exciton_ev(film.composition, float(film.layered[-1]))
    exciton = exciton + film.peak_shift_ev
    layered_a3, by_product_a3 = volumes_a3(film)
    volumes = film.layered * layered_a3, film.by_products * by_product_a3
    nm_a_volume = film.thickness_nm / float(volumes[0].sum() + volumes[1].sum())
    alloy = 4.0 * film.composition.bromide * (1.0 - film.composition.bromide)
    alpha = np.stack(
        [
            _layered_per_nm(energy_ev, index, float(exciton[index]), alloy)
            for index in range(len(LAYERS))
        ]
    )
    edges = (c.LEAD_IODIDE_EDGE, c.DELTA_EDGE, c.CHAIN_EDGE, c.SOLVATE_EDGE)
    other = np.stack([_edge_per_nm(energy_ev, *edge) for edge in edges])
    return Absorber(
        energy_ev=energy_ev,
        exciton_ev=exciton,
        layered=alpha * (nm_a_volume * volumes[0])[:, None],
        by_products=other * (nm_a_volume * volumes[1])[:, None],
    )


def absorbed_shares(film: Film) -> FloatArray:
    """Return how much of the film's absorbance is due to each phase, shape (13,).

    The absorbance, decadic or naperian, is integrated over photon energy from 0.15 eV
    below the 3D exciton to 0.30 eV above the exciton of n = 1, both of this film's
    ions. Layered phases come first, by-products follow; the shares add to one.
    """
    exciton = exciton_ev(film.composition, float(film.layered[-1]))
    window_ev = np.linspace(exciton[-1] - 0.15, exciton[0] + 0.30, _WEIGHT_POINTS)
    absorber = absorber_of(film, window_ev)
    depths = np.concatenate([absorber.layered, absorber.by_products])
    weights = trapezoid(depths, window_ev, axis=1)
    return np.asarray(weights / weights.sum())


def pseudo_voigt(offset_ev: FloatArray, fwhm_ev: float, lorentz: float) -> FloatArray:
    """Return a line of height 1: a Gaussian and a Lorentzian of the same width."""
    reduced = 2.0 * offset_ev / fwhm_ev
    gauss = np.exp(-np.log(2.0) * reduced**2)
    return np.asarray((1.0 - lorentz) * gauss + lorentz / (1.0 + reduced**2))


def _layered_per_nm(
    energy_ev: FloatArray, index: int, exciton: float, alloy: float
) -> FloatArray:
    binding = float(binding_ev()[index])
    gap = exciton + binding
    fwhm = c.LINE_FWHM_EV[index] + c.ALLOY_FWHM_EV * alloy
    flat = index < _FLAT_LAYERS
    peak = c.EXCITON_PEAK_3D_PER_NM
    if index < len(LAYERS) - 1:
        peak += c.EXCITON_PEAK_PER_NM / float(LAYERS[index]) ** c.EXCITON_PEAK_POWER
    line = pseudo_voigt(energy_ev - exciton, fwhm, c.LORENTZ_SHARE)
    # Lorentzian wings reach too far below an absorption edge.
    line *= expit((energy_ev - exciton + c.WING_START * fwhm) / (c.WING_WIDTH * fwhm))
    side = pseudo_voigt(energy_ev - exciton - c.PHONON_EV, c.PHONON_WIDTH * fwhm, 0.0)
    found = peak * (line + c.PHONON_SHARE * side)
    if flat:
        second = gap - min(c.RYDBERG_EV / 1.5**2, c.SECOND_EXCITON_MOST * binding)
        found += (
            peak
            * c.SECOND_EXCITON_SHARE
            * pseudo_voigt(energy_ev - second, c.SECOND_EXCITON_WIDTH * fwhm, 0.0)
        )
    return found + _continuum_per_nm(energy_ev, gap, index, flat, alloy)


def _continuum_per_nm(
    energy_ev: FloatArray, gap: float, index: int, flat: bool, alloy: float
) -> FloatArray:
    edge = c.EDGE_WIDTH_2D_EV if flat else c.EDGE_WIDTH_3D_EV
    edge += c.ALLOY_EDGE * c.ALLOY_FWHM_EV * alloy
    reduced = (energy_ev - gap) / edge
    above = np.maximum(edge * np.logaddexp(0.0, reduced), 1e-12)
    opened = expit(reduced)
    strength = c.CONTINUUM_PER_NM * (1.0 + c.CONTINUUM_LAYERED / float(LAYERS[index]))
    rise = 1.0 + (above / c.CONTINUUM_RISE_EV) ** c.CONTINUUM_RISE_POWER
    if flat:
        enhanced = 2.0 / (1.0 + np.exp(-2.0 * np.pi * np.sqrt(c.RYDBERG_EV / above)))
        return np.asarray(0.5 * strength * opened * enhanced * rise)
    rydberg = float(binding_ev()[index])
    # sqrt(E - Eg) times the enhancement, relative to its value 0.3 eV above the gap.
    enhanced = _sommerfeld_3d(above, rydberg) / _sommerfeld_3d(np.array(0.3), rydberg)
    return np.asarray(strength * opened * enhanced * rise)


def _sommerfeld_3d(above: FloatArray, rydberg: float) -> FloatArray:
    argument = 2.0 * np.pi * np.sqrt(rydberg / above)
    return np.asarray(np.sqrt(above) * argument / -np.expm1(-argument))


def _edge_per_nm(
    energy_ev: FloatArray, onset: float, width: float, strength: float
) -> FloatArray:
    reduced = (energy_ev - onset) / width
    above = width * np.logaddexp(0.0, reduced)
    return np.asarray(strength * expit(reduced) * (1.0 + (above / 0.6) ** 1.5))
