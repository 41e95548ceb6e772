"""Films of the simulated laboratory whose spectra the analysis has to read blindly.

Every film's line shapes are moved away from the simulation's own: energies by 30 meV
(a common part and one of each phase), exciton strengths by 25 %, binding energies by
30 %, widths by 20 % (standard deviations). The readings go through the simulated optics
and a detector with shot noise, read noise, offset and ceiling.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from hp_lab.analysis.library import LEAD_IODIDE, FilmContext, phase_label
from hp_lab.recipes.process import ProcessDefaults
from hp_lab.records import Spectrum
from hp_lab.simulation import absorption, emission
from hp_lab.simulation import constants as c
from hp_lab.simulation.absorption import absorbed_shares, absorber_of
from hp_lab.simulation.formation import Film
from hp_lab.simulation.phases import LAYERS
from hp_lab.simulation.stage import GRID_EV, GRID_NM, FilmLight, Lights, Stage
from hp_lab.simulation.truth import film_from_settings
from hp_lab.units import HC_EV_NM, FloatArray

PIXELS_NM = np.linspace(345.0, 1000.0, 2068)
SPACERS = ("BA", "PEA", "HA", "OA", "DDA", "4F-PEA", "BZA", "PA", "3AMP")
CEILING = 65_535.0
OFFSET = 1_480.0
READ_COUNTS = 6.0
ELECTRONS_PER_COUNT = 2.4
AVERAGES = 10
_COMMON_SHIFT_EV = 0.025
_OWN_SHIFT_EV = 0.017
_STRENGTH = 0.25
_BINDING = 0.30
_WIDTH = 0.20


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindFilm:
    """A film's readings, what the analysis is told, and the truth.

    Attributes:
        spectra: Absorbance and PL readings.
        context: What the analysis is told.
        shares: Share of the absorbed light by phase name, all by-products as PbI2.
        exciton_ev: Exciton, mean over the shares of the phases of a name.
        gap_ev: Band gap, likewise.
        pl_peak_ev: Maximum of the noise-free emission per eV, as it leaves the film.
        pl_fwhm_ev: Its full width at half maximum after the spectrometer's bandpass.
        energy_ev: Energies of ``density``, ascending.
        density: Absorbance of all phases and by-products together, OD.
    """

    spectra: tuple[Spectrum, ...]
    context: FilmContext
    shares: dict[str, float]
    exciton_ev: dict[str, float]
    gap_ev: dict[str, float]
    pl_peak_ev: float
    pl_fwhm_ev: float
    energy_ev: FloatArray
    density: FloatArray

    def optical_density(self, low_ev: float, high_ev: float) -> float:
        """Return the highest absorbance of the film's phases between two energies."""
        inside = (self.energy_ev >= low_ev) & (self.energy_ev <= high_ev)
        return float(self.density[inside].max())


@contextlib.contextmanager
def moved_shapes(rng: np.random.Generator) -> Iterator[None]:
    """Move the simulation's line shapes for the films made inside the block."""
    count = LAYERS.size
    shift = rng.normal(0.0, _COMMON_SHIFT_EV) + rng.normal(0.0, _OWN_SHIFT_EV, count)
    binding = np.exp(rng.normal(0.0, _BINDING, count))
    widths = np.exp(rng.normal(0.0, _WIDTH, count))
    strength = float(np.exp(rng.normal(0.0, _STRENGTH)))
    exciton_ev, binding_ev = absorption.exciton_ev, absorption.binding_ev
    saved = {
        "LINE_FWHM_EV": c.LINE_FWHM_EV,
        "EXCITON_PEAK_PER_NM": c.EXCITON_PEAK_PER_NM,
    }

    def moved_exciton(*arguments: object) -> FloatArray:
        return np.asarray(exciton_ev(*arguments) + shift)

    def moved_binding() -> FloatArray:
        return np.asarray(binding_ev() * binding)

    try:
        absorption.exciton_ev = moved_exciton
        emission.exciton_ev = moved_exciton
        absorption.binding_ev = moved_binding
        c.LINE_FWHM_EV = tuple(np.array(c.LINE_FWHM_EV) * widths)
        c.EXCITON_PEAK_PER_NM = c.EXCITON_PEAK_PER_NM * strength
        yield
    finally:
        absorption.exciton_ev = exciton_ev
        emission.exciton_ev = exciton_ev
        absorption.binding_ev = binding_ev
        for name, value in saved.items():
            setattr(c, name, value)


def film_settings(
    rng: np.random.Generator,
) -> tuple[dict[str, float | str], ProcessDefaults]:
    """Return the settings and the process of a random film."""
    spacer = str(rng.choice(SPACERS))
    n = float(rng.choice([1.0, 2.0, 3.0, 4.0, 5.0], p=[0.25, 0.3, 0.2, 0.15, 0.1]))
    settings: dict[str, float | str] = {"spacer": spacer, "n": n}
    draw = rng.random()
    if draw < 0.25:
        settings["fa_fraction"] = float(rng.uniform(0.2, 1.0))
    elif draw < 0.4:
        settings["cs_fraction"] = float(rng.uniform(0.05, 0.2))
    if rng.random() < 0.2:
        settings["br_fraction"] = float(rng.uniform(0.05, 0.5))
    process = ProcessDefaults(
        concentration_m=float(rng.uniform(0.25, 0.8)),
        drop_time_s=float(rng.uniform(8.0, 20.0)),
        anneal_c=float(rng.uniform(80.0, 120.0)),
        anneal_s=float(rng.uniform(300.0, 900.0)),
    )
    return settings, process


def _context(settings: dict[str, float | str]) -> FilmContext:
    bromide = float(settings.get("br_fraction", 0.0))
    formamidinium = float(settings.get("fa_fraction", 0.0))
    caesium = float(settings.get("cs_fraction", 0.0))
    return FilmContext(
        spacer=str(settings["spacer"]),
        n=float(settings["n"]),
        halides={"I": 1.0 - bromide, "Br": bromide},
        a_site={"MA": 1 - formamidinium - caesium, "FA": formamidinium, "Cs": caesium},
    )


def reading(
    rate_e_s: FloatArray, integration_s: float, rng: np.random.Generator
) -> FloatArray:
    """Return counts of a reading, the mean of AVERAGES exposures."""
    electrons = np.maximum(rate_e_s * integration_s, 0.0)
    capped = np.minimum(electrons, 2.0 * CEILING * ELECTRONS_PER_COUNT)
    counts = rng.poisson(capped * AVERAGES) / (AVERAGES * ELECTRONS_PER_COUNT)
    noise = rng.normal(0.0, READ_COUNTS / np.sqrt(AVERAGES), rate_e_s.size)
    return np.asarray(np.minimum(OFFSET + counts + noise, CEILING))


def exposure_s(rate_e_s: FloatArray, target_counts: float) -> float:
    """Return the integration time that brings the highest pixel to a target."""
    wanted = target_counts * ELECTRONS_PER_COUNT / max(float(rate_e_s.max()), 1e-6)
    return float(np.clip(wanted, 0.004, 10.0))


def blind_film(seed: int, *, pl_counts: float = 20_000.0) -> BlindFilm | None:
    """Return the readings and the truth of a random film, None if nothing is left.

    Args:
        seed: Of everything about it.
        pl_counts: Height of the PL reading (or what 10 s give).
    """
    rng = np.random.default_rng(seed)
    settings, process = film_settings(rng)
    film = film_from_settings(settings, process, seed=seed, film_id=f"film-{seed}")
    with moved_shapes(rng):
        return _measured(film, _context(settings), seed, rng, pl_counts)


def _measured(
    film: Film,
    context: FilmContext,
    seed: int,
    rng: np.random.Generator,
    pl_counts: float,
) -> BlindFilm:
    light = FilmLight(film)
    stage = Stage(seed)
    lamp = Lights(lamp=1.0, shutter=1.0, lamp_since_s=0.0)
    led = Lights(led=1.0, shutter=1.0)
    dark_rate = np.full(PIXELS_NM.size, 300.0)
    bare = stage.photoelectrons_s(PIXELS_NM, lamp, None, 3000.0)
    through = stage.photoelectrons_s(
        PIXELS_NM,
        lamp,
        light,
        3600.0,
        lamp_coupling=1.0 + c.PLACEMENT_LAMP * float(rng.normal()),
    )
    glow = stage.photoelectrons_s(PIXELS_NM, led, light, 3700.0)
    seen_pl = glow[PIXELS_NM > 430.0]
    lamp_s = exposure_s(bare, 45_000.0)
    pl_s = exposure_s(seen_pl, pl_counts)
    shape = absorber_of(film, np.array([2.0]))
    exciton = shape.exciton_ev
    return BlindFilm(
        spectra=(
            Spectrum(
                mode="absorbance",
                sample_id=f"film-{seed}",
                wavelength_nm=PIXELS_NM,
                counts=reading(through + dark_rate, lamp_s, rng),
                dark=reading(dark_rate, lamp_s, rng),
                reference=reading(bare + dark_rate, lamp_s, rng),
                integration_s=lamp_s,
                reference_integration_s=lamp_s,
                averages=AVERAGES,
            ),
            Spectrum(
                mode="photoluminescence",
                sample_id=f"film-{seed}",
                wavelength_nm=PIXELS_NM,
                counts=reading(glow + dark_rate, pl_s, rng),
                dark=reading(dark_rate, pl_s, rng),
                integration_s=pl_s,
                averages=AVERAGES,
                excitation_nm=c.LED_NM,
            ),
        ),
        context=context,
        **_truth(film, exciton),
        pl_peak_ev=_top_ev(light.emitted_per_nm * GRID_NM**2),
        pl_fwhm_ev=_fwhm_ev(light.emitted_per_nm),
        energy_ev=GRID_EV[::-1],
        density=absorber_of(film, GRID_EV).total[::-1] / np.log(10.0),
    )


def _truth(film: Film, exciton: FloatArray) -> dict[str, dict[str, float]]:
    """Return shares, excitons and gaps by phase name."""
    every = absorbed_shares(film)
    layered = every[: LAYERS.size]
    gap = exciton + absorption.binding_ev()
    shares: dict[str, float] = {LEAD_IODIDE: float(every[LAYERS.size :].sum())}
    labels = [phase_label(float(n)) for n in LAYERS]
    excitons: dict[str, float] = {}
    gaps: dict[str, float] = {}
    for label in dict.fromkeys(labels):
        member = np.array([one == label for one in labels])
        weight = np.where(member, np.maximum(layered, 1e-12), 0.0)
        shares[label] = float(layered[member].sum())
        excitons[label] = float(weight @ exciton / weight.sum())
        gaps[label] = float(weight @ gap / weight.sum())
    return {"shares": shares, "exciton_ev": excitons, "gap_ev": gaps}


def _top_ev(per_ev: FloatArray) -> float:
    """Return the photon energy of the highest value on the stage's grid."""
    top = int(np.argmax(per_ev))
    before, at, after = per_ev[top - 1 : top + 2]
    shift = 0.5 * (before - after) / (before - 2.0 * at + after)
    return float(HC_EV_NM / (GRID_NM[top] + shift * (GRID_NM[1] - GRID_NM[0])))


def _fwhm_ev(per_nm: FloatArray) -> float:
    """Return the full width at half maximum per eV behind the spectrometer's slit."""
    step_nm = float(GRID_NM[1] - GRID_NM[0])
    sigma = c.BANDPASS_FWHM_NM / (2.0 * np.sqrt(2.0 * np.log(2.0))) / step_nm
    per_ev = gaussian_filter1d(per_nm, sigma) * GRID_NM**2
    top = int(np.argmax(per_ev))
    half = 0.5 * float(per_ev[top])
    last = top + int(np.argmax(per_ev[top:] < half))
    first = top - int(np.argmax(per_ev[top::-1] < half))
    ends_nm = [
        np.interp(half, per_ev[last : last - 2 : -1], GRID_NM[last : last - 2 : -1]),
        np.interp(half, per_ev[first : first + 2], GRID_NM[first : first + 2]),
    ]
    return float(HC_EV_NM / ends_nm[1] - HC_EV_NM / ends_nm[0])
