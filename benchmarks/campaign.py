"""The demo campaign against random search, judged by hidden truth.

    python benchmarks/campaign.py --seeds 20 --json

For each seed the demo campaign is run on its emulated laboratory (virtual time, real
ROS). Random search makes as many films, drawn uniformly from the same space, in the
same hidden world, and reads them with the campaign's median uncertainty; it skips the
wires, which costs it nothing. Each method's choice is the film that it measured best;
its regret is the hidden truth of the space's optimum minus that of the choice.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hp_lab.orchestration.campaign_file import CampaignFile, load_campaign
from hp_lab.orchestration.run_dir import RunDir
from hp_lab.orchestration.status import read_state
from hp_lab.planner.propose import random_candidates
from hp_lab.records import Setting
from hp_lab.simulation.truth import film_from_settings, true_property

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "config" / "campaigns" / "demo.yaml"
QUANTITY = "phase_purity"
# Uncertainty of one reading where a run gives none.
_SIGMA = 0.03


def truth(settings: Mapping[str, Setting], campaign: CampaignFile) -> float:
    """Return the hidden truth of a candidate's settings."""
    return true_property(settings, QUANTITY, campaign.process)


def optimum(campaign: CampaignFile, draws: int) -> float:
    """Return the best hidden truth in the space: many draws, then local search."""
    rng = np.random.default_rng(0)
    codes = campaign.space.sample_codes(rng, draws)
    found = campaign.space.settings(codes)
    values = np.array([truth(settings, campaign) for settings in found])
    best = float(values.max())
    for start in np.argsort(values)[-8:]:
        best = max(best, _climb(dict(found[start]), float(values[start]), campaign))
    return best


def _climb(settings: dict[str, Any], value: float, campaign: CampaignFile) -> float:
    """Improve one setting after the other until none helps."""
    improved = True
    while improved:
        improved = False
        for name, dimension in campaign.space.dimensions.items():
            step = getattr(dimension, "step", None)
            if name not in settings or not step:
                continue
            for factor in (-8, -2, -1, 1, 2, 8):
                trial = {**settings, name: round(settings[name] + factor * step, 9)}
                try:
                    campaign.space.check(trial)
                except ValueError:
                    continue
                here = truth(trial, campaign)
                if here > value + 1e-9:
                    settings, value, improved = trial, here, True
    return value


def planner_run(seed: int, campaign: CampaignFile, films: int) -> tuple[float, float]:
    """Run the demo campaign; return the truth of its choice and its median sigma."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {
            **os.environ,
            "ROS_DOMAIN_ID": str(1 + seed % 100),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "OMP_NUM_THREADS": "1",
        }
        environment.pop("_ROS_WHEELS_BOOTSTRAP_COMPLETE", None)
        command = [sys.executable, "-m", "hp_lab.cli", "campaign", "run", str(DEMO)]
        command += ["--virtual-time", "--json"]
        command += ["--seed", str(seed), "--films", str(films)]
        done = subprocess.run(
            command,
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        found = json.loads(done.stdout)
        state = read_state(RunDir(Path(directory) / found["path"]))
    seen = [o for o in state.observations if o.quantity == QUANTITY]
    chosen = max(seen, key=lambda o: o.value)
    settings = state.candidates[chosen.candidate_id].settings
    return truth(settings, campaign), float(np.median([o.sigma for o in seen]))


def random_run(seed: int, campaign: CampaignFile, films: int, sigma: float) -> float:
    """Make random films in the same hidden world; return the choice's truth."""
    rng = np.random.default_rng([seed, 1])
    seen: list[float] = []
    candidates = random_candidates(campaign.space, films, seed)
    for candidate in candidates:
        film = film_from_settings(
            candidate.settings,
            campaign.process,
            seed=seed,
            film_id=candidate.candidate_id,
        )
        seen.append(true_property(film, QUANTITY) + sigma * rng.standard_normal())
    return truth(candidates[int(np.argmax(seen))].settings, campaign)


def compare(seeds: int, films: int, jobs: int, draws: int) -> dict[str, Any]:
    """Return both methods' regrets over the seeds, and the bar."""
    campaign = load_campaign(DEMO)
    best = optimum(campaign, draws)
    numbers = list(range(1, seeds + 1))
    with ThreadPoolExecutor(jobs) as pool:
        run = partial(planner_run, campaign=campaign, films=films)
        runs = list(pool.map(run, numbers))
    sigma = float(np.median([s for _, s in runs])) if runs else _SIGMA
    planned = best - np.array([value for value, _ in runs])
    drawn = best - np.array([random_run(n, campaign, films, sigma) for n in numbers])
    gain = drawn - planned
    return {
        "quantity": QUANTITY,
        "optimum": best,
        "films": films,
        "seeds": seeds,
        "sigma": sigma,
        "regret": {"planner": _figures(planned), "random": _figures(drawn)},
        "paired_gain": {
            "mean": float(gain.mean()),
            "se": float(gain.std(ddof=1) / np.sqrt(len(gain))) if seeds > 1 else None,
        },
        "bars": [
            {
                "name": "median regret of the demo campaign below random search's",
                "value": float(np.median(planned)),
                "bound": float(np.median(drawn)),
                "met": bool(np.median(planned) < np.median(drawn)),
            }
        ],
    }


def _figures(regret: NDArray[np.float64]) -> dict[str, Any]:
    return {
        "median": float(np.median(regret)),
        "mean": float(regret.mean()),
        "all": [round(float(value), 4) for value in regret],
    }


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--films", type=int, default=28)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--json", action="store_true", help="JSON alone")
    arguments = parser.parse_args()
    found = compare(arguments.seeds, arguments.films, arguments.jobs, arguments.draws)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    for name, figures in found["regret"].items():
        print(f"{name:8} median regret {figures['median']:.3f} of {QUANTITY}")
    gain = found["paired_gain"]
    print(f"paired gain {gain['mean']:.3f} +- {gain['se'] or 0:.3f}")


if __name__ == "__main__":
    main()
