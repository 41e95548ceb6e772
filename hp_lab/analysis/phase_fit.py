"""The phases that a fit found in a film, with their uncertainties."""

from dataclasses import dataclass

import numpy as np

from hp_lab.analysis.library import PhaseLine
from hp_lab.analysis.measured import Measured
from hp_lab.analysis.phase_model import PhaseModel
from hp_lab.analysis.spectrum import BoolArray
from hp_lab.units import FloatArray

# Sigmas by the fit's covariance times these factors cover as they should in films of
# known content: misfit that is correlated over many points moves a narrow line little.
_SHARE_CALIBRATION, _EXCITON_CALIBRATION = 0.6, 0.72
_LEAST_SHARE_SIGMA = 0.005
# Shapes that differ from the library's let light of one phase pass for another's, most
# where both have some: this times the root of share * (1 - share).
_MISTAKEN_LIGHT = 0.05
# The light that a share leaves to the others is not mistaken by more than this part of
# it, whatever the covariance of phases says that were not found.
_LEFT_LIGHT = 0.6
# Beside a thin phase there are its neighbours and thick ones; another thin one so many
# places away or more is often its own light, moved by a background that is a little
# off. So many times what was found there.
_DISTANT_LIGHT, _DISTANT = 2.0, 3
# Where a line or a broadened step of unknown shape lies is uncertain by these shares of
# its width: side bands of phonons and disorder make both lopsided.
_LINE_SHARE, _STEP_SHARE = 0.0068, 0.15
# The same for lines of which only the flanks are seen, times the light through holes;
# and the uncertainty of such a line's share of the light.
_HIDDEN_LINE_SHARE, _HIDDEN_LIGHT = 0.04, 0.3
# Phases whose lines hide under each other are not resolved; the mean over those of a
# name is uncertain by this share of the spread of all that hide there.
_UNRESOLVED_EXCITON, _UNRESOLVED_GAP = 0.33, 0.25
_GAUSS_EXPONENT = -4.0 * float(np.log(2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFit:
    """The phases found in a film; arrays run over the library's phases, shape (p,).

    Attributes:
        library: The phases that were offered.
        share: Shares of the absorbed light, summing to 1.
        covariance: Of shares, excitons and gaps, shape (3 p, 3 p).
        exciton_ev: Fitted exciton energies.
        gap_ev: Band gaps, exciton plus binding energy.
        binding_ev: Fitted binding energies.
        fwhm_ev: Fitted widths of the exciton lines.
        height: Exciton heights (by-products: continuum), OD.
        height_sigma: Sigmas of the heights.
        background: Coefficients of ``FilmBackground``'s columns.
        film: Unknowns of ``FilmBackground``.
        shape: Shape unknowns, in units of their believed spreads.
        optical_density: Highest absorbance of all phases together.
        reduced_chi2: Misfit.
        energy_ev: Energies that were fitted, shape (k,).
        base: Background at these energies, OD, shape (k,).
        hidden: Share of the light at each exciton that passed through holes, shape
            (p,): a line that is dark but for them shows its flanks alone.
        strains: How far the background is from what is believed of it, in believed
            spreads: lamp drift, refractive index, and root mean square of the knots.
    """

    library: tuple[PhaseLine, ...]
    share: FloatArray
    covariance: FloatArray
    exciton_ev: FloatArray
    gap_ev: FloatArray
    binding_ev: FloatArray
    fwhm_ev: FloatArray
    height: FloatArray
    height_sigma: FloatArray
    background: FloatArray
    film: FloatArray
    shape: FloatArray
    optical_density: Measured
    reduced_chi2: float
    energy_ev: FloatArray
    base: FloatArray
    hidden: FloatArray
    strains: tuple[float, float, float]

    def labels(self) -> tuple[str, ...]:
        """Return the distinct phase names, thin to thick, by-products last."""
        return tuple(dict.fromkeys(line.label for line in self.library))

    def share_of(self, label: str) -> Measured:
        """Return the share of all phases that go by a name."""
        member = np.array([float(line.label == label) for line in self.library])
        variance = float(member @ self._block(0) @ member)
        share = float(member @ self.share)
        formal = _SHARE_CALIBRATION * float(np.sqrt(max(variance, 0.0)))
        formal = min(formal, _LEFT_LIGHT * (1.0 - share) + _LEAST_SHARE_SIGMA)
        hidden = float(member @ (self.share * self.hidden)) / max(share, 1e-9)
        mistaken = float(np.hypot(_MISTAKEN_LIGHT, _HIDDEN_LIGHT * hidden))
        mistaken *= float(np.sqrt(max(share * (1.0 - share), 0.0)))
        distant = _DISTANT_LIGHT * share * self._distant_light(member > 0.0)
        parts = [formal, mistaken, distant, self._dip(member > 0.0)]
        sigma = float(np.linalg.norm(parts))
        # No distribution between 0 and 1 is wider than this; a share of just 0 or 1
        # may lie a sigma inside.
        inside = min(sigma, 0.5)
        widest = float(np.clip(share, inside, 1.0 - inside))
        widest = float(np.sqrt(widest * (1.0 - widest)))
        return Measured(
            value=share, sigma=float(max(min(sigma, widest), _LEAST_SHARE_SIGMA))
        )

    def _distant_light(self, member: BoolArray) -> float:
        """Return the share of thin phases far from a thin phase of one name."""
        thin = np.array([line.has_own_name for line in self.library])
        if not (member & thin).any():
            return 0.0
        places = np.arange(len(self.library))
        away = np.abs(places[:, None] - np.flatnonzero(member)).min(axis=1)
        return float(self.share[thin & (away >= _DISTANT)].sum())

    def _dip(self, member: BoolArray) -> float:
        """Return by how much one phase falls below the mean of its neighbours.

        Distributions over n have no such gaps as a rule; a search that prefers few
        phases makes them.
        """
        places = np.flatnonzero(member)
        if places.size != 1 or not 0 < places[0] < len(self.library) - 1:
            return 0.0
        before, at, after = places[0] - 1, places[0], places[0] + 1
        if not (self.library[at].is_perovskite and self.library[after].is_perovskite):
            return 0.0
        mean = 0.5 * float(self.share[before] + self.share[after])
        return max(mean - float(self.share[at]), 0.0)

    @property
    def exciton_sigma_ev(self) -> FloatArray:
        """Sigmas of the exciton energies, shape (p,)."""
        variance = _EXCITON_CALIBRATION**2 * np.diag(self._block(1))
        return np.asarray(np.sqrt(variance + self._line_sigma_ev**2))

    @property
    def _line_sigma_ev(self) -> FloatArray:
        share = np.hypot(_LINE_SHARE, _HIDDEN_LINE_SHARE * self.hidden)
        return np.asarray(share * self.fwhm_ev)

    def exciton_of(self, label: str) -> Measured:
        """Return the exciton of all phases that go by a name, their mean over share."""
        mean, sigma, spread, weight = self._mean_of(label, self.exciton_ev, 1)
        line = float(weight @ self._line_sigma_ev)
        return Measured(value=mean, sigma=_EXCITON_CALIBRATION * sigma).widened(
            line, _UNRESOLVED_EXCITON * spread
        )

    def gap_of(self, label: str) -> Measured:
        """Return the band gap of all phases that go by a name, likewise."""
        mean, sigma, spread, weight = self._mean_of(label, self.gap_ev, 2)
        step = _STEP_SHARE * float(weight @ self.fwhm_ev)
        return Measured(value=mean, sigma=sigma).widened(step, _UNRESOLVED_GAP * spread)

    def _mean_of(
        self, label: str, energy_ev: FloatArray, kind: int
    ) -> tuple[float, float, float, FloatArray]:
        """Return the mean over the phases of a name, and how sure it is.

        Args:
            label: The name.
            energy_ev: Excitons or gaps, shape (p,).
            kind: 1 for excitons, 2 for gaps.

        Returns:
            Mean, its sigma by the covariance, the spread of all phases that hide there,
            and the weights, shape (p,).
        """
        member = np.array([line.label == label for line in self.library])
        weight = np.where(member, np.maximum(self.share, 1e-9), 0.0)
        weight = weight / weight.sum()
        mean = float(weight @ energy_ev)
        count = len(self.library)
        move = np.zeros(3 * count)
        total = max(float(member @ self.share), _LEAST_SHARE_SIGMA)
        move[:count] = np.where(member, energy_ev - mean, 0.0) / total
        move[kind * count : (kind + 1) * count] = weight
        variance = max(float(move @ self.covariance @ move), 1e-12)
        near = self._alike(member)
        spread = float(np.sqrt(near @ (energy_ev - mean) ** 2 / near.sum()))
        return mean, float(np.sqrt(variance)), spread, weight

    def _alike(self, member: FloatArray) -> FloatArray:
        """Return shares, each as far as its line hides under those of some phases.

        That is the product of the two lines' profiles, relative to equal lines.
        """
        layered = np.array([line.is_perovskite for line in self.library])
        apart = (self.exciton_ev[:, None] - self.exciton_ev[member]) / self.fwhm_ev[
            :, None
        ]
        hidden = np.exp(2.0 * _GAUSS_EXPONENT * np.min(apart**2, axis=1)) * layered
        return np.asarray(np.where(member, 1.0, hidden) * np.maximum(self.share, 1e-9))

    def _block(self, kind: int) -> FloatArray:
        """Return the covariance of shares (0), excitons (1) or gaps (2)."""
        size = len(self.library)
        part = slice(kind * size, (kind + 1) * size)
        return self.covariance[part, part]

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
