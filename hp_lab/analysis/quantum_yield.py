"""Absolute PL: photon flux, quantum yield and implied voltage.

An instrument that is calibrated for absolute flux (LuQY Pro) gives the emitted photons
per area and time. The quantum yield follows with the absorbed photons; the splitting of
the quasi-Fermi levels then lies below its radiative limit by kT ln(yield) (Ross, J.
Chem. Phys. 1967, 46, 4590; Rau, Phys. Rev. B 2007, 76, 085303).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.integrate import trapezoid

from hp_lab.analysis.emission import Emission
from hp_lab.analysis.measured import Measured
from hp_lab.errors import InvalidInput
from hp_lab.units import BOLTZMANN_EV_K, HC_EV_NM

FLUX_UNIT = "photons/(s cm2 nm)"
_ROOM_K = 298.15
# Absolute calibrations are good to about this share.
_CALIBRATION = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsoluteEmission:
    """Absolute figures of an emission.

    Attributes:
        flux: Emitted photons, 1/(s cm2).
        quantum_yield: Emitted over absorbed photons, 0 to 1; None where neither the
            file nor the caller says what was absorbed.
        source: instrument where the yield is the one printed in the file, computed
            where it comes from the flux, empty where there is none.
        loss_ev: kT ln(1 / yield): how far the quasi-Fermi level splitting lies below
            its radiative limit.
    """

    flux: Measured
    quantum_yield: Measured | None
    source: str
    loss_ev: Measured | None


def absolute_emission(
    emission: Emission,
    *,
    absorbed_per_s_cm2: float | None = None,
    header: Mapping[str, str] | None = None,
    temperature_k: float = _ROOM_K,
) -> AbsoluteEmission:
    """Return the absolute figures of a PL spectrum in photons/(s cm2 nm).

    Args:
        emission: Of a curve with unit ``FLUX_UNIT``.
        absorbed_per_s_cm2: Absorbed excitation photons; the yield is then computed.
        header: What the file says; a printed yield is taken as it is.
        temperature_k: Of the film.

    Raises:
        InvalidInput: The number of absorbed photons is not above 0.
    """
    flux = emitted_flux(emission)
    quantum_yield: Measured | None = None
    source = ""
    printed = printed_yield(header or {})
    if absorbed_per_s_cm2 is not None:
        if not absorbed_per_s_cm2 > 0.0:
            msg = f"absorbed_per_s_cm2 {absorbed_per_s_cm2} must be above 0"
            raise InvalidInput(msg)
        quantum_yield, source = flux.times(1.0 / absorbed_per_s_cm2), "computed"
    elif printed is not None:
        quantum_yield = Measured(value=printed, sigma=max(_CALIBRATION * printed, 1e-9))
        source = "instrument"
    loss = None
    if quantum_yield is not None and quantum_yield.value > 0.0:
        thermal_ev = BOLTZMANN_EV_K * temperature_k
        relative = quantum_yield.sigma / quantum_yield.value
        loss = Measured(
            value=-thermal_ev * float(np.log(quantum_yield.value)),
            sigma=thermal_ev * relative,
        )
    return AbsoluteEmission(
        flux=flux, quantum_yield=quantum_yield, source=source, loss_ev=loss
    )


def emitted_flux(emission: Emission) -> Measured:
    """Return the photons emitted per second and area, background-free."""
    low_ev, high_ev = emission.window_ev
    wavelength_nm = np.linspace(HC_EV_NM / high_ev, HC_EV_NM / low_ev, 1500)
    flux = float(trapezoid(emission.signal_at(wavelength_nm), wavelength_nm))
    height = emission.peaks[0].height
    relative = float(np.hypot(height.sigma / height.value, _CALIBRATION))
    return Measured(value=flux, sigma=flux * relative)


def printed_yield(header: Mapping[str, str]) -> float | None:
    """Return the quantum yield (0 to 1) that a LuQY file prints, None without one."""
    text = header.get("LuQY (%)")
    try:
        return None if text is None else float(text) / 100.0
    except ValueError:
        return None
