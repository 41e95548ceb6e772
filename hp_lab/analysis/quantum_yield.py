"""Absolute PL: photon flux, quantum yield and splitting of the quasi-Fermi levels.

An instrument that is calibrated for absolute flux (LuQY Pro) gives the emitted photons
per area, time and wavelength. What it prints above them follows from them and from what
it knows of its laser:

- bandgap: 1240 eV nm over the wavelength at which the flux density is highest;
- quantum yield: emitted over absorbed photons; how many were absorbed is not in the
  file, so the yield is taken as printed;
- implied voltage: kT ln(J / J0) + kT ln(yield), J the photocurrent and J0 the
  radiative recombination current (Ross, J. Chem. Phys. 1967, 46, 4590). By reciprocity
  J0 is the integral of quantum efficiency times black-body flux, and the emission's
  form is that product (Rau, Phys. Rev. B 2007, 76, 085303); above the peak the quantum
  efficiency is the one printed for the laser.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.integrate import trapezoid

from hp_lab.analysis.measured import Measured
from hp_lab.analysis.spectrum import Curve
from hp_lab.units import BOLTZMANN_EV_K, HC_EV_NM, FloatArray

FLUX_UNIT = "photons/(s cm2 nm)"
# The instrument's own rounding of h c.
_PRINTED_HC_EV_NM = 1240.0
_ROOM_K = 298.15
# Absolute calibrations are good to about this share.
_CALIBRATION = 0.10
# By the temperature (2 K) and by where the quantum efficiency's step is placed.
_SPLITTING_SIGMA_EV = 0.005
_CHARGE_C = 1.602176634e-19
# 2 pi / (h**3 c**2) in photons/(s cm2 eV), energies in eV.
_BLACK_BODY = 9.883e22


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsoluteEmission:
    """Absolute figures of an emission.

    Attributes:
        flux: Emitted photons, 1/(s cm2).
        gap_ev: Energy of the highest flux density, as the instrument defines its gap.
        quantum_yield: Emitted over absorbed photons, 0 to 1; None where the file does
            not print it.
        loss_ev: kT ln(1 / yield): how far the quasi-Fermi level splitting lies below
            its radiative limit.
        splitting_ev: Quasi-Fermi level splitting; None where the file does not print
            yield and photocurrent.
        printed: Numbers of the file's header by their names.
    """

    flux: Measured
    gap_ev: Measured
    quantum_yield: Measured | None
    loss_ev: Measured | None
    splitting_ev: Measured | None
    printed: Mapping[str, float]


def absolute_emission(
    curve: Curve, header: Mapping[str, str], *, temperature_k: float = _ROOM_K
) -> AbsoluteEmission | None:
    """Return the absolute figures of a PL spectrum in photons/(s cm2 nm).

    Args:
        curve: PL with unit ``FLUX_UNIT``; points that are not usable hold no light.
        header: What the file says of itself.
        temperature_k: Of the film.

    Returns:
        None where no light is seen, or the unit is another.
    """
    wavelength_nm, value, sigma = curve.points()
    if curve.unit != FLUX_UNIT or value.size < 2 or float(value.max()) <= 0.0:
        return None
    printed = _numbers(header)
    lit = np.where(curve.usable, curve.value, 0.0)
    flux = float(trapezoid(lit, curve.wavelength_nm))
    thermal_ev = BOLTZMANN_EV_K * temperature_k
    share = printed.get("LuQY (%)", 0.0) / 100.0
    quantum_yield = loss = splitting = None
    if share > 0.0:
        quantum_yield = Measured(value=share, sigma=_CALIBRATION * share)
        loss = Measured(
            value=-thermal_ev * float(np.log(share)), sigma=_CALIBRATION * thermal_ev
        )
        splitting = _splitting(wavelength_nm, value, printed, loss, thermal_ev)
    return AbsoluteEmission(
        flux=Measured(value=flux, sigma=_CALIBRATION * flux),
        gap_ev=_gap(wavelength_nm, value, sigma),
        quantum_yield=quantum_yield,
        loss_ev=loss,
        splitting_ev=splitting,
        printed=printed,
    )


def _numbers(header: Mapping[str, str]) -> dict[str, float]:
    found = {}
    for name, text in header.items():
        try:
            found[name.replace("²", "2")] = float(text.replace(",", "."))
        except ValueError:
            continue
    return found


def _gap(wavelength_nm: FloatArray, value: FloatArray, sigma: FloatArray) -> Measured:
    """Return the energy of the highest point; its sigma spans what could be highest."""
    top = int(np.argmax(value))
    rivals = wavelength_nm[value > value[top] - 2.0 * sigma[top]]
    step_nm = float(np.median(np.diff(wavelength_nm)))
    spread_nm = float(np.hypot(0.5 * np.ptp(rivals), 0.5 * step_nm))
    gap_ev = _PRINTED_HC_EV_NM / float(wavelength_nm[top])
    return Measured(value=gap_ev, sigma=gap_ev * spread_nm / float(wavelength_nm[top]))


def _splitting(
    wavelength_nm: FloatArray,
    value: FloatArray,
    printed: Mapping[str, float],
    loss_ev: Measured,
    thermal_ev: float,
) -> Measured | None:
    photocurrent = 1e-3 * printed.get("Jsc (mA/cm2)", 0.0)
    efficiency = printed.get("EQE @ laser wavelength", 0.0)
    if photocurrent <= 0.0 or efficiency <= 0.0:
        return None
    # An intensity of 0.00 suns is one that the program did not know.
    suns = printed.get("Laser intensity (suns)", 0.0) or 1.0
    saturation = _radiative_current(wavelength_nm, value, efficiency, thermal_ev)
    limit_ev = thermal_ev * float(np.log(suns * photocurrent / saturation))
    return Measured(
        value=limit_ev - loss_ev.value,
        sigma=float(np.hypot(loss_ev.sigma, _SPLITTING_SIGMA_EV)),
    )


def _radiative_current(
    wavelength_nm: FloatArray,
    value: FloatArray,
    efficiency: float,
    thermal_ev: float,
) -> float:
    """Return the radiative recombination current J0, A/cm2."""
    energy_ev = HC_EV_NM / wavelength_nm[::-1]
    per_ev = value[::-1] * HC_EV_NM / energy_ev**2
    black = _BLACK_BODY * energy_ev**2 * np.exp(-energy_ev / thermal_ev)
    top = int(np.argmax(per_ev))
    # Below the peak the emission is efficiency times black body, scaled at the peak.
    below = per_ev[: top + 1] * efficiency * black[top] / per_ev[top]
    current = float(trapezoid(below, energy_ev[: top + 1]))
    # Above it the black body alone falls, in closed form: integral of E**2 exp(-E/kT).
    at = float(energy_ev[top])
    tail = thermal_ev * (at**2 + 2.0 * at * thermal_ev + 2.0 * thermal_ev**2)
    current += efficiency * _BLACK_BODY * tail * float(np.exp(-at / thermal_ev))
    return _CHARGE_C * current
