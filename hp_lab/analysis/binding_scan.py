"""Which binding energies suit a film whose exciton lines are known.

A search that starts beside the right binding energy does not find it: a step may stand
at the 2s state of another one, and a continuum may take the place of the exciton of a
thinner phase. Lines and steps of the layered phases are therefore fitted apart from
each other for many binding energies, phase by phase, which is a linear problem.
"""

import numpy as np

from hp_lab.analysis.film_background import FilmBackground
from hp_lab.analysis.nonnegative import nonnegative_solution
from hp_lab.analysis.phase_model import SECOND_STRENGTH, PhaseModel
from hp_lab.units import FloatArray

# Relative to the library's.
_FACTORS = np.array([0.5, 0.58, 0.67, 0.76, 0.87, 1.0, 1.15, 1.32, 1.52, 1.75, 2.0])
# Believed spread of the logarithm of such a factor.
_SPREAD = 0.3
# 2s states and steps are about as high as the library says, within these shares; a
# phase below this share of the highest counts as this much.
_SECOND_SPREAD, _STEP_SPREAD, _LEAST_HEIGHT = 0.6, 0.8, 0.05
_STRENGTH_LIMITS = (0.25, 4.0)
_SWEEPS = 2
# Neighbouring points miss a model alike, so chi**2 counts them this many times too
# often where binding energies are weighed against each other.
_COUNTED_TWICE = 5.0


class BindingScan:
    """Binding energies of the layered phases, all other shapes fixed.

    Args:
        model: Shapes of p phases.
        energy_ev: Energies of the measurement, shape (k,).
        shape: Shape unknowns around which is searched.
        height: Heights found so far, shape (p,).
        absorbance: Without reflection and holes, shape (k,).
        weight: Of each point, shape (k,).
        background: Its c columns.
        belief: Rows that should come out as the background's centre and as 0 for
            heights and coefficients, shape (b, p + c), the background's first.
    """

    def __init__(
        self,
        model: PhaseModel,
        energy_ev: FloatArray,
        shape: FloatArray,
        height: FloatArray,
        *,
        absorbance: FloatArray,
        weight: FloatArray,
        background: FilmBackground,
        belief: FloatArray,
    ) -> None:
        self._model = model
        self._plain = model.with_plain_continua(shape)
        self._thin = model.thin_count
        self._height = height
        self._tall = height[: self._thin] > _LEAST_HEIGHT * height.max()
        self._library = np.array(
            [line.binding_ev for line in model.library[: self._thin]]
        )
        found = model.binding_ev(shape)[: self._thin] / self._library
        # One row of factors for each that is tried, the last one as found.
        self._factors = np.vstack([np.outer(_FACTORS, np.ones(self._thin)), found])
        line, second, step = model.thin_parts(
            energy_ev, self._plain, self._factors * self._library
        )
        fixed = np.vstack([model.values(energy_ev, self._plain), background.columns])
        fixed[: self._thin] = line
        self._fixed = np.arange(fixed.shape[0])
        flat = (-1, energy_ev.size)
        columns = np.vstack([fixed, second.reshape(flat), step.reshape(flat)])
        self._light = columns.sum(axis=1)
        columns *= weight
        least = background.least
        target = absorbance * weight - least @ columns[height.size : self._fixed.size]
        # All products of columns: a trial picks its own.
        self._products = columns @ columns.T
        self._wanted = columns @ target
        self._ratio = model.thin_ratios(self._plain)
        rows = self._strength_beliefs()
        every = np.zeros((belief.shape[0] + rows.shape[0], rows.shape[1]))
        every[: belief.shape[0], : belief.shape[1]] = belief
        every[belief.shape[0] :] = rows
        centre = (background.centre - least) / background.spread
        self._belief_normal = every.T @ every
        self._belief_wanted = centre @ every[: centre.size]
        self._total = float(target @ target + centre @ centre)
        self._free = np.ones(rows.shape[1], dtype=bool)

    def _strength_beliefs(self) -> FloatArray:
        """Return rows that should come out as 0 +- 1 for 2s states and steps."""
        thin = self._thin
        typical = np.maximum(self._height[:thin], _LEAST_HEIGHT * self._height.max())
        rows = np.zeros((2 * thin, self._fixed.size + 2 * thin))
        expected = np.concatenate([np.full(thin, SECOND_STRENGTH), self._ratio])
        share = np.repeat([_SECOND_SPREAD, _STEP_SPREAD], thin)
        spread = share * expected * np.tile(typical, 2) + 1e-12
        phases = np.tile(np.arange(thin), 2)
        rows[np.arange(2 * thin), phases] = -expected / spread
        rows[:, -2 * thin :] = np.diag(1.0 / spread)
        return rows

    def best_shape(self) -> FloatArray:
        """Return the shape unknowns with the best binding energies.

        2s states, growth and step heights are those of the scan, not those before.
        """
        place = np.full(self._thin, int(np.argmin(np.abs(_FACTORS - 1.0))))
        order = np.flatnonzero(self._tall)
        order = order[np.argsort(-self._height[order], kind="stable")]
        for _ in range(_SWEEPS):
            before = place.copy()
            for phase in order:
                costs = []
                for factor in range(_FACTORS.size):
                    place[phase] = factor
                    costs.append(self._solved(place)[0])
                place[phase] = int(np.argmin(costs))
            if np.array_equal(before, place):
                break
        heights = self._solved(place)[1]
        weight = heights[: self._thin] * self._tall + 1e-9
        seconds, steps = heights[-2 * self._thin :].reshape(2, -1)
        mean = float(weight.sum())
        ratio = float(self._tall @ steps) / float(weight @ self._ratio)
        second = float(self._tall @ seconds) / (SECOND_STRENGTH * mean)
        return self._model.with_strengths(
            self._with(_FACTORS[place]),
            float(np.log(np.clip(ratio, *_STRENGTH_LIMITS))),
            float(np.log(np.clip(second, *_STRENGTH_LIMITS))),
        )

    def ambiguity(self) -> tuple[FloatArray, FloatArray]:
        """Return how far off gaps and shares may be because others fit as well.

        Both are root mean squares over the posterior probability of the binding
        energies in the shape and of those that are tried, one phase at a time:
        distances from the gap in the shape, shape (t,), and covariance of the shares of
        the absorbed light around those there, shape (p, p). Phases that are hardly
        there do not count.
        """
        last = np.full(self._thin, _FACTORS.size)
        spread = np.zeros(self._thin)
        covariance = np.zeros((self._height.size, self._height.size))
        for phase in np.flatnonzero(self._tall):
            costs = np.empty(_FACTORS.size + 1)
            shares = np.empty((costs.size, self._height.size))
            for factor in range(costs.size):
                place = last.copy()
                place[phase] = factor
                costs[factor], heights = self._solved(place)
                shares[factor] = self._shares(heights, place)
            # Each of those tried stands for a stretch, the one found for its middle.
            weight = np.exp(-0.5 * (costs - costs.min()) / _COUNTED_TWICE)
            weight = weight / weight.sum()
            factors = self._factors[:, phase]
            away = self._library[phase] * (factors - factors[-1])
            spread[phase] = np.sqrt(weight @ away**2)
            shift = shares - shares[-1]
            covariance += (shift * weight[:, None]).T @ shift
        return spread, covariance

    def _shares(self, heights: FloatArray, place: np.ndarray) -> FloatArray:
        """Return each phase's share of the light, for one factor a layered phase."""
        thin, count = self._thin, self._height.size
        amount = heights * self._light[self._picked(place)]
        shares = amount[:count].copy()
        shares[:thin] += amount[-2 * thin : -thin] + amount[-thin:]
        return np.asarray(shares / max(float(shares.sum()), 1e-12))

    def _with(self, factors: FloatArray) -> FloatArray:
        shape = self._plain
        for phase, factor in enumerate(factors):
            shape = self._model.with_own_binding(shape, phase, float(factor))
        return shape

    def _picked(self, place: np.ndarray) -> np.ndarray:
        """Return the columns of one factor a layered phase: fixed, 2s lines, steps."""
        second = self._fixed.size + place * self._thin + np.arange(self._thin)
        return np.concatenate([self._fixed, second, second + self._factors.size])

    def _solved(self, place: np.ndarray) -> tuple[float, FloatArray]:
        """Return chi**2 and the heights for one factor a layered phase."""
        picked = self._picked(place)
        normal = self._products[picked[:, None], picked] + self._belief_normal
        normal.flat[:: picked.size + 1] += 1e-9 * np.trace(normal)
        wanted = self._wanted[picked]
        wanted[: self._belief_wanted.size] += self._belief_wanted
        heights, self._free = nonnegative_solution(normal, wanted, self._free)
        cost = self._total + float(heights @ (normal @ heights - 2.0 * wanted))
        surprise = np.log(self._factors[place, np.arange(self._thin)]) / _SPREAD
        return cost + float(surprise @ surprise), heights
