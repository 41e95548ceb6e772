"""The hidden truth, for judging campaigns; nothing that plans or analyses may read it.

``true_property`` gives the value that perfect instruments would find on a film without
film-to-film variation; ``film_from_settings`` makes a film from a planner's settings by
the very code that makes the laboratory's films.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np

from hp_lab.errors import InvalidInput
from hp_lab.recipes.process import ProcessDefaults
from hp_lab.records import Setting
from hp_lab.simulation.absorption import absorbed_shares, absorber_of
from hp_lab.simulation.emission import emitted_per_ev
from hp_lab.simulation.energies import binding_ev, exciton_ev
from hp_lab.simulation.films import FilmHistory
from hp_lab.simulation.formation import Film, aged, film_at
from hp_lab.simulation.handling import Handling, history_from_settings, process_of
from hp_lab.simulation.phases import LAYERS
from hp_lab.simulation.stage import FilmLight, Lights, Stage
from hp_lab.simulation.variation import IDEAL, Variation

QUANTITIES = (
    "phase_purity",
    "dominant_fraction",
    "exciton_ev",
    "gap_ev",
    "pl_peak_ev",
    "pl_log_intensity",
    "thickness_nm",
    "crystallinity",
    "lead_iodide",
)
# Phases that count as one, thin to thick; from n = 6 on they are told apart no more.
_GROUPS = (*((n,) for n in range(5)), tuple(range(5, len(LAYERS))))
# Photoelectrons that make one count of the laboratory's spectrometer.
_ELECTRONS_PER_COUNT = 2.5
_FINE_EV = np.linspace(1.2, 3.3, 4201)
_PIXELS_NM = np.arange(420.0, 1000.0, 0.25)


def film_from_settings(
    settings: Mapping[str, Setting],
    process: ProcessDefaults | None = None,
    *,
    handling: Handling | None = None,
    seed: int | None = None,
    film_id: str = "settings",
) -> Film:
    """Return the film that settings make, as it is when it is measured.

    Args:
        settings: A candidate's settings.
        process: How films are made where the settings do not say.
        handling: How films are moved about.
        seed: Without one, the expected film; with one, the film of that name in the
            laboratory of that seed.
        film_id: Name of the film.

    Raises:
        InvalidInput: The settings do not describe a composition or a process, or leave
            nothing on the substrate.
    """
    variation = IDEAL
    if seed is not None:
        variation = Variation(seed=seed, film_id=film_id, batch_id=film_id)
    history = history_from_settings(settings, process, handling)
    rest_s = process_of(settings, process).rest_s
    return _film(history, variation, rest_s)


def film_from_history(history: FilmHistory, age_s: float = 180.0) -> Film:
    """Return the film that a substrate's history makes, without its own deviations.

    What was pipetted, when the drop fell and how warm the plate really was are in it.

    Raises:
        InvalidInput: There is no perovskite on the substrate.
    """
    return _film(history, IDEAL, age_s)


def _film(history: FilmHistory, variation: Variation, age_s: float) -> Film:
    made_s = history.made_s(math.inf)
    film = film_at(history, made_s, variation)
    if film is None:
        msg = f"{history.film_id}: there is no perovskite film on this substrate"
        raise InvalidInput(msg)
    return aged(film, age_s, 0.0)


def true_property(
    what: Film | FilmHistory | Mapping[str, Setting],
    quantity: str,
    process: ProcessDefaults | None = None,
    *,
    handling: Handling | None = None,
) -> float:
    """Return what perfect instruments find on a film without film-to-film variation.

    Quantities:

    - ``phase_purity``: share of the phase asked for (the nominal n of settings or of
      what was dispensed) in the film's absorbance, integrated over photon energy from
      0.15 eV below the 3D exciton to 0.30 eV above the n = 1 exciton. Thicknesses from
      n = 6 on, 3D included, count as one phase. It is 0 to 1.
    - ``dominant_fraction``: the same for the phase that has most.
    - ``exciton_ev``, ``gap_ev``: of the phase asked for.
    - ``pl_peak_ev``: maximum of the emitted photons per photon energy.
    - ``pl_log_intensity``: natural logarithm of the emission's highest value in counts
      per second and pixel, excitation at full level, at 2.5 electrons a count.
    - ``thickness_nm``, ``crystallinity`` (0 to 1), ``lead_iodide`` (share of lead).

    Args:
        what: A film, a substrate's history, or a candidate's settings.
        quantity: One of :data:`QUANTITIES`.
        process: How films are made where settings do not say.
        handling: How films are moved about.

    Raises:
        InvalidInput: The quantity is unknown, or there is no such film.
    """
    if quantity not in QUANTITIES:
        msg = f"truth: quantity {quantity!r} is unknown; use {', '.join(QUANTITIES)}"
        raise InvalidInput(msg)
    if isinstance(what, FilmHistory):
        film = film_from_history(what)
    elif isinstance(what, Film):
        film = what
    else:
        film = film_from_settings(what, process, handling=handling)
    return _ASSESS[quantity](film)


def phase_fractions(film: Film) -> dict[str, float]:
    """Return the share of each phase in the film's absorbance, thin to thick.

    What is not layered is in none of them, so that they add to at most one.
    """
    shares = absorbed_shares(film)
    names = [f"n={index + 1}" for index in range(5)] + ["n>=6"]
    return {
        name: float(shares[list(group)].sum())
        for name, group in zip(names, _GROUPS, strict=True)
    }


def _target(film: Film) -> int:
    """Return the index of the nominal phase among the groups."""
    return min(round(min(film.nominal_n, 99.0)), 6) - 1


def _phase_purity(film: Film) -> float:
    return list(phase_fractions(film).values())[_target(film)]


def _dominant_fraction(film: Film) -> float:
    return max(phase_fractions(film).values())


def _exciton_ev(film: Film) -> float:
    index = _target(film)
    energies = exciton_ev(film.composition, float(film.layered[-1]))
    return float(energies[index if index < 5 else -1]) + film.peak_shift_ev


def _gap_ev(film: Film) -> float:
    index = _target(film)
    return _exciton_ev(film) + float(binding_ev()[index if index < 5 else -1])


def _pl_peak_ev(film: Film) -> float:
    spectrum = emitted_per_ev(film, absorber_of(film, _FINE_EV))
    return float(_FINE_EV[int(np.argmax(spectrum))])


def _pl_log_intensity(film: Film) -> float:
    lights = Lights(led=1.0, shutter=1.0)
    stage = Stage(None)
    seen = stage.photoelectrons_s(_PIXELS_NM, lights, FilmLight(film), 0.0)
    dark = stage.photoelectrons_s(_PIXELS_NM, lights, None, 0.0)
    return math.log(float((seen - dark).max()) / _ELECTRONS_PER_COUNT)


_ASSESS: dict[str, Callable[[Film], float]] = {
    "phase_purity": _phase_purity,
    "dominant_fraction": _dominant_fraction,
    "exciton_ev": _exciton_ev,
    "gap_ev": _gap_ev,
    "pl_peak_ev": _pl_peak_ev,
    "pl_log_intensity": _pl_log_intensity,
    "thickness_nm": lambda film: film.thickness_nm,
    "crystallinity": lambda film: film.crystalline,
    "lead_iodide": lambda film: float(film.by_products[0]),
}
