"""Pools: real data sets, and synthetic ones on which greed fails."""

from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import planner_peers
from joblib import cpu_count
from planner_bars import at_least, at_most, in_standard_errors
from scipy.stats import qmc

from hp_lab.planner.pool import Pool, load_pool
from hp_lab.planner.replay import METHODS, Method, replay, replays, summary
from hp_lab.planner.space import Space
from hp_lab.units import FloatArray

DATA = files("hp_lab.planner") / "data" / "bo"
DATA_SETS = {
    "perovskite_stability": ("Instability index", "min"),
    "agnp": ("loss", "min"),
    "crossed_barrel": ("toughness", "max"),
}
# The figures, and whether more is better.
_FIGURES = {"ef20": 1, "ef40": 1, "to80": -1}
# No figure changes once this share of the best is found.
_SHARE = 0.8
_SYNTHETIC_NOISE = 0.02
# A half of the pool, as on the real data, and half of that.
_SYNTHETIC_BUDGETS = {"half": 0.5, "a quarter": 0.25}
Runs = dict[str, dict[str, Any]]


def load(name: str) -> Pool:
    """Return one of the real data sets as a pool."""
    target, goal = DATA_SETS[name]
    return load_pool(Path(str(DATA / f"{name}.csv")), target=target, goal=goal)


def half(pool: Pool) -> int:
    """Return the budget: half of the pool."""
    return len(pool.value) // 2


def _replays(pool: Pool, method: Method, seeds: int) -> list[list[int]]:
    return replays(
        pool, method, range(seeds), half(pool), share=_SHARE, jobs=cpu_count()
    )


def pools(seeds: int | None) -> dict[str, Any]:
    """Replay the planner beside other methods on real and on synthetic pools."""
    seeds = seeds or 50
    bars: list[dict[str, Any]] = []
    table: dict[str, Runs] = {}
    for name in DATA_SETS:
        pool = load(name)
        table[name] = {
            method: summary(
                pool,
                _replays(pool, pick, seeds),
                half(pool),
            )
            for method, pick in METHODS.items()
        }
        for figure, gain in _gains(table[name], "greedy").items():
            text = f"{name}: {figure} against greedy, in SE"
            bars.append(at_least(text, in_standard_errors(gain), -1))
    for other in ("sklearn", "random"):
        text = f"pooled gain over {other}, in SE"
        bars.append(
            at_least(text, in_standard_errors(_pooled(table.values(), other)), 2)
        )
    for name, pool in multimodal().items():
        table[name], more = _against_greed(name, pool, seeds)
        bars += more
    return {"seeds": seeds, "methods": table, "bars": bars}


def multimodal() -> dict[str, Pool]:
    """Return synthetic pools whose best twentieth is away from where greed leads.

    ``decoy`` (400 points in two dimensions): a broad hump of height 0.6, two small ones
    of 0.4, and a narrow one of height 1 in the opposite corner. ``trap`` (500 points in
    three dimensions): a hump of height 0.5 that fills most of the cube, and a narrow
    one of height 1 near the corner that is farthest from it. In both the best twentieth
    is on the narrow hump. Readings have noise of 0.02.
    """

    def decoy(X: FloatArray) -> FloatArray:
        humps = [
            ((0.30, 0.30), 0.30, 0.6),
            ((0.85, 0.20), 0.15, 0.4),
            ((0.15, 0.90), 0.12, 0.4),
            ((0.82, 0.80), 0.12, 1.0),
        ]
        return np.asarray(np.max([_hump(X, *one) for one in humps], axis=0))

    def trap(X: FloatArray) -> FloatArray:
        broad = _hump(X, (0.7, 0.7, 0.7), 0.45, 0.5)
        return np.maximum(broad, _hump(X, (0.2, 0.2, 0.2), 0.2, 1.0))

    return {"decoy": _synthetic(decoy, 2, 400), "trap": _synthetic(trap, 3, 500)}


def _hump(
    X: FloatArray, at: Sequence[float], width: float, height: float
) -> FloatArray:
    far = ((X - np.array(at)) ** 2).sum(axis=1)
    return np.asarray(height * np.exp(-far / (2 * width**2)))


def _synthetic(
    value: Callable[[FloatArray], FloatArray], dimensions: int, size: int
) -> Pool:
    X = qmc.Sobol(dimensions, scramble=False).random(512)[:size]
    space = Space.parse(
        {
            f"x{i}": {"type": "continuous", "low": 0, "high": 1}
            for i in range(dimensions)
        }
    )
    noise = _SYNTHETIC_NOISE * np.random.default_rng(0).standard_normal(size)
    return Pool(
        space=space,
        codes=X,
        X=(X - X.mean(axis=0)) / X.std(axis=0),
        value=value(X) + noise,
        sigma=np.full(size, _SYNTHETIC_NOISE),
    )


def _against_greed(
    name: str, pool: Pool, seeds: int
) -> tuple[Runs, list[dict[str, Any]]]:
    """Return what the planner and greed find, and how often that is enough."""
    budget = half(pool)
    runs: Runs = {
        method: summary(
            pool,
            _replays(pool, METHODS[method], seeds),
            budget,
        )
        for method in ("planner", "greedy")
    }
    bars = []
    for part, share in _SYNTHETIC_BUDGETS.items():
        solved = {
            method: float(np.mean(np.array(one["to80"]["runs"]) <= share * len(pool.X)))
            for method, one in runs.items()
        }
        text = f"{name}: share of runs with 80 % of the best in {part} of the pool"
        bars += [
            at_most(f"{text}, greedy", solved["greedy"], 0.5),
            at_least(f"{text}, planner", solved["planner"], 0.9),
        ]
    return runs, bars


def _gains(runs: Runs, other: str) -> dict[str, FloatArray]:
    """Return the planner's gains (seeds,) over another method, larger is better."""
    return {
        figure: sign
        * (
            np.array(runs["planner"][figure]["runs"])
            - np.array(runs[other][figure]["runs"])
        )
        for figure, sign in _FIGURES.items()
    }


def _pooled(table: Iterable[Runs], other: str) -> FloatArray:
    """Return gains (seeds,) in units of their figures' spread, averaged over all."""
    gains = []
    for runs in table:
        for figure, gain in _gains(runs, other).items():
            both = [np.std(runs[m][figure]["runs"]) for m in ("planner", other)]
            gains.append(gain / max(*both, 1e-9))
    return np.asarray(np.mean(gains, axis=0))


@planner_peers.comparison("pool")
def _against_botorch(result: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    """Replay log expected improvement of BoTorch from the same starts."""
    seeds = result["seeds"]
    sets = {}
    for name in DATA_SETS:
        pool = load(name)
        sets[name] = {
            "X": pool.codes.tolist(),
            "value": pool.value.tolist(),
            "starts": [
                replay(pool, METHODS["random"], seed, 2) for seed in range(seeds)
            ],
            "top": pool.top.tolist(),
            "share": _SHARE,
            "least": 40,
            "budget": half(pool),
        }
    tried = planner_peers.run("planner_pools_worker.py", given=sets)
    table = {}
    for name, runs in tried.items():
        pool = load(name)
        table[name] = {
            "planner": result["methods"][name]["planner"],
            "botorch": summary(pool, runs, half(pool)),
        }
    gain = in_standard_errors(_pooled(table.values(), "botorch"))
    figures = {name: runs["botorch"] for name, runs in table.items()}
    return figures, [at_least("pooled gain over BoTorch, in SE", gain, 2)]


CASES = {"pool": pools}
