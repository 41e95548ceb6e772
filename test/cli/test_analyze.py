"""hp-lab analyze, as a person and as a program call it."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import hp_lab.analysis
from hp_lab.cli.main import app

DATA = Path(hp_lab.analysis.__file__).parent / "data"
NPL = DATA / "npl" / "spectrum" / "10.txt"
LUQY = DATA / "luqy" / "AA142-2s10_10ms.pli.txt"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["analyze", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


def plate(folder: Path, reads: int) -> Path:
    axis = np.arange(500, 620, 2)
    lines = ['Start Kinetic,"Runtime 1:30:00 (HH:MM:SS), Interval 0:10:00"']
    lines += ["Read,Fluorescence Spectrum", '    ,"Optics: Top"', ""]
    rng = np.random.default_rng(1)
    for read in range(reads):
        lines += [f"Read {read + 1}:EM Spectrum", "", ",Wavelength,A1,A2,A3,A4"]
        level = 9_000.0 * np.exp(-0.1 * read)
        for nm in axis:
            line = np.exp(-0.5 * ((nm - 556.0) / 9.0) ** 2)
            counts = [level * line + rng.normal(20.0, 4.0) for _ in range(4)]
            lines.append(f",{nm}," + ",".join(f"{count:.0f}" for count in counts))
        lines.append("")
    path = folder / "plate.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.slow
def test_json_is_a_list_with_an_object_a_spectrum() -> None:
    found = json.loads(run(NPL, LUQY, "--json"))
    assert [one["file"] for one in found] == [NPL.name, LUQY.name]
    assert found[1]["absolute"]["quantum_yield"] == pytest.approx(0.015194)


@pytest.mark.slow
def test_a_table_and_a_picture_for_people(tmp_path: Path) -> None:
    printed = run(NPL, "--plot", tmp_path / "fit.png", "--baseline", "asls")
    assert "Spectra" in printed
    assert (tmp_path / "fit.png").stat().st_size > 10_000


@pytest.mark.slow
def test_a_plate_is_told_as_a_whole(tmp_path: Path) -> None:
    path = plate(tmp_path, reads=8)
    printed = run(path, "--plot", tmp_path / "plate.png")
    assert "Kinetics" in printed
    assert "not phase fractions" in " ".join(printed.split())
    assert (tmp_path / "plate.png").stat().st_size > 10_000
    told = json.loads(run(path, "--json", "--series"))
    assert [row["model"] for row in told["kinetics"]] == ["decay"] * 4
    for row in told["kinetics"]:
        off = row["half_life_s"] - 6_000.0 * np.log(2.0)
        assert abs(off) < 3.0 * row["half_life_s_sigma"]
    assert len(json.loads(run(path, "--json"))) == 4 * 8


def test_a_broken_file_ends_with_the_line_that_broke_it(tmp_path: Path) -> None:
    path = tmp_path / "film.csv"
    path.write_text("".join(f"{400 + k},{k}\n" for k in range(30)) + "430,x\n")
    result = CliRunner().invoke(app, ["analyze", str(path)])
    assert result.exit_code != 0
    assert "line 31" in str(result.exception)
