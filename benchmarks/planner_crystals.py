"""Crystallisation of organic ammonium iodides: molecules, solvents, amounts, time."""

import csv
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import numpy as np
from joblib import cpu_count
from planner_bars import at_least, at_most, in_standard_errors
from scipy.stats import norm

from hp_lab.planner.acquisition import log_expected_improvement
from hp_lab.planner.baseline import BaselineGP
from hp_lab.planner.forecast import Forecast
from hp_lab.planner.goal import PlannerSettings
from hp_lab.planner.objectives import Objective, reading
from hp_lab.planner.pool import Pool
from hp_lab.planner.replay import pick_planner, pick_random, replays
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Surrogate
from hp_lab.units import FloatArray

FILE = files("hp_lab.planner") / "data" / "crystallisation" / "vapdiff_crystal_data.csv"
SCORES = ("clear_solution", "fine_powder", "small_crystallites", "large_crystallites")
SOLVENTS = {
    "Gamma-Butyrolactone": "O=C1CCCO1",
    "Dimethylformamide": "CN(C)C=O",
    "Dimethyl sulfoxide": "CS(C)=O",
}
ORGANICS = {
    "Ethylammonium Iodide": "CC[NH3+]",
    "Phenethylammonium iodide": "[NH3+]CCc1ccccc1",
    "Acetamidinium iodide": "CC(N)=[NH2+]",
    "NN-Diethylpropane-13-diammonium iodide": "CC[NH+](CC)CCC[NH3+]",
    "14-Benzene diammonium iodide": "[NH3+]c1ccc([NH3+])cc1",
    "4-Trifluoromethyl-Benzylammonium iodide": "[NH3+]Cc1ccc(C(F)(F)F)cc1",
    "2-Pyrrolidin-1-ium-1-ylethylammonium iodide": "[NH3+]CC[NH+]1CCCC1",
    "NN-Dimethylethane-12-diammonium iodide": "C[NH+](C)CC[NH3+]",
    "Morpholinium Iodide": "C1COCC[NH2+]1",
    "Cyclohexylmethylammonium iodide": "[NH3+]CC1CCCCC1",
    "Dimethylammonium iodide": "C[NH2+]C",
    "Diethylammonium iodide": "CC[NH2+]CC",
    "Di-isopropylammonium iodide": "CC(C)[NH2+]C(C)C",
    "4-methoxy-phenethylammonium-iodide": "COc1ccc(CC[NH3+])cc1",
    "22-dimethylpropane-13-diammonium iodide": "CC(C)(C[NH3+])C[NH3+]",
    "2-Thiophenemethylammonium iodide": "[NH3+]Cc1cccs1",
    "4-Methoxy-Phenylammonium iodide": "COc1ccc([NH3+])cc1",
}
_NUMBERS = (1, 3, 4, 5, 6, 7, 8, 9)
_OBJECTIVE = Objective(
    quantity="value", goal="maximize", scores=tuple(range(len(SCORES)))
)
_BUDGET = 40
_SEEN = 100
# Rounding leaves a probability of nothing at all where it is this small.
_LEAST = 1e-12

# The probability of readings up to a score, one each; and how to learn it: of a pool,
# from the indices seen, for those left out.
Distribution = Callable[[FloatArray], FloatArray]
Below = Callable[[Pool, np.ndarray, np.ndarray], Distribution]


def load(*, molecules: bool) -> tuple[Pool, np.ndarray]:
    """Return the pool of experiments and the organic (N,) of each."""
    with FILE.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    organics = [row[0] for row in rows]
    kind = "molecule" if molecules else "categorical"
    section = {
        "organic": {
            "type": kind,
            "choices": ORGANICS if molecules else list(ORGANICS),
        },
        "solvent": {"type": kind, "choices": SOLVENTS if molecules else list(SOLVENTS)},
    }
    settings = [{"organic": row[0], "solvent": row[2]} for row in rows]
    for i in _NUMBERS:
        values = np.array([float(row[i]) for row in rows])
        if np.ptp(values) == 0:
            continue
        section[f"x{i}"] = {
            "type": "continuous",
            "low": float(values.min()),
            "high": float(values.max()),
        }
        for one, value in zip(settings, values, strict=True):
            one[f"x{i}"] = float(value)
    space = Space.parse(section)
    codes = space.codes(settings)
    score = np.array([float(SCORES.index(row[10])) for row in rows])
    X = space.features(codes)
    spread = X.std(axis=0)
    result = Pool(
        space=space,
        codes=codes,
        X=(X - X.mean(axis=0)) / np.where(spread > 0, spread, 1),
        value=score,
        sigma=np.full(len(score), 0.3),
    )
    return result, np.array(organics)


def crystals(seeds: int | None) -> dict[str, Any]:
    """Count organics with large crystals after 40 experiments; leave organics out.

    The opponents: chance; a scikit-learn GP on one-hot columns that is asked the same
    question, the expected improvement of each organic; and the planner itself with
    organics and solvents as categories, which have in common what a learned weight
    says. For the loss also the shares of scores among the films seen, which know
    nothing of settings.
    """
    seeds = seeds or 100
    molecular, labelled = load(molecules=True), load(molecules=False)
    runs = {
        "planner": (molecular, pick_for_each_organic),
        "one_hot_gp": (labelled, pick_one_hot),
        "planner_on_categories": (labelled, pick_for_each_organic),
        "random": (labelled, pick_random),
    }
    found: dict[str, list[int]] = {name: [] for name in runs}
    for name, ((pool, organics), method) in runs.items():
        for tried in replays(pool, method, range(seeds), _BUDGET, jobs=cpu_count()):
            large = [i for i in tried if pool.value[i] == len(SCORES) - 1]
            found[name].append(len(set(organics[large])))
    losses = {
        "planner": left_out_loss(*molecular, _planner_below),
        "one_hot_gp": left_out_loss(*labelled, _one_hot_below),
        "planner_on_categories": left_out_loss(*labelled, _planner_below),
        "frequencies": left_out_loss(*labelled, _frequencies_below),
    }
    bars = []
    for other in ("random", "one_hot_gp", "planner_on_categories"):
        difference = np.array(found["planner"]) - np.array(found[other])
        text = f"organics with large crystals over {other}, in SE"
        bars.append(at_least(text, in_standard_errors(difference), 2))
    for other in ("one_hot_gp", "planner_on_categories", "frequencies"):
        text = f"left-out log loss minus that of {other}"
        bars.append(at_most(text, losses["planner"] - losses[other], 0.0))
    return {"seeds": seeds, "found": found, "log_loss": losses, "bars": bars}


def pick_for_each_organic(
    pool: Pool, tried: list[int], rng: np.random.Generator, memory: dict[str, Any]
) -> int:
    """Pick what the planner proposes where every organic wants a large crystal."""
    memory.setdefault("planner", PlannerSettings(initial=2, distinct="organic"))
    memory.setdefault("objective", _OBJECTIVE)
    return pick_planner(pool, tried, rng, memory)


def pick_one_hot(
    pool: Pool, tried: list[int], rng: np.random.Generator, memory: dict[str, Any]
) -> int:
    """Pick what a scikit-learn GP expects to improve most on the best of its organic.

    An organic without an experiment counts as one of the lowest score, one with a large
    crystal wants no more.
    """
    del rng
    free = np.setdiff1d(np.arange(len(pool.value)), tried)
    organic = pool.codes[:, pool.space.slices["organic"].start]
    best = np.array(
        [pool.value[tried][organic[tried] == o].max(initial=0.0) for o in organic[free]]
    )
    mean, sd = _one_hot_gp(pool, tried, seed=memory["seed"]).predict(pool.X[free])
    gain = log_expected_improvement(mean, sd, best)
    return int(free[np.where(best < len(SCORES) - 1, gain, -np.inf).argmax()])


def left_out_loss(pool: Pool, organics: np.ndarray, below: Below) -> float:
    """Return the mean negative log probability of scores of organics never seen.

    The scores are ordinal: a class is what a forecast rounds to, the first and the last
    one include what lies beyond.
    """
    rng = np.random.default_rng(0)
    losses = []
    for organic in sorted(set(organics)):
        out = np.flatnonzero(organics == organic)
        rest = np.flatnonzero(organics != organic)
        seen = rng.choice(rest, _SEEN, replace=False)
        cumulative = below(pool, seen, out)
        score, last = pool.value[out], len(SCORES) - 1
        upper = np.where(score == last, 1.0, cumulative(score + 0.5))
        lower = np.where(score == 0, 0.0, cumulative(score - 0.5))
        losses.append(-np.log(np.maximum(upper - lower, _LEAST)).mean())
    return float(np.mean(losses))


def _planner_below(pool: Pool, seen: np.ndarray, out: np.ndarray) -> Distribution:
    belief = Surrogate(
        pool.space,
        pool.codes[seen],
        [reading(_OBJECTIVE, (pool.observation(i),)) for i in seen],
        [str(i) for i in seen],
        rng=np.random.default_rng(1),
        objective=_OBJECTIVE,
    )
    return Forecast(belief, pool.codes[out], pool.sigma[out]).cumulative


def _one_hot_below(pool: Pool, seen: np.ndarray, out: np.ndarray) -> Distribution:
    gp = _one_hot_gp(pool, seen, seed=1)
    mean, sd = gp.predict(pool.X[out])
    total = np.sqrt(sd**2 + gp.noise_sd**2 + pool.sigma[out] ** 2)
    return lambda score: norm.cdf(score, mean, total)


def _one_hot_gp(pool: Pool, seen: list[int] | np.ndarray, seed: int) -> BaselineGP:
    return BaselineGP(pool.X[seen], pool.value[seen], pool.sigma[seen], seed=seed)


def _frequencies_below(pool: Pool, seen: np.ndarray, out: np.ndarray) -> Distribution:
    del out
    count = np.array(
        [(pool.value[seen] == score).sum() for score in range(len(SCORES))]
    )
    below = np.append(0.0, np.cumsum(count) / count.sum())
    return lambda edge: below[np.floor(edge).astype(int) + 1]


CASES = {"crystals": crystals}
