"""How much of each phase a film holds, from its absorbance.

Shares are of the absorbed light, not of the volume: each phase's part of the absorbance
integrated over a window from 0.15 eV below the bulk's exciton to 0.30 eV above the
n = 1 exciton. PL cannot give them, because carriers funnel into the lowest gap.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from hp_lab.analysis.bounded_fit import solve
from hp_lab.analysis.film_background import (
    HOLES,
    THICKNESSES_NM,
    UNKNOWNS,
    FilmBackground,
)
from hp_lab.analysis.library import PhaseLine
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.noise import correlation_factor
from hp_lab.analysis.phase_model import OWN, PhaseModel, PhaseShapes
from hp_lab.units import FloatArray

WINDOW_ABOVE_EV = 0.30
WINDOW_BELOW_EV = 0.15
_WINDOW_POINTS = 120
# Share of the absorbance's range by which a sum of ideal phases misses a real film
# (and OD, for what lamp and substrate do).
_MODEL_FLOOR, _MODEL_FLOOR_OD = 0.0025, 0.002
# By-products have no sharp feature and would soak up whatever the phases miss; this is
# how much of the absorbance they are believed to reach.
_BY_PRODUCT_SHARE = 0.04
# Thick phases lie closer together than their lines are wide. Each is believed to be
# about as frequent as its neighbours are, within this share of the absorbance.
_ALIKE_FROM, _ALIKE_SHARE = 5, 0.02
# Starting shifts of all energies, in units of the believed spread.
_START_SHIFTS = (-2.4, -1.2, 0.0, 1.2, 2.4)
# How many of them are followed, how far, and how far the best one at most.
_STARTS = 2
_FIRST_STEPS = 10
_MOST_STEPS = 12
# Cost of a phase: 2 c ln(1 + h / e), e a share of the absorbance; how often it
# is adapted to the heights found.
_PRESENCE_COST, _PRESENCE_SHARE = 1.0, 0.01
_REWEIGHTINGS = 2
# Transmission below which holes are looked for from the start.
_DARK = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFit:
    """The phases found in a film; arrays run over the library's phases, shape (p,).

    Attributes:
        library: The phases that were offered.
        share: Shares of the absorbed light, summing to 1.
        share_covariance: Of the shares, shape (p, p).
        exciton_ev: Fitted exciton energies ...
        exciton_sigma_ev: ... and their sigmas.
        gap_ev: Band gaps, exciton plus binding energy ...
        gap_sigma_ev: ... and their sigmas.
        binding_ev: Fitted binding energies.
        fwhm_ev: Fitted widths of the exciton lines.
        height: Exciton heights (by-products: continuum), OD.
        height_sigma: Sigmas of the heights.
        background: Coefficients of ``FilmBackground``'s columns.
        film: Unknowns of ``FilmBackground``.
        shape: Shape unknowns, in units of their believed spreads.
        reduced_chi2: Misfit.
        energy_ev: Energies that were fitted, shape (k,).
        base: Background at these energies, OD, shape (k,).
    """

    library: tuple[PhaseLine, ...]
    share: FloatArray
    share_covariance: FloatArray
    exciton_ev: FloatArray
    exciton_sigma_ev: FloatArray
    gap_ev: FloatArray
    gap_sigma_ev: FloatArray
    binding_ev: FloatArray
    fwhm_ev: FloatArray
    height: FloatArray
    height_sigma: FloatArray
    background: FloatArray
    film: FloatArray
    shape: FloatArray
    reduced_chi2: float
    energy_ev: FloatArray
    base: FloatArray

    def labels(self) -> tuple[str, ...]:
        """Return the distinct phase names, thin to thick, by-products last."""
        return tuple(dict.fromkeys(line.label for line in self.library))

    def share_of(self, label: str) -> Measured:
        """Return the share of all phases that go by a name."""
        member = np.array([float(line.label == label) for line in self.library])
        variance = float(member @ self.share_covariance @ member)
        return Measured(
            value=float(member @ self.share), sigma=float(np.sqrt(max(variance, 1e-8)))
        )

    def mean_over(self, label: str, values: FloatArray) -> float:
        """Return a phase property averaged over a name, weighted by share."""
        member = np.array([line.label == label for line in self.library])
        weight = np.where(member, np.maximum(self.share, 1e-9), 0.0)
        return float(weight @ values / weight.sum())

    def dominant(self, label: str | None = None) -> int:
        """Return the perovskite phase with the largest share, within a name if given.

        Without a name, the name with the largest share is taken first: thick phases
        share one.
        """
        if label is None:
            named = [line.label for line in self.library if line.is_perovskite]
            label = max(dict.fromkeys(named), key=lambda one: self.share_of(one).value)
        allowed = np.array([line.label == label for line in self.library])
        return int(np.argmax(np.where(allowed, self.share, -1.0)))

    def parts_at(self, energy_ev: FloatArray) -> FloatArray:
        """Return each phase's part of the absorbance, shape (p, k)."""
        values = PhaseModel(self.library).values(energy_ev, self.shape)
        return np.asarray(self.height[:, None] * values)

    def background_at(self, energy_ev: FloatArray) -> FloatArray:
        """Return the fitted background, shape (k,)."""
        return np.asarray(np.interp(energy_ev, self.energy_ev, self.base))

    def curve_at(self, energy_ev: FloatArray) -> FloatArray:
        """Return the fitted absorbance, background included, shape (k,)."""
        return np.asarray(
            self.parts_at(energy_ev).sum(axis=0) + self.background_at(energy_ev)
        )


def _height_beliefs(library: tuple[PhaseLine, ...]) -> FloatArray:
    """Return rows that should come out as 0 +- 1 for heights relative to the range."""
    rows = []
    for index, line in enumerate(library):
        row = np.zeros(len(library))
        if not line.is_perovskite:
            row[index] = 1.0 / _BY_PRODUCT_SHARE
            rows.append(row)
            continue
        triple = library[index - 1 : index + 2]
        if line.n >= _ALIKE_FROM and all(np.isfinite(one.n) for one in triple):
            row[index - 1 : index + 2] = np.array([0.5, -1.0, 0.5]) / _ALIKE_SHARE
            rows.append(row)
    return np.array(rows).reshape(-1, len(library))


class _Problem:
    """Residuals over the shape unknowns, heights and background eliminated.

    For given shapes the best heights (never negative) and background follow from a
    linear problem, so the search runs over the shapes alone (variable projection: Golub
    and Pereyra, SIAM J. Numer. Anal. 1973, 10, 413; derivatives after Kaufman, BIT
    1975, 15, 49). Unknowns are those of the background, then the shapes.
    """

    def __init__(
        self,
        energy_ev: FloatArray,
        absorbance: FloatArray,
        sigma: FloatArray,
        library: tuple[PhaseLine, ...],
    ) -> None:
        self.model = PhaseModel(library)
        self.energy = energy_ev
        self.absorbance = absorbance
        self.size = float(np.ptp(absorbance))
        floor = np.hypot(_MODEL_FLOOR * self.size, _MODEL_FLOOR_OD)
        self.weight = 1.0 / np.hypot(sigma, floor)
        self.background = FilmBackground(energy_ev, absorbance)
        self.darkest = float(10.0 ** -absorbance.max())
        self.count = self.model.count
        columns = self.background.spread.size
        self.linear_size = self.count + columns
        spread = self.background.spread
        centre = (self.background.centre - self.background.least) / spread
        background = np.zeros((columns, self.linear_size))
        background[:, self.count :] = np.diag(1.0 / spread)
        heights = _height_beliefs(library) / self.size
        amounts = np.zeros((heights.shape[0], self.linear_size))
        amounts[:, : self.count] = heights
        self._belief = np.vstack([background, amounts])
        self._belief_target = np.concatenate([centre, np.zeros(heights.shape[0])])
        self.presence = np.zeros(self.linear_size)
        self.charge(np.full(self.count, _PRESENCE_SHARE * self.size))

    def charge(self, height: FloatArray) -> None:
        """Set what each phase costs, given about how high it is.

        A phase of height h costs 2 c ln(1 + h / e) of chi**2, so that phases which
        hardly improve the fit stay away (Candes, Wakin and Boyd, J. Fourier Anal. Appl.
        2008, 14, 877); linearised at the given heights.
        """
        least = _PRESENCE_SHARE * self.size
        self.presence[: self.count] = _PRESENCE_COST / (height + least)

    def limits(self) -> tuple[FloatArray, FloatArray]:
        """Return the bounds of the unknowns."""
        low, high = self.model.limits()
        limit = self.background.limit
        return np.concatenate([-limit, low]), np.concatenate([limit, high])

    def starts(self) -> list[FloatArray]:
        """Return unknowns for several shifts and thicknesses, the best ones first."""
        found = []
        for shift in _START_SHIFTS:
            trial = np.zeros(UNKNOWNS + self.model.shape_size)
            trial[UNKNOWNS + OWN * self.count] = shift
            residual = self.residual(trial)
            found.append((float(residual @ residual), trial))
        found.sort(key=lambda pair: pair[0])
        first = self._best_thickness(found[0][1])
        starts = [first]
        for _, trial in found[1:_STARTS]:
            trial[:UNKNOWNS] = first[:UNKNOWNS]
            starts.append(trial)
        return starts

    def _best_thickness(self, x: FloatArray) -> FloatArray:
        values = self.model.values(self.energy, x[UNKNOWNS:])
        costs = []
        trials = []
        # Holes show only where the film is dark.
        levels = HOLES if self.darkest < _DARK else HOLES[:1]
        for holes in levels:
            for thickness_nm in THICKNESSES_NM:
                trial = x.copy()
                trial[0] = self.background.thickness_unknown(float(thickness_nm))
                trial[3] = holes
                residual = self._solved(values, trial)[1]
                trials.append(trial)
                costs.append(float(residual @ residual))
        return trials[int(np.argmin(costs))]

    def _solved(
        self, values: FloatArray, x: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return heights with coefficients, all residuals, and the weighted columns.

        Coefficients are counted from their lowest value, so that all are positive.
        """
        absorbance, counts = self.background.through_holes(x[:UNKNOWNS])
        absorbance = absorbance - self.background.reflection(x[:UNKNOWNS])
        weight = self.weight * counts
        columns = np.vstack([values, self.background.columns]) * weight
        matrix = np.vstack([columns.T, self._belief])
        least = self.background.least
        target = np.concatenate(
            [
                absorbance * weight - least @ columns[self.count :],
                self._belief_target,
            ]
        )
        # A linear cost of the heights moves the target within the columns' span.
        normal = matrix.T @ matrix
        normal[np.diag_indices_from(normal)] += 1e-9 * np.trace(normal)
        shifted = target - matrix @ np.linalg.solve(normal, self.presence)
        found, _ = nnls(matrix, shifted, maxiter=600)
        presence = np.sqrt(2.0 * float(self.presence @ found))
        residual = np.concatenate([matrix @ found - target, x, [presence]])
        found[self.count :] += least
        return found, residual, matrix

    def heights(self, x: FloatArray) -> FloatArray:
        """Return the heights for given shapes, shape (p,)."""
        return self._solved(self.model.values(self.energy, x[UNKNOWNS:]), x)[0][
            : self.count
        ]

    def residual(self, x: FloatArray) -> FloatArray:
        """Return residuals of data, of linear beliefs and of the unknowns' beliefs."""
        return self._solved(self.model.values(self.energy, x[UNKNOWNS:]), x)[1]

    def linearised(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return residuals, derivatives with the heights following, and the slope."""
        shapes = self.model.shapes(self.energy, x[UNKNOWNS:])
        linear, residual, matrix = self._solved(shapes.values, x)
        free = np.concatenate(
            [
                linear[: self.count] > 0.0,
                linear[self.count :] > self.background.least,
            ]
        )
        basis, _ = np.linalg.qr(matrix[:, free])
        by_unknown = self._by_unknown(shapes, linear, x)
        # At the best heights the cost does not change with them: its slope is that of
        # fixed heights; its curvature is that of heights which follow.
        slope = by_unknown @ residual[: self.energy.size] + x
        moving = np.zeros((matrix.shape[0], x.size))
        moving[: self.energy.size] = by_unknown.T
        moving -= basis @ (basis.T @ moving)
        return residual, np.vstack([moving, np.eye(x.size)]), slope

    def _by_unknown(
        self, shapes: PhaseShapes, linear: FloatArray, x: FloatArray
    ) -> FloatArray:
        """Return weighted derivatives of the misfit by the unknowns, shape (u, k)."""
        height = linear[: self.count]
        own = (shapes.own * height[None, :, None]).reshape(-1, self.energy.size)
        rows = np.vstack(
            [
                self.background.gradients(x[:UNKNOWNS]),
                own,
                np.einsum("p,cpk->ck", height, shapes.common),
            ]
        )
        counts = self.background.through_holes(x[:UNKNOWNS])[1]
        return np.asarray(self.weight * counts * rows)

    def full(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return residuals, heights with coefficients, and all derivatives.

        Columns are heights, coefficients and unknowns; rows are data, linear beliefs
        and the unknowns' beliefs.
        """
        shapes = self.model.shapes(self.energy, x[UNKNOWNS:])
        linear, residual, matrix = self._solved(shapes.values, x)
        rows = matrix.shape[0]
        jacobian = np.zeros((rows + x.size, self.linear_size + x.size))
        jacobian[:rows, : self.linear_size] = matrix
        by_unknown = self._by_unknown(shapes, linear, x)
        jacobian[: self.energy.size, self.linear_size :] = by_unknown.T
        jacobian[rows:, self.linear_size :] = np.eye(x.size)
        return residual, linear, jacobian

    def base(self, linear: FloatArray, x: FloatArray) -> FloatArray:
        """Return all that is not absorption of a phase, shape (k,)."""
        coefficients = linear[self.count :]
        lost = self.absorbance - self.background.through_holes(x[:UNKNOWNS])[0]
        smooth = coefficients @ self.background.columns
        return np.asarray(smooth + self.background.reflection(x[:UNKNOWNS]) + lost)


def fit_phases(
    energy_ev: FloatArray,
    absorbance: FloatArray,
    sigma: FloatArray,
    library: tuple[PhaseLine, ...],
) -> PhaseFit:
    """Fit the phases of a library to an absorbance spectrum.

    The heights are never negative; energies, widths, continua and binding energies may
    move as far as the library's spreads make believable (maximum a posteriori).

    Args:
        energy_ev: Photon energies, ascending, shape (k,).
        absorbance: Absorbance, OD, shape (k,).
        sigma: Noise, shape (k,).
        library: Thin phases first, then thick ones, by-products last.
    """
    problem = _Problem(energy_ev, absorbance, sigma, library)
    low, high = problem.limits()
    tries = [
        solve(problem, start, low, high, most_steps=_FIRST_STEPS)
        for start in problem.starts()
    ]
    best = min(tries, key=lambda one: one.cost)
    for _ in range(_REWEIGHTINGS):
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


def _interpreted(problem: _Problem, x: FloatArray) -> PhaseFit:
    model = problem.model
    residual, linear, jacobian = problem.full(x)
    covariance, reduced = _covariance(jacobian, residual, problem.energy.size)
    height = linear[: problem.count]
    shape = x[UNKNOWNS:]
    share, gradient = _shares(problem, height, shape)
    exciton, binding = model.exciton_ev(shape), model.binding_ev(shape)
    place = problem.linear_size + UNKNOWNS
    by_shape = covariance[place:, place:]
    exciton_sigma = np.empty(model.count)
    gap_sigma = np.empty(model.count)
    for phase in range(model.count):
        move = model.exciton_gradient(phase)
        exciton_sigma[phase] = np.sqrt(move @ by_shape @ move)
        move = move + model.binding_gradient(phase, float(binding[phase]))
        gap_sigma[phase] = np.sqrt(move @ by_shape @ move)
    return PhaseFit(
        library=model.library,
        share=share,
        share_covariance=gradient @ covariance @ gradient.T,
        exciton_ev=exciton,
        exciton_sigma_ev=exciton_sigma,
        gap_ev=exciton + binding,
        gap_sigma_ev=gap_sigma,
        binding_ev=binding,
        fwhm_ev=model.fwhm_ev(shape),
        height=height,
        height_sigma=np.sqrt(np.maximum(np.diag(covariance)[: problem.count], 0.0)),
        background=linear[problem.count :],
        film=x[:UNKNOWNS],
        shape=shape,
        reduced_chi2=reduced,
        energy_ev=problem.energy,
        base=problem.base(linear, x),
    )


def _shares(
    problem: _Problem, height: FloatArray, shape: FloatArray
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
