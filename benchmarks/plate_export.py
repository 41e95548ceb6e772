"""A plate of simulated wells as the plate reader's program exports it."""

import numpy as np

from hp_lab.simulation.liquids import WellContents
from hp_lab.simulation.plate_reader import PlateReader
from hp_lab.simulation.variation import Variation
from hp_lab.simulation.wells import WellKinetics, after, dried_well, kinetics_of

INTERVAL_MIN = 9
WELLS = [f"{row}{column}" for row in "ABCDEFGH" for column in range(1, 13)]
_STEPS = range(0, 97, 8)
# FAPbI3, BDAPbI4 and PEA2PbI4 in per cent of the lead: 91 compositions, five of which
# are made twice.
MIXTURES = [(fa, bda, 100 - fa - bda) for fa in _STEPS for bda in range(0, 97 - fa, 8)]
MIXTURES += MIXTURES[10:90:16]


def droplet(fa: float, bda: float, pea: float) -> WellContents:
    """Return a droplet of the three perovskites, per cent of the lead."""
    species_m = {
        "FA": fa,
        "BDA": bda,
        "PEA": 2 * pea,
        "Pb": fa + bda + pea,
        "I": 3 * fa + 4 * (bda + pea),
    }
    return WellContents.from_molar(
        10.0, {name: m * 0.0025 for name, m in species_m.items()}, {"DMF": 1.0}
    )


def preamble(reader: PlateReader, reads: int) -> str:
    """Return the lines above the first block."""
    runtime_min = INTERVAL_MIN * (reads - 1)
    emission = (
        f"Emission Start: {reader.first_nm}/20 nm,  Stop: {reader.last_nm} nm,  "
        "Step: 1 nm"
    )
    kinetic = (
        f"Runtime {runtime_min // 60}:{runtime_min % 60:02d}:00 (HH:MM:SS), "
        f"Interval 0:{INTERVAL_MIN:02d}:00, {reads} Reads"
    )
    return "\n".join(
        (
            "Software Version,3.12.08",
            "",
            "Experiment File Path:,plate.xpt",
            "Plate Number,Plate 1",
            "Reader Type:,Cytation 5",
            "",
            "Procedure Details",
            "",
            "Plate Type,96 WELL PLATE",
            f'Start Kinetic,"{kinetic}"',
            "    Read,Fluorescence Spectrum",
            "    ,Full Plate",
            "    ,Excitation: 405/20 nm",
            f'    ,"{emission}"',
            '    ,"Optics: Top,  Gain: 100"',
            "",
            "",
        )
    )


def export(reads: int, seed: int) -> tuple[str, dict[str, WellKinetics]]:
    """Return a plate's export and the true kinetics of its wells.

    Args:
        reads: Number of reads, nine minutes apart.
        seed: Of the plate.
    """
    reader = PlateReader()
    rng = np.random.default_rng(seed)
    films, kinetics = {}, {}
    for well, mixture in zip(WELLS, MIXTURES, strict=True):
        liquid = droplet(*mixture)
        own = Variation(seed=seed, film_id=f"plate/{well}", batch_id="plate")
        films[well] = dried_well(liquid, own)
        kinetics[well] = kinetics_of(liquid, own)
    blocks = [preamble(reader, reads)]
    for read in range(reads):
        elapsed_s = 60.0 * INTERVAL_MIN * read
        columns = [
            reader.counts(after(films[well], kinetics[well], elapsed_s), rng)
            for well in WELLS
        ]
        blocks.append(_block(read + 1, reader.wavelength_nm, np.stack(columns, axis=1)))
    blocks.append('Results\n\n,1,2,3\nA,1234,?????,77,"Mean Max RFU"\n')
    return "\n".join(blocks), kinetics


def _block(read: int, wavelength_nm: np.ndarray, counts: np.ndarray) -> str:
    lines = [f"Read {read}:EM Spectrum", "", ",Wavelength," + ",".join(WELLS)]
    for nm, row in zip(wavelength_nm, counts, strict=True):
        cells = ["OVRFLW" if np.isnan(count) else f"{count:.0f}" for count in row]
        lines.append(f",{nm:.0f}," + ",".join(cells))
    return "\n".join(lines) + "\n\n"
