"""hp-lab spacers and hp-lab export: what is known, and what was found."""

from pathlib import Path
from typing import Annotated

import typer

from hp_lab.chemistry import spacers as library
from hp_lab.cli.output import AsJson, console, print_json, print_table
from hp_lab.orchestration.run_dir import find_run_dir


def spacers(
    formers: Annotated[
        bool, typer.Option("--formers", help="Only those that form 2D lead iodides.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the spacer cations of the library."""
    found = [
        spacer
        for spacer in library.library().values()
        if not formers or spacer.forms_2d == "yes"
    ]
    if as_json:
        print_json(
            [
                {
                    "abbreviation": s.abbreviation,
                    "name": s.name,
                    "smiles": s.smiles,
                    "charge": s.charge,
                    "class": s.structure_class,
                    "forms_2d": s.forms_2d,
                    "exciton_n1_ev": s.exciton_n1_ev,
                    "descriptors": dict(s.descriptors),
                }
                for s in found
            ]
        )
        return
    print_table(
        f"{len(found)} spacer cations",
        ("abbreviation", "name", "class", "forms 2D", "n=1 exciton eV", "SMILES"),
        [
            (
                s.abbreviation,
                s.name,
                s.structure_class,
                s.forms_2d,
                s.exciton_n1_ev if s.exciton_n1_ev is not None else "",
                s.smiles,
            )
            for s in found
        ],
    )


def export(
    run_id: Annotated[str, typer.Argument(help="Run id or path; empty: newest.")] = "",
    runs: Annotated[Path, typer.Option(help="Directory of all runs.")] = Path("runs"),
    out: Annotated[
        Path | None, typer.Option(help="Directory; default: RUN/export.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a run's candidates, observations and task times as CSV and JSON."""
    from hp_lab.store.export import export_run

    run_dir = find_run_dir(runs, run_id)
    target = out or run_dir.path / "export"
    paths = [str(path) for path in export_run(run_dir.journal, target)]
    if as_json:
        print_json({"run_id": run_dir.run_id, "files": paths})
        return
    for path in paths:
        console.print(path)
