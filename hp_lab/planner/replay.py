"""Replays of optimisation on data that exist: how few experiments would have done?"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from hp_lab.errors import InvalidInput
from hp_lab.planner.acquisition import log_expected_improvement
from hp_lab.planner.baseline import BaselineGP
from hp_lab.planner.goal import Goal, PlannerSettings, Trial
from hp_lab.planner.objectives import Objective
from hp_lab.planner.pool import QUANTITY, Pool, load_pool
from hp_lab.planner.propose import propose
from hp_lab.records import Candidate
from hp_lab.units import FloatArray

_STARTS = 2
_SHARE = 0.8
# Of a smaller pool the best twentieth would be less than one experiment.
_LEAST_SIZE = 20
# Where ties make more than this share of a pool the best, finding them tells nothing.
_MOST_TIED = 0.25
# Enrichment factors are taken after so many experiments.
_COUNTED = (20, 40)
_BUDGET = 60
_LARGEST = Objective(quantity=QUANTITY, goal="maximize")

# Picks the next of the untried: pool, tried indices, random numbers, own state.
Method = Callable[[Pool, list[int], np.random.Generator, dict[str, Any]], int]


def benchmark_pool(
    file: Path,
    *,
    target: str,
    goal: str,
    seeds: int = 10,
    budget: int | None = None,
    ignore: Sequence[str] = (),
    jobs: int = 1,
) -> dict[str, Any]:
    """Replay the planner and its opponents on a CSV.

    Every method starts from the same two random experiments and chooses among the
    remaining ones until the budget is spent (60 experiments, or the whole pool where it
    is smaller, if none is given). Columns to ``ignore`` are no inputs. The runs are
    shared out among ``jobs`` processes, which changes no figure.

    Returns:
        The ``size`` of the pool, its ``inputs`` (column to kind of dimension), how many
        experiments are ``best`` (the best 5 % and all that tie with the last of them)
        and, for planner, sklearn, greedy and random: ``ef20`` and ``ef40`` (share of
        the best found after so many experiments, divided by the share of the pool that
        was tried), ``to80`` (experiments until 80 % of the best are found; budget + 1
        where they are not), each with ``mean`` and ``se`` over the seeds, and
        ``curve``, the mean share found after each experiment. ``mean`` and ``se`` are
        None where there is nothing to tell: an enrichment after more experiments than
        the budget, ``to80`` in a pool of fewer than 20, ``se`` of one seed.

    Raises:
        InvalidInput: The file or an argument is wrong, or the target is the same in
            all, or in more than a quarter as the best.
    """
    if goal not in ("min", "max"):
        msg = f"goal {goal!r} must be min or max"
        raise InvalidInput(msg)
    if seeds < 1:
        msg = f"seeds {seeds} must be at least 1"
        raise InvalidInput(msg)
    if jobs < 1:
        msg = f"jobs {jobs} must be at least 1"
        raise InvalidInput(msg)
    pool = load_pool(file, target=target, goal=goal, ignore=ignore)
    _check_best(pool, file, target)
    size = len(pool.value)
    if budget is None:
        budget = min(_BUDGET, size)
    if budget <= _STARTS:
        msg = (
            f"budget {budget} must be above the {_STARTS} random starts; {file} has "
            f"{size} distinct experiments"
        )
        raise InvalidInput(msg)
    if budget > size:
        msg = (
            f"budget {budget} is above the {size} distinct experiments of {file}; "
            "replicates count once; lower the budget"
        )
        raise InvalidInput(msg)
    result: dict[str, Any] = {
        "file": str(file),
        "target": target,
        "goal": goal,
        "seeds": seeds,
        "budget": budget,
        "size": size,
        "inputs": dict(pool.inputs),
        "best": len(pool.top),
    }
    for name, method in METHODS.items():
        runs = replays(pool, method, range(seeds), budget, jobs=jobs)
        result[name] = summary(pool, runs, budget)
    return result


def _check_best(pool: Pool, file: Path, target: str) -> None:
    """Refuse a pool whose best experiments are no matter of choice.

    Raises:
        InvalidInput: All experiments are equally good, or too many are the best.
    """
    size, best = len(pool.value), len(pool.top)
    if best == size > 1:
        msg = (
            f"{file}: {target!r} is {abs(pool.value[0]):g} in all of the {size} "
            "experiments, so that none is better; choose a target that varies"
        )
        raise InvalidInput(msg)
    if best > max(pool.twentieth, _MOST_TIED * size):
        msg = (
            f"{file}: ties make {best} of the {size} experiments the best by "
            f"{target!r}, more than {_MOST_TIED:.0%}, and any method finds some; "
            "choose a target that tells more of them apart"
        )
        raise InvalidInput(msg)


def replay(
    pool: Pool, method: Method, seed: int, budget: int, *, share: float = 1.0
) -> list[int]:
    """Return the indices that a method tries, in order.

    A replay ends before its budget when ``share`` of the best are found and no more
    enrichment is to be counted: what would follow changes no figure (with all of them
    no curve either).
    """
    rng = np.random.default_rng(seed)
    tried = [int(i) for i in rng.choice(len(pool.value), _STARTS, replace=False)]
    memory: dict[str, Any] = {"seed": seed}
    top = set(pool.top.tolist())
    with threadpool_limits(limits=1):
        while len(tried) < budget:
            enough = len(top.intersection(tried)) >= share * len(top) - 1e-9
            if enough and len(tried) >= max(_COUNTED):
                break
            tried.append(method(pool, tried, rng, memory))
    return tried


def replays(
    pool: Pool,
    method: Method,
    seeds: Sequence[int],
    budget: int,
    *,
    share: float = 1.0,
    jobs: int = 1,
) -> list[list[int]]:
    """Return :func:`replay` of every seed, made by so many processes."""
    return list(
        Parallel(n_jobs=min(jobs, len(seeds)))(
            delayed(replay)(pool, method, seed, budget, share=share) for seed in seeds
        )
    )


def summary(pool: Pool, runs: Sequence[Sequence[int]], budget: int) -> dict[str, Any]:
    """Return the figures of several runs of up to ``budget`` experiments.

    They are those of :func:`benchmark_pool`, and ``runs`` has one value a run.
    """
    top = set(pool.top.tolist())
    found = np.zeros((len(runs), budget))
    for row, run in enumerate(runs):
        count = np.cumsum([i in top for i in run]) / len(top)
        found[row] = np.pad(count, (0, budget - len(run)), mode="edge")
    result: dict[str, Any] = {}
    size = len(pool.value)
    for k in _COUNTED:
        enriched = found[:, k - 1] / (k / size) if k <= budget else None
        result[f"ef{k}"] = _mean_se(enriched)
    reached = found >= _SHARE - 1e-9
    to80 = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, budget + 1)
    result["to80"] = _mean_se(to80.astype(float) if size >= _LEAST_SIZE else None)
    result["curve"] = found.mean(axis=0).tolist()
    return result


def _mean_se(values: FloatArray | None) -> dict[str, Any]:
    if values is None:
        return {"mean": None, "se": None, "runs": []}
    # Equal runs have no spread at all, where that of their mean would be its rounding.
    spread = np.std(values - values[0], ddof=1) if len(values) > 1 else None
    se = None if spread is None else float(spread / np.sqrt(len(values)))
    return {"mean": float(values.mean()), "se": se, "runs": values.tolist()}


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
        one = pool.observation(index)
        candidate = Candidate(candidate_id=one.sample_id, settings=settings[index])
        trials.append((candidate, (one,)))
    free = _untried(pool, tried)
    answer = propose(
        Goal(
            space=pool.space,
            objectives=(memory.get("objective") or _LARGEST,),
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
