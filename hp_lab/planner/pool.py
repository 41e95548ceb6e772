"""Replays of optimisation on data that exist: how few experiments would have done?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from hp_lab.errors import InvalidConfig, InvalidInput
from hp_lab.planner import molecules
from hp_lab.planner.acquisition import log_expected_improvement
from hp_lab.planner.baseline import BaselineGP
from hp_lab.planner.goal import Goal, PlannerSettings, Trial
from hp_lab.planner.objectives import Objective
from hp_lab.planner.plan import cell, read_table
from hp_lab.planner.propose import propose
from hp_lab.planner.space import Space
from hp_lab.records import Candidate, Observation
from hp_lab.units import FloatArray

_STARTS = 2
_TOP = 0.05
_SHARE = 0.8
_FEW_LABELS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Distinct experiments of a data set; replicates are averaged.

    Attributes:
        codes: Codes (N, width) in the space.
        X: Numbers (N, d) for the simple methods, standardised.
        value: Mean result (N,), larger is better.
        sigma: Standard error (N,) of each.
    """

    space: Space
    codes: FloatArray
    X: FloatArray
    value: FloatArray
    sigma: FloatArray

    @property
    def top(self) -> np.ndarray:
        """Indices of the best twentieth."""
        count = max(1, round(_TOP * len(self.value)))
        return np.argsort(-self.value, kind="stable")[:count]


# Picks the next of the untried: pool, tried indices, random numbers, own state.
Method = Callable[[Pool, list[int], np.random.Generator, dict[str, Any]], int]


def benchmark_pool(
    file: Path, *, target: str, goal: str, seeds: int = 10, budget: int = 60
) -> dict[str, Any]:
    """Replay the planner and its opponents on a CSV.

    Every method starts from the same two random experiments and chooses among the
    remaining ones until the budget is spent.

    Returns:
        The size of the pool and, for planner, sklearn, greedy and random: ``ef20`` and
        ``ef40`` (share of the best 5 % found after so many experiments, divided by the
        share of the pool that was tried), ``to80`` (experiments until 80 % of the best
        5 % are found; budget + 1 where they are not), each with ``mean`` and ``se``
        over the seeds, and ``curve``, the mean share found after each experiment.

    Raises:
        InvalidInput: The file or an argument is wrong.
    """
    if goal not in ("min", "max"):
        msg = f"goal {goal!r} must be min or max"
        raise InvalidInput(msg)
    if seeds < 1:
        msg = f"seeds {seeds} must be at least 1"
        raise InvalidInput(msg)
    pool = load_pool(file, target=target, goal=goal)
    budget = min(budget, len(pool.value))
    if budget <= _STARTS:
        msg = f"budget {budget} must be above the {_STARTS} random starts"
        raise InvalidInput(msg)
    result: dict[str, Any] = {
        "file": str(file),
        "target": target,
        "goal": goal,
        "seeds": seeds,
        "budget": budget,
        "size": len(pool.value),
    }
    for name, method in METHODS.items():
        runs = [replay(pool, method, seed, budget) for seed in range(seeds)]
        result[name] = summary(pool, runs)
    return result


def load_pool(file: Path, *, target: str, goal: str) -> Pool:
    """Read a data set; equal rows of inputs are replicates.

    Numeric columns become continuous dimensions, text columns molecules where all of
    them are SMILES, categories otherwise; a column that never varies is left out.

    Raises:
        InvalidInput: The file cannot be read, lacks the target, or has no inputs.
    """
    rows = read_table(file)
    if target not in rows[0]:
        msg = f"{file}: no column {target!r}; it has {', '.join(rows[0])}"
        raise InvalidInput(msg)
    inputs = [name for name in rows[0] if name != target]
    if not inputs:
        msg = f"{file}: has no column besides {target!r}"
        raise InvalidInput(msg)
    grouped: dict[tuple[str, ...], list[float]] = {}
    for number, row in enumerate(rows, start=1):
        value = cell(row, target, f"{file}, row {number}")
        grouped.setdefault(tuple(row[name] for name in inputs), []).append(value)
    keys = list(grouped)
    sign = 1.0 if goal == "max" else -1.0
    mean = np.array([np.mean(values) for values in grouped.values()])
    inner = [np.var(v, ddof=1) for v in grouped.values() if len(v) > 1]
    # Without replicates nothing is known; the planner learns the noise.
    noise = float(np.mean(inner)) if inner else (1e-3 * float(mean.std() or 1)) ** 2
    count = np.array([len(values) for values in grouped.values()])
    columns = {name: [key[i] for key in keys] for i, name in enumerate(inputs)}
    space, settings = _space(columns)
    codes = space.codes(settings)
    X = space.features(codes)
    return Pool(
        space=space,
        codes=codes,
        X=(X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1),
        value=sign * mean,
        sigma=np.sqrt(
            np.maximum(noise, (1e-6 * (1 + np.abs(mean).max())) ** 2) / count
        ),
    )


def replay(pool: Pool, method: Method, seed: int, budget: int) -> list[int]:
    """Return the indices that a method tries, in order."""
    rng = np.random.default_rng(seed)
    tried = [int(i) for i in rng.choice(len(pool.value), _STARTS, replace=False)]
    memory: dict[str, Any] = {"seed": seed}
    with threadpool_limits(limits=1):
        while len(tried) < budget:
            tried.append(method(pool, tried, rng, memory))
    return tried


def summary(pool: Pool, runs: list[list[int]]) -> dict[str, Any]:
    """Return the figures of several runs."""
    top = set(pool.top.tolist())
    found = np.array([np.cumsum([i in top for i in run]) for run in runs]) / len(top)
    budget, size = found.shape[1], len(pool.value)
    result: dict[str, Any] = {}
    for k in (20, 40):
        at = min(k, budget)
        result[f"ef{k}"] = _mean_se(found[:, at - 1] / (at / size))
    reached = found >= _SHARE - 1e-9
    to80 = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, budget + 1)
    result["to80"] = _mean_se(to80.astype(float))
    result["curve"] = found.mean(axis=0).tolist()
    return result


def _mean_se(values: FloatArray) -> dict[str, Any]:
    se = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return {"mean": float(values.mean()), "se": float(se), "runs": values.tolist()}


def _space(columns: Mapping[str, list[str]]) -> tuple[Space, list[dict[str, Any]]]:
    section: dict[str, Any] = {}
    values: dict[str, list[Any]] = {}
    for i, (name, cells) in enumerate(columns.items()):
        # Column names of data sets are free text; dimensions need identifiers.
        key = f"x{i}_" + "".join(c if c.isalnum() else "_" for c in name)
        key = key.encode("ascii", "replace").decode().replace("?", "_")
        dimension, own = _dimension(cells)
        if dimension is not None:
            section[key], values[key] = dimension, own
    if not section:
        msg = "pool: no input column varies"
        raise InvalidInput(msg)
    rows = len(next(iter(values.values())))
    settings = [{key: own[row] for key, own in values.items()} for row in range(rows)]
    return Space.parse(section), settings


def _dimension(cells: list[str]) -> tuple[dict[str, Any] | None, list[Any]]:
    labels = sorted(set(cells))
    if len(labels) < _FEW_LABELS:
        return None, []
    try:
        numbers = [float(one) for one in cells]
    except ValueError:
        try:
            for label in labels:
                molecules.parse(label)
        except InvalidConfig:
            return {"type": "categorical", "choices": labels}, list(cells)
        return {"type": "molecule", "choices": {s: s for s in labels}}, list(cells)
    return (
        {"type": "continuous", "low": min(numbers), "high": max(numbers)},
        numbers,
    )


def _untried(pool: Pool, tried: list[int]) -> np.ndarray:
    free = np.ones(len(pool.value), dtype=bool)
    free[tried] = False
    return np.flatnonzero(free)


def pick_random(
    pool: Pool, tried: list[int], rng: np.random.Generator, memory: dict[str, Any]
) -> int:
    """Pick any untried experiment."""
    del memory
    return int(rng.choice(_untried(pool, tried)))


def _baseline(pool: Pool, tried: list[int], seed: int) -> BaselineGP:
    return BaselineGP(pool.X[tried], pool.value[tried], pool.sigma[tried], seed=seed)


def pick_sklearn(
    pool: Pool, tried: list[int], rng: np.random.Generator, memory: dict[str, Any]
) -> int:
    """Pick the largest expected improvement of a scikit-learn GP."""
    del rng
    free = _untried(pool, tried)
    gp = _baseline(pool, tried, memory["seed"])
    mean, sd = gp.predict(pool.X[free])
    best = float(pool.value[tried].max())
    return int(free[np.argmax(log_expected_improvement(mean, sd, best))])


def pick_greedy(
    pool: Pool, tried: list[int], rng: np.random.Generator, memory: dict[str, Any]
) -> int:
    """Pick the largest mean of the same GP, without any exploration."""
    del rng
    free = _untried(pool, tried)
    mean, _ = _baseline(pool, tried, memory["seed"]).predict(pool.X[free])
    return int(free[np.argmax(mean)])


def pick_planner(
    pool: Pool, tried: list[int], rng: np.random.Generator, memory: dict[str, Any]
) -> int:
    """Pick what :func:`hp_lab.planner.propose.propose` proposes among the untried."""
    del rng
    settings = memory.setdefault("settings", pool.space.settings(pool.codes))
    trials: list[Trial] = []
    for index in tried:
        name = f"p{index}"
        candidate = Candidate(candidate_id=name, settings=settings[index])
        observation = Observation(
            quantity="value",
            value=float(pool.value[index]),
            sigma=float(pool.sigma[index]),
            unit="",
            sample_id=name,
        )
        trials.append((candidate, (observation,)))
    free = _untried(pool, tried)
    answer = propose(
        Goal(
            space=pool.space,
            objectives=(Objective(quantity="value", goal="maximize"),),
            settings=memory.get("planner") or PlannerSettings(initial=_STARTS),
            trials=tuple(trials),
            seed=memory["seed"],
            posterior=memory.get("posterior", b""),
            choices=tuple(settings[index] for index in free),
        )
    )
    memory["posterior"] = answer.posterior
    chosen = pool.space.codes([answer.candidates[0].settings])
    return int(free[np.abs(pool.codes[free] - chosen).max(axis=1).argmin()])


METHODS: dict[str, Method] = {
    "planner": pick_planner,
    "sklearn": pick_sklearn,
    "greedy": pick_greedy,
    "random": pick_random,
}
