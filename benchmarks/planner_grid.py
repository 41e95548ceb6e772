"""A proposal in a space of 101^4 points against the best of all of them.

The best is found by branch and bound, so that nothing is left out without proof. A
posterior mean m lies in the kernel's Hilbert space, and a posterior deviation s is a
distance in it. From the centre c of a cell to a point x = c + h of the cell

    m(x) <= m(c) + |grad m(c)| |h| + |m| R(h),  s(x) <= s(c) + D(h)

with D^2 the prior variance of f(x) - f(c) and R^2 that of f(x) - f(c) - h grad f(c).
Expected improvement rises with both, so that a cell whose bound lies below a value that
was seen holds nothing better.
"""

import resource
import time
import tracemalloc
from itertools import product
from typing import Any

import numpy as np
from planner_bars import at_least, at_most
from planner_functions import UNIT, humps
from planner_loops import MAXIMIZE

from hp_lab.planner.acquisition import log_expected_improvement
from hp_lab.planner.gp import Conditioned
from hp_lab.planner.objectives import Reading
from hp_lab.planner.propose import Goal, PlannerSettings, propose
from hp_lab.planner.scores import Scorer
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Surrogate
from hp_lab.records import Candidate, Observation
from hp_lab.units import FloatArray

_NAMES = ("a", "b", "c", "d")
_FILMS = 25
_SIGMA = 0.02
_STEPS = 100
# Widths of the cells in steps; the last are the points themselves.
_WIDTHS = (17, 9, 5, 3, 2, 1)
_CHUNK = 2000


def grid(seeds: int | None) -> dict[str, Any]:
    """Compare proposals by expected improvement with the best of 101^4 points."""
    seeds = seeds or 5
    ratios, walls, cpus, points = [], [], [], []
    peak = 0.0
    for seed in range(seeds):
        goal = _goal(seed)
        tracemalloc.start()
        wall, cpu = time.perf_counter(), time.process_time()
        candidate = propose(goal).candidates[0]
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        peak = max(peak, tracemalloc.get_traced_memory()[1] / 1e9)
        tracemalloc.stop()
        scorer, belief = _belief(goal)
        found = float(scorer(goal.space.codes([candidate.settings]))[0])
        if not np.isclose(np.exp(found), candidate.acquisition, rtol=1e-6):
            msg = f"seed {seed}: the proposal was scored under another belief"
            raise AssertionError(msg)
        top, looked = largest(scorer, belief, _STEPS, found)
        points.append(looked)
        ratios.append(float(np.exp(found - top)))
    whole = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    bars = [
        at_least("expected improvement against the best of all", min(ratios), 0.99),
        at_most("seconds of a proposal", max(walls), 30),
        at_most("GB of the whole process", whole, 1.0),
    ]
    return {
        "seeds": seeds,
        "ratios": ratios,
        "cpu_s": cpus,
        "gb_allocated_by_a_proposal": peak,
        "points_looked_at": points,
        "branch_and_bound_is_exhaustive": _agrees(),
        "bars": bars,
    }


def _goal(seed: int) -> Goal:
    rng = np.random.default_rng(seed)
    space = Space.parse({n: {**UNIT, "step": 1 / _STEPS} for n in _NAMES})
    value, _ = humps(rng, len(_NAMES), 5)
    trials = []
    for i, settings in enumerate(space.settings(space.sample_codes(rng, _FILMS))):
        name = f"c{i + 1:04d}"
        found = value([settings[n] for n in _NAMES]) + _SIGMA * rng.standard_normal()
        observation = Observation(
            quantity="q", value=float(found), sigma=_SIGMA, unit="", sample_id=name
        )
        trials.append((Candidate(candidate_id=name, settings=settings), (observation,)))
    return Goal(
        space=space,
        objectives=MAXIMIZE,
        settings=PlannerSettings(acquisition="expected_improvement"),
        trials=tuple(trials),
        seed=seed,
    )


def _belief(goal: Goal) -> tuple[Scorer, Surrogate]:
    """Return the belief that a proposal has, fitted anew with the same chance."""
    rng = np.random.default_rng([goal.seed, len(goal.trials)])
    belief = Surrogate(
        goal.space,
        goal.space.codes([c.settings for c, _ in goal.trials]),
        [Reading(value=o.value, sigma=o.sigma) for _, (o,) in goal.trials],
        [c.candidate_id for c, _ in goal.trials],
        rng=rng,
        objective=goal.objectives[0],
    )
    scorer = Scorer(goal.objectives, [belief], belief.seen, goal.settings, rng)
    return scorer, belief


def largest(
    scorer: Scorer, belief: Surrogate, steps: int, known: float = -np.inf
) -> tuple[float, int]:
    """Return the largest log score of a grid, and how many points were looked at.

    ``known`` is a score that some point is known to have.
    """
    bound = _Bound(belief)
    low = np.zeros((1, len(_NAMES)), dtype=int)
    high = np.full((1, len(_NAMES)), steps)
    best, looked = known, 0
    for width in _WIDTHS[:-1]:
        low, high = _split(low, high, width)
        middle = (low + high) // 2
        half = np.maximum(high - middle, middle - low) / steps
        looked += len(middle)
        most = np.empty(len(middle))
        for i in range(0, len(middle), _CHUNK):
            part = slice(i, i + _CHUNK)
            here, most[part] = bound(middle[part] / steps, half[part])
            best = max(best, float(here.max()))
        low, high = low[most > best], high[most > best]
    points, _ = _split(low, high, _WIDTHS[-1])
    looked += len(points)
    if len(points):
        best = max(best, float(_chunked(scorer, points / steps).max()))
    return best, looked


def _chunked(scorer: Scorer, points: FloatArray) -> FloatArray:
    return np.concatenate(
        [scorer(points[i : i + _CHUNK]) for i in range(0, len(points), _CHUNK)]
    )


def _split(
    low: np.ndarray, high: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return cells (m, d) cut into cells of at most ``width`` points a side."""
    lows, highs = [low], [high]
    for axis in range(low.shape[1]):
        lows, highs = zip(
            *[
                _cut(one, other, axis, width)
                for one, other in zip(lows, highs, strict=True)
            ],
            strict=True,
        )
    return np.vstack(lows), np.vstack(highs)


def _cut(
    low: np.ndarray, high: np.ndarray, axis: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    longest = int((high[:, axis] - low[:, axis]).max(initial=0)) + 1
    parts = []
    for start in range(0, longest, width):
        first = low[:, axis] + start
        here = first <= high[:, axis]
        one, other = low[here].copy(), high[here].copy()
        one[:, axis] = first[here]
        other[:, axis] = np.minimum(first[here] + width - 1, high[here, axis])
        parts.append((one, other))
    return np.vstack([p for p, _ in parts]), np.vstack([p for _, p in parts])


class _Bound:
    """An upper bound of the log expected improvement in cells."""

    def __init__(self, belief: Surrogate) -> None:
        self._belief = belief
        (process,) = belief.processes
        model = process.model
        parts = model.split(model.parameters(process.z))
        self._variance = parts.variance * model.scale**2
        self._inverse_square = parts.kernel**-2
        self._weight, self._norm = _weights(process)
        # Weights of a kernel whose variance is that of the quantity itself.
        self._weight /= model.scale
        self._best = belief.predict(belief.seen).mean.max(axis=1)[:, None]

    def __call__(
        self, centres: FloatArray, half: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return values at centres and bounds (m,) in cells of half widths (m, d)."""
        here = self._belief.predict(centres)
        # Matern-5/2 in r = sqrt(5) |h / l|.
        square = 5 * self._inverse_square @ (half**2).T
        r = np.sqrt(square)
        fall = np.exp(-r)
        distance = 2 * (1 - (1 + r + square / 3) * fall)
        beyond = distance - 2 / 3 * square * (1 + r) * fall + square / 3
        far = np.sqrt(self._variance * distance)
        curved = np.sqrt(self._variance * np.maximum(beyond, 0))
        slope = np.einsum("pmd,md->pm", np.abs(self._gradient(centres)), half)
        value = log_expected_improvement(here.mean, here.sd, self._best)
        mean = here.mean + slope + self._norm[:, None] * curved
        bound = log_expected_improvement(mean, here.sd + far, self._best)
        return here.average_log(value), here.average_log(bound)

    def _gradient(self, x: FloatArray) -> FloatArray:
        """Return the posterior means' gradients (P, m, d) at x (m, d)."""
        seen = self._belief.seen
        square = (x[:, None, :] - seen[None, :, :]) ** 2
        r = np.sqrt(5 * np.einsum("pd,mnd->pmn", self._inverse_square, square))
        weight = (5 / 3) * (1 + r) * np.exp(-r)
        weight *= (self._variance * self._weight)[:, None, :]
        toward = weight @ seen - weight.sum(axis=2)[:, :, None] * x[None]
        return toward * self._inverse_square[:, None, :]


def _weights(process: Conditioned) -> tuple[FloatArray, FloatArray]:
    """Return each particle's weights (P, n) and the norm (P,) of its posterior mean."""
    bound, model = process.bound, process.model
    prior = bound.prior(process.z)
    known = bound.data.variance / model.scale**2
    noise = (prior.noise[:, None] + known)[:, :, None] * np.eye(len(known))
    residual = bound.y - prior.mean
    weight = np.linalg.solve(prior.covariance + noise, residual[:, :, None])[:, :, 0]
    norm = np.sqrt(np.einsum("pi,pij,pj->p", weight, prior.covariance, weight))
    return weight, norm


def _agrees() -> bool:
    """Return whether the bounded search finds what a full one of 21^4 points does."""
    goal = _goal(99)
    scorer, belief = _belief(goal)
    steps = 20
    full = np.array(list(product(range(steps + 1), repeat=len(_NAMES)))) / steps
    found, _ = largest(scorer, belief, steps)
    return bool(np.isclose(found, _chunked(scorer, full).max(), rtol=0, atol=1e-9))
