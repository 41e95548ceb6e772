"""Light through a film on glass: reflection, interference, scattering, absorption."""

import math

import numpy as np
from scipy.special import expit

from hp_lab.simulation import constants as c
from hp_lab.simulation.absorption import Absorber
from hp_lab.simulation.formation import Film
from hp_lab.units import FloatArray


def substrate_transmission(wavelength_nm: FloatArray) -> FloatArray:
    """Return the transmission of bare glass, two faces, shape (k,)."""
    face = 1.0 - ((c.INDEX_GLASS - 1.0) / (c.INDEX_GLASS + 1.0)) ** 2
    return face**2 * _glass(wavelength_nm)


def film_transmission(
    film: Film, absorber: Absorber, wavelength_nm: FloatArray
) -> FloatArray:
    """Return the transmission of a film on glass, shape (k,).

    The film is one coherent layer between air and glass (Airy); roughness blurs the
    fringes. Pinholes let light through bare glass, rough films scatter it away.

    Args:
        film: The film.
        absorber: Its depth at the same wavelengths.
        wavelength_nm: Wavelengths, shape (k,).
    """
    index = film_index(film, wavelength_nm)
    front = (1.0 - index) / (1.0 + index)
    back = (index - c.INDEX_GLASS) / (index + c.INDEX_GLASS)
    phase = 4.0 * math.pi * index * film.thickness_nm / wavelength_nm
    blur = np.exp(-2.0 * (4.0 * math.pi * film.roughness_nm / wavelength_nm) ** 2)
    single = np.exp(-absorber.total)
    ripple = 2.0 * front * back * single * np.cos(phase) * blur
    through = (1.0 - front**2) * (1.0 - back**2) * single
    through = through / (1.0 + ripple + (front * back * single) ** 2)
    last_face = 1.0 - ((c.INDEX_GLASS - 1.0) / (c.INDEX_GLASS + 1.0)) ** 2
    covered = through * last_face * np.exp(-scattering_depth(film, wavelength_nm))
    bare = substrate_transmission(wavelength_nm)
    return np.asarray(
        film.coverage * covered * _glass(wavelength_nm) + (1.0 - film.coverage) * bare
    )


def film_index(film: Film, wavelength_nm: FloatArray) -> FloatArray:
    """Return the film's refractive index (Cauchy), shape (k,)."""
    lattice = max(float(film.layered.sum()), 1e-9)
    thick = float(film.layered[-1]) / lattice
    base = c.INDEX_LAYERED + (c.INDEX_3D - c.INDEX_LAYERED) * thick
    return base + c.INDEX_DISPERSION_UM2 / (wavelength_nm / 1000.0) ** 2


def scattering_depth(film: Film, wavelength_nm: FloatArray) -> FloatArray:
    """Return the naperian depth of scattering, falling as lambda^-k, shape (k,)."""
    power = c.SCATTER_POWER_ROUGH + (
        c.SCATTER_POWER_FINE - c.SCATTER_POWER_ROUGH
    ) * max(film.quality, 0.0)
    return film.haze * (c.SCATTER_REFERENCE_NM / wavelength_nm) ** power


def _glass(wavelength_nm: FloatArray) -> FloatArray:
    return np.asarray(expit((wavelength_nm - c.GLASS_EDGE_NM) / c.GLASS_EDGE_WIDTH_NM))
