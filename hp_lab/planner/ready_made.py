"""Ready-made hypotheses of this field.

Each is a mean function of settings named as below; ``inputs`` in the campaign file maps
them to other names. Energies in eV, times in s, temperatures in degrees Celsius.

Gaps, activation energies, rates, exponents and the times of a drop have priors of
published figures, in these units. Levels and differences of a quantity whose unit is
the user's, and edges on any setting, have priors relative to the films and the space.
"""

import numpy as np

from hp_lab.planner.hypotheses import Inputs, Parameter, hypothesis
from hp_lab.planner.priors import Difference, Level, LogNormal, Normal, Place, Width
from hp_lab.units import BOLTZMANN_EV_K, ZERO_C_K, FloatArray

_REFERENCE_K = 373.15
_REFERENCE_S = 600.0
# Shorter anneals do as little as this one.
_LEAST_S = 1.0


@hypothesis(
    "confinement",
    gap_inf_ev=Normal(mean=1.8, sd=0.5),
    strength_ev=LogNormal(median=3.8, sd=0.6),
    offset_n=LogNormal(median=2.4, sd=0.4),
    power=LogNormal(median=1.3, sd=0.3),
)
def confinement(
    x: Inputs,
    gap_inf_ev: Parameter,
    strength_ev: Parameter,
    offset_n: Parameter,
    power: Parameter,
) -> FloatArray:
    """Gap against layer number n: E_inf + A / (n + n0)^p, confinement in a slab."""
    return np.asarray(gap_inf_ev + strength_ev / (x["n"] + offset_n) ** power)


@hypothesis(
    "bowing",
    gap_0_ev=Normal(mean=1.9, sd=0.5),
    gap_1_ev=Normal(mean=2.4, sd=0.6),
    bowing_ev=Normal(mean=0.3, sd=0.2),
)
def bowing(
    x: Inputs, gap_0_ev: Parameter, gap_1_ev: Parameter, bowing_ev: Parameter
) -> FloatArray:
    """Gap of a mixed halide: (1 - x) E0 + x E1 - b x (1 - x)."""
    f = x["br_fraction"]
    return np.asarray((1 - f) * gap_0_ev + f * gap_1_ev - bowing_ev * f * (1 - f))


@hypothesis("vegard", value_0=Level(), value_1=Level())
def vegard(x: Inputs, value_0: Parameter, value_1: Parameter) -> FloatArray:
    """Linear between two end members (Vegard 1921); setting ``fraction``."""
    return np.asarray((1 - x["fraction"]) * value_0 + x["fraction"] * value_1)


@hypothesis(
    "step",
    edge=Place(setting="position"),
    below=Level(sd=2),
    above=Level(sd=2),
    width=Width(setting="position", median=0.03, sd=0.7),
)
def step(
    x: Inputs, edge: Parameter, below: Parameter, above: Parameter, width: Parameter
) -> FloatArray:
    """A phase boundary: one value below the edge of ``position``, another above."""
    share = 1 / (1 + np.exp(-np.clip((x["position"] - edge) / width, -50, 50)))
    return np.asarray(below + (above - below) * share)


@hypothesis(
    "onsager",
    slope=LogNormal(median=1.0, sd=0.5),
    stiffness=LogNormal(median=1.0, sd=0.25),
)
def onsager(x: Inputs, slope: Parameter, stiffness: Parameter) -> FloatArray:
    """Order parameter of the 2D Ising model, (1 - sinh(2 K)^-4)^(1/8) above K_c.

    Onsager 1944, Yang 1952; K = stiffness (j1 + slope j2), 0 in the disordered phase.
    """
    K = stiffness * (x["j1"] + slope * x["j2"])
    sinh = np.sinh(np.clip(2 * K, 1e-9, 50))
    return np.asarray(np.maximum(1 - np.minimum(sinh**-4.0, 1.0), 0.0) ** 0.125)


@hypothesis(
    "arrhenius",
    log_rate=Normal(mean=-8, sd=3),
    activation_ev=LogNormal(median=1.0, sd=0.4),
    start=Level(),
)
def arrhenius(
    x: Inputs, log_rate: Parameter, activation_ev: Parameter, start: Parameter
) -> FloatArray:
    """What is left after ``anneal_s`` at ``anneal_c``: y0 exp(-k t), k Arrhenius.

    ``log_rate`` is ln k (1/s) at 100 C.
    """
    inverse = 1 / (x["anneal_c"] + ZERO_C_K) - 1 / _REFERENCE_K
    rate = np.exp(np.clip(log_rate - activation_ev / BOLTZMANN_EV_K * inverse, -80, 80))
    return np.asarray(start * np.exp(-rate * x["anneal_s"]))


@hypothesis(
    "jmak",
    log_rate=Normal(mean=-5, sd=2),
    activation_ev=LogNormal(median=0.8, sd=0.3),
    exponent=LogNormal(median=2.0, sd=0.3),
    full=Level(),
)
def jmak(
    x: Inputs,
    log_rate: Parameter,
    activation_ev: Parameter,
    exponent: Parameter,
    full: Parameter,
) -> FloatArray:
    """Crystallised share after ``anneal_s`` at ``anneal_c``: 1 - exp(-(k t)^m).

    Johnson and Mehl 1939, Avrami 1939, Kolmogorov 1937; ``log_rate`` is ln k at 100 C.
    """
    inverse = 1 / (x["anneal_c"] + ZERO_C_K) - 1 / _REFERENCE_K
    rate = np.exp(np.clip(log_rate - activation_ev / BOLTZMANN_EV_K * inverse, -80, 80))
    exponentiated = np.minimum((rate * x["anneal_s"]) ** exponent, 700)
    return np.asarray(full * (1 - np.exp(-exponentiated)))


@hypothesis(
    "drop_window",
    best_s=Normal(mean=17, sd=6),
    width_s=LogNormal(median=3.0, sd=0.5),
    height=Difference(),
    floor=Level(),
)
def drop_window(
    x: Inputs,
    best_s: Parameter,
    width_s: Parameter,
    height: Parameter,
    floor: Parameter,
) -> FloatArray:
    """Quality against ``drop_time_s``: a window of supersaturation, a Gaussian."""
    z = (x["drop_time_s"] - best_s) / width_s
    return np.asarray(floor + height * np.exp(-0.5 * z**2))


@hypothesis(
    "process_window",
    best_s=LogNormal(median=16.0, sd=0.35),
    width_s=LogNormal(median=5.0, sd=0.5),
    best_c=Normal(mean=103, sd=17),
    width_c=LogNormal(median=15.0, sd=0.5),
    activation_ev=LogNormal(median=0.9, sd=0.3),
    height=LogNormal(median=0.5, sd=0.5),
    floor=LogNormal(median=0.15, sd=0.5),
)
def process_window(
    x: Inputs,
    best_s: Parameter,
    width_s: Parameter,
    best_c: Parameter,
    width_c: Parameter,
    activation_ev: Parameter,
    height: Parameter,
    floor: Parameter,
) -> FloatArray:
    """Quality (0 to 1) against ``drop_time_s``, ``anneal_c`` and ``anneal_s``.

    A film is good where the drop falls into its window and the anneal orders it without
    decomposing it. Anneals are compared by the temperature that would do as much in
    600 s at one activation energy; both windows are Gaussian. The priors are the ranges
    of published recipes: drops after 10 to 25 s, 10 min at 70 to 150 C.
    """
    hot = x["anneal_c"] + ZERO_C_K
    longer = np.log(np.maximum(x["anneal_s"], _LEAST_S) / _REFERENCE_S)
    inverse = 1 / hot - BOLTZMANN_EV_K / activation_ev * longer
    off_s = (x["drop_time_s"] - best_s) / width_s
    off_c = (1 / np.maximum(inverse, 1e-6) - ZERO_C_K - best_c) / width_c
    return np.asarray(floor + height * np.exp(-0.5 * (off_s**2 + off_c**2)))


NAMES = (
    confinement.name,
    bowing.name,
    vegard.name,
    step.name,
    onsager.name,
    arrhenius.name,
    jmak.name,
    drop_window.name,
    process_window.name,
)
