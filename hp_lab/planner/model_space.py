"""The planner's standard model of a search space: kernel and priors."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr
from scipy.stats import norm

from hp_lab.planner import molecules
from hp_lab.planner.dimensions import Categorical, Molecule
from hp_lab.planner.discrepancy import Discrepancy
from hp_lab.planner.gp import StructuredGP
from hp_lab.planner.hypotheses import VANILLA_NAME, Hypothesis
from hp_lab.planner.kernels import (
    Embedded,
    Kernel,
    Labels,
    Mixture,
    Product,
    Softened,
    Stationary,
    Tabulated,
    tanimoto_table,
)
from hp_lab.planner.priors import LogNormal
from hp_lab.planner.space import Space
from hp_lab.units import FloatArray

_DESCRIPTOR_COMPONENTS = 6
# Values of a smaller relative difference are equal.
_ROUNDING = 1e-12
# Of the population behind bounds: its mean in deviations, the log of its deviation.
_STEP_SD = np.array([3.0, 1.0])


def standard_kernel(space: Space) -> Kernel:
    """Return the kernel on codes of a space.

    Numbers share a Matern-5/2 kernel with a length each (a simplex has one), molecules
    have descriptors, fingerprints and their own identity, categories their identity.
    Lengths grow with the square root of the number of dimensions (Hvarfner et al.,
    ICML 2024), since distances do.
    """
    groups = [
        tuple(space.slices[name].start + column for column in group)
        for name, dimension in space.dimensions.items()
        for group in dimension.groups
    ]
    parts: list[Kernel] = []
    if groups:
        median = 0.5 * np.sqrt(len(groups))
        prior = LogNormal(median=float(median), sd=0.9)
        numbers = Stationary(tuple(groups), (prior,) * len(groups))
        parts.append(numbers)
    for name, dimension in space.dimensions.items():
        column = space.slices[name].start
        if isinstance(dimension, Molecule) and len(dimension.labels) > 1:
            parts.append(molecule_kernel(column, dimension))
        elif isinstance(dimension, Categorical) and len(dimension.labels) > 1:
            parts.append(Labels(column, LogNormal(median=1.0, sd=1.0)))
    if not parts:
        # Nothing varies; a label is always like itself.
        return Labels(0, LogNormal(median=1.0, sd=1.0))
    if len(parts) == 1:
        return parts[0]
    odds = LogNormal(median=0.5, sd=1.0)
    softened = [
        part if isinstance(part, Labels) else Softened(part, odds) for part in parts
    ]
    return Product(tuple(softened))


def molecule_kernel(column: int, dimension: Molecule) -> Kernel:
    """Return the kernel of a molecule: descriptors and fingerprints."""
    table = molecules.descriptor_matrix(dimension.choices)
    scores = molecules.principal_components(table, _DESCRIPTOR_COMPONENTS)
    prints = np.array([molecules.fingerprint(s) for s in dimension.choices.values()])
    fingerprints = Tabulated(
        column, tanimoto_table(prints), LogNormal(median=2.0, sd=1.0)
    )
    if scores.shape[1] == 0:
        return fingerprints
    described = Embedded(column, scores, LogNormal(median=1.0, sd=0.8))
    return Mixture((described, fingerprints))


def differ(y: FloatArray, sign: np.ndarray | None = None) -> bool:
    """Return whether two films are known to differ by more than rounding.

    Args:
        y: Values and bounds (n,).
        sign: 0 for a value, +1 for a lower bound, -1 for an upper one (n,); None where
            all are values.
    """
    if sign is None:
        sign = np.zeros(len(y), dtype=int)
    least = y[sign >= 0].max(initial=-np.inf)
    most = y[sign <= 0].min(initial=np.inf)
    return bool(least - most > _ROUNDING * np.abs(y).max(initial=0.0))


def scaling(
    y: FloatArray,
    variance: FloatArray,
    before: tuple[float, float] | None = None,
    *,
    known: bool = True,
    sign: np.ndarray | None = None,
) -> tuple[float, float]:
    """Return offset and scale that bring values to about 0 and 1.

    Those from before are kept while they still fit, so that a posterior can be carried
    on. Where it is not ``known`` what values differ by, they may differ by as much as
    they are away from 0: their own deviations tell nothing of other films. With a
    ``sign`` (see :func:`differ`) bounds tell how far the films lie beyond them.
    """
    offset = float(np.mean(y)) if len(y) else 0.0
    floor = float(np.sqrt(np.median(variance))) if len(y) else 0.0
    spread = float(np.std(y)) if len(y) > 1 else 0.0
    scale = max(spread, floor, 1e-9 * abs(offset))
    if sign is not None and sign.any():
        offset, scale = _beyond_bounds(y, variance, sign, offset, scale)
    if not known:
        scale = max(scale, float(np.abs(y).max(initial=0.0)))
    if before is not None:
        old_offset, old_scale = before
        near = abs(offset - old_offset) < 0.5 * old_scale
        if near and 0.67 < scale / old_scale < 1.5:
            return before
    return offset, scale


def _beyond_bounds(
    y: FloatArray, variance: FloatArray, sign: np.ndarray, offset: float, scale: float
) -> tuple[float, float]:
    """Return mean and deviation of a normal population of values and bounds.

    The likelihood is Tobin's (Econometrica 26 (1958) 24). Where all are bounds it has
    no maximum; so offset and scale, those of bounds taken for values, are the centre
    of a wide prior.
    """

    def loss(step: FloatArray) -> float:
        away = offset + step[0] * scale - y
        width = np.sqrt((scale * np.exp(step[1])) ** 2 + variance)
        log = np.where(
            sign == 0,
            norm.logpdf(away, scale=width),
            log_ndtr(sign * away / width),
        )
        return float(0.5 * np.sum((step / _STEP_SD) ** 2) - log.sum())

    step = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return offset + float(step[0]) * scale, scale * float(np.exp(step[1]))


def standard_model(
    space: Space,
    *,
    offset: float,
    scale: float,
    hypothesis: Hypothesis | None = None,
    name: str = VANILLA_NAME,
    kernel: Kernel | None = None,
) -> StructuredGP:
    """Return the standard model with or without a hypothesis.

    A hypothesis is a mean in real units; its GP only holds what it leaves over, which
    is expected to be smaller than the values' own spread and follows the hypothesis
    (:mod:`hp_lab.planner.discrepancy`). Its relative priors are
    resolved here, and only here: with the same offset and scale as the vanilla GP's.

    Raises:
        InvalidConfig: A prior is relative to a setting that is no number of the space.
    """
    discrepancy = None
    if hypothesis is not None:
        hypothesis = hypothesis.resolved(
            offset=offset, scale=scale, ranges=space.ranges
        )
        discrepancy = Discrepancy(ranges=space.ranges)
    return StructuredGP(
        name=name,
        kernel=kernel or standard_kernel(space),
        hypothesis=hypothesis,
        discrepancy=discrepancy,
        variance=LogNormal(median=1.0 if hypothesis is None else 0.2, sd=1.0),
        noise=LogNormal(median=0.01, sd=1.5),
        constant=1.0 if hypothesis is None else 0.0,
        offset=offset,
        scale=scale,
    )
