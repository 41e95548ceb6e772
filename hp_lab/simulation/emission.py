"""Photoluminescence: who absorbs, where the energy goes, what leaves the film.

Excitations run downhill in energy, from thin to thick layers, in picoseconds; what
recombines before it gets there emits at its own place. So absorption shows every phase
and emission mostly the thickest, even at a few per cent. The film is cut into
sublayers, thin phases at the substrate, and every sublayer reabsorbs what comes from
below.
"""

import math
from dataclasses import replace

import numpy as np

from hp_lab.simulation import constants as c
from hp_lab.simulation.absorption import Absorber, absorber_of, pseudo_voigt
from hp_lab.simulation.energies import exciton_ev, stokes_ev
from hp_lab.simulation.formation import Film, volumes_a3
from hp_lab.simulation.phases import INVERSE_LAYERS, LAYERS
from hp_lab.units import HC_EV_NM, FloatArray

# Thicker than this, halides part under light.
_SEGREGATING = INVERSE_LAYERS < 0.3
_FWHM_EV = np.array(c.EMISSION_FWHM_EV)
_YIELD = np.array(c.YIELD)
_LIFETIME_PS = np.array(c.LIFETIME_PS)


def emitted_per_ev(
    film: Film, absorber: Absorber, *, led_nm: float = c.LED_NM, top: bool = True
) -> FloatArray:
    """Return photons that leave the film for each excitation photon that meets it.

    Args:
        film: The film.
        absorber: The film's depth on the grid of energies wanted, shape (k,).
        led_nm: Excitation wavelength.
        top: Excited and seen from the air, else through the substrate.

    Returns:
        Photons per excitation photon and eV of photon energy, shape (k,).
    """
    parts = sublayers(film.gradient)
    if not top:
        parts = parts[:, ::-1]
    excited = absorber_of(film, np.array([HC_EV_NM / led_nm]))
    incoming = excited.layered[:, :1] * parts
    incoming = incoming.sum(axis=0) + float(excited.by_products.sum()) / c.SUBLAYERS
    sources = _emitting(film, parts, excited, incoming)
    lines = _lines_per_ev(film, absorber)
    depths = np.einsum("nl,nk->lk", parts, absorber.layered)
    depths += absorber.by_products.sum(axis=0) / c.SUBLAYERS
    depths *= c.ESCAPE_PATH
    leaving = np.zeros(absorber.energy_ev.shape)
    above = np.zeros(absorber.energy_ev.shape)
    for layer in range(c.SUBLAYERS):
        # Light is made where the excitation falls, exponentially with depth.
        inward = max(float(incoming[layer]), 1e-9)
        both = inward + depths[layer]
        escape = inward / both * np.expm1(-both) / math.expm1(-inward)
        escape *= np.exp(-above)
        leaving += escape * (sources[:, layer] @ lines)
        above += depths[layer]
    return film.coverage * leaving


def sublayers(gradient: float) -> FloatArray:
    """Return which share of each phase lies in each sublayer, top first, shape (9, 3).

    Thin layers gather at the substrate, 3D-like grains at the top.
    """
    place = np.linspace(1.0, -1.0, c.SUBLAYERS)
    leaning = 1.0 - 2.0 * INVERSE_LAYERS
    return (1.0 + gradient * leaning[:, None] * place) / c.SUBLAYERS


def defect_factor(film: Film) -> float:
    """Return the film's quantum yield against a perfect film's of the same phases."""
    lead_iodide = float(film.by_products[0])
    losses = (
        c.DEFECTS_DROP * (1.0 - film.quality)
        + c.DEFECTS_UNANNEALED * (1.0 - film.crystalline)
        + c.DEFECTS_LEAD_IODIDE * max(lead_iodide - c.PASSIVATING_LEAD_IODIDE, 0.0)
    )
    hidden = film.ln_yield + film.composition.spacers.mean("ln_yield", 0.0)
    return float(np.exp(hidden - losses))


def _emitting(
    film: Film, parts: FloatArray, excited: Absorber, depth: FloatArray
) -> FloatArray:
    """Return photons emitted in each phase and sublayer, shape (9, 3)."""
    own = excited.layered[:, :1] * parts
    reaching = np.exp(-np.concatenate([[0.0], np.cumsum(depth)[:-1]]))
    absorbed = reaching * -np.expm1(-depth)
    generated = own / np.maximum(depth, 1e-12) * absorbed
    volumes = (film.layered * volumes_a3(film)[0])[:, None] * parts
    filled = volumes / np.maximum(volumes.sum(axis=0), 1e-12)
    transfer = filled**c.TRANSFER_POWER / c.TRANSFER_PS
    decay = 1.0 / _LIFETIME_PS
    emitted = np.zeros_like(generated)
    arriving = np.zeros(c.SUBLAYERS)  # summed N, to be met by each acceptor's rate
    for n in range(len(LAYERS)):
        downhill = transfer[n + 1 :].sum(axis=0)
        held = (generated[n] + arriving * transfer[n]) / (decay[n] + downhill)
        emitted[n] = held * decay[n] * _YIELD[n]
        arriving = arriving + held
    return np.asarray(emitted * defect_factor(film))


def _lines_per_ev(film: Film, absorber: Absorber) -> FloatArray:
    """Return emission lines of unit area, shape (9, k)."""
    centres = absorber.exciton_ev - stokes_ev()
    alloy = 4.0 * film.composition.bromide * (1.0 - film.composition.bromide)
    fwhm = _FWHM_EV + c.ALLOY_FWHM_EV * alloy
    lines = _unit_lines(absorber.energy_ev, centres, fwhm)
    if film.shoulder > 0:
        thin = INVERSE_LAYERS > 0.4
        red = centres[thin] - c.SHOULDER_EV
        broad = _unit_lines(
            absorber.energy_ev, red, np.full(red.shape, c.SHOULDER_FWHM_EV)
        )
        lines[thin] = (1.0 - film.shoulder) * lines[thin] + film.shoulder * broad
    if film.segregated > 0:
        # Carriers find the iodide-rich spots long before these fill the film.
        found = -np.expm1(-c.SEGREGATION_FUNNEL * film.segregated)
        rich = replace(film.composition, bromide=c.SEGREGATION_X)
        moved = exciton_ev(rich, float(film.layered[-1])) - stokes_ev()
        moved = moved + film.peak_shift_ev
        narrow = _FWHM_EV + 0.5 * c.ALLOY_FWHM_EV
        red = _unit_lines(absorber.energy_ev, moved, narrow)
        share = found * _SEGREGATING[:, None]
        lines = (1.0 - share) * lines + share * red
    return lines


def _unit_lines(
    energy_ev: FloatArray, centres: FloatArray, fwhm: FloatArray
) -> FloatArray:
    lines = np.empty((len(centres), len(energy_ev)))
    gauss_area = 0.5 * np.sqrt(np.pi / np.log(2.0))
    lorentz = c.EMISSION_LORENTZ
    area = (1.0 - lorentz) * gauss_area + lorentz * np.pi / 2.0
    for n, (centre, width) in enumerate(zip(centres, fwhm, strict=True)):
        main = pseudo_voigt(energy_ev - centre, width, lorentz)
        tail_ev = c.EMISSION_TAIL_WIDTH * width
        tail = pseudo_voigt(energy_ev - centre + c.EMISSION_TAIL_EV, tail_ev, 0.0)
        lines[n] = (1.0 - c.EMISSION_TAIL) * main / (area * width)
        lines[n] += c.EMISSION_TAIL * tail / (gauss_area * tail_ev)
    return lines
