"""Spacers that nobody has listed: an emulated property over the library of spacers."""

import csv
from importlib.resources import files
from typing import Any

import numpy as np
from planner_bars import at_most
from planner_loops import Loop

from hp_lab.planner.goal import PlannerSettings
from hp_lab.planner.molecules import descriptor_matrix
from hp_lab.planner.space import Space


def molecules(seeds: int | None) -> dict[str, Any]:
    """Find the best spacers of a library, by structure and one-hot."""
    seeds = seeds or 20
    with (files("hp_lab.chemistry") / "data" / "spacers.csv").open(
        encoding="utf-8"
    ) as f:
        smiles = {row["abbreviation"]: row["smiles"] for row in csv.DictReader(f)}
    names = list(smiles)
    table = descriptor_matrix(smiles)
    films = {"molecule": [], "one-hot": []}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        w = rng.standard_normal(table.shape[1]) / np.sqrt(table.shape[1])
        v = rng.standard_normal(table.shape[1]) / np.sqrt(table.shape[1])
        smooth = table @ w - 0.3 * (table @ v) ** 2
        hidden = 0.3 * smooth.std() * rng.standard_normal(len(names))
        value = dict(zip(names, smooth + hidden, strict=True))
        top = set(sorted(names, key=value.get)[-max(1, round(0.05 * len(names))) :])
        for kind, kept in films.items():
            choices = smiles if kind == "molecule" else names
            kind_name = "molecule" if kind == "molecule" else "categorical"
            space = Space.parse({"spacer": {"type": kind_name, "choices": choices}})
            loop = Loop(
                space=space,
                truth=lambda s, value=value: value[s["spacer"]],
                seed=seed,
                settings=PlannerSettings(initial=4),
                choices=tuple({"spacer": n} for n in names),
            )
            found = set()
            while found != top and len(loop.trials) < len(names):
                loop.film()
                found |= {loop.trials[-1][0].settings["spacer"]} & top
            kept.append(len(loop.trials))
    ratio = float(np.median(films["molecule"]) / np.median(films["one-hot"]))
    bars = [at_most("films until the top 5 % are found, against one-hot", ratio, 0.5)]
    return {"seeds": seeds, "films": films, "bars": bars}


CASES = {"molecules": molecules}
