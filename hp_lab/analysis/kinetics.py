"""PL over time: growth and decay, with readings at the ceiling or below the noise.

Films in light and air first brighten (traps fill, grains heal), then fade (the lattice
decays). The model is a base that grows by a gain with one time and decays with another:

    I(t) = I0 * (1 + G * (1 - exp(-t / tau_growth))) * exp(-t / tau_decay)

Readings at the detector's ceiling say only that the truth is above, readings below the
noise only that it is below; both enter the likelihood as such (Tobin, Econometrica
1958, 26, 24). Taking them for values makes a bright film look stable.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.special import log_ndtr

from hp_lab.analysis.measured import Measured
from hp_lab.analysis.spectrum import BoolArray
from hp_lab.errors import InvalidInput
from hp_lab.records import Bound
from hp_lab.units import FloatArray

_LEAST_POINTS = 5
# Relative scatter between readings of one film beside their own noise (lamp, placement)
# as it is believed before the readings themselves tell, and for how many it counts.
_REPEATABILITY = 0.02
_BELIEF = 3.0
_LARGEST_GAIN = 100.0
# Growth slower than this, in units of the series' span, looks like a straight rise.
_SLOWEST_GROWTH = 3.0
# With a hidden maximum, times need more exact readings than there are unknowns.
_LEAST_EXACT = 8
# Where fits start, in units of the series' span.
_GROWTH_STARTS = (0.08, 0.4)
_DECAY_STARTS = (0.4, 2.0)
# Better BIC by this much buys another process.
_BIC_STEP = 6.0
# A maximum that the model knows worse than this (in its logarithm) gives no retention.
_VAGUEST_MAXIMUM = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One intensity of a time series.

    Attributes:
        time_s: Since the series began.
        intensity: Above background, any unit; the bound where it is one.
        sigma: Standard deviation of the intensity.
        kind: exact, lower_bound (at the ceiling) or upper_bound (below the noise).
    """

    time_s: float
    intensity: float
    sigma: float
    kind: Bound = "exact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinetics:
    """What a time series says; times in seconds.

    Attributes:
        initial: Intensity at time 0.
        gain: G of the growth; None where no growth is seen.
        growth_s: Growth time; None where no growth is seen.
        decay_s: Decay time; None where no decay is seen within the series.
        maximum: Highest intensity over the initial one.
        maximum_kind: exact, or lower_bound where the maximum was at the ceiling and the
            other readings do not tell how far above.
        retention: Intensity at the end over the maximum. None where both were at the
            ceiling.
        retention_kind: exact, or upper_bound where the maximum is a lower bound.
        half_life_s: From the maximum to half of it.
        half_life_kind: exact, or lower_bound where it lies so far ahead that the series
            does not determine it; the bound is then the time watched since the maximum.
        model: none, growth, decay or both.
        flags: ``censored`` where readings were at the ceiling, ``censored_maximum``
            where the highest one was, ``below_noise`` where some were lost in the
            noise, ``few_exact`` where too few readings are left to tell times.
    """

    initial: Measured
    gain: Measured | None
    growth_s: Measured | None
    decay_s: Measured | None
    maximum: Measured
    maximum_kind: Bound
    retention: Measured | None
    retention_kind: Bound
    half_life_s: Measured | None
    half_life_kind: Bound
    model: str
    flags: tuple[str, ...]


def intensity_at(
    time_s: FloatArray, initial: float, gain: float, growth_s: float, decay_rate: float
) -> FloatArray:
    """Return the model's intensity at times, shape (k,).

    Args:
        time_s: Times.
        initial: I0.
        gain: G.
        growth_s: tau_growth.
        decay_rate: 1 / tau_decay, 0 for none.
    """
    growth = 1.0 - gain * np.expm1(-time_s / growth_s)
    return np.asarray(initial * growth * np.exp(-time_s * decay_rate))


def fit_kinetics(readings: Sequence[Reading]) -> Kinetics:
    """Fit growth and decay to a time series, as many processes as it supports.

    Args:
        readings: At least five, over at least two times.

    Raises:
        InvalidInput: Too few readings, none of them exact, or no time passes.
    """
    series = _Series(readings, _REPEATABILITY)
    series = _Series(readings, series.scatter(series.fit(grows=True, decays=True)))
    full = series.fit(grows=True, decays=True)
    best = series.fit(grows=False, decays=False)
    for other in (
        series.fit(grows=False, decays=True),
        series.fit(grows=True, decays=False),
        full,
    ):
        if series.bic(other) < series.bic(best) - _BIC_STEP:
            best = other
    return series.described(best)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitted:
    """Unknowns (ln I0, ln G, ln tau_growth, ln rate), their covariance and the cost."""

    vector: FloatArray
    covariance: FloatArray
    cost: float
    grows: bool
    decays: bool

    @property
    def unknowns(self) -> int:
        """Number of parameters that were fitted."""
        return 1 + 2 * self.grows + self.decays


class _Series:
    def __init__(self, readings: Sequence[Reading], scatter: float) -> None:
        exact = [reading for reading in readings if reading.kind == "exact"]
        if len(readings) < _LEAST_POINTS or len(exact) < 2:
            above = sum(reading.kind == "lower_bound" for reading in readings)
            below = sum(reading.kind == "upper_bound" for reading in readings)
            msg = (
                f"kinetics: of {len(readings)} readings {above} are at the ceiling and "
                f"{below} below the noise; {_LEAST_POINTS} readings with 2 between are "
                "needed: change the gain or the exposure"
            )
            raise InvalidInput(msg)
        ordered = sorted(readings, key=lambda reading: reading.time_s)
        self.time_s = np.array([reading.time_s for reading in ordered])
        self.span_s = float(np.ptp(self.time_s))
        if self.span_s <= 0.0:
            msg = "kinetics: all readings have one time; take them over time"
            raise InvalidInput(msg)
        sigma = np.array([reading.sigma for reading in ordered])
        value = np.array([reading.intensity for reading in ordered])
        self.value = np.maximum(value, sigma)
        self.spread = np.hypot(sigma / self.value, scatter)
        self.side = np.array([_SIDES[reading.kind] for reading in ordered])
        self.step_s = float(np.median(np.diff(self.time_s)))
        self.few = len(exact) < _LEAST_EXACT and bool(np.any(self.side > 0.0))

    def _model(self, vector: FloatArray) -> FloatArray:
        initial, gain, growth_s, rate = np.exp(vector)
        return intensity_at(self.time_s, initial, gain, growth_s, rate)

    def residual(self, vector: FloatArray) -> FloatArray:
        """Return residuals whose squares sum to -2 ln(likelihood).

        Scatter between readings is relative, so logarithms are compared. A bound
        contributes -2 ln of the probability that the truth lies beyond it.
        """
        offset = np.log(self._model(vector) / self.value) / self.spread
        beyond = np.sqrt(np.maximum(-2.0 * log_ndtr(offset * self.side), 0.0))
        return np.asarray(np.where(self.side == 0.0, offset, beyond))

    def scatter(self, fitted: _Fitted) -> float:
        """Return the relative scatter of the exact readings about a fit."""
        exact = self.side == 0.0
        apart = np.log(self._model(fitted.vector) / self.value)[exact]
        freedom = max(float(exact.sum()) - fitted.unknowns, 0.0)
        squares = float(apart @ apart) if freedom > 0.0 else 0.0
        believed = _BELIEF * _REPEATABILITY**2
        return float(np.sqrt((believed + squares) / (_BELIEF + freedom)))

    def bic(self, fitted: _Fitted) -> float:
        """Return the Bayesian information criterion of a fit."""
        return fitted.cost + fitted.unknowns * float(np.log(self.time_s.size))

    def fit(self, *, grows: bool, decays: bool) -> _Fitted:
        """Fit with or without each process, from several starts."""
        growths = _GROWTH_STARTS if grows else (1.0,)
        decays_at = _DECAY_STARTS if decays else (1.0,)
        tries = [
            self._fit(growth, decay, grows=grows, decays=decays)
            for growth in growths
            for decay in decays_at
        ]
        return min(tries, key=lambda one: one.cost)

    def _fit(
        self, growth: float, decay: float, *, grows: bool, decays: bool
    ) -> _Fitted:
        """Fit from a growth and a decay time in units of the series' span."""
        first = max(float(self.value[self.side == 0.0][0]), 1e-12)
        highest = max(float(self.value.max()), first)
        fast, slow = np.log(0.5 * self.step_s), np.log(30.0 * self.span_s)
        unseen = -40.0
        start = np.array(
            [
                np.log(first),
                np.log(max(highest / first - 1.0, 0.3)) if grows else unseen,
                np.log(growth * self.span_s),
                -np.log(decay * self.span_s) if decays else unseen,
            ]
        )
        varied = np.array([True, grows, grows, decays])
        lowest = np.array([start[0] - 10.0, np.log(0.02), fast, -slow])
        slowest = np.log(_SLOWEST_GROWTH * self.span_s)
        largest = np.array([start[0] + 10.0, np.log(_LARGEST_GAIN), slowest, -fast])

        def residual(free: FloatArray) -> FloatArray:
            vector = start.copy()
            vector[varied] = free
            return self.residual(vector)

        inside = np.clip(start, lowest + 1e-6, largest - 1e-6)
        result = least_squares(
            residual,
            inside[varied],
            bounds=(lowest[varied], largest[varied]),
            x_scale=0.5,
            max_nfev=100,
        )
        vector = start.copy()
        vector[varied] = result.x
        covariance = self._covariance(vector, varied)
        return _Fitted(
            vector=vector,
            covariance=covariance,
            cost=float(np.sum(self.residual(vector) ** 2)),
            grows=grows,
            decays=decays,
        )

    def _covariance(self, vector: FloatArray, varied: BoolArray) -> FloatArray:
        """Return the covariance of the logarithms, zero for what was held."""
        base = self.residual(vector)
        gradient = np.zeros((base.size, vector.size))
        for place in np.flatnonzero(varied):
            moved = vector.copy()
            moved[place] += 1e-5
            gradient[:, place] = (self.residual(moved) - base) / 1e-5
        used = gradient[:, varied]
        # A belief of a factor e**2 keeps what the series does not determine finite.
        normal = used.T @ used + np.eye(used.shape[1]) / 4.0
        covariance = np.zeros((vector.size, vector.size))
        places = np.flatnonzero(varied)
        covariance[np.ix_(places, places)] = np.linalg.inv(normal)
        return covariance

    def described(self, fitted: _Fitted) -> Kinetics:
        """Return the figures of a fit with their sigmas."""
        spread = np.sqrt(np.diag(fitted.covariance))
        initial, gain, growth_s, rate = np.exp(fitted.vector)
        flags = self._flags(fitted)
        top = self._propagated(fitted, lambda vector: float(self._fine(vector).max()))
        told = not self.few and top.sigma < _VAGUEST_MAXIMUM * top.value
        exact = told or "censored_maximum" not in flags
        kept = self._kept(fitted, exact)
        half_life_s, half_life_kind = self._halved(fitted, kept, exact)
        grows, decays = fitted.grows and not self.few, fitted.decays and not self.few
        return Kinetics(
            initial=_of_log(initial, spread[0]),
            gain=_of_log(gain, spread[1]) if grows else None,
            growth_s=_of_log(growth_s, spread[2]) if grows else None,
            decay_s=_of_log(1.0 / rate, spread[3]) if decays else None,
            maximum=self._propagated(fitted, self._maximum)
            if exact
            else _of_log(float(self.value.max()) / initial, spread[0]),
            maximum_kind="exact" if exact else "lower_bound",
            retention=kept,
            retention_kind="exact" if exact else "upper_bound",
            half_life_s=half_life_s,
            half_life_kind=half_life_kind,
            model=_MODELS[(fitted.grows, fitted.decays)],
            flags=flags,
        )

    def _flags(self, fitted: _Fitted) -> tuple[str, ...]:
        flags = []
        if bool(np.any(self.side > 0.0)):
            highest = int(np.argmax(self._model(fitted.vector)))
            hidden = self.few or self.side[highest] > 0.0
            flags.append("censored_maximum" if hidden else "censored")
        if bool(np.any(self.side < 0.0)):
            flags.append("below_noise")
        if self.few:
            flags.append("few_exact")
        return tuple(flags)

    def _kept(self, fitted: _Fitted, exact: bool) -> Measured | None:
        """Return the retention, or its upper bound."""
        if exact:
            return self._propagated(fitted, self._retention)
        if self.side[-1] != 0.0:
            return None
        # What was read last over the highest that the maximum has at least.
        seen = float(self.value.max())
        return _of_log(float(self.value[-1]) / seen, float(self.spread[-1]))

    def _halved(
        self, fitted: _Fitted, kept: Measured | None, exact: bool
    ) -> tuple[Measured | None, Bound]:
        """Return the half-life and whether it is a bound."""
        if not exact or kept is None:
            return None, "lower_bound"
        if fitted.decays and np.isfinite(self._half(fitted.vector)):
            try:
                return self._propagated(fitted, self._half), "exact"
            except InvalidInput:
                # One sigma away it leaves the range that the series can tell.
                pass
        watched_s = self.span_s - self._top_s(fitted.vector)
        if kept.value - 2.0 * kept.sigma < 0.5 or watched_s <= 0.0:
            return None, "lower_bound"
        return Measured(value=watched_s, sigma=self.step_s), "lower_bound"

    def _fine(self, vector: FloatArray, spans: float = 1.0) -> FloatArray:
        times = self.time_s[0] + np.linspace(0.0, spans * self.span_s, 2000)
        initial, gain, growth_s, rate = np.exp(vector)
        return intensity_at(times, initial, gain, growth_s, rate)

    def _maximum(self, vector: FloatArray) -> float:
        return float(self._fine(vector).max() / np.exp(vector[0]))

    def _retention(self, vector: FloatArray) -> float:
        fine = self._fine(vector)
        return float(fine[-1] / fine.max())

    def _half(self, vector: FloatArray) -> float:
        fine = self._fine(vector, spans=4.0)
        top = int(fine.argmax())
        share = fine[top:] / fine[top]
        if float(share[-1]) > 0.5:
            return float("inf")
        after = int(np.argmax(share < 0.5))
        part = (share[after - 1] - 0.5) / (share[after - 1] - share[after])
        step_s = 4.0 * self.span_s / (fine.size - 1)
        return float(after - 1 + part) * step_s

    def _top_s(self, vector: FloatArray) -> float:
        """Return when the maximum was, since the first reading."""
        fine = self._fine(vector)
        return self.span_s * int(fine.argmax()) / (fine.size - 1)

    def _propagated(
        self, fitted: _Fitted, figure: Callable[[FloatArray], float]
    ) -> Measured:
        """Return a figure with its sigma, by central differences of half a sigma."""
        value = float(figure(fitted.vector))
        spread = np.sqrt(np.maximum(np.diag(fitted.covariance), 0.0))
        gradient = np.zeros(fitted.vector.size)
        for place in np.flatnonzero(spread > 0.0):
            step = np.zeros(fitted.vector.size)
            step[place] = 0.5 * spread[place]
            above, below = figure(fitted.vector + step), figure(fitted.vector - step)
            gradient[place] = (above - below) / spread[place]
        if not np.isfinite(gradient).all():
            msg = "kinetics: a figure is not determined within one sigma of the fit"
            raise InvalidInput(msg)
        variance = max(float(gradient @ fitted.covariance @ gradient), 0.0)
        floor = 1e-6 * max(abs(value), 1e-6)
        return Measured(value=value, sigma=float(np.hypot(np.sqrt(variance), floor)))


_SIDES = {"exact": 0.0, "lower_bound": 1.0, "upper_bound": -1.0}
# By whether it grows and whether it decays.
_MODELS = {
    (False, False): "none",
    (True, False): "growth",
    (False, True): "decay",
    (True, True): "both",
}


def _of_log(value: float, sigma: float) -> Measured:
    """Return a value whose logarithm has a sigma."""
    return Measured(value=float(value), sigma=float(max(value * sigma, 1e-12)))
