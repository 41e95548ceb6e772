"""The distribution of layer numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.simulation.phases import (
    INVERSE_LAYERS,
    LAYERS,
    Ordering,
    distribute,
    ordering_of,
)
from hp_lab.simulation.truth import film_from_settings

ORDERINGS = st.builds(
    Ordering,
    width=st.floats(0.05, 1.5),
    apart=st.floats(0.0, 0.95),
    low_one=st.floats(0.0, 1.0),
    delta=st.floats(0.0, 0.5),
)


@settings(max_examples=40)
@given(st.floats(0.0, 1.0), ORDERINGS)
def test_spacers_and_lead_are_conserved(inverse_n: float, ordering: Ordering) -> None:
    shares = distribute(inverse_n, ordering)
    assert shares.min() >= 0.0
    assert shares.sum() == pytest.approx(1.0)
    assert float(shares @ INVERSE_LAYERS) == pytest.approx(inverse_n, abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_narrow_core_is_the_nominal_phase(n: int) -> None:
    ordering = Ordering(width=0.06, apart=0.0, low_one=0.5, delta=0.0)
    assert distribute(1.0 / n, ordering)[n - 1] > 0.95


@settings(max_examples=40)
@given(st.sampled_from([2, 3, 4]), st.floats(0.08, 0.4))
def test_wider_is_less_pure(n: int, width: float) -> None:
    narrow = Ordering(width=width, apart=0.1, low_one=0.5, delta=0.0)
    wide = Ordering(width=1.5 * width, apart=0.1, low_one=0.5, delta=0.0)
    assert distribute(1.0 / n, wide)[n - 1] < distribute(1.0 / n, narrow)[n - 1]


@settings(max_examples=40)
@given(st.sampled_from([2, 3, 4, 5]), st.floats(0.0, 0.4))
def test_falling_apart_makes_thin_layers_and_3d_grains(n: int, apart: float) -> None:
    less = distribute(1.0 / n, Ordering(width=0.15, apart=apart, low_one=1.0, delta=0))
    more = distribute(
        1.0 / n, Ordering(width=0.15, apart=apart + 0.2, low_one=1.0, delta=0)
    )
    assert more[0] > less[0]
    assert more[-1] > less[-1]


def test_without_spacer_everything_is_3d() -> None:
    ordering = Ordering(width=0.2, apart=0.2, low_one=0.5, delta=0.0)
    assert distribute(0.0, ordering)[-1] == 1.0
    assert np.isinf(LAYERS[-1])


@settings(max_examples=40)
@given(st.floats(0.05, 1.0), st.floats(0.05, 0.95))
def test_a_better_film_orders_better(inverse_n: float, good: float) -> None:
    composition = film_from_settings({"spacer": "PEA", "n": 3}).composition

    def ordering(quality: float, crystalline: float, coarsening: float) -> Ordering:
        return ordering_of(
            composition,
            inverse_n=inverse_n,
            quality=quality,
            crystalline=crystalline,
            ordered=crystalline,
            coarsening=coarsening,
            alpha=1.0,
        )

    best = ordering(1.0, 1.0, 0.0)
    for worse in (
        ordering(good, 1.0, 0.0),
        ordering(1.0, good, 0.0),
        ordering(1.0, 1.0, 1.0 - good),
    ):
        assert worse.apart > best.apart
        assert worse.width >= best.width
