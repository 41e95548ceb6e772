"""hp-lab worklist and hp-lab schedule: films that somebody else planned."""

from pathlib import Path
from typing import Annotated

import typer

from hp_lab.cli.files import config_file
from hp_lab.cli.output import AsJson, print_json, print_table
from hp_lab.cli.running import run_to_end
from hp_lab.errors import InvalidInput
from hp_lab.lab_config import load_lab_config
from hp_lab.orchestration.run_dir import create_run_dir

app = typer.Typer(help="Worklists of PASCAL netlists.", no_args_is_help=True)

Lab = Annotated[Path | None, typer.Option(help="Laboratory (YAML).")]
First = Annotated[int, typer.Option(help="Only the first samples; 0: all.")]
File = Annotated[Path, typer.Argument(help="Worklist (PASCAL netlist, JSON).")]


@app.command("run")
def run(
    file: File,
    lab: Lab = None,
    first: First = 0,
    runs: Annotated[Path, typer.Option(help="Directory of all runs.")] = Path("runs"),
    live: Annotated[
        bool, typer.Option("--live", help="In the running laboratory, in real time.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Execute a worklist, by default on the emulated laboratory in virtual time."""
    from hp_lab.orchestration.worklists import executable, first_samples, stocks_text
    from hp_lab.recipes.pascal import load_worklist

    lab_path = config_file(lab, "lab.yaml")
    laboratory = load_lab_config(lab_path)
    if first < 0:
        msg = f"--first {first}: ask for at least 1 sample, or 0 for all"
        raise InvalidInput(msg)
    text = first_samples(file, first)
    worklist = load_worklist(file, lab=laboratory)
    if first:
        worklist = worklist.first(first)
    executable(worklist, laboratory)
    run_dir = create_run_dir(
        runs,
        "worklist",
        {
            "worklist.json": text,
            "lab.yaml": lab_path,
            "stocks.yaml": stocks_text(worklist, laboratory),
        },
    )
    run_to_end(run_dir, resume=False, virtual_time=not live, as_json=as_json)


def schedule(
    file: File,
    lab: Lab = None,
    first: First = 0,
    effort: Annotated[
        float,
        typer.Option(
            min=0.0, help="Of the solver, about seconds; 0: list scheduling only."
        ),
    ] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Plan a worklist on this laboratory: makespan, utilisation, film age."""
    from hp_lab.recipes.pascal import load_worklist
    from hp_lab.scheduling.from_recipe import tasks_of
    from hp_lab.scheduling.schedule import figures
    from hp_lab.scheduling.scheduler import schedule as plan_schedule
    from hp_lab.scheduling.stations import stations_of

    laboratory = load_lab_config(config_file(lab, "lab.yaml"))
    worklist = load_worklist(file, lab=laboratory)
    if first:
        worklist = worklist.first(first)
    tasks = [task for r in worklist.recipes for task in tasks_of(r, laboratory)]
    stations = stations_of(laboratory)
    plan = plan_schedule(tasks, stations, now_s=0.0, effort=effort)
    found = figures(plan, tasks, stations)
    result = {
        "samples": len(worklist.recipes),
        "tasks": len(tasks),
        "method": plan.method,
        "optimal": plan.optimal,
        "makespan_s": found.makespan_s,
        "films_per_hour": found.films_per_hour,
        "utilisation": dict(found.utilisation),
        "film_age_mean_s": found.mean_film_age_s,
        "film_age_max_s": found.max_film_age_s,
        "bookings": [
            {
                "task_id": b.task_id,
                "sample_id": b.sample_id,
                "name": b.name,
                "stations": list(b.stations),
                "place": b.place,
                "start_s": b.start_s,
                "end_s": b.end_s,
            }
            for b in plan.bookings
        ],
    }
    if as_json:
        print_json(result)
        return
    rows = [(k, v) for k, v in result.items() if isinstance(v, str | int | float)]
    print_table(file.name, ("figure", "value"), rows)
    print_table("Utilisation", ("station", "share"), list(found.utilisation.items()))
