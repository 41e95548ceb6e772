"""Log-evidences of cold fits against closed forms, long runs and nested sampling."""

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import planner_peers
import planner_problems as problems
from planner_bars import at_least, at_most
from planner_peers import Json

from hp_lab.planner.gp import Data, StructuredGP
from hp_lab.planner.hypotheses import Hypothesis
from hp_lab.planner.kernels import Stationary
from hp_lab.planner.posterior import COLD, fit
from hp_lab.planner.priors import LogNormal, Normal

_FILMS = 15
# Nested sampling takes a minute a problem; what it found is kept with the project.
_KEPT = Path(__file__).with_name("planner_evidence_dynesty.json")
MODELS = {
    "a": ("power|power", "linear|linear", "vanilla"),
    "b": (*problems.MEANS, "vanilla"),
}


def cases(seed: int) -> Iterator[tuple[str, str, StructuredGP, Data]]:
    """Yield toy, name of the model, the model and 15 films of a seed."""
    x, y = problems.sample_a(seed)
    rng = np.random.default_rng(seed)
    at = np.sort(rng.choice(len(problems.GRID_B), _FILMS, replace=False))
    for name in MODELS["a"]:
        yield "a", name, problems.model_a(name), problems.data(x, y)
    films = problems.data(problems.GRID_B[at], problems.values_b(seed)[at])
    for name in MODELS["b"]:
        yield "b", name, problems.model_b(name), films


def evidence(seeds: int | None) -> dict[str, Any]:
    """Fit all models of both toys cold, and a conjugate one."""
    seeds = seeds or 20
    closed = [_conjugate_error(seed) for seed in range(seeds)]
    rows, times = [], []
    for seed in range(seeds):
        for toy, name, model, films in cases(seed):
            started = time.process_time()
            cold = fit(model, films, effort=COLD, rng=np.random.default_rng(seed))
            times.append(time.process_time() - started)
            problem = {
                "toy": toy,
                "model": name,
                "x": films.x["x"].tolist(),
                "y": films.y.tolist(),
            }
            row = {"key": _key(problem), "found": cold.log_evidence, "problem": problem}
            rows.append(row)
    bars = [
        at_most("error against the closed form, median", float(np.median(closed)), 0.5),
        at_most("error against the closed form, largest", max(closed), 1.5),
        at_most("CPU seconds of a cold fit, largest", max(times), 5.0),
    ]
    return {
        "seeds": seeds,
        "cpu_s": float(np.median(times)),
        "fits": rows,
        "bars": bars,
    }


def _key(problem: Json) -> str:
    """Return a name of a problem; the last digits are those of a machine."""
    rounded = {
        name: [f"{number:.9g}" for number in value] if name in ("x", "y") else value
        for name, value in problem.items()
    }
    text = hashlib.sha256(json.dumps(rounded).encode()).hexdigest()[:16]
    return "{toy} {model} ".format(**problem) + text


@planner_peers.comparison("evidence")
def _against_dynesty(result: Json) -> tuple[Json, list[Json]]:
    rows = result["fits"]
    given = {"problems": [{"key": r["key"], **r["problem"]} for r in rows]}
    known = planner_peers.run("planner_evidence_worker.py", str(_KEPT), given=given)
    errors: dict[str, list[float]] = {}
    for row in rows:
        peer = known[row["key"]]
        name = "toy {toy}, {model}".format(**row["problem"])
        if peer["agree"]:
            error = abs(row["found"] - float(np.mean(peer["runs"])))
            errors.setdefault(name, []).append(error)
    bars = [
        at_least(
            "share of the problems on which three runs of dynesty agree",
            sum(len(values) for values in errors.values()) / len(rows),
            1.0,
        )
    ]
    for name, values in errors.items():
        text = f"error against dynesty, {name}"
        bars.append(at_most(f"{text}, median", float(np.median(values)), 0.5))
        bars.append(at_most(f"{text}, largest", max(values), 1.5))
    return errors, bars


def _conjugate_error(seed: int) -> float:
    """Return the error for y = a + b x with a known GP and noise: normal evidence."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, 12)
    y = 1.0 + 3.0 * x + 0.1 * rng.standard_normal(12)
    narrow = LogNormal(median=0.01, sd=1e-6)
    kernel = Stationary(((0,),), (LogNormal(median=0.3, sd=1e-6),))
    mean = Hypothesis(
        name="line",
        function=lambda x, a, b: a + b * x["x"],
        priors={"a": Normal(mean=0, sd=2), "b": Normal(mean=0, sd=5)},
    )
    model = StructuredGP(
        name="line", kernel=kernel, hypothesis=mean, variance=narrow, noise=narrow
    )
    films = problems.data(x, y)
    found = fit(model, films, effort=COLD, rng=rng).log_evidence
    prior = model.bind(films).prior(np.zeros((1, 5)))
    basis = np.column_stack([np.ones(12), x])
    total = prior.covariance[0] + 0.01 * np.eye(12)
    L = np.linalg.cholesky(total + basis @ np.diag([4.0, 25.0]) @ basis.T)
    w = np.linalg.solve(L, y)
    exact = -0.5 * w @ w - np.log(np.diag(L)).sum() - 6 * np.log(2 * np.pi)
    return abs(found - exact)


CASES = {"evidence": evidence}
