"""Honest intervals: readings held out of real data sets, against what was forecast."""

from typing import Any

import numpy as np
from planner_bars import at_least, at_most
from planner_pools import DATA_SETS, load
from scipy.stats import binom, norm

from hp_lab.planner.baseline import BaselineGP
from hp_lab.planner.forecast import Forecast
from hp_lab.planner.objectives import Reading
from hp_lab.planner.pool import Pool
from hp_lab.planner.surrogate import Surrogate
from hp_lab.units import FloatArray

LEVELS = (0.5, 0.8, 0.95)
_MOST_TRAINING = 100
# What a right forecast keeps to with this probability.
_LIMITS = 0.95
# Splits of lower seeds were looked at while the forecast was made.
_FIRST_SEED = 400


def intervals(seeds: int | None) -> dict[str, Any]:
    """Learn from half of a pool (100 at most), forecast the rest, on several splits.

    The held-out readings are means of replicates with a standard error of their own,
    which the forecast includes. The coverage is that of all splits; its limits are
    those of as many independent readings as one split holds out, since the splits share
    their films.
    """
    seeds = seeds or 30
    bars, table = [], {}
    for name in DATA_SETS:
        pool = load(name)
        shares, ours, theirs = [], [], []
        for seed in range(_FIRST_SEED, _FIRST_SEED + seeds):
            order = np.random.default_rng(seed).permutation(len(pool.value))
            count = min(len(order) // 2, _MOST_TRAINING)
            seen, out = order[:count], order[count:]
            forecast = _forecast(pool, seen, out, seed)
            shares.append(forecast.cumulative(pool.value[out]))
            ours.append(-forecast.log_density(pool.value[out]).mean())
            theirs.append(_sklearn(pool, seen, out, seed))
        distance = np.abs(2 * np.array(shares) - 1)
        held_out = distance.shape[1]
        table[name] = {"held_out": held_out, "nlpd": np.mean(ours)}
        for level in LEVELS:
            covered = float((distance < level).mean())
            low, high = binom.interval(_LIMITS, held_out, level)
            text = f"{name}: coverage at {level:.0%}"
            bars.append(at_least(f"{text}, lower limit", covered, low / held_out))
            bars.append(at_most(f"{text}, upper limit", covered, high / held_out))
        gain = float(np.mean(ours) - np.mean(theirs))
        table[name]["nlpd_sklearn"] = np.mean(theirs)
        bars.append(at_most(f"{name}: NLPD minus scikit-learn's", gain, 0.0))
    return {"seeds": seeds, "data_sets": table, "bars": bars}


def _forecast(pool: Pool, seen: np.ndarray, out: np.ndarray, seed: int) -> Forecast:
    readings = [
        Reading(value=float(value), sigma=float(sigma))
        for value, sigma in zip(pool.value[seen], pool.sigma[seen], strict=True)
    ]
    surrogate = Surrogate(
        pool.space,
        pool.codes[seen],
        readings,
        [str(i) for i in seen],
        rng=np.random.default_rng(seed),
    )
    return Forecast(surrogate, pool.codes[out], pool.sigma[out])


def _sklearn(pool: Pool, seen: np.ndarray, out: np.ndarray, seed: int) -> float:
    """Return the mean negative log density of the held-out readings."""
    gp = BaselineGP(pool.X[seen], pool.value[seen], pool.sigma[seen], seed=seed)
    mean, sd = gp.predict(pool.X[out])
    total: FloatArray = np.sqrt(sd**2 + gp.noise_sd**2 + pool.sigma[out] ** 2)
    return float(-norm.logpdf(pool.value[out], mean, total).mean())


CASES = {"intervals": intervals}
