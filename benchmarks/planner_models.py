"""Benchmarks of inference: structured GPs, evidence, hypothesis learning, theory."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import planner_peers
import planner_problems as problems
from planner_bars import at_least, at_most
from planner_peers import Json
from scipy.special import logsumexp

from hp_lab.planner.gp import Data, StructuredGP
from hp_lab.planner.hypotheses import Hypothesis, Policy
from hp_lab.planner.kernels import Stationary
from hp_lab.planner.learning import Learner, misfit
from hp_lab.planner.model_space import scaling, standard_model
from hp_lab.planner.posterior import COLD_PREDICTION, fit, remember
from hp_lab.planner.priors import LogNormal
from hp_lab.planner.ready_made import onsager
from hp_lab.planner.space import Space
from hp_lab.units import FloatArray

_NLPD_FLOOR = 1e-4
_PREDICTING = 256
# gpax's times for one fit and prediction (its defaults), measured on two cores.
_GPAX_RIGHT_S = 16.5
_GPAX_WRONG_S = 115.0


def nlpd(mean: FloatArray, sd: FloatArray, truth: FloatArray) -> float:
    """Return the mean negative log predictive density of the noise-free truth."""
    variance = sd**2 + _NLPD_FLOOR
    log = -0.5 * (mean - truth) ** 2 / variance - 0.5 * np.log(2 * np.pi * variance)
    return float(-np.mean(logsumexp(log, axis=0) - np.log(len(log))))


def toy_a(seeds: int | None) -> dict[str, Any]:
    """Fit toy A with the right and a wrong mean."""
    seeds = seeds or 3
    result, bars = {}, []
    for name, bound, limit in (
        ("power|power", -0.55, _GPAX_RIGHT_S / 20),
        ("linear|linear", 0.95, _GPAX_WRONG_S / 100),
        ("vanilla", None, None),
    ):
        found = [_fit_toy_a(name, seed) for seed in range(seeds)]
        scores, times = ([one[k] for one in found] for k in (0, 1))
        result[name] = {"nlpd": scores, "cpu_s": times}
        if bound is not None:
            bars.append(at_most(f"NLPD, {name}", float(np.median(scores)), bound))
            bars.append(at_most(f"seconds, {name}", float(np.median(times)), limit))
    return {"models": result, "bars": bars}


def _fit_toy_a(name: str, seed: int) -> tuple[float, float]:
    """Fit and predict toy A; return the log density's loss and processor seconds."""
    x, y = problems.sample_a(seed)
    grid = problems.GRID_A
    started = time.process_time()
    fitted = fit(
        problems.model_a(name),
        problems.data(x, y),
        effort=COLD_PREDICTION,
        rng=np.random.default_rng(seed),
        with_evidence=False,
    )
    mean, sd = fitted.condition(_PREDICTING).predict(grid[:, None], {"x": grid})
    seconds = time.process_time() - started
    return nlpd(mean, sd, problems.truth_a(grid)), seconds


def toy_b(seeds: int | None) -> dict[str, Any]:
    """Learn which hypothesis holds on toy B; then without the right one."""
    seeds = seeds or 20
    names = ["power|linear", "linear|linear", "power|power"]
    right = {"evidence": 0, "published": 0}
    use: dict[str, list[float]] = {policy: [] for policy in right}
    times: dict[str, list[float]] = {policy: [] for policy in right}
    wrongly, rightly = 0, 0
    for seed in range(seeds):
        for policy in right:
            learner, seconds = _learn(names, policy, seed)
            times[policy].append(seconds)
            right[policy] += names[learner.winner()] == "power|power"
            use[policy].append(np.mean([f == 2 for f in learner.favoured]))
            if policy == "evidence":
                wrongly += _says_none_fits(learner)
        learner, _ = _learn(names[:2], "evidence", seed)
        rightly += _says_none_fits(learner)
    bars = [
        at_least(f"right model, {policy}, share", count / seeds, 1.0)
        for policy, count in right.items()
    ]
    bars += [
        at_most(
            f"CPU seconds of 15 steps, {policy}, median", float(np.median(values)), 10.0
        )
        for policy, values in times.items()
    ]
    bars += [
        at_least("none fits, right model removed, share", rightly / seeds, 0.9),
        at_most("none fits, right model present, share", wrongly / seeds, 0.05),
    ]
    share = {policy: float(np.mean(values)) for policy, values in use.items()}
    return {
        "seeds": seeds,
        "use_of_right_model": share,
        "cpu_s": times,
        "bars": bars,
    }


def _learn(names: list[str], policy: Policy, seed: int) -> tuple[Learner, float]:
    y = problems.values_b(seed)
    grid = problems.GRID_B
    learner = Learner(
        models=[problems.model_b(name) for name in names],
        X=grid[:, None],
        x={"x": grid},
        policy=policy,
        rng=np.random.default_rng([seed, 5]),
    )
    for index in (0, 33, 66, 99):
        learner.observe(index, y[index])
    started = time.process_time()
    for _ in range(15):
        index = learner.next()
        learner.observe(index, y[index])
    return learner, time.process_time() - started


def _says_none_fits(learner: Learner) -> int:
    best = learner.fits[learner.winner()]
    return int(misfit(best, learner.rng).unexplained)


def ising(seeds: int | None) -> dict[str, Any]:
    """Find the phase boundary of the Ising model by the largest uncertainty.

    The models are those of a campaign; those with the published priors are shown too.
    """
    seeds = seeds or 5
    j1, j2, m = problems.ising()
    x = {"j1": j1, "j2": j2}
    space = Space.parse(
        {
            name: {"type": "continuous", "low": v.min(), "high": v.max()}
            for name, v in x.items()
        }
    )
    X = space.codes(
        [{"j1": float(a), "j2": float(b)} for a, b in zip(j1, j2, strict=True)]
    )
    kernel = Stationary(((0,), (1,)), (LogNormal(), LogNormal()))
    models: dict[str, Callable[..., StructuredGP]] = {}
    for name, hypothesis in (("vanilla", None), ("structured", onsager)):
        models[name] = partial(_of_a_campaign, space, name, hypothesis)
        published = StructuredGP(name=name, kernel=kernel, hypothesis=hypothesis)
        models[f"{name}, published priors"] = lambda *_, one=published: one
    true = problems.boundary(m)
    errors = {name: {8: [], 16: [], 40: []} for name in models}
    for seed in range(seeds):
        noisy = m + 0.02 * np.random.default_rng(seed).standard_normal(len(m))
        for name, model in models.items():
            rng = np.random.default_rng([seed, 1])
            tried = list(rng.choice(len(m), 8, replace=False))
            memory = None
            while True:
                films = Data(
                    X=X[tried],
                    x={k: v[tried] for k, v in x.items()},
                    y=noisy[tried],
                    variance=np.full(len(tried), 1e-6),
                )
                before = None if memory is None else (memory.offset, memory.scale)
                learner_fit = fit(
                    model(films, before),
                    films,
                    effort=COLD_PREDICTION,
                    rng=rng,
                    memory=memory,
                    with_evidence=False,
                )
                memory = remember(learner_fit)
                mean, sd = learner_fit.condition(128).predict(X, x)
                average = mean.mean(axis=0)
                if len(tried) in errors[name]:
                    rmse = float(np.sqrt(np.mean((average - m) ** 2)))
                    off = float(np.mean(np.abs(problems.boundary(average) - true)))
                    errors[name][len(tried)].append((rmse, off))
                if len(tried) >= 40:
                    break
                spread = (sd**2 + mean**2).mean(axis=0) - average**2
                spread[tried] = -1
                tried.append(int(np.argmax(spread)))
    table = {
        name: {str(n): np.median(values, axis=0).tolist() for n, values in rows.items()}
        for name, rows in errors.items()
    }
    bars = [
        at_most(
            "boundary error at 16, structured", table["structured"]["16"][1], 0.035
        ),
        at_most("RMSE at 40, structured", table["structured"]["40"][0], 0.07),
    ]
    return {"seeds": seeds, "rmse_and_boundary_error": table, "bars": bars}


def _of_a_campaign(
    space: Space,
    name: str,
    hypothesis: Hypothesis | None,
    films: Data,
    before: tuple[float, float] | None,
) -> StructuredGP:
    offset, scale = scaling(films.y, films.variance, before)
    return standard_model(
        space, offset=offset, scale=scale, hypothesis=hypothesis, name=name
    )


@planner_peers.comparison("toy-a")
def _times_of_gpax(result: Json) -> tuple[Json, list[Json]]:
    """Time both in turn: the speed of a shared machine wavers within minutes."""
    seeds = len(result["models"]["vanilla"]["cpu_s"])
    names = {"power|power": 20, "linear|linear": 100}
    own: dict[str, list[float]] = {name: [] for name in names}
    theirs: dict[str, list[Json]] = {name: [] for name in names}
    for seed in range(seeds):
        for name in names:
            before = _fit_toy_a(name, seed)[1]
            theirs[name].append(
                planner_peers.run("planner_gpax_worker.py", name, str(seed))
            )
            own[name].append((before + _fit_toy_a(name, seed)[1]) / 2)
    bars = []
    for name, factor in names.items():
        seconds = [one["seconds"] for one in theirs[name]]
        ratio = float(np.median(own[name]) / np.median(seconds))
        text = f"time against gpax in this run, {name}"
        bars.append(at_most(text, ratio, 1 / factor))
    return {"own_cpu_s": own, "gpax": theirs}, bars


CASES = {"toy-a": toy_a, "toy-b": toy_b, "ising": ising}
