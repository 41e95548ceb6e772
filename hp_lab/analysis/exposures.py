"""Several readings of one film, short and long exposures, as one spectrum."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hp_lab.analysis.spectrum import Curve


def merged(curves: Sequence[Curve]) -> Curve:
    """Return the weighted mean of readings of one film on one wavelength axis.

    Readings that tell nothing, and those on another axis than the first, are left out.
    The result is flagged ``saturated`` only where no reading shows what is there.

    Args:
        curves: At least one; in counts/s or transmitted shares, which do not depend on
            the exposure.
    """
    first = curves[0]
    same = [
        curve
        for curve in curves
        if curve.wavelength_nm.shape == first.wavelength_nm.shape
        and np.allclose(curve.wavelength_nm, first.wavelength_nm)
    ]
    # Where all of a reading is at the ceiling it is as empty as one without light.
    telling = [one for one in same if "empty" not in one.flags and one.usable.any()]
    if len(telling) < 2:
        return telling[0] if telling else first
    # One weight a reading: weights that follow each point's own noise would favour the
    # points that noise has lowered.
    typical = np.array([float(np.median(curve.sigma)) for curve in telling])
    weights = np.stack([curve.usable for curve in telling]) / typical[:, None] ** 2
    total = weights.sum(axis=0)
    seen = total > 0.0
    safe = np.where(seen, total, 1.0)
    values = np.stack([np.nan_to_num(curve.value) for curve in telling])
    sigmas = np.stack([curve.sigma for curve in telling])
    saturated = np.all([curve.saturated for curve in telling], axis=0)
    flags = dict.fromkeys(flag for curve in telling for flag in curve.flags)
    if not saturated.any():
        flags.pop("saturated", None)
    return replace(
        telling[0],
        value=(weights * values).sum(axis=0) / safe,
        sigma=np.where(
            seen,
            np.sqrt((weights**2 * sigmas**2).sum(axis=0)) / safe,
            telling[0].sigma,
        ),
        usable=seen,
        saturated=saturated,
        flags=tuple(flags),
    )
