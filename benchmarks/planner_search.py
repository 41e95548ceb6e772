"""Benchmarks of the search: molecules, feasibility, bounds, trajectories, pools."""

import time
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from planner_bars import at_least, at_most
from planner_loops import Loop

from hp_lab.planner import hypervolume, optimise
from hp_lab.planner.acquisition import log_expected_improvement
from hp_lab.planner.goal import HypothesisChoice
from hp_lab.planner.objectives import Objective, Reading
from hp_lab.planner.propose import Goal, PlannerSettings, propose
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Surrogate
from hp_lab.records import Candidate, Observation
from hp_lab.units import FloatArray

Value = Callable[[ArrayLike], float]
Settings = Mapping[str, Any]

_UNIT = {"type": "continuous", "low": 0, "high": 1}


def _humps(
    rng: np.random.Generator, dimensions: int, count: int
) -> tuple[Value, FloatArray]:
    at = rng.uniform(0.1, 0.9, (count, dimensions))
    height = rng.uniform(0.4, 0.8, count)
    height[0] = 1.0
    width = rng.uniform(0.15, 0.35, count)

    def value(x: ArrayLike) -> float:
        far = ((np.asarray(x) - at) ** 2).sum(axis=1)
        return float((height * np.exp(-far / (2 * width**2))).max())

    return value, at[0]


def feasibility(seeds: int | None) -> dict[str, Any]:
    """Count impossible films where 40 % of the space is impossible."""
    seeds = seeds or 20
    counts = {True: [], False: []}
    best = {True: [], False: []}
    space = Space.parse(dict.fromkeys(("a", "b", "c"), _UNIT))
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        value, _ = _humps(rng, 3, 4)
        direction = rng.standard_normal(3)
        direction /= np.linalg.norm(direction)
        cloud = rng.random((4000, 3)) @ direction
        level = np.quantile(cloud, 0.6)

        def truth(
            s: Settings,
            value: Value = value,
            direction: FloatArray = direction,
            level: float = level,
        ) -> float | None:
            x = np.array([s["a"], s["b"], s["c"]])
            return value(x) if x @ direction < level else None

        for learn, kept in counts.items():
            settings = PlannerSettings(learn_feasibility=learn)
            loop = Loop(space=space, truth=truth, seed=seed, settings=settings)
            values = loop.run(40)
            start = 6
            kept.append(sum(v is None for v in values[start:]))
            best[learn].append(
                max((float(v[0]) for v in values if v is not None), default=0.0)
            )
    ratio = float(np.sum(counts[True]) / max(np.sum(counts[False]), 1))
    bars = [at_most("impossible films, against no feasibility model", ratio, 0.5)]
    return {
        "seeds": seeds,
        "impossible": {"with": counts[True], "without": counts[False]},
        "best_found": {"with": np.mean(best[True]), "without": np.mean(best[False])},
        "bars": bars,
    }


def bounds(seeds: int | None) -> dict[str, Any]:
    """Maximise where the detector saturated, below the truth, for a fifth of films."""
    seeds = seeds or 20
    space = Space.parse(dict.fromkeys(("a", "b"), _UNIT))
    regret = {"exact": [], "bounds": [], "ignored": []}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        value, _ = _humps(rng, 2, 3)
        for kind, kept in regret.items():
            chance = np.random.default_rng(seed)

            def report(
                v: float, kind: str = kind, chance: np.random.Generator = chance
            ) -> tuple[float, Any]:
                saturated, level = chance.random() < 0.2, chance.uniform(0.5, 0.9)
                if kind == "exact" or not saturated:
                    return v, "exact"
                return level * v, "lower_bound" if kind == "bounds" else "exact"

            loop = Loop(
                space=space,
                truth=lambda s, value=value: value([s["a"], s["b"]]),
                seed=seed,
                report=report,
            )
            loop.run(25)
            kept.append(1.0 - value(_recommended(loop)))
    medians = {kind: float(np.median(kept)) for kind, kept in regret.items()}
    base = max(medians["exact"], 0.01)
    bars = [
        at_most(
            "regret with bounds, against exact values", medians["bounds"] / base, 1.2
        ),
        at_least(
            "regret ignoring bounds, against using them",
            medians["ignored"] / max(medians["bounds"], 1e-4),
            1.2,
        ),
    ]
    return {"seeds": seeds, "regret": medians, "bars": bars}


def _recommended(loop: Loop) -> list[Any]:
    """Return the tried point of the largest predicted mean."""
    answer_goal = Goal(
        space=loop.space,
        objectives=loop.objectives,
        trials=tuple(loop.trials),
        seed=loop.seed,
        posterior=loop.posterior,
        settings=PlannerSettings(acquisition="upper_confidence_bound", ucb_beta=0.0),
    )
    settings = propose(answer_goal).candidates[0].settings
    return [settings["a"], settings["b"]]


def trajectory(seeds: int | None) -> dict[str, Any]:
    """Find an annealing profile that no single hold can replace."""
    seeds = seeds or 20
    limits = {"high_c": 170, "max_hold_s": 900, "max_total_s": 3600}
    section = {"anneal": {"type": "trajectory", "segments": 2, **limits}}
    profiles = Space.parse(section)
    holds = Space.parse(
        {
            "c": {"type": "continuous", "low": 40, "high": 170},
            "s": {"type": "continuous", "low": 10, "high": 1800},
        }
    )
    codes = profiles.sample_codes(np.random.default_rng(0), 10000)
    outside = 0
    for one in profiles.settings(codes):
        try:
            profiles.check(one)
        except ValueError:
            outside += 1
    regret = {"profile": [], "hold": []}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        first = rng.uniform(60, 95)
        second = rng.uniform(120, 155)

        def quality(
            c1: float,
            s1: float,
            c2: float,
            s2: float,
            first: float = first,
            second: float = second,
        ) -> float:
            # Solvent leaves in a gentle step, then crystals grow in a hot one.
            gentle = np.exp(-(((c1 - first) / 15) ** 2)) * (1 - np.exp(-s1 / 200))
            hot = np.exp(-(((c2 - second) / 15) ** 2)) * np.exp(
                -((np.log(max(s2, 1) / 300)) ** 2)
            )
            return float(gentle * hot + 0.25 * (gentle + hot) / 2) / 1.25

        loops = {
            "profile": Loop(
                space=profiles,
                truth=lambda s: quality(
                    s["anneal.1.c"], s["anneal.1.s"], s["anneal.2.c"], s["anneal.2.s"]
                ),
                seed=seed,
            ),
            "hold": Loop(
                space=holds,
                truth=lambda s: quality(s["c"], s["s"] / 2, s["c"], s["s"] / 2),
                seed=seed,
            ),
        }
        for name, loop in loops.items():
            best = max(float(v[0]) for v in loop.run(40))
            regret[name].append(1.0 - best)
    ratio = float(np.median(regret["profile"]) / np.median(regret["hold"]))
    bars = [
        at_most("regret at 40 films, against single holds", ratio, 0.5),
        at_most("profiles outside the limits, of 10,000", outside, 0),
    ]
    return {"seeds": seeds, "regret": regret, "bars": bars}


def pareto(seeds: int | None) -> dict[str, Any]:
    """Two and three objectives: ZDT1 and DTLZ2 with noise."""
    seeds = seeds or 5
    bars, table = [], {}
    for name, count in (("zdt1", 2), ("dtlz2", 3)):
        space = Space.parse({f"x{i}": _UNIT for i in range(4)})
        objectives = tuple(
            Objective(quantity=f"f{k}", goal="minimize") for k in range(count)
        )
        reference = np.full(count, 1.1)
        full = _true_volume(name)
        shares = []
        for seed in range(seeds):
            loop = Loop(
                space=space,
                truth=lambda s, name=name: _several(
                    name, [s[f"x{i}"] for i in range(4)]
                ),
                seed=seed,
                sigma=0.01,
                objectives=objectives,
                settings=PlannerSettings(
                    reference={f"f{k}": 1.1 for k in range(count)}
                ),
            )
            values = np.array(loop.run(50))
            shares.append(hypervolume.hypervolume(-values, -reference) / full)
        table[name] = shares
        bars.append(
            at_least(f"{name}: share of the true hypervolume", np.median(shares), 0.85)
        )
    return {"seeds": seeds, "share": table, "bars": bars}


def _several(name: str, x: ArrayLike) -> FloatArray:
    x = np.asarray(x)
    if name == "zdt1":
        g = 1 + 9 * x[1:].mean()
        return np.array([x[0], g * (1 - np.sqrt(x[0] / g))])
    g = ((x[2:] - 0.5) ** 2).sum()
    a, b = x[0] * np.pi / 2, x[1] * np.pi / 2
    return (1 + g) * np.array([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)])


def _true_volume(name: str) -> float:
    if name == "zdt1":
        f = np.linspace(0, 1, 400)
        front = np.column_stack([f, 1 - np.sqrt(f)])
        return hypervolume.hypervolume(-front, -np.full(2, 1.1))
    # The unit sphere's octant below the reference point 1.1 in each direction.
    return 1.1**3 - np.pi / 6


def prior(seeds: int | None) -> dict[str, Any]:
    """Use a table of calculated values as prior, a right and a wrong one."""
    seeds = seeds or 20
    section = dict.fromkeys(("a", "b", "c"), _UNIT)
    space = Space.parse(section)
    films = {"none": [], "right": [], "wrong": []}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        value, _ = _humps(rng, 3, 4)
        other, _ = _humps(np.random.default_rng(seed + 500), 3, 4)
        at = rng.random((150, 3))
        for kind, kept in films.items():
            known = value if kind == "right" else other
            table = tuple(
                {
                    "a": float(p[0]),
                    "b": float(p[1]),
                    "c": float(p[2]),
                    "value": 0.8 * known(p) + 0.1 + 0.05 * float(rng.standard_normal()),
                }
                for p in at
            )
            choice = (HypothesisChoice(name="theory", table=table),)
            settings = PlannerSettings(hypotheses=() if kind == "none" else choice)
            loop = Loop(
                space=space,
                truth=lambda s, value=value: value([s["a"], s["b"], s["c"]]),
                seed=seed,
                settings=settings,
            )
            while len(loop.trials) < 60 and float(loop.film()[0]) < 0.9:
                pass
            kept.append(len(loop.trials))
    medians = {kind: float(np.median(kept)) for kind, kept in films.items()}
    bars = [
        at_most(
            "films with a right table, against none",
            medians["right"] / medians["none"],
            0.7,
        ),
        at_most(
            "films with a wrong table, against none",
            medians["wrong"] / medians["none"],
            1.2,
        ),
    ]
    return {"seeds": seeds, "films": medians, "bars": bars}


def grid(seeds: int | None) -> dict[str, Any]:
    """Compare the found expected improvement with an exhaustive search of 101^4."""
    del seeds
    rng = np.random.default_rng(0)
    step = {**_UNIT, "step": 0.01}
    space = Space.parse(dict.fromkeys(("a", "b", "c", "d"), step))
    value, _ = _humps(rng, 4, 5)
    codes = space.sample_codes(rng, 25)
    y = np.array([value(x) for x in codes])
    readings = [Reading(value=float(v), sigma=0.02) for v in y]
    labels = [str(i) for i in range(len(y))]
    belief = Surrogate(space, codes, readings, labels, rng=rng)
    # One draw of the posterior: an exhaustive search of all draws would take hours.
    belief.processes = [belief.fits[0].condition(1)]
    belief.weights = np.ones(1)
    best = float(belief.predict(codes).mean.max())

    def score(points: FloatArray) -> FloatArray:
        found = belief.predict(points)
        return log_expected_improvement(found.mean[0], found.sd[0], best)

    tracemalloc.start()
    started = time.perf_counter()
    _, found, _ = optimise.best_of_space(space, score, codes, codes, rng)
    seconds = time.perf_counter() - started
    peak = tracemalloc.get_traced_memory()[1] / 1e9
    tracemalloc.stop()
    axis = np.arange(101) / 100
    inner = np.array(np.meshgrid(axis, axis, axis, indexing="ij")).reshape(3, -1).T
    top = -np.inf
    for a in axis:
        block = np.column_stack([np.full(len(inner), a), inner])
        top = max(top, float(score(block).max()))
    bars = [
        at_least(
            "expected improvement against exhaustive", float(np.exp(found - top)), 0.99
        ),
        at_most("seconds of the search", seconds, 30),
        at_most("GB of the search", peak, 1.0),
    ]
    return {"bars": bars}


def scaling(seeds: int | None) -> dict[str, Any]:
    """Time one proposal with 200 observations, 3 models, 8 dimensions."""
    del seeds
    rng = np.random.default_rng(0)
    names = [*(f"x{i}" for i in range(6)), "n", "drop_time_s"]
    section = {f"x{i}": _UNIT for i in range(6)}
    section["n"] = {"type": "continuous", "low": 1, "high": 5}
    section["drop_time_s"] = {"type": "continuous", "low": 5, "high": 30}
    space = Space.parse(section)
    codes = space.sample_codes(rng, 201)
    settings = PlannerSettings(hypotheses=("confinement", "drop_window"))
    trials = []
    for i, one in enumerate(space.settings(codes)):
        z = (
            1.3
            + 3.8 / (one["n"] + 2.4)
            + 0.3 * np.sin(3 * sum(one[n] for n in names[:6]))
        )
        candidate = Candidate(candidate_id=f"c{i:04d}", settings=one)
        observation = Observation(
            quantity="q", value=float(z), sigma=0.02, unit="eV", sample_id=str(i)
        )
        trials.append((candidate, (observation,)))
    times = []
    posterior = b""
    for count in (200, 201):
        started = time.perf_counter()
        answer = propose(
            Goal(
                space=space,
                objectives=(Objective(quantity="q", goal="maximize"),),
                settings=settings,
                trials=tuple(trials[:count]),
                posterior=posterior,
            )
        )
        posterior = answer.posterior
        times.append(time.perf_counter() - started)
    bars = [at_most("seconds of a warm proposal", times[1], 10)]
    return {"cold_s": times[0], "warm_s": times[1], "bars": bars}


CASES = {
    "feasibility": feasibility,
    "bounds": bounds,
    "trajectory": trajectory,
    "pareto": pareto,
    "prior": prior,
    "grid": grid,
    "scaling": scaling,
}
