"""BioTek Gen5 exports: which read is what, and where a broken one breaks."""

from pathlib import Path

import numpy as np
import pytest

from hp_lab.analysis.readers.any_file import read_any
from hp_lab.analysis.readers.named_spectrum import NamedSpectrum
from hp_lab.errors import InvalidInput

WELLS = ("A1", "B12", "H7")
TOP = """    Read,Fluorescence Spectrum
    ,Excitation: 405/20 nm
    ,"Emission Start: 500/20 nm,  Stop: 519 nm,  Step: 1 nm"
    ,"Optics: Top,  Gain: 90"
    ,"Read Speed: Sweep,  Delay: 100 msec,  Measurements/Data Point: 10"
    ,Read Height: 7 mm
"""
BOTTOM = TOP.replace("Optics: Top", "Optics: Bottom").replace("405/20", "450/20")
ABSORBANCE = """    Read,Absorbance Spectrum
    ,Full Plate
    ,"Start: 400 nm,  Stop: 419 nm,  Step: 1 nm"
"""
KINETIC = '    Start Kinetic,"Runtime 3:09:00 (HH:MM:SS), Interval 0:09:00, 22 Reads"\n'
RESULTS = """Results

,1,2,3
A,1234,?????,77,Mean Max RFU
B,99999,OVRFLW,,Mean Max RFU
"""


def block(number: int, *, emits: bool = True, rows: int = 20) -> str:
    label = f"Read {number}:EM Spectrum" if emits else f"Read {number}:Spectrum"
    first = 500 if emits else 400
    lines = [label, "", ",Wavelength," + ",".join(WELLS)]
    lines += [f",{first + k},{100 * number + k},OVRFLW," for k in range(rows)]
    return "\n".join(lines) + "\n\n"


def read(folder: Path, text: str) -> list[NamedSpectrum]:
    path = folder / "plate.csv"
    path.write_text("Reader Type:,Cytation 5\n\nProcedure Details\n\n" + text)
    return read_any(path)


def steps(spectra: list[NamedSpectrum]) -> list[tuple[str, int]]:
    return [
        (one.plate.step, one.plate.cycle)
        for one in spectra
        if one.plate and one.plate.well == "A1"
    ]


def interleaved(cycles: int) -> str:
    return "".join(
        block(3 * k + 1) + block(3 * k + 2) + block(3 * k + 3, emits=False)
        for k in range(cycles)
    )


def test_top_bottom_and_absorbance_are_told_apart_by_the_procedure(tmp_path) -> None:
    text = KINETIC + TOP + BOTTOM + ABSORBANCE + "\n" + interleaved(30)
    spectra = read(tmp_path, text)
    assert len({one.name for one in spectra}) == len(spectra) == 2 * 90
    cycle = [("pl top 405 nm", 0), ("pl bottom 450 nm", 0), ("absorbance", 0)]
    assert steps(spectra)[:3] == cycle
    assert steps(spectra)[-3:] == [(step, 29) for step, _ in cycle]
    top = [one for one in spectra if one.plate and "top" in one.plate.step]
    assert {one.excitation_nm for one in top} == {405.0}
    assert {one.bandpass_nm for one in top} == {20.0}
    assert {one.plate.interval_s for one in spectra if one.plate} == {540.0}
    names = [one.name for one in top if one.name.startswith("A1")]
    assert names[:3] == ["A1 read 1", "A1 read 4", "A1 read 7"]


def test_a_procedure_that_lists_every_read_gives_the_same(tmp_path) -> None:
    listed = (TOP + BOTTOM + ABSORBANCE) * 4
    once = steps(read(tmp_path, TOP + BOTTOM + ABSORBANCE + "\n" + interleaved(4)))
    assert steps(read(tmp_path, listed + "\n" + interleaved(4))) == once


def test_without_a_procedure_the_order_tells_interleaved_reads_apart(tmp_path) -> None:
    found = steps(read(tmp_path, interleaved(3)))
    assert found[:3] == [("pl 1", 0), ("pl 2", 0), ("absorbance", 0)]
    assert found[3:6] == [("pl 1", 1), ("pl 2", 1), ("absorbance", 1)]


def test_one_kind_of_read_is_one_series(tmp_path) -> None:
    text = TOP + "\n" + "".join(block(k + 1) for k in range(5))
    assert steps(read(tmp_path, text)) == [("pl top", k) for k in range(5)]


def test_empty_wells_are_left_out_and_overflow_is_marked(tmp_path) -> None:
    spectra = read(tmp_path, TOP + "\n" + block(1) + RESULTS)
    assert [one.name for one in spectra] == ["A1", "B12"]
    full, over = spectra
    assert full.value.tolist() == [100.0 + k for k in range(20)]
    assert not full.overflow.any()
    assert over.overflow.all()
    assert np.isnan(over.value).all()


@pytest.mark.parametrize("kept", [3, 12, 19])
def test_an_export_cut_off_between_two_rows_is_refused(tmp_path, kept: int) -> None:
    whole = TOP + "\n" + block(1)
    with pytest.raises(InvalidInput, match="up to 519 nm, as in the procedure"):
        read(tmp_path, whole + block(2, rows=kept).rstrip("\n") + "\n")
    # Without a procedure the blocks before tell how many rows there should be.
    with pytest.raises(InvalidInput, match="20 rows in block 'Read 2:EM Spectrum'"):
        read(tmp_path, block(1) + block(2, rows=kept))


def test_an_export_cut_off_within_a_row_names_the_line(tmp_path) -> None:
    text = TOP + "\n" + block(1).rstrip("\n").rsplit(",", 2)[0]
    line = 4 + len(text.splitlines())
    with pytest.raises(InvalidInput, match=rf"line {line} .*cut off here"):
        read(tmp_path, text)


def test_a_block_with_titles_and_no_rows_says_what_should_follow(tmp_path) -> None:
    with pytest.raises(InvalidInput, match="rows of a wavelength and one value a well"):
        read(tmp_path, TOP + "\nRead 1:EM Spectrum\n\n,Wavelength,A1,A2\n")


def test_semicolons_and_decimal_commas_are_read(tmp_path) -> None:
    rows = [f";{500 + k};0,{k + 10};OVRFLW;" for k in range(20)]
    head = "Read 1:Spectrum\n\n;Wavelength;A1;A2;A3\n"
    path = tmp_path / "plate.csv"
    path.write_text(head + "\n".join(rows) + "\n")
    first, second = read_any(path)
    assert first.kind == "absorbance"
    assert first.value[:2].tolist() == [0.10, 0.11]
    assert second.overflow.all()
