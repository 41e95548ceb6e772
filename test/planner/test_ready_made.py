"""Laws of the ready-made hypotheses: their formulas, and films of their own law."""

import numpy as np
import pytest

from hp_lab.planner.hypotheses import find
from hp_lab.planner.objectives import Reading
from hp_lab.planner.ready_made import NAMES
from hp_lab.planner.space import Space
from hp_lab.planner.surrogate import Surrogate

BOLTZMANN_EV_K = 8.617333262e-5
# Worked out with a calculator.
FORMULAS = [
    (
        "confinement",
        {"n": [1.0, 2.0]},
        {"gap_inf_ev": 1.6, "strength_ev": 4.0, "offset_n": 2.0, "power": 2.0},
        [2.0444444, 1.85],
    ),
    (
        "bowing",
        {"br_fraction": [0.0, 0.25, 1.0]},
        {"gap_0_ev": 1.6, "gap_1_ev": 2.3, "bowing_ev": 0.4},
        [1.6, 1.7, 2.3],
    ),
    (
        "vegard",
        {"fraction": [0.0, 0.25, 1.0]},
        {"value_0": 6.24, "value_1": 5.9},
        [6.24, 6.155, 5.9],
    ),
    (
        "step",
        {"position": [70.0, 105.0, 110.0, 115.0]},
        {"edge": 110.0, "below": 0.1, "above": 0.9, "width": 5.0},
        [0.1002683, 0.3151531, 0.5, 0.6848469],
    ),
    (
        "onsager",
        {"j1": [0.3, 0.25, 0.2], "j2": [0.1, 0.125, 0.1]},
        {"slope": 2.0, "stiffness": 1.0},
        [0.9113193, 0.9113193, 0.0],
    ),
    (
        "arrhenius",
        {"anneal_c": [100.0, 120.0], "anneal_s": [3600.0, 600.0]},
        {"log_rate": -8.0, "activation_ev": 1.0, "start": 2.0},
        [0.5977885, 0.7512366],
    ),
    (
        "jmak",
        {"anneal_c": [100.0], "anneal_s": [100.0]},
        {"log_rate": -5.0, "activation_ev": 1.0, "exponent": 2.0, "full": 3.0},
        [1.0947505],
    ),
    (
        "jmak",
        {"anneal_c": [120.0], "anneal_s": [20.0]},
        {"log_rate": -5.0, "activation_ev": 1.0, "exponent": 1.5, "full": 3.0},
        [1.2356131],
    ),
    (
        "drop_window",
        {"drop_time_s": [17.0, 20.0, 11.0]},
        {"best_s": 17.0, "width_s": 3.0, "height": 0.6, "floor": 0.2},
        [0.8, 0.5639184, 0.2812012],
    ),
    (
        "process_window",
        {"drop_time_s": [21.0], "anneal_c": [115.0], "anneal_s": [600.0]},
        {
            "best_s": 16.0,
            "width_s": 5.0,
            "best_c": 100.0,
            "width_c": 15.0,
            "activation_ev": 0.9,
            "height": 0.6,
            "floor": 0.1,
        },
        [0.3207277],
    ),
]


def between(low, high, **more):
    return {"type": "continuous", "low": low, "high": high, **more}


def activated(x, log_rate, activation_ev):
    inverse = 1 / (x["anneal_c"] + 273.15) - 1 / 373.15
    return np.exp(log_rate - activation_ev / BOLTZMANN_EV_K * inverse) * x["anneal_s"]


def left(x):
    return np.exp(-activated(x, -9.6, 0.9))


def crystallised(x):
    return 1 - np.exp(-(activated(x, -5.3, 0.8) ** 2))


def window(x):
    return 0.2 + 0.6 * np.exp(-0.5 * ((x["drop_time_s"] - 14) / 3) ** 2)


def ordered(x):
    K = np.maximum(x["j1"] + 0.8 * x["j2"], 1e-9)
    return np.maximum(1 - np.minimum(np.sinh(2 * K) ** -4, 1), 0) ** 0.125


def good(x):
    # A drop at 14 s and, for any length near 600 s, 105 C.
    inverse = 1 / (x["anneal_c"] + 273.15) - BOLTZMANN_EV_K / 0.9 * np.log(
        x["anneal_s"] / 600
    )
    off_c = (1 / inverse - 273.15 - 105) / 15
    off_s = (x["drop_time_s"] - 14) / 4
    return 0.1 + 0.6 * np.exp(-0.5 * (off_s**2 + off_c**2))


LAYERS = {"n": {"type": "ordinal", "values": [1, 2, 3, 4, 5, 6, 8]}}
# ln k = -9.6 at 100 C: half is gone after 3 hours there.
DECAY = {"anneal_c": between(70, 130), "anneal_s": between(600, 60000, log=True)}
GROWTH = {"anneal_c": between(70, 130), "anneal_s": between(20, 1200, log=True)}
DROP = {"drop_time_s": between(4, 30)}
COUPLINGS = {"j1": between(0, 0.8), "j2": between(-0.2, 0.6)}
PROCESS = {
    "drop_time_s": between(6, 24),
    "anneal_c": between(80, 130),
    "anneal_s": between(300, 1200, log=True),
}
# Hypothesis, space, inputs, law, noise: each in several units where the unit is free.
OWN = {
    "iodide, eV": (
        "confinement",
        LAYERS,
        {},
        lambda x: 1.57 + 410 / (x["n"] + 7.127) ** 2.945,
        0.01,
    ),
    "bromide, eV": (
        "confinement",
        LAYERS,
        {},
        lambda x: np.interp(
            x["n"],
            [1, 2, 3, 4, 5, 6, 8],
            [3.03, 2.86, 2.70, 2.61, 2.55, 2.50, 2.44],
        ),
        0.01,
    ),
    "I to Br in 3D, eV": (
        "bowing",
        {"br_fraction": between(0, 1)},
        {},
        lambda x: 1.57 + 0.39 * x["br_fraction"] + 0.33 * x["br_fraction"] ** 2,
        0.012,
    ),
    "I to Br at n = 1, eV": (
        "bowing",
        {"share": between(0, 1)},
        {"br_fraction": "share"},
        lambda x: 2.40 + 0.48 * x["share"] + 0.2 * x["share"] ** 2,
        0.012,
    ),
    "lattice, Angstrom": (
        "vegard",
        {"fraction": between(0, 1)},
        {},
        lambda x: 6.24 - 0.34 * x["fraction"],
        0.003,
    ),
    "two-theta, degrees": (
        "vegard",
        {"fraction": between(0, 0.5)},
        {},
        lambda x: 14.2 + 0.9 * x["fraction"],
        0.01,
    ),
    "counts": (
        "vegard",
        {"fraction": between(0, 1)},
        {},
        lambda x: 8e4 - 7e4 * x["fraction"],
        2e3,
    ),
    "edge at 112 C": (
        "step",
        {"anneal_c": between(70, 150)},
        {"position": "anneal_c"},
        lambda x: np.where(x["anneal_c"] > 112, 0.9, 0.1),
        0.02,
    ),
    "edge at 3000 s, counts": (
        "step",
        {"anneal_s": between(60, 60000, log=True)},
        {"position": "anneal_s"},
        lambda x: np.where(x["anneal_s"] > 3000, 2e3, 5e4),
        1e3,
    ),
    "order": ("onsager", COUPLINGS, {}, ordered, 0.02),
    "share left": ("arrhenius", DECAY, {}, left, 0.02),
    "per cent left": ("arrhenius", DECAY, {}, lambda x: 100 * left(x), 2.0),
    "share crystallised": ("jmak", GROWTH, {}, crystallised, 0.02),
    "counts of a peak": ("jmak", GROWTH, {}, lambda x: 7e3 * crystallised(x), 150.0),
    "quality": ("drop_window", DROP, {}, window, 0.03),
    "nm of grain": (
        "drop_window",
        {"drip": between(4, 30)},
        {"drop_time_s": "drip"},
        lambda x: 900 * window({"drop_time_s": x["drip"]}),
        25.0,
    ),
    "quality of a process": ("process_window", PROCESS, {}, good, 0.03),
}


def probability(case, law, seed):
    name, section, inputs, _, noise = case
    space = Space.parse(section)
    rng = np.random.default_rng(seed)
    codes = space.sample_codes(rng, 12)
    exact = law(space.columns(codes))
    values = exact + noise * rng.standard_normal(12)
    surrogate = Surrogate(
        space,
        codes,
        [Reading(value=float(value), sigma=noise) for value in values],
        [f"c{i}" for i in range(12)],
        rng=rng,
        hypotheses=[find(name, inputs=inputs)],
    )
    return surrogate.probabilities[1]


@pytest.mark.parametrize(("name", "x", "parameters", "wanted"), FORMULAS)
def test_formulas_are_those_of_the_books(name, x, parameters, wanted):
    one = find(name)
    assert set(parameters) == set(one.priors)
    phi = np.array([[parameters[p] for p in one.priors]])
    columns = {setting: np.array(values) for setting, values in x.items()}
    assert one.mean(columns, phi)[0] == pytest.approx(wanted, abs=2e-7)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("case", OWN)
def test_films_of_its_own_law_speak_for_a_hypothesis_in_any_unit(case, seed):
    assert probability(OWN[case], OWN[case][3], seed) > 0.5


def waves(section):
    """Return a law that rises and falls over the first setting, unlike any of them."""
    first = next(iter(section))
    ends = Space.parse(section).ranges[first]

    def law(x):
        share = (x[first] - ends.low) / (ends.high - ends.low)
        return np.sin(9 * share)

    return law


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_films_of_another_law_do_not(name):
    case = next(one for one in OWN.values() if one[0] == name)
    law = waves(case[1])
    assert probability((*case[:4], 0.05), law, 0) < 0.5
