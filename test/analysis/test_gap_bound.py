"""A gap that the spectrum does not reach is a bound; the rest is as good as ever."""

from dataclasses import replace

import numpy as np

from hp_lab.analysis.film import analyze_film
from hp_lab.analysis.library import FilmContext
from hp_lab.analysis.quality import is_doubt
from hp_lab.units import HC_EV_NM


def test_a_gap_behind_the_end_of_the_spectrum_is_a_lower_bound(make_absorbance):
    # Of n = 1 at 2.40 eV, with its step at 2.65 eV, the part below 2.58 eV is in view.
    full = make_absorbance(((2.40, 0.5),), scatter=0.05)
    keep = HC_EV_NM / full.wavelength_nm < 2.58
    arrays = ("wavelength_nm", "counts", "dark", "reference", "saturated")
    seen = replace(full, **{name: getattr(full, name)[keep] for name in arrays})
    result = analyze_film(
        [seen],
        sample_id="film-1",
        candidate_id="c1",
        film_age_s=60.0,
        context=FilmContext(spacer="PEA", n=1),
    )
    found = {item.quantity: item for item in result.observations}
    gap = found["gap_ev"]
    assert (gap.kind, gap.cause) == ("lower_bound", "gap_not_in_view")
    assert gap.value < 2.65
    assert found["exciton_ev"].kind == "exact"
    assert abs(found["exciton_ev"].value - 2.40) < 0.01
    assert "cut" not in {flag for flag in gap.flags if is_doubt(flag)}
    assert np.isfinite(gap.sigma)
