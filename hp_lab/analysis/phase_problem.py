"""The least-squares problem of a film's absorbance as a sum of phases."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dtrtrs

from hp_lab.analysis.binding_scan import BindingScan
from hp_lab.analysis.film_background import (
    HOLES,
    KNOTS,
    THICKNESSES_NM,
    UNKNOWNS,
    FilmBackground,
)
from hp_lab.analysis.library import PhaseLine
from hp_lab.analysis.nonnegative import nonnegative_solution
from hp_lab.analysis.phase_model import OWN, PhaseModel, PhaseShapes
from hp_lab.units import FloatArray

# Share of the absorbance's range by which a sum of ideal phases misses a real film
# (and OD, for what lamp and substrate do).
_MODEL_FLOOR, _MODEL_FLOOR_OD = 0.006, 0.002
# By-products have no sharp feature and would soak up whatever the phases miss; this is
# how much of the absorbance they are believed to reach.
_BY_PRODUCT_SHARE = 0.02
# Thick phases lie closer together than their lines are wide. Each is believed to be
# about as frequent as its neighbours are, within this share of the absorbance.
_ALIKE_FROM, _ALIKE_SHARE = 5, 0.01
# Starting shifts of all energies, in units of the believed spread, and how many of them
# are followed.
_START_SHIFTS = (-2.4, -1.2, 0.0, 1.2, 2.4)
_STARTS = 2
# Starting binding energies, relative to the library's, where one phase stands out.
_START_BINDINGS = (0.65, 0.8, 1.0, 1.25, 1.55)
_STANDS_OUT = 4.0
# Cost of a phase: 2 c ln(1 + h / e), e a share of the absorbance.
_PRESENCE_COST, _PRESENCE_SHARE = 0.35, 0.02
# With a nominal n, the cost of that phase, and its growth with each octave of distance.
_NOMINAL_COST, _OCTAVE_COST = 0.09, 4.0
_THICKEST = 10.0
# Transmission below which holes are looked for from the start.
_DARK = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Linear:
    """Best heights and coefficients for given shapes; l of them, k points.

    Attributes:
        found: Heights, then coefficients over their lowest values, shape (l,).
        misfit: Weighted, shape (k,).
        surprise: Of the linear beliefs, shape (b,).
        cost: Sum of squares over data and beliefs, and the cost of the heights.
        columns: Weighted, shape (l, k).
        normal: Normal matrix of columns and beliefs, shape (l, l).
        counts: How much each point counts, shape (k,).
    """

    found: FloatArray
    misfit: FloatArray
    surprise: FloatArray
    cost: float
    columns: FloatArray
    normal: FloatArray
    counts: FloatArray


def _height_beliefs(library: tuple[PhaseLine, ...]) -> FloatArray:
    """Return rows that should come out as 0 +- 1 for heights relative to the range."""
    rows = []
    for index, line in enumerate(library):
        row = np.zeros(len(library))
        if not line.is_perovskite:
            row[index] = 1.0 / _BY_PRODUCT_SHARE
            rows.append(row)
            continue
        triple = library[index - 1 : index + 2]
        if line.n >= _ALIKE_FROM and all(np.isfinite(one.n) for one in triple):
            row[index - 1 : index + 2] = np.array([0.5, -1.0, 0.5]) / _ALIKE_SHARE
            rows.append(row)
    return np.array(rows).reshape(-1, len(library))


def _presence_costs(
    library: tuple[PhaseLine, ...], nominal_n: float | None
) -> FloatArray:
    """Return the cost c of each phase: higher the farther it is from the nominal n."""
    if nominal_n is None:
        return np.full(len(library), _PRESENCE_COST)
    wanted = min(max(nominal_n, 1.0), _THICKEST)
    octaves = [
        abs(np.log2(min(line.n, _THICKEST) / wanted)) if line.is_perovskite else 1.0
        for line in library
    ]
    return _NOMINAL_COST * (1.0 + _OCTAVE_COST * np.minimum(octaves, 2.0))


class PhaseProblem:
    """Residuals over the shape unknowns, heights and background eliminated.

    For given shapes the best heights (never negative) and background follow from a
    linear problem, so the search runs over the shapes alone (variable projection: Golub
    and Pereyra, SIAM J. Numer. Anal. 1973, 10, 413; derivatives after Kaufman, BIT
    1975, 15, 49). Unknowns are those of the background, then the shapes.
    """

    def __init__(
        self,
        energy_ev: FloatArray,
        absorbance: FloatArray,
        sigma: FloatArray,
        library: tuple[PhaseLine, ...],
        nominal_n: float | None,
    ) -> None:
        self.model = PhaseModel(library)
        self.energy = energy_ev
        self.absorbance = absorbance
        self.size = float(np.ptp(absorbance))
        floor = np.hypot(_MODEL_FLOOR * self.size, _MODEL_FLOOR_OD)
        self.weight = 1.0 / np.hypot(sigma, floor)
        self.background = FilmBackground(energy_ev, absorbance)
        self.darkest = float(10.0 ** -absorbance.max())
        self.count = self.model.count
        columns = self.background.spread.size
        self.linear_size = self.count + columns
        spread = self.background.spread
        centre = (self.background.centre - self.background.least) / spread
        background = np.zeros((columns, self.linear_size))
        background[:, self.count :] = np.diag(1.0 / spread)
        heights = _height_beliefs(library) / self.size
        amounts = np.zeros((heights.shape[0], self.linear_size))
        amounts[:, : self.count] = heights
        self._belief = np.vstack([background, amounts])
        self._belief_target = np.concatenate([centre, np.zeros(heights.shape[0])])
        self._belief_normal = self._belief.T @ self._belief
        self._belief_wanted = self._belief_target @ self._belief
        # Which heights and coefficients were above their lowest value last.
        self._free = np.ones(self.linear_size, dtype=bool)
        self.presence = np.zeros(self.linear_size)
        self._cost = _presence_costs(library, nominal_n)
        # A continuum absorbs far more light than an exciton line as high as its own.
        amount = self.model.values(energy_ev, np.zeros(self.model.shape_size)).mean(1)
        self._least_height = _PRESENCE_SHARE * self.size * np.median(amount) / amount
        self.charge(self._least_height)

    def charge(self, height: FloatArray) -> None:
        """Set what each phase costs, given about how high it is.

        A phase of height h costs 2 c ln(1 + h / e) of chi**2, so that phases which
        hardly improve the fit stay away (Candes, Wakin and Boyd, J. Fourier Anal. Appl.
        2008, 14, 877); linearised at the given heights.
        """
        self.presence[: self.count] = self._cost / (height + self._least_height)

    def limits(self) -> tuple[FloatArray, FloatArray]:
        """Return the bounds of the unknowns."""
        low, high = self.model.limits()
        limit = self.background.limit
        return np.concatenate([-limit, low]), np.concatenate([limit, high])

    def starts(self) -> list[FloatArray]:
        """Return unknowns for several shifts and thicknesses, the best ones first."""
        found = []
        for shift in _START_SHIFTS:
            trial = np.zeros(UNKNOWNS + self.model.shape_size)
            trial[UNKNOWNS + OWN * self.count] = shift
            found.append((self.cost(trial), trial))
        found.sort(key=lambda pair: pair[0])
        first = self._best_binding(self._best_thickness(found[0][1]))
        starts = [first]
        for _, trial in found[1:_STARTS]:
            trial[:UNKNOWNS] = first[:UNKNOWNS]
            trial[UNKNOWNS + OWN * self.count + 3] = first[
                UNKNOWNS + OWN * self.count + 3
            ]
            starts.append(trial)
        return starts

    def _best_thickness(self, x: FloatArray) -> FloatArray:
        """Return the unknowns with the best of many thicknesses and shares of holes.

        Thickness moves the target alone, so one normal matrix serves all of them.
        """
        values = self.model.values(self.energy, x[UNKNOWNS:])
        best, least = x, np.inf
        for holes in HOLES if self.darkest < _DARK else HOLES[:1]:
            films = np.tile(x[:UNKNOWNS], (THICKNESSES_NM.size, 1))
            films[:, 0] = self.background.thickness_unknown(THICKNESSES_NM)
            films[:, 3] = holes
            absorbance, counts = self.background.through_holes(films[0])
            columns, normal = self._columns(values, counts)
            shown = absorbance - self.background.reflection(films)
            targets = self._targets(shown * self.weight * counts, columns)
            believed = float(self._belief_target @ self._belief_target)
            for film, target in zip(films, targets, strict=True):
                found, wanted = self._heights(columns, normal, target)
                cost = target @ target + found @ (normal @ found - 2.0 * wanted)
                cost += believed + film @ film
                if cost < least:
                    best, least = np.concatenate([film, x[UNKNOWNS:]]), float(cost)
        return best

    def _best_binding(self, x: FloatArray) -> FloatArray:
        """Return the best of several binding energies, if one phase stands out.

        In a mixture the continua lie under other phases' excitons, and the first guess
        of the heights says nothing of where they begin.
        """
        heights = np.sort(self.heights(x))
        if heights[-1] < _STANDS_OUT * heights[-2]:
            return x
        trials = [
            np.concatenate(
                [x[:UNKNOWNS], self.model.with_binding(x[UNKNOWNS:], factor)]
            )
            for factor in _START_BINDINGS
        ]
        return min(trials, key=self.cost)

    def _columns(
        self, values: FloatArray, counts: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the weighted columns, shape (l, k), and their normal matrix."""
        columns = np.vstack([values, self.background.columns]) * (self.weight * counts)
        normal = columns @ columns.T + self._belief_normal
        normal.flat[:: self.linear_size + 1] += 1e-9 * np.trace(normal)
        return columns, normal

    def _targets(self, weighted: FloatArray, columns: FloatArray) -> FloatArray:
        """Return what the columns should make, coefficients from their lowest value."""
        return weighted - self.background.least @ columns[self.count :]

    def _heights(
        self, columns: FloatArray, normal: FloatArray, target: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the best heights and coefficients, and what they solve."""
        wanted = columns @ target + self._belief_wanted - self.presence
        found, self._free = nonnegative_solution(normal, wanted, self._free)
        return found, wanted

    def _linear(self, values: FloatArray, x: FloatArray) -> _Linear:
        """Return the best heights and coefficients for given shapes.

        Coefficients are counted from their lowest value, so that all are positive.
        """
        absorbance, counts = self._without_film(x)
        columns, normal = self._columns(values, counts)
        target = self._targets(absorbance * self.weight * counts, columns)
        found, _ = self._heights(columns, normal, target)
        misfit = found @ columns - target
        surprise = self._belief @ found - self._belief_target
        cost = misfit @ misfit + surprise @ surprise + 2.0 * self.presence @ found
        return _Linear(
            found=found,
            misfit=misfit,
            surprise=surprise,
            cost=float(cost + x @ x),
            columns=columns,
            normal=normal,
            counts=counts,
        )

    def mistaken(self, x: FloatArray) -> list[FloatArray]:
        """Return unknowns that the search may have mistaken these for.

        A step at the 2s state looks much like one at the gap with a 2s below it, and a
        continuum like the exciton of a thinner phase. A dark film may be black but for
        its holes.
        """
        others = [self.with_best_bindings(x)]
        if self.darkest < _DARK:
            for holes in HOLES[1:]:
                other = x.copy()
                other[3] = holes
                others.append(other)
        return others

    def with_best_bindings(self, x: FloatArray) -> FloatArray:
        """Return unknowns with binding energies that were looked for anew."""
        return np.concatenate([x[:UNKNOWNS], self._scan(x).best_shape()])

    def ambiguity(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return how far off gaps (eV) and shares may be as others fit as well.

        Returns:
            Root mean square of each gap, shape (p,); covariance of shares, (p, p).
        """
        thin, shares = self._scan(x).ambiguity()
        return np.concatenate([thin, np.zeros(self.count - thin.size)]), shares

    def _scan(self, x: FloatArray) -> BindingScan:
        absorbance, counts = self._without_film(x)
        return BindingScan(
            self.model,
            self.energy,
            x[UNKNOWNS:],
            self.heights(x),
            absorbance=absorbance,
            weight=self.weight * counts,
            background=self.background,
            belief=self._belief,
        )

    def _without_film(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the absorbance without holes and reflection, and how points count."""
        absorbance, counts = self.background.through_holes(x[:UNKNOWNS])
        return absorbance - self.background.reflection(x[:UNKNOWNS]), counts

    def _at(self, x: FloatArray) -> _Linear:
        return self._linear(self.model.values(self.energy, x[UNKNOWNS:]), x)

    def heights(self, x: FloatArray) -> FloatArray:
        """Return the heights for given shapes, shape (p,)."""
        return self._at(x).found[: self.count]

    def cost(self, x: FloatArray) -> float:
        """Return the sum of squares over data and beliefs."""
        return self._at(x).cost

    def linearised(self, x: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Return the cost, the normal matrix with the heights following, the slope.

        At the best heights the cost does not change with them: its slope is that of
        fixed heights. Its curvature is that of heights which follow, so what the free
        columns can take up of a derivative does not count.
        """
        shapes = self.model.shapes(self.energy, x[UNKNOWNS:])
        linear = self._linear(shapes.values, x)
        moving = self._by_unknown(shapes, linear, x)
        slope = moving @ linear.misfit + x
        free = np.flatnonzero(linear.found > 0.0)
        normal = moving @ moving.T
        if free.size:
            factor = np.linalg.cholesky(linear.normal[free[:, None], free])
            taken = dtrtrs(factor, linear.columns[free] @ moving.T, lower=1)[0]
            normal -= taken.T @ taken
        normal.flat[:: x.size + 1] += 1.0
        return linear.cost, normal, slope

    def _by_unknown(
        self, shapes: PhaseShapes, linear: _Linear, x: FloatArray
    ) -> FloatArray:
        """Return weighted derivatives of the misfit by the unknowns, shape (u, k)."""
        height = linear.found[: self.count]
        own = (shapes.own * height[None, :, None]).reshape(-1, self.energy.size)
        rows = np.vstack(
            [
                self.background.gradients(x[:UNKNOWNS]),
                own,
                height @ shapes.common,
            ]
        )
        return np.asarray(self.weight * linear.counts * rows)

    def full(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return residuals, heights with coefficients, and all derivatives.

        Columns are heights, coefficients and unknowns; rows are data, linear beliefs
        and the unknowns' beliefs.
        """
        shapes = self.model.shapes(self.energy, x[UNKNOWNS:])
        linear = self._linear(shapes.values, x)
        points, size = self.energy.size, self.linear_size
        rows = points + self._belief.shape[0]
        jacobian = np.zeros((rows + x.size, size + x.size))
        jacobian[:points, :size] = linear.columns.T
        jacobian[points:rows, :size] = self._belief
        jacobian[:points, size:] = self._by_unknown(shapes, linear, x).T
        jacobian[rows:, size:] = np.eye(x.size)
        found = linear.found.copy()
        found[self.count :] += self.background.least
        return np.concatenate([linear.misfit, linear.surprise, x]), found, jacobian

    def strains(self, linear: FloatArray, x: FloatArray) -> tuple[float, float, float]:
        """Return how implausible lamp drift, refractive index and knots are."""
        offset = linear[self.count :] - self.background.centre
        spreads = offset / self.background.spread
        knots = float(np.sqrt(np.mean(spreads[KNOTS:] ** 2)))
        return float(spreads[0]), float(x[1]), knots

    def counts(self, x: FloatArray) -> FloatArray:
        """Return the share of the transmitted light that did not pass holes, (k,)."""
        return self.background.through_holes(x[:UNKNOWNS])[1]

    def base(self, linear: FloatArray, x: FloatArray) -> FloatArray:
        """Return all that is not absorption of a phase, shape (k,)."""
        coefficients = linear[self.count :]
        lost = self.absorbance - self.background.through_holes(x[:UNKNOWNS])[0]
        smooth = coefficients @ self.background.columns
        return np.asarray(smooth + self.background.reflection(x[:UNKNOWNS]) + lost)
