"""Automatic exposure: the integration time at which the signal fills the range well."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from hp_lab.units import FloatArray

LOW, TARGET, HIGH = 0.6, 0.7, 0.8
# A saturated exposure says only that the time was too long.
_SATURATED_STEP = 0.125
_LARGEST_STEP = 30.0
# Wider than a hot pixel, narrower than any line a spectrometer can show.
_MEDIAN_PIXELS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoExposure:
    """Looks for an integration time.

    Attributes:
        ceiling_counts: Highest reading of the detector.
        shortest_s: Shortest time to choose.
        longest_s: Longest time to choose.
    """

    ceiling_counts: float
    shortest_s: float
    longest_s: float

    def next_s(
        self, integration_s: float, peak_counts: float, floor_counts: float
    ) -> float | None:
        """Return a better integration time, None when this one is the best there is.

        The peak is to be 60 to 80 % of full scale. At the shortest time it may be more,
        even saturated, and at the longest less.

        Args:
            integration_s: The time that was tried.
            peak_counts: Highest counts then.
            floor_counts: Counts without light.
        """
        if LOW <= peak_counts / self.ceiling_counts <= HIGH:
            return None
        if peak_counts >= self.ceiling_counts:
            step = _SATURATED_STEP
        else:
            wanted = TARGET * self.ceiling_counts - floor_counts
            signal = max(peak_counts - floor_counts, wanted / _LARGEST_STEP)
            step = wanted / signal
        better_s = min(max(integration_s * step, self.shortest_s), self.longest_s)
        return None if np.isclose(better_s, integration_s, rtol=1e-3) else better_s


def peak_counts(counts: FloatArray, where: np.ndarray) -> float:
    """Return the highest counts that are no hot pixel's.

    Args:
        counts: One exposure, shape (k,).
        where: Pixels to look at, boolean, shape (k,).
    """
    return float(median_filter(counts, _MEDIAN_PIXELS)[where].max(initial=0.0))
