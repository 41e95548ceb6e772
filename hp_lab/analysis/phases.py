"""How much of each n-phase a film holds, from its absorbance.

Shares are of the absorbed light, not of the volume: each phase's part of the absorbance
integrated over a window that reaches from below the bulk's gap to 0.3 eV above the
n = 1 exciton. PL cannot give them, because carriers funnel into the lowest gap.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares, nnls

from hp_lab.analysis.library import PhaseLine
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.noise import correlation_factor
from hp_lab.analysis.phase_model import PhaseModel, background_columns
from hp_lab.units import FloatArray

WINDOW_ABOVE_EV = 0.30
WINDOW_BELOW_EV = 0.15
# Share of the absorbance's range by which a sum of ideal phases misses a real film.
_MODEL_FLOOR = 0.004
# Believed spreads of the background's columns, relative to the absorbance's range.
_BACKGROUND_SPREAD = np.array([0.5, 0.15, 0.05])
_START_SHIFTS = (-2.0, -1.0, 0.0, 1.0, 2.0)
_MOST_STEPS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFit:
    """The phases found in a film; arrays run over the library's phases, shape (p,).

    Attributes:
        library: The phases that were offered.
        share: Shares of the absorbed light, summing to 1.
        share_covariance: Of the shares, shape (p, p).
        exciton_ev: Fitted exciton energies (gaps for bulk phases) ...
        exciton_sigma_ev: ... and their sigmas.
        gap_ev: Band gaps: exciton plus binding energy (bulk: the gap) ...
        gap_sigma_ev: ... and their sigmas.
        binding_ev: Fitted binding energies.
        fwhm_ev: Fitted widths of the exciton lines.
        height: Exciton heights (bulk: continuum), OD.
        height_sigma: Sigmas of the heights.
        background: Coefficients of ``background_columns``.
        shape: Shape unknowns, in units of their believed spreads.
        reduced_chi2: Misfit.
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
    shape: FloatArray
    reduced_chi2: float

    def labels(self) -> tuple[str, ...]:
        """Return the distinct phase names, thin to thick."""
        return tuple(dict.fromkeys(line.label for line in self.library))

    def share_of(self, label: str) -> Measured:
        """Return the share of all phases that go by a name."""
        member = np.array([float(line.label == label) for line in self.library])
        variance = float(member @ self.share_covariance @ member)
        return Measured(
            value=float(member @ self.share), sigma=float(np.sqrt(max(variance, 1e-8)))
        )

    def dominant(self, label: str | None = None) -> int:
        """Return the phase with the largest share, within a name if one is given."""
        allowed = np.array([label in (None, line.label) for line in self.library])
        return int(np.argmax(np.where(allowed, self.share, -1.0)))

    def curve_at(self, energy_ev: FloatArray) -> FloatArray:
        """Return the fitted absorbance, background included."""
        values = PhaseModel(self.library).values(energy_ev, self.shape)
        return np.asarray(
            self.height @ values + self.background @ background_columns(energy_ev)
        )

    def background_at(self, energy_ev: FloatArray) -> FloatArray:
        """Return the fitted background."""
        return np.asarray(self.background @ background_columns(energy_ev))

    def parts_at(self, energy_ev: FloatArray) -> FloatArray:
        """Return each phase's part of the absorbance, shape (p, k)."""
        values = PhaseModel(self.library).values(energy_ev, self.shape)
        return np.asarray(self.height[:, None] * values)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data:
    energy: FloatArray
    absorbance: FloatArray
    sigma: FloatArray
    columns: FloatArray
    spread: FloatArray


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
        library: Layered phases first, bulk last.
    """
    model = PhaseModel(library)
    size = float(np.ptp(absorbance))
    data = _Data(
        energy=energy_ev,
        absorbance=absorbance,
        sigma=np.hypot(sigma, _MODEL_FLOOR * size),
        columns=background_columns(energy_ev),
        spread=_BACKGROUND_SPREAD * size,
    )
    start = _start(model, data)
    lower = np.concatenate(
        [np.zeros(model.count), [-np.inf, 0.0, 0.0], np.full(model.shape_size, -4.0)]
    )
    upper = np.full(lower.size, np.inf)
    upper[model.count + 3 :] = 4.0
    # Lorentz share and growth must keep their physical signs.
    lower[-3], upper[-3] = -1.35, 2.55
    lower[-2], lower[-1] = -0.75, -1.0

    def residual(x: FloatArray) -> FloatArray:
        return _residual(model, data, x)

    def jacobian(x: FloatArray) -> FloatArray:
        return _jacobian(model, data, x)

    found = least_squares(
        residual,
        np.clip(start, lower + 1e-6, upper - 1e-6),
        jac=jacobian,
        bounds=(lower, upper),
        x_scale=np.concatenate(
            [np.full(model.count, size), data.spread, np.ones(model.shape_size)]
        ),
        ftol=1e-5,
        xtol=1e-5,
        gtol=1e-6,
        max_nfev=_MOST_STEPS,
    )
    return _interpreted(model, data, found.x, np.asarray(found.jac), found.fun)


def _start(model: PhaseModel, data: _Data) -> FloatArray:
    """Return heights and background for the best common shift of the library."""
    best_cost = np.inf
    best = np.zeros(model.count + data.columns.shape[0] + model.shape_size)
    weight = 1.0 / data.sigma
    for shift in _START_SHIFTS:
        shape = np.zeros(model.shape_size)
        shape[4 * model.count] = shift
        values = model.values(data.energy, shape)
        design = np.vstack([values, data.columns, -data.columns[:1]]) * weight
        found, cost = nnls(design.T, data.absorbance * weight, maxiter=400)
        cost = cost**2 + shift**2
        if cost < best_cost:
            best_cost = cost
            linear = found[:-1].copy()
            linear[model.count] -= found[-1]
            linear[: model.count] += 1e-4 * float(np.ptp(data.absorbance))
            best = np.concatenate([linear, shape])
    return best


def _parts(
    model: PhaseModel, data: _Data, x: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    first = model.count
    second = first + data.columns.shape[0]
    return x[:first], x[first:second], x[second:]


def _residual(model: PhaseModel, data: _Data, x: FloatArray) -> FloatArray:
    height, background, shape = _parts(model, data, x)
    fitted = height @ model.values(data.energy, shape) + background @ data.columns
    beliefs = np.concatenate([background / data.spread, shape])
    return np.concatenate([(fitted - data.absorbance) / data.sigma, beliefs])


def _jacobian(model: PhaseModel, data: _Data, x: FloatArray) -> FloatArray:
    height, _, shape = _parts(model, data, x)
    shapes = model.shapes(data.energy, shape)
    own = (shapes.own * height[None, :, None]).reshape(4 * model.count, -1)
    common = np.einsum("p,cpk->ck", height, shapes.common)
    by_data = np.vstack([shapes.values, data.columns, own, common]) / data.sigma
    beliefs = np.zeros((x.size - model.count, x.size))
    beliefs[:, model.count :] = np.diag(
        np.concatenate([1.0 / data.spread, np.ones(model.shape_size)])
    )
    return np.vstack([by_data.T, beliefs])


def _interpreted(
    model: PhaseModel,
    data: _Data,
    x: FloatArray,
    jacobian: FloatArray,
    residual: FloatArray,
) -> PhaseFit:
    points = data.energy.size
    height, background, shape = _parts(model, data, x)
    misfit = residual[:points]
    reduced = float(np.sum(misfit**2)) / max(points - x.size / 2.0, 1.0)
    spread = max(reduced, 1.0) * correlation_factor(misfit) ** 2
    by_data, beliefs = jacobian[:points], jacobian[points:]
    information = by_data.T @ by_data / spread + beliefs.T @ beliefs
    scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
    inverse = np.linalg.pinv(
        information / np.outer(scale, scale), rcond=1e-12, hermitian=True
    )
    covariance = inverse / np.outer(scale, scale)
    share, gradient = _shares(model, data, height, shape, x.size)
    physical = model.physical(shape)
    exciton_sigma = np.empty(model.count)
    gap_sigma = np.empty(model.count)
    gap = physical["exciton_ev"].copy()
    shape_covariance = covariance[-model.shape_size :, -model.shape_size :]
    for phase in range(model.count):
        move = model.exciton_gradient(phase)
        exciton_sigma[phase] = np.sqrt(move @ shape_covariance @ move)
        if phase < model.layered:
            binding = float(physical["binding_ev"][phase])
            gap[phase] += binding
            move = move + model.binding_gradient(phase, binding)
        gap_sigma[phase] = np.sqrt(move @ shape_covariance @ move)
    return PhaseFit(
        library=model.library,
        share=share,
        share_covariance=gradient @ covariance @ gradient.T,
        exciton_ev=physical["exciton_ev"],
        exciton_sigma_ev=exciton_sigma,
        gap_ev=gap,
        gap_sigma_ev=gap_sigma,
        binding_ev=physical["binding_ev"],
        fwhm_ev=physical["fwhm_ev"],
        height=height,
        height_sigma=np.sqrt(np.maximum(np.diag(covariance)[: model.count], 0.0)),
        background=background,
        shape=shape,
        reduced_chi2=reduced,
    )


def _shares(
    model: PhaseModel, data: _Data, height: FloatArray, shape: FloatArray, size: int
) -> tuple[FloatArray, FloatArray]:
    """Return the shares and their derivatives by all unknowns, shape (p, unknowns)."""
    energies = [line.exciton_ev for line in model.library]
    window = np.linspace(
        min(energies) - WINDOW_BELOW_EV, max(energies) + WINDOW_ABOVE_EV, 160
    )
    shapes = model.shapes(window, shape)
    weight = shapes.values.mean(axis=1)
    amount = height * weight
    total = max(float(amount.sum()), 1e-12)
    by_unknown = np.zeros((model.count, size))
    phases = np.arange(model.count)
    by_unknown[phases, phases] = weight
    first = model.count + data.columns.shape[0]
    own = shapes.own.mean(axis=2)
    for kind in range(4):
        by_unknown[phases, first + kind * model.count + phases] = height * own[kind]
    common = shapes.common.mean(axis=2)
    by_unknown[:, first + 4 * model.count :] = (height * common).T
    share = amount / total
    gradient = (by_unknown - share[:, None] * by_unknown.sum(axis=0)) / total
    return share, gradient
