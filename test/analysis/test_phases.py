"""A film made of the library's own shapes is read as what it is made of."""

from dataclasses import replace

import numpy as np
import pytest

from hp_lab.analysis.film_background import UNKNOWNS, FilmBackground
from hp_lab.analysis.library import FilmContext, phase_library
from hp_lab.analysis.phase_fit import PhaseFit
from hp_lab.analysis.phase_model import OWN, PhaseModel
from hp_lab.analysis.phase_problem import PhaseProblem
from hp_lab.analysis.phases import fit_phases

LIBRARY = phase_library(FilmContext(spacer="PEA", n=2))
ENERGY_EV = np.linspace(1.25, 3.15, 180)
BARE = np.zeros(PhaseModel(LIBRARY).shape_size)


def absorbance(
    heights: dict[int, float], shape: np.ndarray = BARE, seed: int = 0
) -> np.ndarray:
    """Phases by their place in the library, reflection of a clear film, noise."""
    values = PhaseModel(LIBRARY).values(ENERGY_EV, shape)
    total = sum(height * values[place] for place, height in heights.items())
    rng = np.random.default_rng(seed)
    return np.asarray(total + 0.035 + rng.normal(0.0, 0.001, ENERGY_EV.size))


def fitted(measured: np.ndarray, nominal_n: float | None = 2.0) -> PhaseFit:
    sigma = np.full(ENERGY_EV.size, 0.001)
    return fit_phases(ENERGY_EV, measured, sigma, LIBRARY, nominal_n)


def problem(measured: np.ndarray) -> PhaseProblem:
    sigma = np.full(ENERGY_EV.size, 0.001)
    return PhaseProblem(ENERGY_EV, measured, sigma, LIBRARY, None)


@pytest.mark.parametrize("heights", [{1: 0.5}, {0: 0.3, 1: 0.4, 2: 0.2}, {7: 0.3}])
def test_shares_are_found_within_their_sigmas(heights):
    fit = fitted(absorbance(heights), None)
    model = PhaseModel(LIBRARY)
    window = np.linspace(1.62 - 0.15, 2.40 + 0.30, 120)
    amount = model.values(window, BARE).mean(axis=1)
    light = {place: height * amount[place] for place, height in heights.items()}
    assert fit.share.sum() == pytest.approx(1.0)
    for place, part in light.items():
        share = fit.share_of(LIBRARY[place].label)
        true = part / sum(light.values())
        assert share.value == pytest.approx(true, abs=3.0 * share.sigma + 0.02)


def test_names_share_out_all_of_the_light():
    fit = fitted(absorbance({0: 0.2, 1: 0.4, 3: 0.2, 7: 0.1}))
    assert sum(fit.share_of(label).value for label in fit.labels()) == pytest.approx(1)


def test_no_sigma_of_a_share_vanishes_where_the_share_does():
    fit = fitted(absorbance({1: 0.5}))
    absent = fit.share_of("n=4")
    assert absent.value < 0.05
    assert absent.sigma >= 0.005
    assert np.all(np.linalg.eigvalsh(fit.covariance) > -1e-9)


@pytest.mark.parametrize("factor", [0.6, 0.8, 1.0, 1.4, 1.8])
def test_the_gap_is_found_far_from_the_librarys_binding_energy(factor):
    shape = PhaseModel(LIBRARY).with_own_binding(BARE, 1, factor)
    fit = fitted(absorbance({1: 0.5}, shape))
    true = LIBRARY[1].exciton_ev + factor * LIBRARY[1].binding_ev
    gap = fit.gap_of("n=2")
    assert gap.value == pytest.approx(true, abs=2.0 * gap.sigma)
    assert gap.sigma < 0.03
    assert fit.exciton_of("n=2").value == pytest.approx(LIBRARY[1].exciton_ev, abs=4e-3)


@pytest.mark.slow
def test_a_step_under_another_exciton_is_known_less_well():
    alone = fitted(absorbance({1: 0.5})).gap_of("n=2")
    hidden = fitted(absorbance({0: 0.5, 1: 0.2, 2: 0.2})).gap_of("n=2")
    assert hidden.sigma > 1.5 * alone.sigma


def test_a_line_that_is_dark_but_for_holes_is_known_less_well():
    clear = fitted(absorbance({0: 0.8}), 1.0)
    with_holes = -np.log10(0.97 * 10.0 ** -absorbance({0: 2.6}) + 0.03)
    dark = fitted(with_holes, 1.0)
    assert dark.hidden[0] > 0.5 > 0.2 > clear.hidden[0]
    assert dark.exciton_of("n=1").sigma > 2.0 * clear.exciton_of("n=1").sigma


@pytest.mark.slow
def test_the_mean_over_a_name_lies_between_its_members():
    fit = fitted(absorbance({5: 0.2, 6: 0.2, 7: 0.3}), None)
    thick = [i for i, line in enumerate(LIBRARY) if line.label == "n>=6"]
    mean = fit.exciton_of("n>=6")
    assert fit.exciton_ev[thick].min() < mean.value < fit.exciton_ev[thick].max()
    # Members that are not resolved leave the mean uncertain beyond each one's sigma.
    assert mean.sigma > 0.01


def test_optical_density_is_the_highest_absorbance_of_the_phases():
    fit = fitted(absorbance({1: 0.5}))
    together = fit.parts_at(ENERGY_EV).sum(axis=0)
    assert fit.optical_density.value == pytest.approx(together.max(), rel=1e-6)


def test_derivatives_of_the_shapes_are_those_of_the_values():
    rng = np.random.default_rng(4)
    model = PhaseModel(LIBRARY)
    shape = rng.normal(0.0, 0.4, model.shape_size)
    shapes = model.shapes(ENERGY_EV, shape)
    np.testing.assert_allclose(shapes.values, model.values(ENERGY_EV, shape), atol=1e-9)
    by_own = shapes.own.reshape(OWN * model.count, -1)
    for place in [
        *range(0, OWN * model.count, 5),
        *range(OWN * model.count, shape.size),
    ]:
        step = np.zeros(shape.size)
        step[place] = 1e-4
        change = model.values(ENERGY_EV, shape + step) - model.values(
            ENERGY_EV, shape - step
        )
        if place < OWN * model.count:
            given, change = by_own[place], change[place % model.count]
        else:
            given = shapes.common[place - OWN * model.count]
        np.testing.assert_allclose(given, change / 2e-4, atol=2e-6)


def test_the_slope_of_the_problem_is_that_of_its_cost():
    one = problem(absorbance({0: 0.2, 1: 0.4, 7: 0.1}))
    rng = np.random.default_rng(6)
    x = rng.normal(0.0, 0.3, UNKNOWNS + one.model.shape_size)
    cost, _, slope = one.linearised(x)
    assert cost == pytest.approx(one.cost(x))
    # Holes (3) also change how much points count, which the slope leaves out.
    for place in (0, 1, 2, UNKNOWNS, UNKNOWNS + 1, x.size - 10, x.size - 1):
        step = np.zeros(x.size)
        step[place] = 1e-4
        rise = one.cost(x + step) - one.cost(x - step)
        assert slope[place] == pytest.approx(rise / 4e-4, rel=0.02, abs=0.3)


def test_derivatives_of_the_background_are_those_of_its_values():
    background = FilmBackground(ENERGY_EV, absorbance({1: 0.8}))
    unknowns = np.array([0.3, -0.4, 0.2, 0.5])

    def value(at: np.ndarray) -> np.ndarray:
        return background.reflection(at) - background.through_holes(at)[0]

    rows = background.gradients(unknowns)
    for place in range(UNKNOWNS):
        step = np.zeros(UNKNOWNS)
        step[place] = 1e-4
        change = (value(unknowns + step) - value(unknowns - step)) / 2e-4
        np.testing.assert_allclose(rows[place], change, atol=2e-3)


def test_a_thickness_comes_back_from_its_unknown():
    background = FilmBackground(ENERGY_EV, absorbance({1: 0.8}))
    unknown = float(background.thickness_unknown(np.array(320.0)))
    assert background.thickness_nm(np.array([unknown, 0, 0, 0])) == pytest.approx(320.0)


@pytest.mark.slow
def test_a_phase_missing_between_two_that_are_there_is_uncertain():
    fit = fitted(absorbance({0: 0.3, 1: 0.3, 3: 0.3}), None)
    missing = fit.share_of("n=3")
    neighbours = 0.5 * (fit.share_of("n=2").value + fit.share_of("n=4").value)
    assert missing.sigma > 0.8 * (neighbours - missing.value)


def with_shares(share: dict[int, float], variance: float = 0.3**2) -> PhaseFit:
    """A fit that found shares, by places, and is as uncertain of all of them."""
    fit = fitted(absorbance({1: 0.5}))
    found = np.zeros(len(LIBRARY))
    found[list(share)] = list(share.values())
    covariance = variance * np.eye(3 * len(LIBRARY))
    hidden = np.zeros(len(LIBRARY))
    return replace(fit, share=found, covariance=covariance, hidden=hidden)


def test_a_share_is_not_mistaken_by_more_light_than_it_leaves():
    sigmas = [
        with_shares({1: share, 2: 1.0 - share}).share_of("n=2").sigma
        for share in (0.7, 0.9, 0.98, 1.0)
    ]
    assert sigmas == sorted(sigmas, reverse=True)
    assert sigmas[2] < 0.05
    assert sigmas[3] == pytest.approx(0.005)


def test_thin_phases_far_from_another_make_its_share_uncertain():
    beside, far, thick = (
        with_shares({0: 0.8, place: 0.2}).share_of("n=1").sigma for place in (1, 3, 7)
    )
    assert LIBRARY[3].label == "n=4"
    assert LIBRARY[7].label == "n>=6"
    assert far > 1.5 * beside
    assert thick == pytest.approx(beside)
