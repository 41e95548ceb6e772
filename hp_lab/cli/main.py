"""The command hp-lab: its subcommands, and how errors reach a person."""

import os
import sys
from typing import NoReturn

import typer

from hp_lab.cli import campaign, data, lab, planning, spectra, worklist
from hp_lab.errors import HpLabError
from hp_lab.nodes import fast_dds

app = typer.Typer(
    name="hp-lab",
    help="Self-driving laboratory for low-dimensional hybrid perovskites.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(campaign.app, name="campaign")
app.add_typer(worklist.app, name="worklist")
app.add_typer(planning.benchmark_app, name="benchmark")
app.command("demo")(campaign.demo)
app.command("up")(lab.up)
app.command("doctor")(lab.doctor)
app.command("schedule")(worklist.schedule)
app.command("plan")(planning.plan)
app.command("predict")(planning.predict)
app.command("analyze")(spectra.analyze)
app.command("spacers")(data.spacers)
app.command("export")(data.export)


def main() -> None:
    """Run the command; an error is one sentence and exit code 2."""
    # Shared memory that another program left behind makes Fast DDS print to stdout.
    os.environ.setdefault("FASTDDS_BUILTIN_TRANSPORTS", "UDPv4")
    try:
        # As typed: the command itself runs the module with Python.
        app(prog_name="hp-lab")
    except HpLabError as error:
        sys.stderr.write(f"error: {error}\n")
        _end(2)
    except SystemExit as ending:
        # How every other command ends.
        _end(ending.code)


def _end(code: str | int | None) -> NoReturn:
    fast_dds.will_end_with(code if isinstance(code, int) else int(code is not None))
    sys.exit(code)
