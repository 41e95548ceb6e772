"""Hypotheses of one's own, which examples/own_hypothesis.yaml names.

Try it: ``hp-lab plan --campaign examples/own_hypothesis.yaml --observations
examples/own_hypothesis.csv``. A hypothesis is a function and the priors of its
parameters; ``x`` holds a column of each setting.
"""

import numpy as np

from hp_lab.planner.hypotheses import Inputs, Parameter, hypothesis
from hp_lab.planner.priors import LogNormal, Normal
from hp_lab.units import FloatArray


@hypothesis(
    "well",
    gap_inf_ev=Normal(mean=1.6, sd=0.15),
    depth_ev=LogNormal(median=1.0, sd=0.5),
)
def well(x: Inputs, gap_inf_ev: Parameter, depth_ev: Parameter) -> FloatArray:
    """Gap of a well of n layers with hard walls: E_inf + A / n^2."""
    return np.asarray(gap_inf_ev + depth_ev / x["n"] ** 2)


@hypothesis("line", start_ev=Normal(mean=2.5, sd=0.5), slope_ev=Normal(mean=0, sd=0.3))
def line(x: Inputs, start_ev: Parameter, slope_ev: Parameter) -> FloatArray:
    """Gap that changes by the same amount from layer to layer."""
    return np.asarray(start_ev + slope_ev * x["n"])
