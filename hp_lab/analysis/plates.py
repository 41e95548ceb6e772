"""Plates and series: what many PL spectra have in common, and how they vary.

A non-negative factorisation (Lee and Seung, Nature 1999, 401, 788) finds a few spectra
whose mixtures give all the others; clustering groups the wells by their mixtures.

PL components are not phase fractions. Carriers funnel into the phase with the lowest
gap before they recombine, so a few per cent of a thick phase can emit all the light;
how much of each phase there is, absorbance says (``phases``).
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.cluster import AgglomerativeClustering
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from hp_lab.analysis.spectrum import Curve
from hp_lab.errors import InvalidInput
from hp_lab.units import FloatArray

CAVEAT = (
    "PL components are not phase fractions: carriers funnel into the lowest gap, so "
    "the weights say where light comes from, not how much of a phase is there."
)
_STEP_NM = 2.0
_MOST_COMPONENTS = 8
# One more component must explain this share of what the others leave.
_WORTH = 0.25
# Spectra whose highest point stays below this many sigmas have no form to compare.
_LEAST_SNR = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateComponents:
    """Components of a plate's spectra.

    Attributes:
        names: The spectra that took part, in order, length m.
        left_out: Names that did not, and why.
        wavelength_nm: Common axis, shape (k,).
        components: Component spectra, highest point 1, ordered by wavelength, shape
            (c, k).
        weights: How much of each component each spectrum holds; a row sums to 1 where
            the spectrum is explained, shape (m, c).
        intensity: Highest signal of each spectrum, its own unit, shape (m,).
        residual: Share of each spectrum that is not explained, shape (m,).
        peak_nm: Where each component is highest, shape (c,).
        caveat: What the weights are not.
    """

    names: tuple[str, ...]
    left_out: Mapping[str, str]
    wavelength_nm: FloatArray
    components: FloatArray
    weights: FloatArray
    intensity: FloatArray
    residual: FloatArray
    peak_nm: FloatArray
    caveat: str = CAVEAT


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseMap:
    """Which wells of a plate are alike.

    Attributes:
        names: Wells, length m.
        cluster: Cluster of each well, 0 for the largest, shape (m,).
        peak_nm: Dominant component's wavelength of each cluster, shape (g,).
        border: True for wells whose nearest neighbour in weights lies in another
            cluster, shape (m,).
        caveat: What the map is not.
    """

    names: tuple[str, ...]
    cluster: np.ndarray
    peak_nm: FloatArray
    border: np.ndarray
    caveat: str = CAVEAT


def factorize(
    spectra: Mapping[str, Curve], count: int | None = None, *, seed: int = 0
) -> PlateComponents:
    """Find the component spectra of a plate or a time series.

    Args:
        spectra: PL by name, at least four with a signal and a common range.
        count: Number of components; without it, as many as each explain a quarter of
            what fewer leave, at most eight.
        seed: Of the factorisation's refinement; its start is deterministic.

    Raises:
        InvalidInput: Too few spectra, or too few with a signal.
    """
    names, axis_nm, rows, left_out = _matrix(spectra)
    if len(names) < 4:
        msg = (
            f"{len(names)} of {len(spectra)} spectra have a signal and a common range; "
            "a factorisation needs 4"
        )
        raise InvalidInput(msg)
    intensity = rows.max(axis=1)
    shapes = rows / intensity[:, None]
    most = min(_MOST_COMPONENTS, len(names) - 1)
    if count is not None and not 1 <= count <= most:
        msg = f"count {count} must be between 1 and {most} for {len(names)} spectra"
        raise InvalidInput(msg)
    model, weights = _fitted(shapes, count, most, seed)
    components = model.components_
    top = np.maximum(components.max(axis=1), 1e-12)
    components, weights = components / top[:, None], weights * top
    order = np.argsort(components.argmax(axis=1), kind="stable")
    components, weights = components[order], weights[:, order]
    misfit = np.abs(shapes - weights @ components).sum(axis=1)
    total = np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    return PlateComponents(
        names=tuple(names),
        left_out=left_out,
        wavelength_nm=axis_nm,
        components=components,
        weights=weights / total,
        intensity=intensity,
        residual=misfit / shapes.sum(axis=1),
        peak_nm=axis_nm[components.argmax(axis=1)],
    )


def phase_map(parts: PlateComponents, count: int | None = None) -> PhaseMap:
    """Group wells by the components that they emit.

    Args:
        parts: Result of ``factorize``.
        count: Number of groups; without it, one for each component.
    """
    groups = min(count or parts.components.shape[0], len(parts.names))
    labels = AgglomerativeClustering(n_clusters=groups).fit_predict(parts.weights)
    sizes = np.bincount(labels, minlength=groups)
    rank = np.argsort(np.argsort(-sizes, kind="stable"), kind="stable")
    cluster = rank[labels]
    distance = cdist(parts.weights, parts.weights)
    np.fill_diagonal(distance, np.inf)
    nearest = distance.argmin(axis=1)
    peaks = [
        parts.peak_nm[parts.weights[cluster == group].mean(axis=0).argmax()]
        for group in range(groups)
    ]
    return PhaseMap(
        names=parts.names,
        cluster=cluster,
        peak_nm=np.array(peaks),
        border=cluster[nearest] != cluster,
    )


def _matrix(
    spectra: Mapping[str, Curve],
) -> tuple[list[str], FloatArray, FloatArray, dict[str, str]]:
    """Return names, a common axis, background-free rows, and who was left out."""
    left_out: dict[str, str] = {}
    curves: dict[str, Curve] = {}
    for name, curve in spectra.items():
        value, sigma = curve.value[curve.usable], curve.sigma[curve.usable]
        if curve.saturated.any():
            left_out[name] = "saturated"
        elif value.size < 16:
            left_out[name] = "cut"
        elif _height(value) < _LEAST_SNR * float(np.median(sigma)):
            left_out[name] = "no_signal"
        else:
            curves[name] = curve
    if not curves:
        return [], np.empty(0), np.empty((0, 0)), left_out
    low = max(float(curve.points()[0][0]) for curve in curves.values())
    high = min(float(curve.points()[0][-1]) for curve in curves.values())
    if high - low < 10.0 * _STEP_NM:
        msg = (
            f"the spectra share no range: it would run from {low:.0f} to "
            f"{high:.0f} nm; factorise spectra of one kind together"
        )
        raise InvalidInput(msg)
    axis_nm = np.arange(low, high, _STEP_NM)
    rows = [_averaged(curve, axis_nm) for curve in curves.values()]
    return list(curves), axis_nm, np.array(rows), left_out


def _height(value: FloatArray) -> float:
    return float(np.percentile(value, 99.0) - np.percentile(value, 10.0))


def _averaged(curve: Curve, axis_nm: FloatArray) -> FloatArray:
    """Return a spectrum above its background on the axis, averaged over its step."""
    wavelength_nm, value, _ = curve.points()
    fine = np.interp(
        axis_nm[:, None] + np.linspace(-0.5, 0.5, 5) * _STEP_NM, wavelength_nm, value
    ).mean(axis=1)
    return np.asarray(np.maximum(fine - np.percentile(fine, 5.0), 0.0))


def _fitted(
    shapes: FloatArray, count: int | None, most: int, seed: int
) -> tuple[Any, FloatArray]:
    """Return the factorisation and the weights, shape (m, c)."""
    counts: Sequence[int] = range(1, most + 1) if count is None else [count]
    best: tuple[Any, FloatArray] | None = None
    left = np.inf
    for number in counts:
        model = NMF(
            n_components=number,
            init="nndsvda",
            max_iter=400,
            tol=1e-3,
            random_state=seed,
        )
        with warnings.catch_warnings():
            # Components that are still moving a little describe the plate all the same.
            warnings.simplefilter("ignore", ConvergenceWarning)
            weights = model.fit_transform(shapes)
        misfit = float(model.reconstruction_err_) ** 2
        if best is not None and misfit > (1.0 - _WORTH) * left:
            break
        best, left = (model, np.asarray(weights)), misfit
    if best is None:
        msg = "no number of components was tried"
        raise InvalidInput(msg)
    return best
