"""Log expected improvement of BoTorch on pools; runs in the peers' environment.

Reads pools from standard input and prints what every replay tried, as JSON.
"""

import json
import sys
import warnings

import torch
from botorch.acquisition import LogExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.transforms import Standardize
from gpytorch.mlls import ExactMarginalLogLikelihood


def pick(X: torch.Tensor, value: torch.Tensor, tried: list[int]) -> int:
    """Return the untried index of the largest log expected improvement."""
    y = value[tried][:, None]
    model = SingleTaskGP(X[tried], y, outcome_transform=Standardize(m=1))
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    free = [i for i in range(len(value)) if i not in set(tried)]
    acquisition = LogExpectedImprovement(model, best_f=float(y.max()))
    with torch.no_grad():
        return free[int(acquisition(X[free][:, None, :]).argmax())]


def replay(pool: dict, start: list[int]) -> list[int]:
    """Return the indices that are tried, in order."""
    X = torch.tensor(pool["X"], dtype=torch.double)
    value = torch.tensor(pool["value"], dtype=torch.double)
    tried, top = list(start), set(pool["top"])
    while len(tried) < pool["budget"]:
        enough = len(top.intersection(tried)) >= pool["share"] * len(top) - 1e-9
        if enough and len(tried) >= pool["least"]:
            break
        tried.append(pick(X, value, tried))
    return tried


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    pools = json.load(sys.stdin)
    found = {
        name: [replay(pool, start) for start in pool["starts"]]
        for name, pool in pools.items()
    }
    print(json.dumps(found))
