"""Replays of optimisation on data that exist: how few experiments would have done?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
# Of a smaller pool the best twentieth would be less than one experiment.
_LEAST_SIZE = 20
# Where ties make more than this share of a pool the best, finding them tells nothing.
_MOST_TIED = 0.25
# Values that differ by less than this share of their range, or of themselves, are
# equal: the mean of replicates depends in its last digits on their order.
_EQUAL = 1e-9
_ROUNDING = 1e-14
# Enrichment factors are taken after so many experiments.
_COUNTED = (20, 40)
_BUDGET = 60
_LARGEST = Objective(quantity="value", goal="maximize")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Distinct experiments of a data set; replicates are averaged.

    Attributes:
        codes: Codes (N, width) in the space.
        X: Numbers (N, d) for the simple methods, standardised.
        value: Mean result (N,), larger is better.
        sigma: Standard error (N,) of each.
        inputs: Column of the data set to kind of dimension.
    """

    space: Space
    codes: FloatArray
    X: FloatArray
    value: FloatArray
    sigma: FloatArray
    inputs: Mapping[str, str] = field(default_factory=dict)

    def observation(self, index: int) -> Observation:
        """Return what was observed in an experiment."""
        return Observation(
            quantity=_LARGEST.quantity,
            value=float(self.value[index]),
            sigma=float(self.sigma[index]),
            unit="",
            sample_id=f"p{index}",
        )

    @property
    def top(self) -> np.ndarray:
        """Indices, best first, of the best twentieth and all that tie with its last."""
        order = np.argsort(-self.value, kind="stable")
        last = self.value[order[self.twentieth - 1]]
        equal = _EQUAL * np.ptp(self.value) + _ROUNDING * np.abs(self.value).max()
        return np.asarray(order[self.value[order] >= last - equal])

    @property
    def twentieth(self) -> int:
        """How many experiments a twentieth of the pool is, at least one."""
        return max(1, round(_TOP * len(self.value)))


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
) -> dict[str, Any]:
    """Replay the planner and its opponents on a CSV.

    Every method starts from the same two random experiments and chooses among the
    remaining ones until the budget is spent (60 experiments, or the whole pool where it
    is smaller, if none is given). Columns to ``ignore`` are no inputs.

    Returns:
        The ``size`` of the pool, its ``inputs`` (column to kind of dimension), how many
        experiments are ``best`` (the best 5 % and all that tie with the last of them)
        and, for planner, sklearn, greedy and random: ``ef20`` and ``ef40`` (share of
        the best found after so many experiments, divided by the share of the pool that
        was tried), ``to80`` (experiments until 80 % of the best are found; budget + 1
        where they are not), each with ``mean`` and ``se`` over the seeds, and
        ``curve``, the mean share found after each experiment. ``mean`` and ``se`` are
        None where there is nothing to tell: an enrichment after more experiments than
        the budget, ``to80`` in a pool of fewer than 20.

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
        runs = [replay(pool, method, seed, budget) for seed in range(seeds)]
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


def load_pool(
    file: Path, *, target: str, goal: str, ignore: Sequence[str] = ()
) -> Pool:
    """Read a data set; equal rows of inputs are replicates.

    All columns but the target and those to ``ignore`` are inputs. Numeric columns
    become continuous dimensions, text columns molecules where all of them are SMILES,
    categories otherwise; a column that never varies is left out.

    Raises:
        InvalidInput: The file cannot be read, lacks the target or a column to ignore,
            or has no inputs; an input has no name, mixes numbers and text, holds
            another text in every row that is no SMILES, or is called SMILES and holds
            none.
    """
    rows = read_table(file)
    inputs = _inputs(rows, file, target, ignore)
    table = [_column(rows, name, file) for name in inputs]
    grouped: dict[tuple[float | str, ...], list[float]] = {}
    for number, key in enumerate(zip(*table, strict=True)):
        value = cell(rows[number], target, f"{file}, row {number + 1}")
        grouped.setdefault(key, []).append(value)
    keys = list(grouped)
    sign = 1.0 if goal == "max" else -1.0
    mean = np.array([np.mean(values) for values in grouped.values()])
    inner = [np.var(v, ddof=1) for v in grouped.values() if len(v) > 1]
    # Without replicates nothing is known; the planner learns the noise.
    noise = float(np.mean(inner)) if inner else (1e-3 * float(mean.std() or 1)) ** 2
    count = np.array([len(values) for values in grouped.values()])
    columns = {name: [key[i] for key in keys] for i, name in enumerate(inputs)}
    space, settings, kinds = _space(columns, file)
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
        inputs=kinds,
    )


def _inputs(
    rows: Sequence[Mapping[str, str]], file: Path, target: str, ignore: Sequence[str]
) -> list[str]:
    """Return the columns that are inputs."""
    for name in (target, *ignore):
        if name not in rows[0]:
            msg = f"{file}: no column {name!r}; it has {', '.join(rows[0])}"
            raise InvalidInput(msg)
    if target in ignore:
        msg = f"{file}: {target!r} is the target and cannot be ignored; drop one option"
        raise InvalidInput(msg)
    inputs = [name for name in rows[0] if name != target and name not in ignore]
    if not inputs:
        rest = " that is not ignored" if ignore else ""
        msg = f"{file}: has no column besides {target!r}{rest}"
        raise InvalidInput(msg)
    for number, name in enumerate(rows[0], start=1):
        # The second is what pandas calls the first when it reads it.
        if name in inputs and (not name or name.startswith("Unnamed: ")):
            msg = (
                f"{file}: column {number} has no name, as the index that pandas "
                "writes; name it if it is an input, or leave it out with "
                f'--ignore "{name}"'
            )
            raise InvalidInput(msg)
    return inputs


def _column(
    rows: Sequence[Mapping[str, str]], name: str, file: Path
) -> list[float] | list[str]:
    """Return the cells of an input, numbers where the first one is a number."""
    cells = [row[name] for row in rows]
    numeric = [_is_number(one) for one in cells]
    for number, one in enumerate(cells, start=1):
        origin = f"{file}, row {number}"
        if not one:
            msg = f"{origin}: {name} is empty; leave out the row or the column"
            raise InvalidInput(msg)
        if any(numeric) and not numeric[number - 1]:
            msg = (
                f"{origin}: {name} {one!r} is not a number, as other cells of the "
                "column are; a column holds either numbers or text"
            )
            raise InvalidInput(msg)
        if "smiles" in name.lower():
            try:
                molecules.parse(one)
            except InvalidConfig as error:
                msg = f"{origin}: {name}: {error}"
                raise InvalidInput(msg) from error
    if all(numeric):
        return [
            cell(row, name, f"{file}, row {number}")
            for number, row in enumerate(rows, start=1)
        ]
    return cells


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


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
    se = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return {"mean": float(values.mean()), "se": float(se), "runs": values.tolist()}


def _space(
    columns: Mapping[str, Sequence[float | str]], file: Path
) -> tuple[Space, list[dict[str, Any]], dict[str, str]]:
    """Return the space, the settings of each experiment, and the columns' kinds."""
    section: dict[str, Any] = {}
    kinds: dict[str, str] = {}
    values: dict[str, Sequence[float | str]] = {}
    for i, (name, cells) in enumerate(columns.items()):
        if len(set(cells)) == 1:
            continue
        # Column names of data sets are free text; dimensions need identifiers.
        key = f"x{i}_" + "".join(c if c.isalnum() else "_" for c in name)
        key = key.encode("ascii", "replace").decode().replace("?", "_")
        section[key], values[key] = _dimension(cells), cells
        kinds[name] = section[key]["type"]
        if kinds[name] == "categorical" and len(set(cells)) == len(cells):
            msg = (
                f"{file}: {name!r} has another text in each of the {len(cells)} "
                f"experiments, such as {cells[0]!r}, and these are no SMILES: names "
                f'tell nothing of each other; leave them out with --ignore "{name}"'
            )
            raise InvalidInput(msg)
    if not section:
        msg = f"{file}: no input column varies; a pool needs different experiments"
        raise InvalidInput(msg)
    rows = len(next(iter(values.values())))
    settings = [{key: own[row] for key, own in values.items()} for row in range(rows)]
    return Space.parse(section), settings, kinds


def _dimension(cells: Sequence[float | str]) -> dict[str, Any]:
    labels = sorted({one for one in cells if isinstance(one, str)})
    if not labels:
        numbers = [float(one) for one in cells]
        return {"type": "continuous", "low": min(numbers), "high": max(numbers)}
    try:
        for label in labels:
            molecules.parse(label)
    except InvalidConfig:
        return {"type": "categorical", "choices": labels}
    return {"type": "molecule", "choices": {s: s for s in labels}}


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
