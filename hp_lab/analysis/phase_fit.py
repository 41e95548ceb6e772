"""The phases that a fit found in a film, with their uncertainties."""

from dataclasses import dataclass

import numpy as np

from hp_lab.analysis.library import PhaseLine
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.phase_model import PhaseModel
from hp_lab.units import FloatArray

# What real films do beyond the library widens the sigmas of shares by this factor, as
# films of known content show.
_SHARE_CALIBRATION = 1.2
_LEAST_SHARE_SIGMA = 0.005


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
        strains: How far the background is from what is believed of it, in believed
            spreads: lamp drift, refractive index, and root mean square of the knots.
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
    strains: tuple[float, float, float]

    def labels(self) -> tuple[str, ...]:
        """Return the distinct phase names, thin to thick, by-products last."""
        return tuple(dict.fromkeys(line.label for line in self.library))

    def share_of(self, label: str) -> Measured:
        """Return the share of all phases that go by a name."""
        member = np.array([float(line.label == label) for line in self.library])
        variance = float(member @ self.share_covariance @ member)
        share = float(member @ self.share)
        # No distribution between 0 and 1 is wider than this one.
        widest = float(np.sqrt(max(share * (1.0 - share), 0.0))) + _LEAST_SHARE_SIGMA
        return Measured(
            value=share,
            sigma=float(
                np.clip(
                    _SHARE_CALIBRATION * np.sqrt(max(variance, 0.0)),
                    _LEAST_SHARE_SIGMA,
                    widest,
                )
            ),
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
