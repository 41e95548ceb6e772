"""Toy A on gpax; runs in the peers' environment, prints JSON.

The argument is the number of seeds.
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


def gpax_toy_a(seeds: int) -> dict[str, dict[str, list[float]]]:
    """Fit and predict toy A with gpax and its defaults; return seconds, one a seed."""
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

    result = {}
    grid = np.linspace(0, 3, 200)
    for name, mean in (("power|power", powers), ("linear|linear", lines)):
        walls, cpus = [], []
        for seed in range(seeds):
            x, y = sample(seed)
            one, two = gpax.utils.get_keys(seed)
            wall, cpu = time.perf_counter(), time.process_time()
            model = gpax.ExactGP(1, kernel="Matern", mean_fn=mean, mean_fn_prior=priors)
            model.fit(one, x, y, num_warmup=2000, num_samples=2000, progress_bar=False)
            model.predict(two, grid)
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
        # Others may share the cores, which adds to the one; threads add to the other.
        least = [min(pair) for pair in zip(walls, cpus, strict=True)]
        result[name] = {"wall_s": walls, "cpu_s": cpus, "seconds": least}
    return result


if __name__ == "__main__":
    print(json.dumps(gpax_toy_a(int(sys.argv[1]))))
