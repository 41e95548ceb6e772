"""Uncertainties that no single spectrum shows."""

from hp_lab.units import HC_EV_NM

# Spread of the wavelength axes of array spectrometers between calibrations; makers
# state an accuracy of 0.3 to 0.5 nm.
WAVELENGTH_SIGMA_NM = 0.22


def axis_sigma_ev(energy_ev: float) -> float:
    """Return the uncertainty (eV) of an energy by the wavelength axis alone."""
    return WAVELENGTH_SIGMA_NM * energy_ev**2 / HC_EV_NM
