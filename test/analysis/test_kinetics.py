"""Growth and decay of PL, with readings at the ceiling and below the noise."""

import numpy as np
import pytest

from hp_lab.analysis.kinetics import Kinetics, Reading, fit_kinetics, intensity_at
from hp_lab.errors import InvalidInput

# Read every 9 minutes for 189 minutes, as plates are.
TIMES_S = 60.0 * np.arange(0, 190, 9)
START = 10_000.0


def readings(
    rng: np.random.Generator,
    gain: float,
    growth_s: float,
    decay_s: float,
    *,
    ceiling: float = np.inf,
    floor: float = 0.0,
    scatter: float = 0.02,
) -> list[Reading]:
    clean = intensity_at(TIMES_S, START, gain, growth_s, 1.0 / decay_s)
    series = []
    for time_s, true in zip(TIMES_S, clean, strict=True):
        value = true * np.exp(scatter * rng.normal())
        kind = "exact"
        if value >= ceiling:
            value, kind = ceiling, "lower_bound"
        if value <= floor:
            value, kind = floor, "upper_bound"
        series.append(
            Reading(
                time_s=float(time_s),
                intensity=float(value),
                sigma=0.002 * float(value),
                kind=kind,
            )
        )
    return series


def truths(gain: float, growth_s: float, decay_s: float) -> dict[str, float]:
    time_s = np.linspace(0.0, 4.0 * TIMES_S[-1], 16_001)
    course = intensity_at(time_s, 1.0, gain, growth_s, 1.0 / decay_s)
    top = int(course.argmax())
    watched = course[time_s <= TIMES_S[-1]]
    halved = top + int(np.argmax(course[top:] < 0.5 * course[top]))
    return {
        "initial": START,
        "gain": gain,
        "growth_s": growth_s,
        "decay_s": decay_s,
        "maximum": float(watched.max()),
        "retention": float(watched[-1] / watched.max()),
        "half_life_s": float(time_s[halved] - time_s[top]),
    }


def scores(found: Kinetics, true: dict[str, float]) -> dict[str, float]:
    """Return how many sigmas each exact figure is off."""
    kinds = {
        "maximum": found.maximum_kind,
        "retention": found.retention_kind,
        "half_life_s": found.half_life_kind,
    }
    figures = {
        "initial": found.initial,
        "gain": found.gain,
        "growth_s": found.growth_s,
        "decay_s": found.decay_s,
        "maximum": found.maximum,
        "retention": found.retention,
        "half_life_s": found.half_life_s,
    }
    return {
        name: abs(np.log(figure.value / true[name])) / (figure.sigma / figure.value)
        for name, figure in figures.items()
        if figure is not None and kinds.get(name, "exact") == "exact"
    }


@pytest.mark.slow
@pytest.mark.parametrize("ceiling", [np.inf, 40_000.0, 25_000.0])
def test_growth_and_decay_are_recovered_within_their_sigmas(ceiling: float) -> None:
    rng = np.random.default_rng(17)
    apart: dict[str, list[float]] = {}
    for _ in range(40):
        gain = float(np.exp(rng.uniform(0.5, 2.0)))
        growth_s = 60.0 * float(rng.uniform(10.0, 40.0))
        decay_s = 60.0 * float(rng.uniform(60.0, 300.0))
        series = readings(rng, gain, growth_s, decay_s, ceiling=ceiling)
        if sum(one.kind == "exact" for one in series) < 8:
            continue
        found = fit_kinetics(series)
        for name, score in scores(found, truths(gain, growth_s, decay_s)).items():
            apart.setdefault(name, []).append(score)
    for name, values in apart.items():
        assert len(values) > 10, name
        assert np.mean(np.array(values) < 1.0) > 0.5, name
        assert np.mean(np.array(values) < 2.0) > 0.85, name


@pytest.mark.slow
def test_a_hidden_maximum_gives_bounds_that_hold() -> None:
    rng = np.random.default_rng(5)
    for _ in range(5):
        gain, growth_s, decay_s = 6.0, 1200.0, 4000.0
        series = readings(rng, gain, growth_s, decay_s, ceiling=12_000.0)
        found = fit_kinetics(series)
        true = truths(gain, growth_s, decay_s)
        assert "censored_maximum" in found.flags
        assert found.maximum_kind == "lower_bound"
        assert found.maximum.value < true["maximum"]
        assert found.retention_kind == "upper_bound"
        assert found.retention is not None
        assert found.retention.value + 2 * found.retention.sigma > true["retention"]
        assert found.half_life_s is None


@pytest.mark.slow
def test_taking_the_ceiling_for_a_value_would_make_a_well_look_stable() -> None:
    rng = np.random.default_rng(6)
    series = readings(rng, 3.0, 900.0, 9_000.0, ceiling=20_000.0)
    naive = [
        Reading(time_s=one.time_s, intensity=one.intensity, sigma=one.sigma)
        for one in series
    ]
    true = truths(3.0, 900.0, 9_000.0)
    honest, fooled = fit_kinetics(series), fit_kinetics(naive)
    assert honest.retention is not None
    assert fooled.retention is not None
    assert fooled.retention.value > true["retention"] + 0.15
    assert fooled.maximum.value < 0.8 * true["maximum"]
    assert honest.maximum.value == pytest.approx(true["maximum"], rel=0.1)
    assert honest.retention.value == pytest.approx(true["retention"], rel=0.1)


def test_a_steady_film_gets_no_processes_and_a_least_half_life() -> None:
    rng = np.random.default_rng(7)
    series = readings(rng, 0.0, 900.0, 1e9)
    found = fit_kinetics(series)
    assert found.model == "none"
    assert found.retention is not None
    assert found.retention.value == pytest.approx(1.0, abs=0.02)
    assert found.half_life_kind == "lower_bound"
    assert found.half_life_s is not None
    assert found.half_life_s.value <= TIMES_S[-1]


@pytest.mark.slow
def test_a_half_life_far_ahead_is_a_bound_and_no_accident() -> None:
    # Near the end of what a series tells, half of the maximum lies within reach for
    # the fit and out of reach a sigma away.
    kinds = set()
    for decay_s in np.geomspace(30_000.0, 120_000.0, 12):
        rng = np.random.default_rng(int(decay_s))
        found = fit_kinetics(readings(rng, 0.0, 900.0, float(decay_s)))
        kinds.add(found.half_life_kind)
        assert found.half_life_s is not None
        assert found.half_life_s.value < 0.8 * decay_s
    assert kinds == {"exact", "lower_bound"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gain", "decay_s", "model"), [(0.0, 4_000.0, "decay"), (4.0, 1e9, "growth")]
)
def test_only_the_processes_that_are_seen_are_told(
    gain: float, decay_s: float, model: str
) -> None:
    found = fit_kinetics(readings(np.random.default_rng(8), gain, 1200.0, decay_s))
    assert found.model == model
    assert (found.gain is None) == (model == "decay")
    assert (found.decay_s is None) == (model == "growth")


@pytest.mark.slow
def test_readings_lost_in_the_noise_do_not_stop_the_decay() -> None:
    series = readings(np.random.default_rng(9), 0.0, 900.0, 2_000.0, floor=500.0)
    lost = sum(one.kind == "upper_bound" for one in series)
    assert lost > 5
    found = fit_kinetics(series)
    assert "below_noise" in found.flags
    assert found.decay_s is not None
    assert found.decay_s.value == pytest.approx(2_000.0, rel=0.05)


@pytest.mark.slow
def test_sigmas_grow_with_the_scatter_of_the_readings() -> None:
    spread = []
    for scatter in (0.01, 0.08):
        rng = np.random.default_rng(10)
        found = fit_kinetics(readings(rng, 3.0, 1200.0, 6_000.0, scatter=scatter))
        assert found.decay_s is not None
        spread.append(found.decay_s.sigma / found.decay_s.value)
    assert spread[1] > 3.0 * spread[0]


def test_a_series_that_tells_nothing_is_refused_with_the_remedy() -> None:
    def at(time_s: float, kind: str) -> Reading:
        return Reading(time_s=time_s, intensity=99_999.0, sigma=500.0, kind=kind)

    always = [at(540.0 * k, "lower_bound") for k in range(22)]
    with pytest.raises(InvalidInput, match=r"22 are at the ceiling .* change the gain"):
        fit_kinetics(always)
    with pytest.raises(InvalidInput, match="one time"):
        fit_kinetics([at(0.0, "exact")] * 6)
