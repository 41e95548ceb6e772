"""Runs a prepared run directory and shows how it goes."""

import time
from pathlib import Path
from typing import Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from hp_lab.cli.domain_lock import only_laboratory
from hp_lab.cli.output import console, err_console, print_json, print_table
from hp_lab.errors import HpLabError
from hp_lab.orchestration.run_dir import RunDir


def run_to_end(
    run_dir: RunDir, *, resume: bool, virtual_time: bool, as_json: bool
) -> None:
    """Run, show progress, print the table and write the report.

    Raises:
        HpLabError: The campaign did not get to its end.
    """
    from hp_lab.orchestration.status import run_status

    started_s = time.monotonic()
    try:
        with _Watch(quiet=as_json) as watch:
            if virtual_time:
                code, message = _in_virtual_time(run_dir, resume, watch)
            else:
                code, message = _in_laboratory(run_dir, resume, watch)
    finally:
        never_began = not run_dir.journal.exists()
        if never_began:
            run_dir.remove()
    if never_began:
        raise HpLabError(message)
    from hp_lab.orchestration.report import report_run

    report = report_run(run_dir)
    found = run_status(run_dir)
    if as_json:
        wall_s = round(time.monotonic() - started_s, 3)
        print_json({**found, "report": str(report), "wall_s": wall_s})
    else:
        _print_films(run_dir, found, report)
    if found["status"] == "interrupted":
        err_console.print(
            f"interrupted; `hp-lab campaign resume {run_dir.path}` goes on from here"
        )
        raise typer.Exit(130)
    if code:
        raise HpLabError(message)


def _in_virtual_time(run_dir: RunDir, resume: bool, watch: "_Watch") -> tuple[int, str]:
    # ROS may not be installed where only the core is used.
    from hp_lab.nodes.bringup import LabOptions
    from hp_lab.nodes.composed import ComposedLab
    from hp_lab.nodes.process import StopFlag
    from hp_lab.orchestration.status import last_lab_time_s, world_seed

    options = LabOptions(
        lab_file=run_dir.lab,
        emulated=True,
        inproc=True,
        stocks_file=run_dir.stocks,
        run_dir=run_dir.path,
        seed=world_seed(run_dir),
    )
    with only_laboratory():
        stop = StopFlag()
        with ComposedLab(options, start_s=last_lab_time_s(run_dir)) as lab:
            lab.watch(watch.show)
            result = lab.run_campaign(
                run_dir.path,
                resume=resume,
                stop=lambda: stop.raised,
                person=console.is_terminal,
            )
    return result.error_code, result.message


def _in_laboratory(run_dir: RunDir, resume: bool, watch: "_Watch") -> tuple[int, str]:
    from hp_lab.nodes.client import LabClient
    from hp_lab.nodes.process import StopFlag

    stop = StopFlag()
    with LabClient() as client:
        client.watch(watch.show)
        result = client.run_campaign(
            run_dir.path, resume=resume, stop=lambda: stop.raised
        )
    if result is None:
        err_console.print(
            "the campaign goes on in the laboratory; `hp-lab campaign status` shows "
            "it, `hp-lab campaign cancel` ends it"
        )
        raise typer.Exit(130)
    return result.error_code, result.message


def _print_films(run_dir: RunDir, found: dict[str, Any], report: Path) -> None:
    from hp_lab.orchestration.status import film_rows

    columns, rows = film_rows(run_dir)
    print_table(f"{found['run_id']}: {found['status']}", columns, rows)
    if found["best_sample_id"]:
        console.print(
            f"best {found['objective']}: {found['best_value']:.4g} "
            f"+- {found['best_sigma']:.2g} (film {found['best_sample_id']})"
        )
    hours = found["lab_hours"]
    console.print(f"{hours:.1f} hours of laboratory; report: {report}")


def _waits_for(state: Any) -> str:  # noqa: ANN401 - a ROS message
    """Return what a person has to do before the campaign goes on."""
    if state.question:
        return (
            f"{state.question}: `hp-lab campaign answer {state.question_id} "
            "retry|skip|quarantine|cancel`"
        )
    if state.status == "paused":
        return f"paused: {state.message}; `hp-lab campaign resume` goes on"
    return ""


class _Watch:
    """A progress bar with the current best."""

    def __init__(self, *, quiet: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[best]}"),
            TimeElapsedColumn(),
            console=console,
            disable=quiet,
        )
        self._bar = self._progress.add_task("films", total=None, best="")
        self._told = ""

    def __enter__(self) -> "_Watch":
        self._progress.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._progress.stop()

    def show(self, state: Any) -> None:  # noqa: ANN401 - a ROS message
        """Show a campaign state message."""
        # A worklist looks for nothing.
        best = "best none yet" if state.objective else ""
        if state.best_sample_id:
            value = f"{state.objective} {state.best_value:.3g}"
            best = f"best {value} ({state.best_sample_id})"
        self._progress.update(
            self._bar,
            total=state.budget or None,
            completed=state.films_done + state.films_failed,
            description=state.campaign_id or "films",
            best=best,
        )
        self._tell(_waits_for(state))

    def _tell(self, news: str) -> None:
        """Say once what a person has to do; standard output may be JSON."""
        if news and news != self._told:
            err_console.print(news)
        self._told = news
