"""Toy problems on gpax and dynesty; runs in the peers' environment, prints JSON."""

import json
import sys
import time

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import ndtri

_AGREE = 0.2
_LIVE = 600


def truth(x: np.ndarray) -> np.ndarray:
    """Return toy A's truth."""
    return np.where(x < 1.7, x**4.5, x**2.5)


def sample(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the same 15 points as the planner's own benchmark."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 3, 15))
    return x, truth(x) + 0.1 * rng.standard_normal(15)


def gpax_toy_a() -> dict[str, dict[str, float]]:
    """Fit and predict toy A with gpax and its defaults; return the seconds."""
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
        x, y = sample(0)
        one, two = gpax.utils.get_keys(0)
        wall, cpu = time.perf_counter(), time.process_time()
        model = gpax.ExactGP(1, kernel="Matern", mean_fn=mean, mean_fn_prior=priors)
        model.fit(one, x, y, num_warmup=2000, num_samples=2000, progress_bar=False)
        model.predict(two, grid)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        # Others may share the cores, which adds to the one; threads add to the other.
        result[name] = {"wall_s": wall, "cpu_s": cpu, "seconds": min(wall, cpu)}
    return result


def dynesty_toy_a() -> dict[str, object]:
    """Return dynesty's log-evidence of toy A, right mean, in three runs."""
    import dynesty  # noqa: PLC0415 - only this case needs it

    x, y = sample(0)
    distance = np.sqrt(5) * np.abs(x[:, None] - x[None, :])

    def likelihood(p: np.ndarray) -> float:
        t, a, b, s, noise, length = p
        r = distance / length
        K = s * (1 + r + r * r / 3) * np.exp(-r) + (noise + 1e-6 * s) * np.eye(len(x))
        try:
            factor = cho_factor(K, lower=True)
        except np.linalg.LinAlgError:
            return -1e100
        w = y - np.where(x < t, x**a, x**b)
        value = -0.5 * w @ cho_solve(factor, w) - np.log(np.diag(factor[0])).sum()
        value -= 0.5 * len(x) * np.log(2 * np.pi)
        return float(value) if np.isfinite(value) else -1e100

    def transform(u: np.ndarray) -> np.ndarray:
        v = np.exp(ndtri(np.clip(u, 1e-12, 1 - 1e-12)))
        v[0] = 0.5 + 2 * u[0]
        return v

    found = []
    for seed in range(3):
        sampler = dynesty.NestedSampler(
            likelihood,
            transform,
            6,
            nlive=_LIVE,
            sample="rwalk",
            rstate=np.random.default_rng(seed),
        )
        sampler.run_nested(print_progress=False, dlogz=0.05)
        found.append(float(sampler.results.logz[-1]))
    return {
        "toy A, right mean, seed 0": found,
        "agree": bool(np.ptp(found) <= _AGREE),
    }


if __name__ == "__main__":
    case = gpax_toy_a if sys.argv[1] == "toy-a" else dynesty_toy_a
    print(json.dumps(case()))
