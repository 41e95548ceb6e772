"""How much of each phase a film holds, from its absorbance.

Shares are of the absorbed light, not of the volume: each phase's part of the absorbance
integrated over a window from 0.15 eV below the bulk's exciton to 0.30 eV above the
n = 1 exciton. PL cannot give them, because carriers funnel into the lowest gap.
"""

import numpy as np

from hp_lab.analysis.bounded_fit import solve
from hp_lab.analysis.film_background import UNKNOWNS
from hp_lab.analysis.library import PhaseLine
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.noise import correlation_factor
from hp_lab.analysis.phase_fit import PhaseFit
from hp_lab.analysis.phase_model import OWN
from hp_lab.analysis.phase_problem import PhaseProblem
from hp_lab.units import FloatArray

WINDOW_ABOVE_EV = 0.30
WINDOW_BELOW_EV = 0.15
_WINDOW_POINTS = 120
# How far each start is followed, and the best one at most.
_FIRST_STEPS = 8
_MOST_STEPS = 15


def fit_phases(
    energy_ev: FloatArray,
    absorbance: FloatArray,
    sigma: FloatArray,
    library: tuple[PhaseLine, ...],
    nominal_n: float | None = None,
) -> PhaseFit:
    """Fit the phases of a library to an absorbance spectrum.

    The heights are never negative; energies, widths, continua and binding energies may
    move as far as the library's spreads make believable (maximum a posteriori).

    Args:
        energy_ev: Photon energies, ascending, shape (k,).
        absorbance: Absorbance, OD, shape (k,).
        sigma: Noise, shape (k,).
        library: Thin phases first, then thick ones, by-products last.
        nominal_n: Layer number of the stoichiometry, where it is known.
    """
    problem = PhaseProblem(energy_ev, absorbance, sigma, library, nominal_n)
    low, high = problem.limits()
    tries = [
        solve(problem, start, low, high, most_steps=_FIRST_STEPS)
        for start in problem.starts()
    ]
    best = min(tries, key=lambda one: one.cost)
    tries = [
        solve(problem, other, low, high, most_steps=_FIRST_STEPS)
        for other in problem.mistaken(best.x)
    ]
    best = min([best, *tries], key=lambda one: one.cost)
    problem.charge(problem.heights(best.x))
    # The scan was made around a worse fit before; from here it may see more.
    tries = [
        solve(problem, other, low, high, most_steps=_MOST_STEPS)
        for other in (best.x, problem.with_best_bindings(best.x))
    ]
    best = min(tries, key=lambda one: one.cost)
    problem.charge(problem.heights(best.x))
    best = solve(problem, best.x, low, high, most_steps=_MOST_STEPS)
    return _interpreted(problem, best.x)


def _covariance(
    jacobian: FloatArray, residual: FloatArray, points: int
) -> tuple[FloatArray, float]:
    """Return the unknowns' covariance and the reduced chi**2.

    Only what the data say is scaled by misfit and correlation; beliefs stand.
    """
    misfit = residual[:points]
    unknowns = jacobian.shape[1]
    reduced = float(np.sum(misfit**2)) / max(points - unknowns / 2.0, 1.0)
    spread = max(reduced, 1.0) * correlation_factor(misfit) ** 2
    by_data, beliefs = jacobian[:points], jacobian[points:]
    information = by_data.T @ by_data / spread + beliefs.T @ beliefs
    scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
    inverse = np.linalg.pinv(
        information / np.outer(scale, scale), rcond=1e-12, hermitian=True
    )
    return inverse / np.outer(scale, scale), reduced


def _interpreted(problem: PhaseProblem, x: FloatArray) -> PhaseFit:
    model = problem.model
    residual, linear, jacobian = problem.full(x)
    covariance, reduced = _covariance(jacobian, residual, problem.energy.size)
    height = linear[: problem.count]
    shape = x[UNKNOWNS:]
    share, gradient = _shares(problem, height, shape)
    exciton, binding = model.exciton_ev(shape), model.binding_ev(shape)
    place = problem.linear_size + UNKNOWNS
    by_exciton = np.zeros_like(gradient)
    by_gap = np.zeros_like(gradient)
    for phase in range(model.count):
        move = model.exciton_gradient(phase)
        by_exciton[phase, place:] = move
        move = move + model.binding_gradient(phase, float(binding[phase]))
        by_gap[phase, place:] = move
    every = np.vstack([gradient, by_exciton, by_gap])
    reported = every @ covariance @ every.T
    gaps = 2 * model.count + np.arange(model.count)
    gap_ambiguity, share_ambiguity = problem.ambiguity(x)
    reported[gaps, gaps] += gap_ambiguity**2
    reported[: model.count, : model.count] += share_ambiguity
    density, by_all = _optical_density(problem, height, shape)
    density_variance = max(float(by_all @ covariance @ by_all), 1e-12)
    return PhaseFit(
        library=model.library,
        share=share,
        covariance=reported,
        exciton_ev=exciton,
        gap_ev=exciton + binding,
        binding_ev=binding,
        fwhm_ev=model.fwhm_ev(shape),
        height=height,
        height_sigma=np.sqrt(np.maximum(np.diag(covariance)[: problem.count], 0.0)),
        background=linear[problem.count :],
        film=x[:UNKNOWNS],
        shape=shape,
        optical_density=Measured(value=density, sigma=density_variance**0.5),
        reduced_chi2=reduced,
        energy_ev=problem.energy,
        base=problem.base(linear, x),
        hidden=1.0 - np.interp(exciton, problem.energy, problem.counts(x)),
        strains=problem.strains(linear, x),
    )


def _shares(
    problem: PhaseProblem, height: FloatArray, shape: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the shares and their derivatives by all unknowns, shape (p, unknowns)."""
    model = problem.model
    fitted = model.exciton_ev(shape)
    energies = [
        float(energy)
        for energy, line in zip(fitted, model.library, strict=True)
        if line.is_perovskite
    ]
    window = np.linspace(
        min(energies) - WINDOW_BELOW_EV,
        max(energies) + WINDOW_ABOVE_EV,
        _WINDOW_POINTS,
    )
    shapes = model.shapes(window, shape)
    weight = shapes.values.mean(axis=1)
    amount = height * weight
    total = max(float(amount.sum()), 1e-12)
    by_unknown = np.zeros((model.count, problem.linear_size + UNKNOWNS + shape.size))
    phases = np.arange(model.count)
    by_unknown[phases, phases] = weight
    first = problem.linear_size + UNKNOWNS
    for kind in range(OWN):
        place = first + kind * model.count + phases
        by_unknown[phases, place] = height * shapes.own[kind].mean(axis=1)
    by_unknown[:, first + OWN * model.count :] = (height * shapes.common.mean(axis=2)).T
    share = amount / total
    gradient = (by_unknown - share[:, None] * by_unknown.sum(axis=0)) / total
    return share, gradient


def _optical_density(
    problem: PhaseProblem, height: FloatArray, shape: FloatArray
) -> tuple[float, FloatArray]:
    """Return the highest absorbance of all phases, and its derivatives."""
    shapes = problem.model.shapes(problem.energy, shape)
    together = height @ shapes.values
    top = int(np.argmax(together))
    by_own = (shapes.own[:, :, top] * height).ravel()
    by_common = shapes.common[:, :, top] @ height
    unused = np.zeros(problem.linear_size - problem.count + UNKNOWNS)
    gradient = np.concatenate([shapes.values[:, top], unused, by_own, by_common])
    return float(together[top]), gradient
