"""Readings spoiled in known ways, with the flag that should name the cause.

Severities, uniform within their limits:

- saturated: PL 1.3 to 6 times the ceiling; without the driver's mask in half of them;
- empty: every pixel one value;
- no_signal: dark counts in place of the reading;
- spiked: 1 to 4 spikes of 1 to 3 pixels, 5 to 80 % of the spectrum's range;
- cut: PL ends between 1.0 width before and 0.3 widths behind its peak, absorbance
  between the exciton and 0.15 eV below it;
- wrong_reference: another substrate (7 to 20 % darker, fringes, an edge in the violet),
  or another integration time than stated (a factor of 1.25 to 3, up or down);
- wavelength_shift: 2.5 to 8 nm, with the excitation line in view: in all readings the
  diode's scattered light stands out of the noise of a pixel by a factor of 7 or more.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from blind_films import CEILING, OFFSET, PIXELS_NM, READ_COUNTS, BlindFilm

from hp_lab.records import Spectrum
from hp_lab.units import HC_EV_NM, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiled:
    """A film's readings of which one is spoiled.

    Attributes:
        spectra: All readings.
        cause: Flag that should name what happened.
        quantities: What it may falsify.
    """

    spectra: tuple[Spectrum, ...]
    cause: str
    quantities: tuple[str, ...]


PL = ("pl_peak_ev", "pl_fwhm_ev", "pl_log_intensity")
ABSORBANCE = ("exciton_ev", "gap_ev", "phase_purity", "optical_density")
Spoiler = Callable[[BlindFilm, np.random.Generator], Spoiled]


def _noise(rng: np.random.Generator) -> FloatArray:
    return OFFSET + rng.normal(0.0, READ_COUNTS, PIXELS_NM.size)


def saturated(film: BlindFilm, rng: np.random.Generator) -> Spoiled:
    """Let the PL exceed the ceiling."""
    absorbance, pl = film.spectra
    signal = pl.counts - pl.dark
    clear = signal[PIXELS_NM > 430.0]
    factor = float(rng.uniform(1.3, 6.0)) * CEILING / float(clear.max())
    counts = np.minimum(signal * factor + pl.dark, CEILING)
    mask = counts >= CEILING if rng.random() < 0.5 else np.empty(0, dtype=bool)
    spoiled = replace(
        pl, counts=counts, saturated=mask, integration_s=pl.integration_s * factor
    )
    return Spoiled(spectra=(absorbance, spoiled), cause="saturated", quantities=PL)


def empty(film: BlindFilm, rng: np.random.Generator) -> Spoiled:
    """Let the detector repeat one value."""
    which = int(rng.integers(2))
    level = float(rng.choice([0.0, OFFSET, CEILING]))
    one = film.spectra[which]
    spoiled = replace(one, counts=np.full(PIXELS_NM.size, level))
    return _at(film, which, spoiled, "empty")


def no_signal(film: BlindFilm, rng: np.random.Generator) -> Spoiled:
    """Leave the light off."""
    which = int(rng.integers(2))
    spoiled = replace(film.spectra[which], counts=_noise(rng), dark=_noise(rng))
    return _at(film, which, spoiled, "no_signal")


def spiked(film: BlindFilm, rng: np.random.Generator) -> Spoiled:
    """Let cosmic rays hit the detector."""
    which = int(rng.integers(2))
    one = film.spectra[which]
    counts = one.counts.copy()
    span = float(np.ptp(counts))
    for _ in range(int(rng.integers(1, 5))):
        place = int(rng.integers(300, PIXELS_NM.size - 100))
        width = int(rng.integers(1, 4))
        counts[place : place + width] += span * float(rng.uniform(0.05, 0.8))
    return _at(film, which, replace(one, counts=np.minimum(counts, CEILING)), "spiked")


def cut(film: BlindFilm, rng: np.random.Generator) -> Spoiled:
    """End the spectrum within its feature."""
    which = int(rng.integers(2))
    if which == 1:
        width_nm = 0.09 * HC_EV_NM / film.pl_peak_ev**2
        end_nm = HC_EV_NM / film.pl_peak_ev + width_nm * float(rng.uniform(-1.0, 0.3))
        keep = end_nm > PIXELS_NM
    else:
        label = max(
            (name for name in film.exciton_ev), key=lambda name: film.shares[name]
        )
        end_ev = film.exciton_ev[label] - float(rng.uniform(0.0, 0.15))
        keep = HC_EV_NM / end_ev < PIXELS_NM
    one = film.spectra[which]
    parts = {
        name: getattr(one, name)[keep]
        for name in ("wavelength_nm", "counts", "dark", "reference", "saturated")
        if getattr(one, name).size
    }
    return _at(film, which, replace(one, **parts), "cut")


def other_substrate(film: BlindFilm, rng: np.random.Generator) -> Spoiled:
    """Take the reference through another substrate."""
    absorbance = film.spectra[0]
    level = float(rng.uniform(0.80, 0.93))
    ripple = float(rng.uniform(0.01, 0.04))
    period_ev = float(rng.uniform(0.3, 0.8))
    energy = HC_EV_NM / PIXELS_NM
    relative = level * (1.0 + ripple * np.sin(2.0 * np.pi * energy / period_ev))
    relative = relative / (1.0 + np.exp((375.0 - PIXELS_NM) / 8.0))
    reference = OFFSET + (absorbance.reference - OFFSET) * relative
    spoiled = replace(absorbance, reference=reference)
    return _at(film, 0, spoiled, "wrong_reference")


def other_time(film: BlindFilm, rng: np.random.Generator) -> Spoiled:
    """State another integration time of the reference than it had."""
    absorbance = film.spectra[0]
    factor = float(rng.uniform(1.25, 3.0)) ** float(rng.choice([-1.0, 1.0]))
    spoiled = replace(
        absorbance, reference_integration_s=absorbance.reference_integration_s * factor
    )
    return _at(film, 0, spoiled, "wrong_reference")


def shifted(film: BlindFilm, rng: np.random.Generator) -> Spoiled:
    """Displace the wavelength axis of the PL reading."""
    pl = film.spectra[1]
    by_nm = float(rng.uniform(2.5, 8.0)) * float(rng.choice([-1.0, 1.0]))
    spoiled = replace(pl, wavelength_nm=PIXELS_NM + by_nm)
    return _at(film, 1, spoiled, "wavelength_shift")


def _at(film: BlindFilm, which: int, spoiled: Spectrum, cause: str) -> Spoiled:
    spectra = list(film.spectra)
    spectra[which] = spoiled
    return Spoiled(
        spectra=tuple(spectra), cause=cause, quantities=PL if which else ABSORBANCE
    )


SPOILERS: tuple[Spoiler, ...] = (
    saturated,
    empty,
    no_signal,
    spiked,
    cut,
    other_substrate,
    other_time,
    shifted,
)
