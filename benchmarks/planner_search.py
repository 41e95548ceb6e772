"""Benchmarks of the search: feasibility, bounds, theory as prior, time, pools."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from planner_bars import at_least, at_most, in_standard_errors
from planner_functions import UNIT, Value, humps
from planner_grid import grid
from planner_loops import Loop
from planner_pareto import pareto
from planner_trajectory import trajectory

from hp_lab.planner.goal import HypothesisChoice
from hp_lab.planner.objectives import Objective
from hp_lab.planner.propose import Goal, PlannerSettings, propose
from hp_lab.planner.space import Space
from hp_lab.records import Candidate, Observation
from hp_lab.units import FloatArray

Settings = Mapping[str, Any]


def feasibility(seeds: int | None) -> dict[str, Any]:
    """Count impossible films where 40 % of the space is impossible."""
    seeds = seeds or 20
    counts = {True: [], False: []}
    best = {True: [], False: []}
    space = Space.parse(dict.fromkeys(("a", "b", "c"), UNIT))
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        value, _ = humps(rng, 3, 4)
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
    gain = in_standard_errors(np.array(best[True]) - np.array(best[False]))
    bars = [
        at_most("impossible films, against no feasibility model", ratio, 0.5),
        at_least("best film found, against no feasibility model, in SE", gain, -1),
    ]
    return {
        "seeds": seeds,
        "impossible": {"with": counts[True], "without": counts[False]},
        "best_found": {
            "with": float(np.mean(best[True])),
            "without": float(np.mean(best[False])),
        },
        "bars": bars,
    }


# In four dimensions a quarter of all runs, exact ones too, end on a lower hump, and a
# median regret says little more than how many.
_TWO = ("a", "b")
_BOUNDED_FILMS = 25


def bounds(seeds: int | None) -> dict[str, Any]:
    """Maximise where the detector saturated, below the truth, for a fifth of films."""
    seeds = seeds or 200
    space = Space.parse(dict.fromkeys(_TWO, UNIT))
    regret = {"exact": [], "bounds": [], "ignored": [], "exact, a fifth fewer": []}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        value, _ = humps(rng, 2, 3)
        for kind, kept in regret.items():
            chance = np.random.default_rng(seed)

            def report(
                v: float, kind: str = kind, chance: np.random.Generator = chance
            ) -> tuple[float, Any]:
                saturated, level = chance.random() < 0.2, chance.uniform(0.5, 0.9)
                if kind.startswith("exact") or not saturated:
                    return v, "exact"
                return level * v, "lower_bound" if kind == "bounds" else "exact"

            loop = Loop(
                space=space,
                truth=lambda s, value=value: value([s[n] for n in _TWO]),
                seed=seed,
                report=report,
            )
            # What the exact films alone would be worth.
            fewer = kind == "exact, a fifth fewer"
            loop.run(_BOUNDED_FILMS * 4 // 5 if fewer else _BOUNDED_FILMS)
            kept.append(1.0 - value(_recommended(loop)))
    medians = {kind: float(np.median(kept)) for kind, kept in regret.items()}
    bars = [
        at_most(
            "regret with bounds, against exact values",
            medians["bounds"] / medians["exact"],
            1.2,
        ),
        at_least(
            "regret ignoring bounds, against using them",
            medians["ignored"] / medians["bounds"],
            1.2,
        ),
    ]
    return {"seeds": seeds, "medians": medians, "regret": regret, "bars": bars}


def _recommended(loop: Loop) -> list[Any]:
    """Return the point of the largest predicted mean, which one would report."""
    answer_goal = Goal(
        space=loop.space,
        objectives=loop.objectives,
        trials=tuple(loop.trials),
        seed=loop.seed,
        posterior=loop.posterior,
        settings=PlannerSettings(acquisition="upper_confidence_bound", ucb_beta=0.0),
    )
    settings = propose(answer_goal).candidates[0].settings
    return [settings[n] for n in loop.space.names]


def prior(seeds: int | None) -> dict[str, Any]:
    """Use a table of calculated values as prior, a right and a wrong one.

    A run ends early or stays on a lower hump for long, so that medians of few runs say
    little.
    """
    seeds = seeds or 60
    section = dict.fromkeys(("a", "b", "c"), UNIT)
    space = Space.parse(section)
    films = {"none": [], "right": [], "wrong": []}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        value, _ = humps(rng, 3, 4)
        other, _ = humps(np.random.default_rng(seed + 500), 3, 4)
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


def scaling(seeds: int | None) -> dict[str, Any]:
    """Time one proposal with 200 observations, 3 models, 8 dimensions."""
    del seeds
    rng = np.random.default_rng(0)
    names = [*(f"x{i}" for i in range(6)), "n", "drop_time_s"]
    section = {f"x{i}": UNIT for i in range(6)}
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
    wall, cpu = [], []
    posterior = b""
    for count in (200, 201):
        started, worked = time.perf_counter(), time.process_time()
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
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - worked)
    # One thread works: on a free core the processor's seconds are those of the wall.
    bars = [at_most("processor seconds of a warm proposal", cpu[1], 10)]
    return {
        "cold_s": wall[0],
        "warm_s": wall[1],
        "cold_cpu_s": cpu[0],
        "warm_cpu_s": cpu[1],
        "bars": bars,
    }


CASES = {
    "feasibility": feasibility,
    "bounds": bounds,
    "trajectory": trajectory,
    "pareto": pareto,
    "prior": prior,
    "grid": grid,
    "scaling": scaling,
}
