"""What heat, air and light do to a film, beyond making it.

Heat acts through Arrhenius rates integrated along the film's own temperature, which
lags behind the hotplate and falls in air. Air and light act slowly afterwards.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.integrate import trapezoid
from scipy.signal import lfilter

from hp_lab.simulation import constants as c
from hp_lab.simulation.films import FilmHistory, Heating
from hp_lab.simulation.inks import Composition
from hp_lab.units import BOLTZMANN_EV_K, ZERO_C_K, FloatArray

_MOST_POINTS = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """Integrated rates since a time; all without unit.

    Attributes:
        growth: Of crystallisation.
        ordering: Of the spacers finding their places.
        a_loss: Of the loss of methylammonium; other A cations lose in proportion.
        spacer_loss: Of the loss of a spacer with factor 1.
        coarsening: Of falling apart into thin layers and 3D grains.
        alpha: Of the change of delta- into alpha-FAPbI3.
    """

    growth: float
    ordering: float
    a_loss: float
    spacer_loss: float
    coarsening: float
    alpha: float


def arrhenius(
    temperature_c: FloatArray, energy_ev: float, reference_c: float
) -> FloatArray:
    """Return a rate relative to that at a reference temperature."""
    kelvin = temperature_c + ZERO_C_K
    inverse = 1.0 / (reference_c + ZERO_C_K) - 1.0 / kelvin
    return np.asarray(np.exp(energy_ev / BOLTZMANN_EV_K * inverse))


def heat_since(history: FilmHistory, start_s: float, now_s: float) -> Heat:
    """Return what heat did to a film from a time until now."""
    time_s, temperature_c = film_temperatures(history, start_s, now_s)

    def integral(rate_s: float, energy_ev: float, reference_c: float) -> float:
        rate = arrhenius(temperature_c, energy_ev, reference_c)
        return rate_s * float(trapezoid(rate, time_s))

    return Heat(
        growth=integral(c.GROWTH_100C_S, c.GROWTH_EV, 100.0),
        ordering=integral(c.ORDERING_100C_S, c.ORDERING_EV, 100.0),
        a_loss=integral(c.A_LOSS_150C_S, c.A_LOSS_EV, 150.0),
        spacer_loss=integral(c.SPACER_LOSS_150C_S, c.SPACER_LOSS_EV, 150.0),
        coarsening=integral(c.COARSENING_150C_S, c.COARSENING_EV, 150.0),
        alpha=integral(c.ALPHA_130C_S, c.ALPHA_EV, 130.0),
    )


def film_temperatures(
    history: FilmHistory, start_s: float, now_s: float
) -> tuple[FloatArray, FloatArray]:
    """Return the film's temperature from a time until now.

    Returns:
        Seconds since ``start_s``, shape (k,), and temperatures (C), shape (k,), to be
        joined by straight lines.
    """
    times = [np.zeros(1)]
    temperatures = [np.full(1, c.AMBIENT_C)]
    film_c = c.AMBIENT_C
    stays = [h for h in history.heatings if start_s <= h.arrive_s < now_s]
    for index, stay in enumerate(stays):
        leave_s = now_s if stay.leave_s is None else min(stay.leave_s, now_s)
        heated_s, heated_c = _on_plate(stay, leave_s, film_c)
        later_s = stays[index + 1].arrive_s if index + 1 < len(stays) else now_s
        cooling_s = np.linspace(0.0, min(later_s - leave_s, 10 * c.AIR_COOLING_S), 40)
        cooled_c = c.AMBIENT_C + (heated_c[-1] - c.AMBIENT_C) * np.exp(
            -cooling_s / c.AIR_COOLING_S
        )
        film_c = float(cooled_c[-1])
        times += [stay.arrive_s - start_s + heated_s, leave_s - start_s + cooling_s]
        temperatures += [heated_c, cooled_c]
    times.append(np.array([max(now_s - start_s, 0.0)]))
    temperatures.append(np.array([film_c]))
    return np.concatenate(times), np.concatenate(temperatures)


def _on_plate(
    stay: Heating, leave_s: float, film_c: float
) -> tuple[FloatArray, FloatArray]:
    """Return the film's temperature on a plate: first-order lag, exact on a grid."""
    duration_s = max(leave_s - stay.arrive_s, 1e-6)
    points = min(max(int(duration_s) + 1, 60), _MOST_POINTS)
    elapsed_s = np.linspace(0.0, duration_s, points)
    plate_c = stay.plate.temperatures_c(stay.arrive_s + elapsed_s)
    source_c = c.AMBIENT_C + c.FILM_COUPLING * (plate_c - c.AMBIENT_C)
    step = elapsed_s[1] / c.FILM_LAG_S
    decay = math.exp(-step)
    # The exact answer of dT/dt = (u - T) / lag to an input u of straight pieces.
    newer = 1.0 + math.expm1(-step) / step
    older = -math.expm1(-step) / step - decay
    start = film_c - newer * source_c[0]
    lagged, _ = lfilter([newer, older], [1.0, -decay], source_c, zi=[start])
    return elapsed_s, np.asarray(lagged)


def crystallised(growth: float) -> float:
    """Return the crystallised share, 1 - exp(-y^m) (Johnson-Mehl-Avrami-Kolmogorov)."""
    return -math.expm1(-(max(growth, 0.0) ** c.JMAK_ORDER))


def air_share(composition: Composition, age_s: float) -> tuple[float, float]:
    """Return what air leaves after an age: share of the emission, share of lattice.

    Hydrophobic spacers keep moisture away; without spacer nothing does.
    """
    logp = composition.spacers.mean("logp", -2.0)
    slower = math.exp(c.AIR_HYDROPHOBIC * min(max(logp, -3.0), 4.0))
    hours = max(age_s, 0.0) / 3600.0
    emission = math.exp(-hours / (c.AIR_EMISSION_H * slower))
    lattice = math.exp(-hours / (c.AIR_LATTICE_H * slower))
    return emission, lattice


def light_factor(
    elapsed_s: float, *, gain: float, growth_s: float, decay_s: float
) -> float:
    """Return the emission against its start: growth by traps healing, then decay.

    Two processes, (1 + (gain - 1)(1 - exp(-t / growth))) exp(-t / decay); one
    exponential does not describe measured films.
    """
    grown = 1.0 - (gain - 1.0) * math.expm1(-elapsed_s / growth_s)
    return grown * math.exp(-elapsed_s / decay_s)


def segregated_share(bromide: float, dose_s: float) -> float:
    """Return the share of the halide that has parted under a dose of light."""
    most = min(max((bromide - c.SEGREGATION_X) / c.SEGREGATION_WIDTH, 0.0), 1.0)
    return -most * math.expm1(-dose_s / c.SEGREGATION_S)
