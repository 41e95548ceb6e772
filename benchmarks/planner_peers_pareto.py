"""Several objectives on BoTorch; runs in the peers' environment, prints JSON.

Standard input holds, for every test function, a list of seeds with the films of the
start and how many there are in all. A film's noise depends on the seed and its number
alone, so that both planners see the same.
"""

import json
import sys
import time
import warnings
from collections.abc import Mapping
from typing import Any

import botorch
import numpy as np
import torch
from botorch.acquisition.multi_objective.logei import (
    qLogNoisyExpectedHypervolumeImprovement,
)
from botorch.fit import fit_gpytorch_mll
from botorch.models import ModelListGP, SingleTaskGP
from botorch.models.transforms import Standardize
from botorch.optim import optimize_acqf
from botorch.sampling.normal import SobolQMCNormalSampler
from gpytorch.mlls import SumMarginalLogLikelihood
from planner_fronts import FRONTS

_SAMPLES = 32
_RESTARTS = 4
_RAW = 128


def run(name: str, job: Mapping[str, Any]) -> list[list[float]]:
    """Return the noise-free values of all films of one run."""
    seed, sigma = job["seed"], job["sigma"]
    torch.manual_seed(seed)
    x = [np.asarray(one) for one in job["starts"]]
    clean = [FRONTS[name](one) for one in x]
    seen = [_noisy(f, seed, i, sigma) for i, f in enumerate(clean)]
    reference = -torch.full((len(clean[0]),), job["reference"]).double()
    bounds = torch.stack([torch.zeros(len(x[0])), torch.ones(len(x[0]))]).double()
    while len(x) < job["films"]:
        X, Y = torch.tensor(np.array(x)), -torch.tensor(np.array(seen))
        models = [
            SingleTaskGP(
                X,
                Y[:, k : k + 1],
                train_Yvar=torch.full_like(Y[:, k : k + 1], sigma**2),
                outcome_transform=Standardize(m=1),
            )
            for k in range(Y.shape[1])
        ]
        model = ModelListGP(*models)
        fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
        gain = qLogNoisyExpectedHypervolumeImprovement(
            model=model,
            ref_point=reference,
            X_baseline=X,
            sampler=SobolQMCNormalSampler(torch.Size([_SAMPLES]), seed=seed),
            prune_baseline=True,
        )
        found, _ = optimize_acqf(
            gain, bounds=bounds, q=1, num_restarts=_RESTARTS, raw_samples=_RAW
        )
        x.append(found[0].numpy())
        clean.append(FRONTS[name](x[-1]))
        seen.append(_noisy(clean[-1], seed, len(x) - 1, sigma))
    return [f.tolist() for f in clean]


def _noisy(value: np.ndarray, seed: int, number: int, sigma: float) -> np.ndarray:
    rng = np.random.default_rng([seed, number])
    return value + sigma * rng.standard_normal(len(value))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    started = time.process_time()
    jobs = json.load(sys.stdin)
    values = {name: [run(name, job) for job in jobs[name]] for name in jobs}
    print(
        json.dumps(
            {
                "botorch": botorch.__version__,
                "values": values,
                "cpu_s": time.process_time() - started,
            }
        )
    )
