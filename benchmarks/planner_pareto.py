"""Two and three objectives, and the same on BoTorch."""

from typing import Any

import numpy as np
import planner_peers
from planner_bars import at_least
from planner_fronts import FRONTS, VARIABLES
from planner_functions import UNIT
from planner_loops import Loop

from hp_lab.planner import hypervolume
from hp_lab.planner.objectives import Objective
from hp_lab.planner.propose import PlannerSettings
from hp_lab.planner.space import Space
from hp_lab.units import FloatArray

_FILMS = 50
_SIGMA = 0.01
_REFERENCE = 1.1
# What BoTorch 0.18.1 reached with --peers: medians of three seeds.
_BOTORCH_SHARE = {"zdt1": 0.9816, "dtlz2": 0.8385}


def pareto(seeds: int | None) -> dict[str, Any]:
    """Find the fronts of ZDT1 and DTLZ2 with noise."""
    seeds = seeds or 5
    names = [f"x{i}" for i in range(VARIABLES)]
    space = Space.parse(dict.fromkeys(names, UNIT))
    bars, shares, volumes, jobs = [], {}, {}, {}
    for name, function in FRONTS.items():
        count = len(function(np.zeros(VARIABLES)))
        objectives = tuple(
            Objective(quantity=f"f{k}", goal="minimize") for k in range(count)
        )
        reference = {f"f{k}": _REFERENCE for k in range(count)}
        volumes[name], jobs[name] = [], []
        for seed in range(seeds):
            loop = Loop(
                space=space,
                truth=lambda s, f=function: f(np.array([s[n] for n in names])),
                seed=seed,
                sigma=_SIGMA,
                objectives=objectives,
                settings=PlannerSettings(reference=reference),
            )
            volumes[name].append(_volume(np.array(loop.run(_FILMS))))
            first = [c for c, _ in loop.trials if c.reason == "initial"]
            jobs[name].append(
                {
                    "seed": seed,
                    "sigma": _SIGMA,
                    "films": _FILMS,
                    "reference": _REFERENCE,
                    "starts": [[c.settings[n] for n in names] for c in first],
                }
            )
        shares[name] = [v / _true_volume(name) for v in volumes[name]]
        ratio = np.median(shares[name]) / _BOTORCH_SHARE[name]
        bars.append(
            at_least(f"{name}: hypervolume against BoTorch's once", ratio, 0.95)
        )
    return {
        "seeds": seeds,
        "share": shares,
        "hypervolume": volumes,
        "jobs": jobs,
        "bars": bars,
    }


@planner_peers.comparison("pareto")
def against_botorch(result: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    """Compare hypervolumes with BoTorch's: same starts, same noise, as many films."""
    peers = planner_peers.run("planner_peers_pareto.py", given=result["jobs"])
    bars = []
    for name, runs in peers.pop("values").items():
        theirs = [_volume(np.array(values)) for values in runs]
        peers[name] = {
            "hypervolume": theirs,
            "share": [v / _true_volume(name) for v in theirs],
        }
        ratio = np.median(result["hypervolume"][name]) / np.median(theirs)
        bars.append(at_least(f"{name}: hypervolume against BoTorch", ratio, 0.95))
    return peers, bars


def _volume(values: FloatArray) -> float:
    """Return the hypervolume of noise-free values (n, k), all to be minimised."""
    return hypervolume.hypervolume(-values, np.full(values.shape[1], -_REFERENCE))


def _true_volume(name: str) -> float:
    if name == "zdt1":
        # Below f2 = 1 - sqrt(f1), then the rims between the front and the reference.
        rim = _REFERENCE - 1.0
        return 2 / 3 + rim + rim * _REFERENCE
    # The unit sphere's octant below the reference point in each direction.
    return _REFERENCE**3 - np.pi / 6
