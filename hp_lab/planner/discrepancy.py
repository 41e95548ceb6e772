"""How the GP of what a hypothesis leaves over follows the hypothesis.

A hypothesis is seldom wrong by as much everywhere. Where it has an edge, the edge may
lie elsewhere, and what it leaves over on one side of it tells little of the other side.
So the GP's covariance is, for a hypothesis m and a kernel k,

    k(x, x') r(m(x) / l, m(x') / l) (s + sum_j a^2 g_j(x) g_j(x')).

``g_j`` is half of what m changes by from a step below to a step above in setting j: to
first order each setting is displaced by a GP of its own, by ``a`` steps. Steps end at
the setting's limits, beyond which nothing is asked; with as large a change there, films
went to the borders. ``r`` is a rational quadratic correlation of what the hypothesis
says, 1 / (1 + d^2) (Rasmussen and Williams, equation 4.19), with the length ``l``, as
in nonlinear autoregressive GPs (Perdikaris et al., Proc. R. Soc. A 473 (2017)
20160751).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import EllipsisType

import numpy as np

from hp_lab.planner.dimensions import Range
from hp_lab.planner.hypotheses import Hypothesis, Inputs
from hp_lab.planner.priors import LogNormal, Prior
from hp_lab.units import FloatArray

# A step, as a share of a setting's range.
_STEP = 0.05
# In units of the model's scale; squares of more would overflow.
_LARGEST = 1e6


@dataclass(frozen=True, slots=True)
class Features:
    """A hypothesis at m points for P particles, and what its GP follows of it, scaled.

    Attributes:
        mean: What it says (P, m).
        slopes: What it changes by where a setting is displaced (P, m), by name, 0 for
            others; None where the GP does not follow it, as ``level``.
        level: What it says, in lengths (P, m).
    """

    mean: FloatArray
    slopes: Mapping[str, FloatArray] | None = None
    level: FloatArray | None = None

    def at(self, index: tuple[slice | None, ...] | slice) -> "Features":
        """Return the features of some of the points, by an index of arrays (m,)."""
        return self._of((..., *index) if isinstance(index, tuple) else (..., index))

    def particles(self, part: slice) -> "Features":
        """Return the features of some of the particles."""
        return self._of((part,))

    def _of(self, where: tuple[EllipsisType | slice | None, ...]) -> "Features":
        if self.slopes is None or self.level is None:
            return Features(self.mean[where])
        slopes = {name: slope[where] for name, slope in self.slopes.items()}
        return Features(self.mean[where], slopes, self.level[where])

    def variance(self, s: FloatArray) -> FloatArray:
        """Return the GP's variance (P, m), or s (P, 1) where it is the same for all."""
        if self.slopes is None:
            return s
        return np.asarray(s + sum(slope**2 for slope in self.slopes.values()))

    def covariance(self, other: "Features", s: FloatArray) -> FloatArray:
        """Return by what a kernel is multiplied for pairs of points.

        Both sets of points have shapes that can be broadcast, as has s (P, ..).
        """
        if self.slopes is None or other.slopes is None:
            return s
        if self.level is None or other.level is None:
            return s
        # In place where possible, for every pair of films of every particle.
        apart = self.level - other.level
        apart *= apart
        apart += 1.0
        # A function may look other settings up at other points.
        both = [name for name in self.slopes if name in other.slopes]
        result = s + sum(self.slopes[name] * other.slopes[name] for name in both)
        return np.asarray(np.divide(result, apart, out=apart))


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """Priors of how a GP follows its hypothesis.

    Attributes:
        ranges: Of the settings that are numbers, by name.
        displacement: Of ``a``: by how many steps the settings are displaced.
        length: Of ``l``, in units of the model's scale.
    """

    ranges: Mapping[str, Range]
    displacement: Prior = field(default_factory=LogNormal)
    length: Prior = field(default_factory=LogNormal)

    @property
    def priors(self) -> tuple[tuple[str, Prior], ...]:
        """Names and priors of the parameters."""
        return (("displacement", self.displacement), ("value_length", self.length))

    def features(
        self,
        hypothesis: Hypothesis,
        x: Inputs,
        phi: FloatArray,
        parameters: FloatArray,
        scaled: Callable[[FloatArray], FloatArray],
    ) -> Features:
        """Return the features of a hypothesis at m points.

        Settings that it does not read are not moved. Where it is undefined nothing
        follows it.

        Args:
            hypothesis: The hypothesis.
            x: Columns (m,) of the points.
            phi: Its parameters (P, k).
            parameters: Displacements and lengths (P, 2).
            scaled: Turns values into the model's units.

        Raises:
            InvalidInput: The hypothesis failed.
        """
        rows = len(next(iter(x.values())))
        mean, read = hypothesis.mean_and_reads(x, phi)
        names = sorted(read & self.ranges.keys())
        columns = [
            {**x, name: side}
            for name in names
            for side in self.ranges[name].around(np.asarray(x[name], float), _STEP)
        ]
        value = mean
        if columns:
            moved = {n: np.concatenate([one[n] for one in columns]) for n in x}
            value = np.hstack([mean, hypothesis.mean(moved, phi)])
        value = scaled(value).reshape(len(phi), -1, rows).swapaxes(0, 1)
        defined = np.isfinite(value)
        tame = np.clip(np.where(defined, value, 0.0), -_LARGEST, _LARGEST)
        displaced, length = parameters[:, :1], parameters[:, 1:]
        change = np.where(defined[2::2] & defined[1::2], tame[2::2] - tame[1::2], 0.0)
        slopes = dict(zip(names, 0.5 * displaced * change, strict=True))
        level = tame[0] / length
        return Features(value[0], slopes, level)
