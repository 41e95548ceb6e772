"""Baselines under peaks, by pybaselines."""

from dataclasses import replace
from typing import Literal

import numpy as np
from pybaselines import Baseline

from hp_lab.analysis.spectrum import Curve
from hp_lab.errors import InvalidInput
from hp_lab.units import FloatArray

Method = Literal["linear_edge", "asls", "arpls"]
LEAST_POINTS = 16
# Share of the points at either end that carry a linear baseline.
_EDGE = 0.06
# Stiffness and asymmetry as they suit spectra of some hundred to two thousand points:
# Eilers and Boelens 2005 (asls); Baek et al., Analyst 2015, 140, 250 (arpls).
_STIFFNESS = 1e6
_ASYMMETRY = 0.002


def baseline(curve: Curve, method: Method = "linear_edge") -> FloatArray:
    """Return a baseline at all wavelengths of a spectrum, shape (k,).

    Args:
        curve: Spectrum with at least 16 usable points.
        method: ``linear_edge`` draws a line between the medians of the ends;
            ``asls`` and ``arpls`` are penalised least squares that follow what lies
            below the peaks.

    Raises:
        InvalidInput: Too few points, or no such method.
    """
    wavelength_nm, value, _ = curve.points()
    if value.size < LEAST_POINTS:
        msg = (
            f"baseline: {value.size} usable points are too few; {LEAST_POINTS} are "
            "needed"
        )
        raise InvalidInput(msg)
    if method == "linear_edge":
        count = max(int(_EDGE * value.size), 3)
        low, high = slice(None, count), slice(-count, None)
        under = np.interp(
            wavelength_nm,
            [np.median(wavelength_nm[low]), np.median(wavelength_nm[high])],
            [np.median(value[low]), np.median(value[high])],
        )
    elif method == "asls":
        fitter = Baseline(x_data=wavelength_nm)
        under, _ = fitter.asls(value, lam=_STIFFNESS, p=_ASYMMETRY, max_iter=50)
    elif method == "arpls":
        fitter = Baseline(x_data=wavelength_nm)
        under, _ = fitter.arpls(value, lam=_STIFFNESS, max_iter=50)
    else:
        msg = f"baseline method {method!r} is unknown; use linear_edge, asls or arpls"
        raise InvalidInput(msg)
    return np.asarray(np.interp(curve.wavelength_nm, wavelength_nm, under))


def without_baseline(curve: Curve, method: Method = "linear_edge") -> Curve:
    """Return a spectrum above its baseline; the arguments are those of ``baseline``."""
    return replace(curve, value=curve.value - baseline(curve, method))
