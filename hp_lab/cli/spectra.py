"""hp-lab analyze: spectra from files."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from hp_lab.cli.output import AsJson, console, print_json, print_table

Kind = Literal["pl", "absorbance", "transmission"]


def analyze(
    files: Annotated[list[Path], typer.Argument(help="Spectra in any known format.")],
    kind: Annotated[
        Kind | None, typer.Option(help="What they are; by default the file says.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the fits to this PNG.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find peaks, gaps and phases in spectra of any known file format."""
    from hp_lab.analysis.file_analysis import analyze_files

    results = analyze_files(files, kind=kind)
    if plot is not None:
        from hp_lab.analysis.plotting import plot_files

        plot_files(files, kind=kind, out_png=plot)
    if as_json:
        print_json(results)
        return
    rows = []
    for result in results:
        peak = result["peaks"][0] if result["peaks"] else {}
        rows.append(
            (
                Path(result["file"]).name,
                result["name"],
                result["kind"],
                result["status"],
                peak.get("center_nm", float("nan")),
                peak.get("center_ev", float("nan")),
                peak.get("fwhm_ev", float("nan")),
                result["reason"] or ", ".join(result["flags"]),
            )
        )
    columns = ("file", "name", "kind", "status", "nm", "eV", "FWHM eV", "notes")
    print_table("Spectra", columns, rows)
    if plot is not None:
        console.print(f"drawn to {plot}")
