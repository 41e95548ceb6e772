"""Toy A on gpax; runs in the peers' environment, prints JSON.

The arguments are the mean, power|power or linear|linear, and the seed.
"""

import json
import sys
import time

import numpy as np


def truth(x: np.ndarray) -> np.ndarray:
    """Return toy A's truth."""
    return np.where(x < 1.7, x**4.5, x**2.5)


def sample(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the same 15 points as the planner's own benchmark."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 3, 15))
    return x, truth(x) + 0.1 * rng.standard_normal(15)


def gpax_toy_a(mean: str, seed: int) -> dict[str, float]:
    """Fit and predict toy A with gpax and its defaults; return seconds."""
    import gpax  # noqa: PLC0415 - slow to import, only this case needs it
    import jax.numpy as jnp  # noqa: PLC0415
    import numpyro  # noqa: PLC0415
    from numpyro import distributions  # noqa: PLC0415

    def priors() -> dict[str, object]:
        one = distributions.LogNormal(0, 1)
        return {
            "t": numpyro.sample("t", distributions.Uniform(0.5, 2.5)),
            "a": numpyro.sample("a", one),
            "b": numpyro.sample("b", one),
        }

    def powers(x: object, p: dict[str, object]) -> object:
        return jnp.where(x < p["t"], x ** p["a"], x ** p["b"])

    def lines(x: object, p: dict[str, object]) -> object:
        return jnp.where(x < p["t"], x * p["a"], x * p["b"])

    means = {"power|power": powers, "linear|linear": lines}
    x, y = sample(seed)
    one, two = gpax.utils.get_keys(seed)

    def fit_and_predict(draws: int) -> None:
        model = gpax.ExactGP(
            1, kernel="Matern", mean_fn=means[mean], mean_fn_prior=priors
        )
        model.fit(one, x, y, num_warmup=draws, num_samples=draws, progress_bar=False)
        model.predict(two, np.linspace(0, 3, 200))

    # What is compiled once a process is not counted.
    fit_and_predict(10)
    wall, cpu = time.perf_counter(), time.process_time()
    fit_and_predict(2000)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    # Others may share the cores, which adds to the one; threads add to the other.
    return {"wall_s": wall, "cpu_s": cpu, "seconds": min(wall, cpu)}


if __name__ == "__main__":
    print(json.dumps(gpax_toy_a(sys.argv[1], int(sys.argv[2]))))
