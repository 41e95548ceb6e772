"""Products of decomposition in an absorbance spectrum."""

from dataclasses import dataclass

from hp_lab.analysis.absorption import Absorption
from hp_lab.analysis.library import LEAD_IODIDE
from hp_lab.analysis.measured import Measured

# Below this many sigmas lead iodide is not told from the phases' continua.
_DETECTION_SIGMAS = 3.0
_LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadIodide:
    """Lead iodide beside the perovskite.

    Attributes:
        share: Its share of the absorbed light, see ``phases``.
        edge_ev: Where its absorption sets in; None where it is not seen.
        seen: Whether it stands out of the fit's uncertainty.
    """

    share: Measured
    edge_ev: Measured | None
    seen: bool


def lead_iodide(absorption: Absorption) -> LeadIodide | None:
    """Return how much lead iodide a film shows, None if the library has none.

    Its edge near 2.4 eV lies under the excitons and continua of thin phases, so a small
    share is uncertain; the sigma says how much.
    """
    fit = absorption.phases
    places = [i for i, line in enumerate(fit.library) if line.label == LEAD_IODIDE]
    if not places:
        return None
    place = places[0]
    share = fit.share_of(LEAD_IODIDE)
    seen = share.value > max(_LEAST_SHARE, _DETECTION_SIGMAS * share.sigma)
    edge = Measured(
        value=float(fit.exciton_ev[place]), sigma=float(fit.exciton_sigma_ev[place])
    )
    return LeadIodide(share=share, edge_ev=edge if seen else None, seen=seen)


def lost_share(before: Absorption, after: Absorption) -> Measured:
    """Return the share of the perovskite's absorption that is gone, 0 to 1.

    Args:
        before: The fresh film.
        after: The same film later.
    """
    kept = _perovskite_od(after).value / _perovskite_od(before).value
    one, two = _perovskite_od(before), _perovskite_od(after)
    relative = ((one.sigma / one.value) ** 2 + (two.sigma / two.value) ** 2) ** 0.5
    return Measured(value=1.0 - kept, sigma=max(kept * relative, 1e-6))


def _perovskite_od(absorption: Absorption) -> Measured:
    """Return the highest absorbance of all n-phases together."""
    fit = absorption.phases
    parts = fit.parts_at(fit.energy_ev)
    layered = [i for i, line in enumerate(fit.library) if line.is_perovskite]
    height = float(parts[layered].sum(axis=0).max())
    sigma = float(sum(fit.height_sigma[i] ** 2 for i in layered) ** 0.5)
    return Measured(value=max(height, 1e-6), sigma=max(sigma, 1e-6))
