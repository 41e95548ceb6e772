"""Real files, and the bytes that instruments' programs write."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hp_lab.analysis
from hp_lab.analysis.readers.any_file import read_any
from hp_lab.errors import InvalidInput

DATA = Path(hp_lab.analysis.__file__).parent / "data"
WAVELENGTHS = np.arange(450.0, 500.0)
OCEANVIEW = """Data from FLMS01234__0__12-30-05-120.txt Node

Date: Tue Mar 01 12:30:05 CET 2022
User: lab
Spectrometer: FLMS01234
Trigger mode: 0
Integration Time (sec): 1.500000E-1
Scans to average: 10
Electric dark correction enabled: true
Nonlinearity correction enabled: false
Boxcar width: 0
XAxis mode: Wavelengths
Number of Pixels in Spectrum: 20
>>>>>Begin Spectral Data<<<<<
"""
SPECTRASUITE = """SpectraSuite Data File
++++++++++++++++++++++++++++++++++++
Date: Thu Aug 04 10:00:00 EDT 2011
User: lab
Dark Spectrum Present: Yes
Integration Time (usec): 100000 (USB2G14545)
Spectra Averaged: 3 (USB2G14545)
Number of Pixels in Processed Spectrum: 20
>>>>>Begin Processed Spectral Data<<<<<
"""
GEN5 = """Software Version,3.12.08

Experiment File Path:,C:\\data\\plate.xpt
Plate Number,Plate 1
Date,3/7/2024
Reader Type:,Cytation 5

Procedure Details

Plate Type,96 WELL PLATE
Read,Fluorescence Spectrum
,Full Plate
,Excitation: 405/20 nm
,"Emission Start: 455/20 nm,  Stop: 474 nm,  Step: 1 nm"
,"Optics: Top,  Gain: 100"

"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def rows(delimiter: str, comma: bool = False, count: int = 50) -> str:
    lines = []
    for index in range(count):
        line = f"{450.5 + index}{delimiter}{1000.25 + index**2}"
        lines.append(line.replace(".", ",") if comma else line)
    return "\n".join(lines) + "\n"


def gen5_block(label: str, values: dict[str, list[str]]) -> str:
    wells = [f"{row}{column}" for row in "AB" for column in range(1, 4)]
    lines = [label, "", "," + ",".join(["Wavelength", *wells])]
    for index in range(20):
        cells = [values[well][index] if well in values else "" for well in wells]
        lines.append(f",{455 + index}," + ",".join(cells))
    return "\n".join(lines) + "\n\n"


RESULTS = """Results

,1,2,3
A,1234,?????,77,Mean RFU
A,99999,?????,80,Max RFU
"""


@pytest.mark.parametrize(
    ("delimiter", "comma"),
    [
        ("\t", False),
        (",", False),
        (";", False),
        ("  ", False),
        ("\t", True),
        (";", True),
    ],
)
def test_a_table_is_read_whatever_separates_it(tmp_path, delimiter, comma):
    path = write(tmp_path, "film.txt", rows(delimiter, comma))
    (spectrum,) = read_any(path)
    assert spectrum.name == "film"
    assert spectrum.wavelength_nm[[0, -1]].tolist() == [450.5, 499.5]
    assert spectrum.value[[0, 49]].tolist() == [1000.25, 3401.25]


@settings(max_examples=25)
@given(
    delimiter=st.sampled_from(["\t", ",", ";", " "]),
    header=st.sampled_from(["", "Wavelength{}Intensity\n", "# taken today\n\n"]),
    values=st.lists(
        st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 3)),
        min_size=16,
        max_size=40,
    ),
)
def test_what_is_written_is_what_is_read(tmp_path_factory, delimiter, header, values):
    lines = [f"{400 + k}{delimiter}{value!r}" for k, value in enumerate(values)]
    path = tmp_path_factory.mktemp("table") / "x.csv"
    path.write_text(header.format(delimiter) + "\n".join(lines))
    found = [spectrum.value.tolist() for spectrum in read_any(path)]
    assert found == [values]


def test_the_titles_tell_the_kind(tmp_path):
    path = write(tmp_path, "a.csv", "Wavelength (nm),Absorbance\n" + rows(","))
    assert read_any(path)[0].kind == "absorbance"
    path = write(tmp_path, "t.csv", "nm,%T\n" + rows(","))
    (spectrum,) = read_any(path)
    assert spectrum.kind == "transmission"
    assert spectrum.value[0] == pytest.approx(10.0025)
    path = write(tmp_path, "p.csv", "nm,PL (a.u.)\n" + rows(","))
    assert read_any(path)[0].kind == "pl"


def test_columns_are_spectra_and_scaled_copies_are_not(tmp_path):
    text = "nm;A1;A2;A1 normalised\n"
    for k in range(40):
        first, second = float(k % 7), float(k % 5)
        text += f"{400 + k};{first};{second};{first / 6}\n"
    assert [spectrum.name for spectrum in read_any(write(tmp_path, "p.csv", text))] == [
        "A1",
        "A2",
    ]


def test_photon_energies_become_wavelengths_and_densities_per_nm(tmp_path):
    text = "Energy (eV),PL\n" + "".join(f"{1.5 + 0.01 * k},100\n" for k in range(60))
    (spectrum,) = read_any(write(tmp_path, "e.csv", text))
    assert np.all(np.diff(spectrum.wavelength_nm) > 0)
    # A density that is flat per eV falls as 1 / lambda**2 per nm.
    ratio = spectrum.value[0] / spectrum.value[-1]
    square = (spectrum.wavelength_nm[-1] / spectrum.wavelength_nm[0]) ** 2
    assert ratio == pytest.approx(square, rel=1e-6)


def test_a_published_spectrum_with_a_normalised_copy_is_one(tmp_path):
    (spectrum,) = read_any(DATA / "npl" / "spectrum" / "j20.txt")
    assert spectrum.wavelength_nm.size == 201
    assert spectrum.value.max() == pytest.approx(671430.1, abs=0.1)


def test_luqy_files_keep_flux_raw_and_dark_and_their_header():
    (film,) = read_any(DATA / "luqy" / "film_a.abspl.txt")
    assert film.kind == "pl"
    assert film.header["LuQY (%)"] == "0.0677"
    assert film.integration_s == 0.1
    assert film.dark.size == film.raw.size == film.value.size == 1477
    (image,) = read_any(DATA / "luqy" / "AA142-2s10_10ms.pli.txt")
    assert image.dark.size == 0
    assert image.raw.max() == pytest.approx(79583, abs=1)


@pytest.mark.parametrize(
    ("name", "kind", "scale"),
    [
        ("500nm sp.SSM", "pl", 1.0),
        ("no sp signal.SSM", "pl", 1.0),
        ("500nm sp transmission.TRM", "transmission", 0.01),
        ("no sp transmission.TRM", "transmission", 0.01),
    ],
)
def test_stellarnet_files_hold_what_their_cursor_says(name, kind, scale):
    (spectrum,) = read_any(DATA / "stellarnet" / name)
    assert spectrum.kind == kind
    at_cursor = np.interp(
        float(spectrum.header["Wave"].removesuffix("nm")),
        spectrum.wavelength_nm,
        spectrum.value,
    )
    printed = scale * float(spectrum.header["Val"])
    assert at_cursor == pytest.approx(printed, rel=2e-3)
    assert spectrum.integration_s == pytest.approx(
        0.03 if name == "500nm sp.SSM" else 0.01
    )


def test_a_transmission_without_lamp_light_is_no_value():
    (spectrum,) = read_any(DATA / "stellarnet" / "no sp transmission.TRM")
    assert int(np.isnan(spectrum.value).sum()) == 12


@pytest.mark.parametrize(("text", "seconds"), [(OCEANVIEW, 0.15), (SPECTRASUITE, 0.1)])
def test_ocean_exports_are_read_with_their_integration_time(tmp_path, text, seconds):
    path = write(tmp_path, "film.txt", text + rows("\t", count=20))
    (spectrum,) = read_any(path)
    assert spectrum.integration_s == pytest.approx(seconds)
    assert spectrum.wavelength_nm.size == 20


def test_an_ocean_export_that_breaks_off_says_how_many_rows_it_promised(tmp_path):
    path = write(tmp_path, "film.txt", OCEANVIEW + rows("\t", count=17))
    with pytest.raises(InvalidInput, match="expected 20 rows"):
        read_any(path)


def test_a_plate_is_read_by_well_and_read(tmp_path):
    ramp = [str(10 * k) for k in range(20)]
    clipped = [*ramp[:10], *["OVRFLW"] * 3, *ramp[13:]]
    text = (
        GEN5
        + gen5_block("Read 1:EM Spectrum", {"A1": ramp, "B3": clipped})
        + gen5_block("Read 2:Spectrum", {"A1": ["0.5"] * 20})
        + RESULTS
    )
    spectra = read_any(write(tmp_path, "plate.csv", text))
    assert [spectrum.name for spectrum in spectra] == [
        "A1 read 1",
        "B3 read 1",
        "A1 read 2",
    ]
    one, two, three = spectra
    assert (one.kind, three.kind) == ("pl", "absorbance")
    assert one.excitation_nm == 405.0
    assert one.bandpass_nm == 20.0
    assert two.overflow.sum() == 3
    assert np.isnan(two.value[10:13]).all()
    assert two.ceiling == 99_999.0


def test_a_plate_with_one_read_names_its_wells(tmp_path):
    text = GEN5.replace(",", "\t") + gen5_block(
        "EM Spectrum", {"A2": ["5"] * 20}
    ).replace(",", "\t")
    assert [spectrum.name for spectrum in read_any(write(tmp_path, "p.txt", text))] == [
        "A2"
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a binary file"),
        (b"no numbers here\nnor here\n", "no line holds two numbers"),
        (b"400,1\n401,2\n", "expected at least 16"),
        (
            (
                "\n".join(f"{400 + k},{k}" for k in range(20)) + "\n420,x\n421,3\n"
            ).encode(),
            "line 21 is '420,x'",
        ),
        (
            (
                "\n".join(f"{400 + k},{k},{k * k}" for k in range(20)) + "\n420,4"
            ).encode(),
            "cut off here",
        ),
        (
            ("\n".join(f"{k},{k}" for k in range(20)) + "\n").encode(),
            "expected wavelengths between",
        ),
    ],
)
def test_a_broken_file_says_what_was_expected_and_where(tmp_path, content, expected):
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=expected) as caught:
        read_any(path)
    assert "broken.csv" in str(caught.value)


def test_a_plate_with_a_word_among_its_values_names_the_line(tmp_path):
    values = ["5"] * 10 + ["five"] + ["5"] * 9
    text = GEN5 + gen5_block("Read 1:EM Spectrum", {"A1": values})
    with pytest.raises(InvalidInput, match="OVRFLW or nothing instead of 'five'"):
        read_any(write(tmp_path, "plate.csv", text))


def test_a_missing_file_is_named():
    with pytest.raises(InvalidInput, match="name an existing spectrum file"):
        read_any("nowhere.csv")


def test_windows_and_utf16_text_is_read(tmp_path):
    text = "Wavelength (nm);Intensit\u00e4t\r\n" + rows(";", True).replace("\n", "\r\n")
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        path = tmp_path / f"{encoding}.csv"
        path.write_bytes(text.encode(encoding))
        assert read_any(path)[0].value[0] == 1000.25
