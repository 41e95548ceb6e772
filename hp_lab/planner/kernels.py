"""Covariance functions for many sets of hyperparameters at once.

A kernel looks at columns of points X (m, d) and has parameters with priors. It is
asked in two steps: ``pairs`` of points are turned into what depends on the points
alone, once; ``value`` turns that into covariances for parameters (P, k) of P particles,
again and again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from hp_lab.planner.molecules import tanimoto
from hp_lab.planner.priors import LogNormal, Prior
from hp_lab.units import FloatArray

Pairs = tuple[FloatArray, ...]
# Numbers that a processor has near, with a few arrays as large.
_PIECE = 8192


class Kernel(Protocol):
    """A correlation function: 1 where both points are the same, if they can share."""

    @property
    def priors(self) -> tuple[tuple[str, Prior], ...]:
        """Names and priors of the parameters."""

    @property
    def arrays(self) -> int:
        """How many arrays ``pairs`` returns."""

    def pairs(self, a: FloatArray, b: FloatArray) -> Pairs:
        """Return what pairs of rows of a and b (q, d) contribute, arrays (.., q)."""

    def value(self, parameters: FloatArray, pairs: Pairs) -> FloatArray:
        """Return correlations (P, q) for parameters (P, k), the caller's to change."""


def _exponential(kind: str, square: FloatArray) -> FloatArray:
    # In place, a piece at a time: these arrays are the planner's largest.
    flat = np.ascontiguousarray(square).reshape(-1)
    for start in range(0, len(flat), _PIECE):
        piece = flat[start : start + _PIECE]
        piece[:] = _exponential_of(kind, piece)
    return flat.reshape(square.shape)


def _exponential_of(kind: str, square: FloatArray) -> FloatArray:
    if kind == "rbf":
        return np.asarray(np.exp(-0.5 * square))
    r = np.sqrt(np.maximum(square, 0.0, out=square), out=square)
    if kind == "matern32":
        r *= np.sqrt(3.0)
        return np.asarray((1.0 + r) * np.exp(-r))
    r *= np.sqrt(5.0)
    result = r * r
    result /= 3.0
    result += 1.0 + r
    np.negative(r, out=r)
    result *= np.exp(r, out=r)
    return result


@dataclass(frozen=True, slots=True)
class Stationary:
    """Matern or squared exponential, k(r), r^2 = sum_g |x_g - x'_g|^2 / l_g^2.

    Rasmussen and Williams, equations 4.16, 4.17, 4.9. Columns of one group share a
    length: the fractions of a simplex, the components of a descriptor.

    Attributes:
        groups: Columns of each group.
        lengths: Prior of each group's length.
        kind: matern52, matern32 or rbf.
    """

    groups: tuple[tuple[int, ...], ...]
    lengths: tuple[Prior, ...]
    kind: str = "matern52"

    @property
    def priors(self) -> tuple[tuple[str, Prior], ...]:
        """Names and priors of the lengths."""
        return tuple((f"length_{i}", prior) for i, prior in enumerate(self.lengths))

    @property
    def arrays(self) -> int:
        """How many arrays ``pairs`` returns."""
        return 1

    def pairs(self, a: FloatArray, b: FloatArray) -> Pairs:
        """Return squared distances (g, q) in each group."""
        square = [
            ((a[:, list(group)] - b[:, list(group)]) ** 2).sum(axis=1)
            for group in self.groups
        ]
        return (np.array(square),)

    def value(self, parameters: FloatArray, pairs: Pairs) -> FloatArray:
        """Return correlations (P, q)."""
        return _exponential(self.kind, parameters**-2.0 @ pairs[0])


@dataclass(frozen=True, slots=True)
class Independent:
    """No correlation, not of twins either: what is added to a point is its own."""

    @property
    def priors(self) -> tuple[tuple[str, Prior], ...]:
        """None."""
        return ()

    @property
    def arrays(self) -> int:
        """How many arrays ``pairs`` returns."""
        return 1

    def pairs(self, a: FloatArray, b: FloatArray) -> Pairs:
        """Return correlations (1, q)."""
        del b
        return (np.zeros((1, len(a))),)

    def value(self, parameters: FloatArray, pairs: Pairs) -> FloatArray:
        """Return correlations (P, q)."""
        return np.repeat(pairs[0], len(parameters), axis=0)


@dataclass(frozen=True, slots=True)
class Tabulated:
    """Correlation of labels from a table, softened: a share w of k, 1 - w of equality.

    With a Tanimoto table it is the kernel of molecules; with an identity table it only
    tells labels apart. The share of equality lets two like molecules differ.
    """

    column: int
    table: FloatArray
    share: Prior

    @property
    def priors(self) -> tuple[tuple[str, Prior], ...]:
        """Name and prior of the odds of the table against equality."""
        return (("odds", self.share),)

    @property
    def arrays(self) -> int:
        """How many arrays ``pairs`` returns."""
        return 1

    def pairs(self, a: FloatArray, b: FloatArray) -> Pairs:
        """Return table entry and equality (2, q)."""
        i, j = a[:, self.column].astype(int), b[:, self.column].astype(int)
        return (np.array([self.table[i, j], (i == j).astype(float)]),)

    def value(self, parameters: FloatArray, pairs: Pairs) -> FloatArray:
        """Return correlations (P, q)."""
        w = parameters / (1 + parameters)
        return np.asarray(np.hstack([w, 1 - w]) @ pairs[0])


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels without order: correlation c between different ones, 1 with itself."""

    column: int
    odds: Prior

    @property
    def priors(self) -> tuple[tuple[str, Prior], ...]:
        """Name and prior of c / (1 - c)."""
        return (("odds", self.odds),)

    @property
    def arrays(self) -> int:
        """How many arrays ``pairs`` returns."""
        return 1

    def pairs(self, a: FloatArray, b: FloatArray) -> Pairs:
        """Return equality (1, q)."""
        same = a[:, self.column].astype(int) == b[:, self.column].astype(int)
        return (same.astype(float)[None, :],)

    def value(self, parameters: FloatArray, pairs: Pairs) -> FloatArray:
        """Return correlations (P, q)."""
        c = parameters / (1 + parameters)
        return np.asarray(c + (1 - c) * pairs[0])


@dataclass(frozen=True, slots=True)
class Embedded:
    """A stationary kernel on the features (labels, d) of a label."""

    column: int
    features: FloatArray
    length: Prior
    kind: str = "matern52"

    @property
    def priors(self) -> tuple[tuple[str, Prior], ...]:
        """Name and prior of the length."""
        return (("length", self.length),)

    @property
    def arrays(self) -> int:
        """How many arrays ``pairs`` returns."""
        return 1

    def pairs(self, a: FloatArray, b: FloatArray) -> Pairs:
        """Return squared distances (1, q)."""
        i, j = a[:, self.column].astype(int), b[:, self.column].astype(int)
        return (((self.features[i] - self.features[j]) ** 2).sum(axis=1)[None, :],)

    def value(self, parameters: FloatArray, pairs: Pairs) -> FloatArray:
        """Return correlations (P, q)."""
        return _exponential(self.kind, parameters**-2.0 @ pairs[0])


@dataclass(frozen=True, slots=True)
class Softened:
    """c + (1 - c) k: a part that everything shares, so that products are also sums.

    The product of two such kernels holds each one alone and both together: a spacer's
    own offset, the process's own effect, and their interaction.
    """

    inner: Kernel
    odds: Prior

    @property
    def priors(self) -> tuple[tuple[str, Prior], ...]:
        """Name and prior of c / (1 - c), then the inner kernel's."""
        return (("shared_odds", self.odds), *self.inner.priors)

    @property
    def arrays(self) -> int:
        """How many arrays ``pairs`` returns."""
        return self.inner.arrays

    def pairs(self, a: FloatArray, b: FloatArray) -> Pairs:
        """Return the inner kernel's pairs."""
        return self.inner.pairs(a, b)

    def value(self, parameters: FloatArray, pairs: Pairs) -> FloatArray:
        """Return correlations (P, q)."""
        c = parameters[:, :1] / (1 + parameters[:, :1])
        return np.asarray(c + (1 - c) * self.inner.value(parameters[:, 1:], pairs))


@dataclass(frozen=True, slots=True)
class Product:
    """The product of kernels."""

    parts: tuple[Kernel, ...]

    @property
    def priors(self) -> tuple[tuple[str, Prior], ...]:
        """Names and priors of all parts."""
        return _joined(self.parts)

    @property
    def arrays(self) -> int:
        """How many arrays ``pairs`` returns."""
        return sum(part.arrays for part in self.parts)

    def pairs(self, a: FloatArray, b: FloatArray) -> Pairs:
        """Return the pairs of all parts."""
        return tuple(p for part in self.parts for p in part.pairs(a, b))

    def value(self, parameters: FloatArray, pairs: Pairs) -> FloatArray:
        """Return correlations (P, q)."""
        values = _split(self.parts, parameters, pairs)
        result = next(values)
        for value in values:
            result *= value
        return result


@dataclass(frozen=True, slots=True)
class Mixture:
    """A weighted sum of kernels, weights w_i / sum w with priors on w_i."""

    parts: tuple[Kernel, ...]
    weight: Prior = field(default_factory=LogNormal)

    @property
    def priors(self) -> tuple[tuple[str, Prior], ...]:
        """Names and priors of the weights and of all parts."""
        weights = tuple((f"weight_{i}", self.weight) for i in range(len(self.parts)))
        return weights + _joined(self.parts)

    @property
    def arrays(self) -> int:
        """How many arrays ``pairs`` returns."""
        return sum(part.arrays for part in self.parts)

    def pairs(self, a: FloatArray, b: FloatArray) -> Pairs:
        """Return the pairs of all parts."""
        return tuple(p for part in self.parts for p in part.pairs(a, b))

    def value(self, parameters: FloatArray, pairs: Pairs) -> FloatArray:
        """Return correlations (P, q)."""
        count = len(self.parts)
        weights = parameters[:, :count] / parameters[:, :count].sum(
            axis=1, keepdims=True
        )
        values = _split(self.parts, parameters[:, count:], pairs)
        result = weights[:, :1] * next(values)
        for i, value in enumerate(values, start=1):
            result += weights[:, i : i + 1] * value
        return np.asarray(result)


def _joined(parts: Sequence[Kernel]) -> tuple[tuple[str, Prior], ...]:
    return tuple(
        (f"{i}.{name}", prior)
        for i, part in enumerate(parts)
        for name, prior in part.priors
    )


def _split(
    parts: Sequence[Kernel], parameters: FloatArray, pairs: Pairs
) -> Iterator[FloatArray]:
    start = first = 0
    for part in parts:
        end, last = start + len(part.priors), first + part.arrays
        yield part.value(parameters[:, start:end], pairs[first:last])
        start, first = end, last


def tanimoto_table(fingerprints: FloatArray) -> FloatArray:
    """Return the Tanimoto kernel (labels, labels) of fingerprints (labels, bits)."""
    return tanimoto(fingerprints, fingerprints)
