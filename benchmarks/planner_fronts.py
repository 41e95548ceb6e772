"""Test functions of several objectives, all to be minimised; needs numpy alone."""

from collections.abc import Callable

import numpy as np

VARIABLES = 4


def zdt1(x: np.ndarray) -> np.ndarray:
    """Return two objectives (Zitzler, Deb and Thiele, Evol. Comput. 8 (2000) 173)."""
    g = 1 + 9 * x[1:].mean()
    return np.array([x[0], g * (1 - np.sqrt(x[0] / g))])


def dtlz2(x: np.ndarray) -> np.ndarray:
    """Return three objectives (Deb, Thiele, Laumanns and Zitzler, CEC 2002, 825)."""
    g = ((x[2:] - 0.5) ** 2).sum()
    a, b = x[0] * np.pi / 2, x[1] * np.pi / 2
    return (1 + g) * np.array([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)])


FRONTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"zdt1": zdt1, "dtlz2": dtlz2}
