"""Problems with known answers: the published toys, and an Ising model."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.special import expit

from hp_lab.planner.gp import Data, StructuredGP
from hp_lab.planner.hypotheses import (
    Hypothesis,
    Inputs,
    MeanFunction,
    Parameter,
)
from hp_lab.planner.kernels import Stationary
from hp_lab.planner.priors import LogNormal, Normal, Prior, Uniform
from hp_lab.units import FloatArray

Part = Callable[[FloatArray, Parameter], FloatArray]

GRID_A = np.linspace(0, 3, 200)
GRID_B = np.linspace(0, 2.5, 100)
ISING_SIZE = 21
ISING_SPINS = 24
_SWEEPS = 600
_BURN_IN = 300


def data(x: FloatArray, y: FloatArray, variance: float = 0.0) -> Data:
    """Return films at x (n,)."""
    return Data(X=x[:, None], x={"x": x}, y=y, variance=np.full(len(y), variance))


def broken(below: Part, above: Part) -> MeanFunction:
    """Return a mean function with a break at t."""

    def mean(x: Inputs, t: Parameter, a: Parameter, b: Parameter) -> FloatArray:
        v = x["x"]
        return np.where(v < t, below(v, a), above(v, b))

    return mean


def power(v: FloatArray, exponent: Parameter) -> FloatArray:
    """Return v^exponent."""
    return v**exponent


def line(v: FloatArray, slope: Parameter) -> FloatArray:
    """Return slope v."""
    return slope * v


MEANS = {
    "power|power": broken(power, power),
    "linear|linear": broken(line, line),
    "power|linear": broken(power, line),
}


def _model(name: str, length: Prior, priors: dict[str, Prior] | None) -> StructuredGP:
    kernel = Stationary(((0,),), (length,))
    if priors is None:
        return StructuredGP(name=name, kernel=kernel)
    mean = Hypothesis(name=name, function=MEANS[name], priors=priors)
    return StructuredGP(name=name, kernel=kernel, hypothesis=mean)


def truth_a(x: FloatArray) -> FloatArray:
    """Return toy A's truth."""
    return np.where(x < 1.7, x**4.5, x**2.5)


def sample_a(seed: int) -> tuple[FloatArray, FloatArray]:
    """Return 15 noisy points of toy A."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 3, 15))
    return x, truth_a(x) + 0.1 * rng.standard_normal(15)


def model_a(name: str) -> StructuredGP:
    """Return a model of toy A by name; vanilla has no mean."""
    one = LogNormal()
    priors = {"t": Uniform(low=0.5, high=2.5), "a": one, "b": one}
    return _model(name, one, None if name == "vanilla" else priors)


def truth_b(x: FloatArray) -> FloatArray:
    """Return toy B's truth."""
    return np.where(x < 1.6, x**4, x**2.5)


def values_b(seed: int) -> FloatArray:
    """Return noisy values of toy B on its whole grid."""
    rng = np.random.default_rng(seed)
    return truth_b(GRID_B) + 0.2 * rng.standard_normal(len(GRID_B))


def model_b(name: str) -> StructuredGP:
    """Return a model of toy B by name; vanilla has no mean."""
    three = Normal(mean=3, sd=1)
    priors = {"t": Uniform(low=0.5, high=2), "a": three, "b": three}
    return _model(name, Uniform(low=0, high=1), None if name == "vanilla" else priors)


@lru_cache(maxsize=1)
def ising() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return j1, j2 (m,) and the magnetisation |M| of a Monte Carlo simulation.

    With diagonal couplings four sublattices can be updated at once, each in turn. Spins
    are drawn from the heat bath: Metropolis' rule would turn every spin of a free
    lattice on every sweep, and keep it in order for ever.
    """
    rng = np.random.default_rng(7)
    j1, j2 = np.meshgrid(
        np.linspace(0, 0.8, ISING_SIZE), np.linspace(-0.2, 0.6, ISING_SIZE)
    )
    j1, j2 = j1.ravel(), j2.ravel()
    spins = np.ones((len(j1), ISING_SPINS, ISING_SPINS), dtype=np.int8)
    total = np.zeros(len(j1))
    for sweep in range(_SWEEPS):
        for a in (0, 1):
            for b in (0, 1):
                field = _field(spins, j1, j2)[:, a::2, b::2]
                up = rng.random(field.shape) < expit(2 * field)
                spins[:, a::2, b::2] = np.where(up, 1, -1)
        if sweep >= _BURN_IN:
            total += np.abs(spins.mean(axis=(1, 2)))
    return j1, j2, total / (_SWEEPS - _BURN_IN)


def _field(spins: np.ndarray, j1: FloatArray, j2: FloatArray) -> FloatArray:
    near = sum(
        np.roll(spins, s, axis).astype(np.float32) for s in (1, -1) for axis in (1, 2)
    )
    far = sum(
        np.roll(spins, (s, t), (1, 2)).astype(np.float32)
        for s in (1, -1)
        for t in (1, -1)
    )
    return j1[:, None, None] * near + j2[:, None, None] * far


def boundary(m: FloatArray) -> FloatArray:
    """Return j1 (columns of j2,) where a magnetisation (m,) crosses one half."""
    table = m.reshape(ISING_SIZE, ISING_SIZE)
    j1 = np.linspace(0, 0.8, ISING_SIZE)
    result = np.full(ISING_SIZE, np.nan)
    for row, values in enumerate(table):
        above = np.flatnonzero((values[:-1] < 0.5) & (values[1:] >= 0.5))
        if values[0] >= 0.5:
            result[row] = j1[0]
        elif len(above):
            i = above[0]
            share = (0.5 - values[i]) / (values[i + 1] - values[i])
            result[row] = j1[i] + share * (j1[i + 1] - j1[i])
        else:
            result[row] = j1[-1]
    return result
