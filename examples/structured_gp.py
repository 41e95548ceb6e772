"""A structured Gaussian process finds the physics behind a gap against layer number.

Three hypotheses compete on seven films: quantum confinement, a straight line, and no
physics at all (the vanilla GP). Run: ``python examples/structured_gp.py``.
"""

import numpy as np

from hp_lab.planner.gp import Data, StructuredGP
from hp_lab.planner.hypotheses import Inputs, Parameter, find, hypothesis
from hp_lab.planner.kernels import Stationary
from hp_lab.planner.learning import misfit
from hp_lab.planner.posterior import fit, probabilities
from hp_lab.planner.priors import LogNormal, Normal
from hp_lab.planner.ready_made import NAMES
from hp_lab.planner.smc import Effort
from hp_lab.units import FloatArray


# A hypothesis is a function and the priors of its parameters.
@hypothesis("line", start=Normal(mean=2, sd=0.5), slope=Normal(mean=0, sd=0.3))
def line(x: Inputs, start: Parameter, slope: Parameter) -> FloatArray:
    """Gap that changes by the same amount from layer to layer."""
    return np.asarray(start + slope * x["n"])


def main() -> None:
    """Compare the hypotheses and predict a film that nobody made."""
    # Butylammonium lead iodide, n = 1 to 5 (Stoumpos et al.), two films made twice.
    n = np.array([1.0, 1.0, 2.0, 3.0, 3.0, 4.0, 5.0])
    gap_ev = np.array([2.43, 2.44, 2.17, 2.03, 2.02, 1.91, 1.83])
    films = Data(X=n[:, None] / 10, x={"n": n}, y=gap_ev, variance=np.full(7, 1e-4))
    kernel = Stationary(((0,),), (LogNormal(median=0.3, sd=0.5),))
    settings = {
        "kernel": kernel,
        "variance": LogNormal(median=0.01, sd=1.0),
        "noise": LogNormal(median=1e-4, sd=1.0),
        "offset": 0.0,
    }
    models = [
        StructuredGP(name="confinement", hypothesis=find("confinement"), **settings),
        StructuredGP(name="line", hypothesis=line, **settings),
        StructuredGP(name="vanilla", constant=4.0, **settings),
    ]
    rng = np.random.default_rng(1)
    effort = Effort(particles=512, moves=6)
    fits = [fit(model, films, effort=effort, rng=rng) for model in models]
    wanted = np.array([7.0])
    print(f"ready-made hypotheses: {', '.join(NAMES)}\n")
    for one, probability in zip(fits, probabilities(fits), strict=True):
        mean, sd = one.condition(128).predict(wanted[:, None] / 10, {"n": wanted})
        spread = np.sqrt((sd**2).mean() + mean.var())
        print(
            f"{one.model.name:12s} probability {probability:.3f}, "
            f"gap at n = 7: {mean.mean():.2f} +- {spread:.2f} eV"
        )
    best = fits[int(np.argmax(probabilities(fits)))]
    if best.model.hypothesis is not None:
        judged = misfit(best, rng)
        word = "leaves something to" if judged.unexplained else "does not need"
        print(
            f"\n{best.model.name} {word} its GP (log Bayes factor of the GP "
            f"{judged.log_factor:.1f})"
        )


if __name__ == "__main__":
    main()
