"""hp-lab campaign: run, watch, pause, resume, cancel, report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml

from hp_lab.cli.files import config_file
from hp_lab.cli.output import AsJson, console, print_json, print_table
from hp_lab.cli.running import run_to_end
from hp_lab.errors import HpLabError
from hp_lab.lab_config import check_model, load_lab_config
from hp_lab.orchestration.run_dir import create_run_dir, find_run_dir

if TYPE_CHECKING:
    from hp_lab.orchestration.campaign_file import CampaignFile

app = typer.Typer(help="Closed-loop campaigns.", no_args_is_help=True)

Runs = Annotated[Path, typer.Option(help="Directory of all runs.")]
Run = Annotated[str, typer.Argument(help="Run id or path; empty: the newest.")]
Lab = Annotated[Path | None, typer.Option(help="Laboratory (YAML).")]
Stocks = Annotated[Path | None, typer.Option(help="Stock solutions (YAML).")]
VirtualTime = Annotated[
    bool,
    typer.Option(
        "--virtual-time",
        help="An emulated laboratory in this process, as fast as it goes.",
    ),
]
ROOT = Path("runs")


Seed = Annotated[int | None, typer.Option(help="Seed instead of the campaign file's.")]
Films = Annotated[
    int | None, typer.Option(help="Films to make instead of the campaign file's.")
]


def demo(
    runs: Runs = ROOT, seed: Seed = None, films: Films = None, as_json: AsJson = False
) -> None:
    """Run the demo campaign on an emulated laboratory, hours of it in a minute."""
    file = config_file(None, "campaigns/demo.yaml")
    run(file, None, None, runs, True, seed, films, as_json)


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="Campaign file (YAML).")],
    lab: Lab = None,
    stocks: Stocks = None,
    runs: Runs = ROOT,
    virtual_time: VirtualTime = False,
    seed: Seed = None,
    films: Films = None,
    as_json: AsJson = False,
) -> None:
    """Run a campaign to its end, in the running laboratory or in virtual time."""
    from hp_lab.chemistry.stocks import load_stocks
    from hp_lab.orchestration.preflight import check_campaign

    campaign, text = _with_changes(file, seed, films)
    lab_path = config_file(lab, "lab.yaml")
    stocks_path = config_file(stocks, "stocks.yaml")
    laboratory = load_lab_config(lab_path)
    table = load_stocks(stocks_path)
    table.check_deck(laboratory)
    check_campaign(campaign, laboratory, table)
    run_dir = create_run_dir(
        runs,
        campaign.name,
        {"campaign.yaml": text, "lab.yaml": lab_path, "stocks.yaml": stocks_path},
    )
    run_to_end(run_dir, resume=False, virtual_time=virtual_time, as_json=as_json)


@app.command()
def resume(
    run_id: Run = "",
    runs: Runs = ROOT,
    virtual_time: VirtualTime = False,
    as_json: AsJson = False,
) -> None:
    """Go on with an interrupted campaign, or with one that is paused."""
    from hp_lab.orchestration.status import is_being_written, run_status

    run_dir = find_run_dir(runs, run_id)
    found = run_status(run_dir)
    if found["status"] in {"done", "cancelled", "failed"}:
        if as_json:
            print_json(found)
        else:
            console.print(f"{run_dir.run_id} is {found['status']}: {found['reason']}")
        return
    if is_being_written(run_dir):
        # A program has it under way: it is that one that has to go on.
        _order("resume", as_json)
        return
    virtual_time = virtual_time or run_dir.world.exists()
    run_to_end(run_dir, resume=True, virtual_time=virtual_time, as_json=as_json)


@app.command()
def status(run_id: Run = "", runs: Runs = ROOT, as_json: AsJson = False) -> None:
    """Show how a campaign stands, also while it runs."""
    from hp_lab.orchestration.status import run_status

    run_dir = find_run_dir(runs, run_id)
    found = run_status(run_dir)
    if as_json:
        print_json(found)
        return
    print_table(
        f"{found['run_id']}: {found['status']} {found['reason']}",
        ("films", "done", "failed", "active", "best", "of film"),
        [
            (
                found["films"],
                found["films_done"],
                found["films_failed"],
                found["films_active"],
                found["best_value"],
                found["best_sample_id"],
            )
        ],
    )
    for note in found["planner_notes"]:
        console.print(f"planner: {note}")
    if found["question"]:
        console.print(f"question {found['question_id']}: {found['question']}")


@app.command()
def pause(as_json: AsJson = False) -> None:
    """Start nothing new in the running campaign."""
    _order("pause", as_json)


@app.command()
def cancel(as_json: AsJson = False) -> None:
    """End the running campaign for good."""
    _order("cancel", as_json)


@app.command()
def answer(
    question_id: Annotated[str, typer.Argument(help="As `status` shows it.")],
    decision: Annotated[str, typer.Argument(help="retry, skip, quarantine, cancel.")],
    as_json: AsJson = False,
) -> None:
    """Answer a question of the running campaign."""
    from hp_lab.nodes.client import LabClient

    with LabClient() as client:
        accepted, message = client.answer(question_id, decision)
    _say(accepted, message or f"{question_id}: {decision}", as_json)


@app.command()
def report(run_id: Run = "", runs: Runs = ROOT, as_json: AsJson = False) -> None:
    """Write a run's report.html anew."""
    from hp_lab.orchestration.report import report_run

    run_dir = find_run_dir(runs, run_id)
    path = report_run(run_dir)
    if as_json:
        print_json({"run_id": run_dir.run_id, "report": str(path)})
    else:
        console.print(str(path))


def _with_changes(
    file: Path, seed: int | None, films: int | None
) -> "tuple[CampaignFile, str]":
    """Return a campaign and its text, with what the command line says instead.

    The text does not depend on where the file was.
    """
    from hp_lab.orchestration.campaign_file import (
        CampaignFile,
        load_campaign,
        read_campaign,
    )

    campaign = load_campaign(file)
    text = file.read_text(encoding="utf-8")
    said = read_campaign(file)
    changes: dict[str, object] = {}
    if seed is not None:
        changes["seed"] = seed
    if films is not None:
        changes["budget"] = {**campaign.budget.model_dump(), "films": films}
    if changes or said != yaml.safe_load(text):
        data = {**said, **changes}
        campaign = check_model(CampaignFile, data, "command line")
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return campaign, text


def _order(what: str, as_json: bool) -> None:
    from hp_lab.nodes.client import LabClient

    with LabClient() as client:
        success, message = client.trigger(f"/campaign/{what}")
    _say(success, message, as_json)


def _say(success: bool, message: str, as_json: bool) -> None:
    if not success:
        raise HpLabError(message)
    if as_json:
        print_json({"message": message})
    else:
        console.print(message)
