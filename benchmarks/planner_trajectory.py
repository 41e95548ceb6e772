"""Annealing profiles against single holds, and whether they keep to the hotplate."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from planner_bars import at_least, at_most
from planner_loops import Loop

from hp_lab.errors import InvalidInput
from hp_lab.planner.propose import random_candidates
from hp_lab.planner.space import Space
from hp_lab.units import FloatArray

Settings = Mapping[str, Any]
_LIMITS = {"high_c": 170, "max_hold_s": 900, "max_total_s": 3600}
_RAMP_K_MIN = 15.0
_FILMS = 40
_PROFILES = 10_000
_ROUNDING = 1e-9


def trajectory(seeds: int | None) -> dict[str, Any]:
    """Find an annealing profile that no single hold can replace."""
    seeds = seeds or 20
    profiles = _space(2)
    holds = Space.parse(
        {
            "c": {"type": "continuous", "low": 40, "high": 170},
            "s": {"type": "continuous", "low": 10, "high": 1800},
        }
    )
    regret = {"profile": [], "hold": [], "random": []}
    for seed in range(seeds):
        quality = _quality(np.random.default_rng(seed))

        def of_profile(s: Settings, quality: Callable[..., float] = quality) -> float:
            return quality(
                s["anneal.1.c"], s["anneal.1.s"], s["anneal.2.c"], s["anneal.2.s"]
            )

        def of_hold(s: Settings, quality: Callable[..., float] = quality) -> float:
            return quality(s["c"], s["s"] / 2, s["c"], s["s"] / 2)

        loops = {
            "profile": Loop(space=profiles, truth=of_profile, seed=seed),
            "hold": Loop(space=holds, truth=of_hold, seed=seed),
        }
        for name, loop in loops.items():
            best = max(float(v[0]) for v in loop.run(_FILMS))
            regret[name].append(1.0 - best)
        some = random_candidates(profiles, _FILMS, seed)
        regret["random"].append(1.0 - max(of_profile(c.settings) for c in some))
    medians = {name: float(np.median(kept)) for name, kept in regret.items()}
    outside = {k: _outside(_space(k)) for k in (2, 3)}
    bars = [
        at_most(
            "regret at 40 films, against single holds",
            medians["profile"] / medians["hold"],
            0.5,
        ),
        *(
            at_most(f"profiles of {k} segments outside the limits, of 10,000", bad, 0)
            for k, (bad, _) in outside.items()
        ),
        *(
            at_least(f"profiles of {k} segments that differ, of 10,000", distinct, 9000)
            for k, (_, distinct) in outside.items()
        ),
    ]
    return {"seeds": seeds, "medians": medians, "regret": regret, "bars": bars}


def _space(segments: int) -> Space:
    section = {
        "type": "trajectory",
        "segments": segments,
        "max_ramp_k_min": _RAMP_K_MIN,
        **_LIMITS,
    }
    return Space.parse({"anneal": section})


def _quality(rng: np.random.Generator) -> Callable[..., float]:
    """Return a quality from 0 to 1 of two holds, each a temperature and a time."""
    first = rng.uniform(60, 95)
    second = rng.uniform(120, 155)

    def quality(c1: float, s1: float, c2: float, s2: float) -> float:
        # Solvent leaves in a gentle step, then crystals grow in a hot one.
        gentle = np.exp(-(((c1 - first) / 15) ** 2)) * (1 - np.exp(-s1 / 200))
        hot = np.exp(-(((c2 - second) / 15) ** 2)) * np.exp(
            -((np.log(max(s2, 1) / 300)) ** 2)
        )
        return float(gentle * hot + 0.25 * (gentle + hot) / 2) / 1.25

    return quality


def _outside(space: Space) -> tuple[int, int]:
    """Return how many decoded profiles leave the limits, and how many differ."""
    profiles = space.settings(space.sample_codes(np.random.default_rng(0), _PROFILES))
    outside = sum(not (_kept(one) and _checked(space, one)) for one in profiles)
    return outside, len({tuple(one.values()) for one in profiles})


def _checked(space: Space, one: Settings) -> bool:
    try:
        space.check(one)
    except InvalidInput:
        return False
    return True


def _kept(one: Settings) -> bool:
    """Return whether a profile keeps to the hotplate, second by second.

    It is run here as a plate would, apart from the planner's own arithmetic.
    """
    temperature, course = 25.0, [np.array([25.0])]
    for k in range(1, len(one) // 3 + 1):
        goal, hold = one[f"anneal.{k}.c"], one[f"anneal.{k}.s"]
        ramp = one[f"anneal.{k}.ramp_k_min"]
        if not (0 < ramp <= _RAMP_K_MIN and 0 <= hold <= _LIMITS["max_hold_s"]):
            return False
        climb_s = abs(goal - temperature) / (ramp / 60)
        course += [_ramp(temperature, goal, climb_s), np.full(round(hold), goal)]
        temperature = goal
    curve = np.concatenate(course)
    # Ramps end between two seconds: each may add a part of one.
    parts = len(one) // 3
    return bool(
        curve.max() <= _LIMITS["high_c"] * (1 + _ROUNDING)
        and len(curve) - 1 - parts <= _LIMITS["max_total_s"]
        and np.abs(np.diff(curve)).max() * 60 <= _RAMP_K_MIN * (1 + _ROUNDING)
    )


def _ramp(start: float, end: float, seconds: float) -> FloatArray:
    """Return temperatures (t,) at 1, 2, ... s of a ramp, its end included."""
    times = np.minimum(np.arange(1, np.ceil(seconds) + 1), seconds)
    return start + (end - start) * times / max(seconds, 1e-9)
