"""Log-evidences of the toy models by nested sampling with dynesty; prints JSON.

Runs in the peers' environment and shares no code with the planner. Standard input is a
{problems: [{key, toy, model, x, y}]}; the argument is the file where results are kept,
so that a repeated benchmark is cheap. A problem is settled when three runs agree within
0.2 nats; where they do not, all three are repeated with more live points.

dynesty evolves a queue of points at once. The walk here does so in numpy, in standard
normal coordinates of the prior, by differences of live points (ter Braak, Stat. Comput.
16 (2006) 239), which keeps the prior within the likelihood's contour unchanged.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import dynesty
import numpy as np
from dynesty.internal_samplers import InternalSampler, SamplerReturn
from scipy.special import ndtr, ndtri

_AGREE = 0.2
_LIVE = (1500, 4000, 10000, 25000)
_STEPS = 40
_QUEUE_SHARE = 16
_IMPOSSIBLE = -1e100
# Residuals beyond this many standard deviations have no likelihood worth a number.
_FARTHEST = 1e8

Likelihood = Callable[[np.ndarray], np.ndarray]


def power(x: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """Return x^exponent."""
    with np.errstate(divide="ignore", over="ignore"):
        return x**exponent


def line(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return slope x."""
    return slope * x


PARTS = {"power": power, "linear": line}


def values(toy: str, mean: bool, z: np.ndarray) -> np.ndarray:
    """Return parameters (P, D) of standard normal z: t, a, b, s, noise, length."""
    result = np.exp(z)
    if mean:
        low, high = (0.5, 2.5) if toy == "a" else (0.5, 2.0)
        result[:, 0] = low + (high - low) * ndtr(z[:, 0])
        if toy == "b":
            result[:, 1:3] = 3 + z[:, 1:3]
    if toy == "b":
        result[:, -1] = ndtr(z[:, -1])
    return result


def likelihood(problem: dict[str, Any]) -> tuple[Likelihood, int]:
    """Return the log-likelihood (P,) of standard normal z (P, D), and D."""
    x, y = np.array(problem["x"]), np.array(problem["y"])
    mean, n = problem["model"] != "vanilla", len(y)
    low, diagonal = np.tril_indices(n, -1), np.arange(n)
    distance = np.sqrt(5) * np.abs(x[low[0]] - x[low[1]])
    below, above = (
        [PARTS[part] for part in problem["model"].split("|")] if mean else (None, None)
    )

    def value(z: np.ndarray) -> np.ndarray:
        p = values(problem["toy"], mean, z)
        s, noise, length = p[:, -3:-2], p[:, -2:-1], p[:, -1:]
        r = distance / length
        k = np.exp(-r)
        k *= s * (1 + r + r * r / 3)
        residual = np.tile(y, (len(z), 1))
        if below is not None and above is not None:
            t, a, b = p[:, 0:1], p[:, 1:2], p[:, 2:3]
            residual -= np.where(x < t, below(x, a), above(x, b))
        good = np.abs(residual).max(axis=1) < _FARTHEST * np.sqrt(s[:, 0])
        # The residual is one more row: its row of the factor is the whitened residual.
        K = np.zeros((len(z), n + 1, n + 1))
        K[:, low[0], low[1]] = k
        K[:, diagonal, diagonal] = s * (1 + 1e-6) + noise
        K[:, n, :n] = np.where(good[:, None], residual, 0.0)
        K[:, n, n] = 1e30
        L = _factors(K)
        log = -0.5 * (L[:, n, :n] ** 2).sum(axis=1) - 0.5 * n * np.log(2 * np.pi)
        log -= np.log(L[:, diagonal, diagonal]).sum(axis=1)
        return np.where(good & np.isfinite(log), log, _IMPOSSIBLE)

    return value, 6 if mean else 3


def _factors(K: np.ndarray) -> np.ndarray:
    """Return Cholesky factors, not a number where there is none."""
    try:
        return np.linalg.cholesky(K)
    except np.linalg.LinAlgError:
        if len(K) == 1:
            return np.full_like(K, np.nan)
        half = len(K) // 2
        return np.concatenate([_factors(K[:half]), _factors(K[half:])])


class Walk(InternalSampler):
    """Moves a queue of live points at once, for dynesty."""

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - dynesty's own
        """Take the likelihood as ``value``; dynesty adds its own arguments."""
        super().__init__(**given)
        self.value: Likelihood = given["value"]
        self.live = np.empty((0, 0))
        self.sampler_kwargs["evolve"] = self.evolve

    @property
    def update_bound_interval_ratio(self) -> int:
        """Calls for each live point between two bounds."""
        return 10 * _STEPS

    def prepare_sampler(self, **given: Any) -> list[Any]:  # noqa: ANN401 - as above
        """Take the live points along."""
        self.live = ndtri(given["nested_sampler"].live_u)
        return super().prepare_sampler(**given)

    def evolve(self, given: list[Any]) -> list[SamplerReturn]:
        """Return one new point for each argument."""
        rng = np.random.Generator(np.random.PCG64(given[0].rseed))
        z = ndtri(np.array([one.u for one in given]))
        floor, best = given[0].loglstar, self.value(z)
        for _ in range(_STEPS):
            proposal = z + self._step(len(z), rng)
            prior = 0.5 * ((z**2).sum(axis=1) - (proposal**2).sum(axis=1))
            ok = np.log(rng.random(len(z))) < prior
            log = np.full(len(z), -np.inf)
            log[ok] = self.value(proposal[ok]) if ok.any() else log[ok]
            ok &= log > floor
            z[ok], best[ok] = proposal[ok], log[ok]
        u = np.clip(ndtr(z), 1e-300, 1 - 1e-16)
        return [
            SamplerReturn(
                u=u[i],
                v=z[i],
                logl=best[i],
                ncalls=_STEPS,
                evaluation_history=[],
                tuning_info=None,
                proposal_stats=None,
            )
            for i in range(len(z))
        ]

    def _step(self, count: int, rng: np.random.Generator) -> np.ndarray:
        width = self.live.shape[1]
        i, j = rng.integers(0, len(self.live), (2, count))
        gamma = 2.38 / np.sqrt(2 * width) * np.exp(rng.normal(-0.5, 1, (count, 1)))
        gamma = np.where(rng.random((count, 1)) < 0.15, 1.0, gamma)
        some = rng.random((count, width)) < np.where(
            rng.random((count, 1)) < 0.5, 1.0, 1.5 / width
        )
        return np.where(some, gamma * (self.live[i] - self.live[j]), 0.0)


class Queue:
    """What dynesty takes for a pool: it hands a whole queue to the walk."""

    def map(self, function: Callable[[Any], Any], given: Iterable[Any]) -> list[Any]:
        """Return the function's results, those of the walk at once."""
        queue = list(given)
        if function is Walk.sample:
            return queue[0].kwargs["evolve"](queue)
        return [function(one) for one in queue]


def log_evidence(problem: dict[str, Any], live: int, seed: int) -> float:
    """Return the log-evidence of one run of nested sampling."""
    value, width = likelihood(problem)
    sampler = dynesty.NestedSampler(
        lambda z: float(value(z[None])[0]),
        ndtri,
        width,
        nlive=live,
        bound="none",
        sample=Walk(value=value),
        pool=Queue(),
        queue_size=live // _QUEUE_SHARE,
        first_update={"min_ncall": live, "min_eff": 40},
        rstate=np.random.default_rng(seed),
    )
    sampler.run_nested(print_progress=False, dlogz=0.02)
    return float(sampler.results.logz[-1])


def settle(problem: dict[str, Any], tried: int) -> dict[str, Any]:
    """Return three runs' log-evidences, with live points enough for their agreement.

    So many live points were tried before, and were too few.
    """
    runs: list[float] = []
    for live in (live for live in _LIVE if live > tried):
        runs = [log_evidence(problem, live, seed) for seed in range(3)]
        if np.ptp(runs) <= _AGREE:
            break
    return {"runs": runs, "live": live, "agree": bool(np.ptp(runs) <= _AGREE)}


def main() -> None:
    """Settle what the file does not hold or could not settle; print what is asked."""
    path = Path(sys.argv[1])
    problems = json.load(sys.stdin)["problems"]
    known = json.loads(path.read_text()) if path.exists() else {}
    for problem in problems:
        before = known.get(problem["key"], {"live": 0, "agree": False})
        if before["agree"] or before["live"] >= _LIVE[-1]:
            continue
        started = time.process_time()
        found = settle(problem, before["live"])
        known[problem["key"]] = {**found, "cpu_s": time.process_time() - started}
        path.write_text(json.dumps(known, indent=1))
        print(problem["key"], known[problem["key"]], file=sys.stderr, flush=True)
    print(json.dumps({p["key"]: known[p["key"]] for p in problems}))


if __name__ == "__main__":
    main()
