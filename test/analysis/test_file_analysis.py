"""What a user gets for a file: fields, statuses, and errors that name the line."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import hp_lab.analysis
from hp_lab.analysis.analyzed_spectrum import analyzed_files
from hp_lab.analysis.file_analysis import analyze_files
from hp_lab.analysis.plotting import plot_analyzed
from hp_lab.errors import InvalidInput

DATA = Path(hp_lab.analysis.__file__).parent / "data"
FIELDS = {
    "file",
    "name",
    "kind",
    "status",
    "flags",
    "reason",
    "peaks",
    "gap_ev",
    "exciton_ev",
    "phases",
}
PEAK = {"center_nm", "center_ev", "fwhm_ev", "fwhm_nm", "area"}
REAL = sorted(
    [
        *(DATA / "luqy").glob("*.txt"),
        *(DATA / "stellarnet").glob("*.*M"),
        DATA / "npl" / "spectrum" / "10.txt",
    ]
)


@pytest.mark.slow
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_every_real_file_gives_all_fields_as_plain_json(path: Path) -> None:
    (found,) = json.loads(json.dumps(analyze_files([path]), allow_nan=False))
    assert set(found) >= FIELDS
    assert found["status"] in {"ok", "flagged", "rejected"}
    assert (found["status"] == "ok") == (found["reason"] == "")
    for peak in found["peaks"]:
        assert {*PEAK, *(f"{name}_sigma" for name in PEAK)} <= set(peak)
        for name in PEAK:
            assert (peak[name] is None) == (peak[f"{name}_sigma"] is None)


def test_peaks_come_strongest_first(tmp_path: Path) -> None:
    axis = np.arange(450.0, 851.0)
    value = 30.0 + 900.0 * np.exp(-0.5 * ((axis - 530.0) / 10.0) ** 2)
    value += 4000.0 * np.exp(-0.5 * ((axis - 760.0) / 16.0) ** 2)
    value += np.random.default_rng(1).normal(0.0, 3.0, axis.size)
    path = tmp_path / "film.csv"
    rows = [f"{nm},{count:.1f}" for nm, count in zip(axis, value, strict=True)]
    path.write_text("Wavelength (nm),PL (counts)\n" + "\n".join(rows))
    (found,) = analyze_files([path])
    centres = [peak["center_nm"] for peak in found["peaks"] if not peak["shoulder"]]
    assert centres == pytest.approx([760.0, 530.0], abs=1.5)
    (above,) = analyze_files([path], baseline="asls")
    assert above["peaks"][0]["center_nm"] == pytest.approx(760.0, abs=1.5)


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def clipped(line: str, column: int, ceiling: float) -> str:
    """Return a row of twice the light, cut at a ceiling."""
    cells = line.split("\t") if "\t" in line else line.split()
    try:
        cells[column] = f"{min(2.0 * float(cells[column]), ceiling):.6E}"
    except (IndexError, ValueError):
        return line
    return "\t".join(cells)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "column", "ceiling"),
    [
        ("luqy/AA142-2s10_10ms.pli.txt", 2, 90_000.0),
        ("stellarnet/no sp signal.SSM", 1, 65_535.0),
    ],
)
def test_a_clipped_file_is_flagged_saturated(
    tmp_path: Path, name: str, column: int, ceiling: float
) -> None:
    source = DATA / name
    path = tmp_path / source.name
    path.write_text(
        "\n".join(clipped(line, column, ceiling) for line in lines_of(source))
    )
    (found,) = analyze_files([path])
    assert "saturated" in found["flags"]
    assert found["status"] != "ok"


@pytest.mark.slow
def test_a_dark_in_the_file_is_taken_off_and_its_lack_is_said() -> None:
    film, bare = analyzed_files(
        [
            DATA / "luqy" / "film_a.abspl.txt",
            DATA / "luqy" / "AA142-2s10_10ms.pli.txt",
        ]
    )
    assert "no_dark" not in film.flags
    assert "no_dark" in bare.flags
    (scope,) = analyzed_files([DATA / "stellarnet" / "500nm sp.SSM"])
    assert "no_dark" in scope.flags


def first_cell(line: str) -> str:
    return re.split(r"[\s,]+", line.strip())[0]


FORMATS = {
    "table": DATA / "npl" / "spectrum" / "10.txt",
    "luqy": DATA / "luqy" / "film_a.abspl.txt",
    "stellarnet": DATA / "stellarnet" / "500nm sp.SSM",
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_cut_off_within_a_row_names_the_line(tmp_path: Path, name: str) -> None:
    lines = lines_of(FORMATS[name])
    keep = len(lines) // 2
    path = tmp_path / FORMATS[name].name
    path.write_text("\n".join([*lines[:keep], first_cell(lines[keep])]))
    with pytest.raises(InvalidInput, match=f"line {keep + 1} .*expected") as caught:
        analyze_files([path])
    assert path.name in str(caught.value)


@pytest.mark.parametrize("name", FORMATS)
def test_a_word_among_the_numbers_names_the_line(tmp_path: Path, name: str) -> None:
    lines = lines_of(FORMATS[name])
    place = len(lines) // 2
    separator = {"table": ",", "luqy": "\t", "stellarnet": "  "}[name]
    lines[place] = f"{first_cell(lines[place])}{separator}broken"
    path = tmp_path / FORMATS[name].name
    path.write_text("\n".join(lines))
    with pytest.raises(InvalidInput, match=f"line {place + 1} .*expected"):
        analyze_files([path])


@pytest.mark.parametrize("name", FORMATS)
def test_a_header_without_rows_says_what_should_follow(
    tmp_path: Path, name: str
) -> None:
    lines = lines_of(FORMATS[name])
    head = {"luqy": lines[:17], "stellarnet": lines[:2], "table": ["nm\tPL"]}[name]
    path = tmp_path / FORMATS[name].name
    path.write_text("\n".join(head))
    with pytest.raises(InvalidInput, match="expected"):
        analyze_files([path])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"   \n\n", "is empty"),
        (b"\x00\x01\x02\xff" * 300, "a binary file"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, "a binary file"),
        (b"PK\x03\x04" + b"\x00" * 100, "a binary file"),
        (
            "\n".join(f"{400 + k}|{k}" for k in range(40)).encode(),
            "separated by comma, semicolon, tab or blanks",
        ),
        (
            "\n".join(f"{400 + k}:{k}" for k in range(40)).encode(),
            "separated by comma, semicolon, tab or blanks",
        ),
        (b'{"wavelength": [400, 401], "value": [1, 2]}', "expected"),
    ],
)
def test_no_spectrum_at_all_says_what_was_expected(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    path = tmp_path / "film.txt"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=expected) as caught:
        analyze_files([path])
    assert "film.txt" in str(caught.value)


@pytest.mark.slow
def test_pictures_are_drawn_of_every_kind_of_result(tmp_path: Path) -> None:
    spectra = analyzed_files(REAL)
    assert {one.kind for one in spectra} == {"pl", "transmission"}
    plot_analyzed(spectra, tmp_path / "all.png")
    assert (tmp_path / "all.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InvalidInput, match="more than the 96"):
        plot_analyzed(spectra * 20, tmp_path / "many.png")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InvalidInput, match="use one of pl, absorbance, transmission"):
        analyze_files([FORMATS["table"]], kind="raman")  # type: ignore[arg-type]
