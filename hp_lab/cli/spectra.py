"""hp-lab analyze: spectra from files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hp_lab.cli.output import AsJson, console, print_json, print_table
from hp_lab.errors import InvalidInput

if TYPE_CHECKING:
    from hp_lab.analysis.analyzed_spectrum import AnalyzedSpectrum
    from hp_lab.analysis.plate_report import PlateReport

Kind = Literal["pl", "absorbance", "transmission"]
Baseline = Literal["linear_edge", "asls", "arpls"]


def analyze(
    files: Annotated[list[Path], typer.Argument(help="Spectra in any known format.")],
    kind: Annotated[
        Kind | None, typer.Option(help="What they are; by default the file says.")
    ] = None,
    baseline: Annotated[
        Baseline | None, typer.Option(help="Take this off PL before it is fitted.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the fits, or a plate, to this PNG.")
    ] = None,
    series: Annotated[
        bool,
        typer.Option(
            "--series", help="Plates: kinetics, losses and components of the wells."
        ),
    ] = False,
    interval_min: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="Minutes between a plate's reads, if the file is silent."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find peaks, gaps and phases in spectra of any known file format."""
    from hp_lab.analysis.analyzed_spectrum import analyzed_files
    from hp_lab.analysis.file_report import as_dictionary
    from hp_lab.analysis.plate_report import as_dictionary as plate_dictionary
    from hp_lab.analysis.plate_report import plate_report

    if plot is not None:
        _check_picture(plot)
    analyzed = analyzed_files(files, kind=kind, baseline=baseline)
    interval_s = None if interval_min is None else 60.0 * interval_min
    is_series = any(one.spectrum.plate and one.spectrum.plate.cycle for one in analyzed)
    report = plate_report(analyzed, interval_s) if series or is_series else None
    if plot is not None:
        _draw(analyzed, report, plot)
    if as_json:
        wells = plate_dictionary(report) if series and report is not None else None
        print_json(wells or [as_dictionary(one) for one in analyzed])
        return
    if report is not None:
        console.print(f"{len(analyzed)} spectra; --json gives each of them")
        _print_plate(report)
    else:
        _print_spectra([as_dictionary(one) for one in analyzed])
    if plot is not None:
        console.print(f"drawn to {plot}")


def _check_picture(plot: Path) -> None:
    """Refuse before the analysis what could not be drawn to after it."""
    if plot.suffix.lower() != ".png":
        msg = f"{plot}: ends in {plot.suffix!r}; pictures are PNG, end it in '.png'"
        raise InvalidInput(msg)
    if not plot.parent.is_dir():
        msg = f"{plot}: there is no directory {plot.parent}; make it first"
        raise InvalidInput(msg)


def _draw(
    analyzed: "Sequence[AnalyzedSpectrum]", report: "PlateReport | None", plot: Path
) -> None:
    from hp_lab.analysis.plate_plotting import plot_plate
    from hp_lab.analysis.plotting import plot_analyzed

    try:
        if report is not None and report.components:
            plot_plate(analyzed, report, plot)
        else:
            plot_analyzed(analyzed, plot)
    except OSError as error:
        msg = f"{plot}: cannot be written ({error.strerror}); choose another path"
        raise InvalidInput(msg) from error


def _print_spectra(results: Sequence[Mapping[str, Any]]) -> None:
    """Print one row a spectrum, then what the flags mean."""
    from hp_lab.analysis.quality import because, is_doubt

    rows = []
    for result in results:
        peak = result["peaks"][0] if result["peaks"] else {}
        rows.append(
            (
                result["name"],
                result["kind"],
                result["status"],
                _number(peak.get("center_nm")),
                _number(peak.get("center_ev")),
                _number(peak.get("fwhm_ev")),
                _number(result["exciton_ev"]),
                _number(result["gap_ev"]),
                ", ".join(result["flags"]),
            )
        )
    columns = (
        "name",
        "kind",
        "status",
        "peak nm",
        "peak eV",
        "FWHM eV",
        "exciton eV",
        "gap eV",
        "flags",
    )
    print_table("Spectra", columns, rows)
    flags = dict.fromkeys(flag for result in results for flag in result["flags"])
    for flag in filter(is_doubt, flags):
        console.print(because(flag))
    for result in results:
        if result["status"] == "rejected":
            console.print(f"{result['name']}: {result['reason']}")


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _print_plate(report: "PlateReport") -> None:
    """Print what a plate's reads say together."""
    from hp_lab.analysis.plate_report import as_dictionary

    found = as_dictionary(report)
    if found["kinetics"]:
        _print_kinetics(found["kinetics"])
    if found["losses"]:
        rows = [
            (
                row["well"],
                _with_sigma(row, "lost"),
                _with_sigma(row, "lead_iodide"),
                row["reason"],
            )
            for row in found["losses"]
        ]
        columns = ("well", "lost", "PbI2 share", "notes")
        print_table("Absorbance, last read against first", columns, rows)
    for step in found["components"]:
        title = f"Components, {step['step']}"
        if "components" not in step:
            console.print(f"{title}: {step['reason']}")
            continue
        peaks = [f"{one['peak_nm']:.0f} nm" for one in step["components"]]
        rows = [
            (well["name"], *(f"{weight:.2f}" for weight in well["weights"]))
            for well in step["wells"]
        ]
        print_table(title, ("read", *peaks), rows)
        console.print(step["caveat"])


def _print_kinetics(wells: Sequence[Mapping[str, Any]]) -> None:
    """Print the wells that have kinetics, then why the others have none."""
    rows = [
        (
            row["well"],
            row["step"],
            row["model"],
            _with_sigma(row, "maximum"),
            _with_sigma(row, "retention"),
            _with_sigma(row, "half_life_s", 1.0 / 60.0),
            row["censored"],
            ", ".join(row["flags"]),
        )
        for row in wells
        if row["model"] is not None
    ]
    columns = (
        "well",
        "step",
        "model",
        "rises to",
        "keeps",
        "half-life min",
        "at ceiling",
        "flags",
    )
    print_table("Kinetics (PL over its start)", columns, rows)
    reasons: dict[str, list[str]] = {}
    for row in wells:
        if row["model"] is None:
            reasons.setdefault(row["reason"], []).append(row["well"])
    for reason, names in reasons.items():
        console.print(f"{', '.join(names)}: {reason}")


def _with_sigma(row: Mapping[str, Any], name: str, scale: float = 1.0) -> str:
    """Return a value with its sigma, or the bound it is; empty without a value."""
    value = row.get(name)
    if value is None:
        return ""
    kind = row.get(f"{name.removesuffix('_s')}_kind", "exact")
    mark = {"exact": "", "lower_bound": "> ", "upper_bound": "< "}[kind]
    return f"{mark}{scale * value:.3g}±{scale * row[f'{name}_sigma']:.1g}"
