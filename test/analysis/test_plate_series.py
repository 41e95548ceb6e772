"""From a plate's export to kinetics, losses and components."""

from pathlib import Path

import numpy as np
import pytest

from hp_lab.analysis.analyzed_spectrum import AnalyzedSpectrum, analyzed_files
from hp_lab.analysis.kinetics import intensity_at
from hp_lab.analysis.plate_plotting import plot_plate
from hp_lab.analysis.plate_report import PlateReport, as_dictionary, plate_report
from hp_lab.analysis.series import well_kinetics, well_series
from hp_lab.errors import InvalidInput

AXIS_NM = np.arange(500, 701, 2)
READS = 12
INTERVAL_S = 540.0
CEILING = 99_999
# Brightness at the start, gain, growth (s), decay (s), peak (nm) of each well.
WELLS = {
    "A1": (20_000.0, 3.0, 1_500.0, 5_000.0, 530.0),
    "A2": (15_000.0, 1.0, 1_500.0, 9_000.0, 560.0),
    "A3": (12_000.0, 2.0, 1_500.0, 7_000.0, 610.0),
    "B1": (400_000.0, 1.0, 1_500.0, 90_000.0, 530.0),
    "B2": (10_000.0, 2.0, 1_200.0, 8_000.0, 615.0),
}
INTERVAL = 'Start Kinetic,"Runtime 1:39:00 (HH:MM:SS), Interval 0:09:00, 12 Reads"\n'
TOP = """    Read,Fluorescence Spectrum
    ,Excitation: 405/20 nm
    ,"Emission Start: 500/20 nm,  Stop: 700 nm,  Step: 2 nm"
    ,"Optics: Top,  Gain: 100"
"""
BOTTOM = TOP.replace("Top", "Bottom")
ABSORBANCE = """    Read,Absorbance Spectrum
    ,"Start: 400 nm,  Stop: 800 nm,  Step: 2 nm"
"""


def block(label: str, axis_nm: np.ndarray, columns: dict[str, list[str]]) -> str:
    lines = [label, "", ",Wavelength," + ",".join(columns)]
    for index, nm in enumerate(axis_nm):
        cells = [column[index] for column in columns.values()]
        lines.append(f",{nm}," + ",".join(cells))
    return "\n".join(lines) + "\n\n"


def emission(read: int, rng: np.random.Generator, share: float = 1.0) -> dict:
    columns = {}
    for well, (start, gain, growth_s, decay_s, peak_nm) in WELLS.items():
        time_s = np.array([INTERVAL_S * read])
        level = intensity_at(time_s, share * start, gain, growth_s, 1.0 / decay_s)
        clean = level * np.exp(-0.5 * ((AXIS_NM - peak_nm) / 11.0) ** 2) + 30.0
        counts = np.rint(clean + rng.normal(0.0, 1.0, clean.size) * np.sqrt(clean))
        columns[well] = [
            "OVRFLW" if count > CEILING else f"{count:.0f}" for count in counts
        ]
    return columns


def absorbance(read: int, rng: np.random.Generator) -> dict[str, list[str]]:
    axis = np.arange(400, 801, 2)
    energy = 1239.84 / axis
    height = 0.5 * np.exp(-0.06 * read)
    line = np.exp(-4.0 * np.log(2.0) * ((energy - 2.17) / 0.075) ** 2)
    edge = 0.45 / (1.0 + np.exp(-(energy - 2.42) / 0.025))
    value = height * (line + edge) + 0.06 * (energy / 2.0) ** 3
    return {
        well: [f"{od:.4f}" for od in value + rng.normal(0.0, 0.001, value.size)]
        for well in ("A1", "B2")
    }


def analyzed(folder: Path, text: str) -> list[AnalyzedSpectrum]:
    path = folder / "plate.csv"
    path.write_text(text)
    return analyzed_files([path])


@pytest.fixture(scope="module")
def plate(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[list[AnalyzedSpectrum], PlateReport]:
    rng = np.random.default_rng(1)
    text = "Plate Type,96 WELL PLATE\n" + INTERVAL + TOP + "\n"
    for read in range(READS):
        text += block(f"Read {read + 1}:EM Spectrum", AXIS_NM, emission(read, rng))
    spectra = analyzed(tmp_path_factory.mktemp("plate"), text)
    return spectra, plate_report(spectra)


@pytest.mark.slow
def test_kinetics_of_a_plate_are_those_of_its_wells(
    plate: tuple[list[AnalyzedSpectrum], PlateReport],
) -> None:
    found = {one.series.well: one for one in plate[1].kinetics}
    assert set(found) == set(WELLS)
    for well, (start, gain, growth_s, decay_s, _) in WELLS.items():
        kinetics = found[well].kinetics
        if well == "B1":
            assert kinetics is None
            assert "12 are at the ceiling" in found[well].reason
            continue
        assert kinetics is not None
        time_s = np.linspace(0.0, INTERVAL_S * (READS - 1), 2000)
        course = intensity_at(time_s, start, gain, growth_s, 1.0 / decay_s)
        for figure, true in (
            (kinetics.initial, start),
            (kinetics.maximum, course.max() / start),
            (kinetics.retention, course[-1] / course.max()),
        ):
            assert figure is not None
            assert abs(figure.value - true) < 3.0 * figure.sigma
            assert figure.sigma < 0.1 * true


@pytest.mark.slow
def test_the_plate_is_drawn_and_told_in_plain_values(
    plate: tuple[list[AnalyzedSpectrum], PlateReport], tmp_path: Path
) -> None:
    spectra, report = plate
    plot_plate(spectra, report, tmp_path / "plate.png")
    assert (tmp_path / "plate.png").read_bytes().startswith(b"\x89PNG")
    told = as_dictionary(report)
    (components,) = told["components"]
    assert set(components["left_out"].values()) == {"saturated"}
    peaks = sorted(one["peak_nm"] for one in components["components"])
    assert peaks[0] == pytest.approx(530.0, abs=3.0)
    assert "not phase fractions" in components["caveat"]
    row = next(row for row in told["kinetics"] if row["well"] == "A1")
    assert row["half_life_s_sigma"] > 0.0
    assert row["reads"] == READS


@pytest.mark.slow
def test_interleaved_reads_are_told_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    text = "Plate Type,96 WELL PLATE\n" + INTERVAL + TOP + BOTTOM + ABSORBANCE + "\n"
    for cycle in range(5):
        for step, share in enumerate((1.0, 0.1)):
            label = f"Read {3 * cycle + step + 1}:EM Spectrum"
            text += block(label, AXIS_NM, emission(cycle, rng, share))
        label = f"Read {3 * cycle + 3}:Spectrum"
        text += block(label, np.arange(400, 801, 2), absorbance(cycle, rng))
    spectra = analyzed(tmp_path, text)
    report = plate_report(spectra)
    start = {
        (one.series.well, one.series.step): one.kinetics.initial.value
        for one in report.kinetics
        if one.kinetics is not None
    }
    for well in ("A1", "A2"):
        ratio = start[(well, "pl top")] / start[(well, "pl bottom")]
        assert ratio == pytest.approx(10.0, rel=0.1)
    (loss, _) = report.losses
    assert loss.series.well == "A1"
    assert loss.lost is not None
    assert loss.lost.value == pytest.approx(
        1.0 - np.exp(-0.06 * 4), abs=max(3.0 * loss.lost.sigma, 0.03)
    )
    assert as_dictionary(report)["losses"][0]["lead_iodide"] is not None


@pytest.mark.slow
def test_an_export_that_states_no_interval_asks_for_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    text = TOP + "\n"
    for read in range(6):
        text += block(f"Read {read + 1}:EM Spectrum", AXIS_NM, emission(read, rng))
    spectra = analyzed(tmp_path, text)
    (first, *_) = well_kinetics(well_series(spectra))
    assert first.kinetics is None
    assert "--interval-min" in first.reason
    (first, *_) = well_kinetics(well_series(spectra, 540.0))
    assert first.kinetics is not None


def test_files_without_a_plate_have_no_plate_to_draw(tmp_path: Path) -> None:
    path = tmp_path / "film.csv"
    path.write_text("".join(f"{400 + k},{k % 7}\n" for k in range(40)))
    spectra = analyzed_files([path], kind="pl")
    report = plate_report(spectra)
    assert report == PlateReport(kinetics=(), losses=(), components=())
    with pytest.raises(InvalidInput, match="no PL of a plate"):
        plot_plate(spectra, report, tmp_path / "plate.png")
