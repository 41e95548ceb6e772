"""Unit conversions, each written once.

Names say the unit: ``_nm``, ``_ev``, ``_s``, ``_rpm``, ``_ul``, ``_c``, ``_m`` (molar).
"""

import numpy as np
import numpy.typing as npt

# CODATA 2018; exact since the 2019 redefinition of the SI.
PLANCK_J_S = 6.62607015e-34
LIGHT_M_S = 299_792_458.0
CHARGE_C = 1.602176634e-19
BOLTZMANN_EV_K = 8.617333262e-5
ZERO_C_K = 273.15
HC_EV_NM = PLANCK_J_S * LIGHT_M_S / CHARGE_C * 1e9

FloatArray = npt.NDArray[np.float64]


def ev_from_nm(wavelength_nm: float | FloatArray) -> FloatArray:
    """Return the photon energy (eV) of a vacuum wavelength (nm), E = hc / lambda."""
    return np.asarray(HC_EV_NM / np.asarray(wavelength_nm, dtype=np.float64))


def nm_from_ev(energy_ev: float | FloatArray) -> FloatArray:
    """Return the vacuum wavelength (nm) of a photon energy (eV)."""
    return np.asarray(HC_EV_NM / np.asarray(energy_ev, dtype=np.float64))


def kelvin_from_c(temperature_c: float) -> float:
    """Return the absolute temperature (K) of a temperature in degrees Celsius."""
    return temperature_c + ZERO_C_K


def turns_per_s_from_rpm(speed_rpm: float) -> float:
    """Return the speed in turns per second of a speed in revolutions per minute."""
    return speed_rpm / 60.0


def rpm_from_turns_per_s(speed_turns_s: float) -> float:
    """Return the speed in revolutions per minute of a speed in turns per second."""
    return speed_turns_s * 60.0
