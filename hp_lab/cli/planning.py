"""hp-lab plan, predict and benchmark: the planner without a laboratory."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hp_lab.cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    from hp_lab.orchestration.campaign_file import CampaignFile
    from hp_lab.planner.goal import Answer
    from hp_lab.planner.predict import Readings
    from hp_lab.records import Candidate

Goal = Literal["min", "max"]
Campaign = Annotated[Path, typer.Option(help="Campaign file (YAML).")]
Seed = Annotated[int, typer.Option(min=0, help="Decides what is left to chance.")]
_FILMS = "CSV: settings and quantities, a film a row."

benchmark_app = typer.Typer(
    help="Replay the planner on data that exist.", no_args_is_help=True
)


def plan(
    campaign: Campaign,
    observations: Annotated[Path | None, typer.Option(help=_FILMS)] = None,
    count: Annotated[int, typer.Option(min=1, help="How many candidates.")] = 1,
    seed: Seed = 1,
    posterior: Annotated[
        Path | None,
        typer.Option(help="What was learned, for the next time; made where missing."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Propose the next experiments from a table of observations."""
    from hp_lab.orchestration.campaign_file import load_campaign
    from hp_lab.planner.plan import load_posterior, plan_from_csv
    from hp_lab.store.whole_file import write_whole

    file = load_campaign(campaign)
    answer = plan_from_csv(
        file.space,
        file.objectives,
        file.planner,
        observations=observations,
        count=count,
        seed=seed,
        posterior=load_posterior(posterior) if posterior else b"",
    )
    _print_plan(file, answer, as_json=as_json)
    # Last: a file that cannot be written must not cost the answer.
    if posterior and answer.posterior:
        write_whole(posterior, answer.posterior)


def _print_plan(file: "CampaignFile", answer: "Answer", *, as_json: bool) -> None:
    rows = [
        {
            "candidate_id": c.candidate_id,
            "settings": dict(c.settings),
            "predicted_mean": list(c.predicted_mean),
            "predicted_sigma": list(c.predicted_sigma),
            "acquisition": c.acquisition,
            "feasibility": c.feasibility,
            "reason": c.reason,
        }
        for c in answer.candidates
    ]
    models = dict(zip(answer.model_names, answer.model_probabilities, strict=True))
    if as_json:
        print_json(
            {
                "candidates": rows,
                "model_probabilities": models,
                "pareto_front": list(answer.pareto_front),
                "notes": list(answer.notes),
            }
        )
        return
    names = file.space.names
    print_table(
        "Proposed",
        ("candidate", *names, "reason"),
        [
            (c.candidate_id, *(c.settings[n] for n in names), c.reason)
            for c in answer.candidates
        ],
    )
    print_table(
        "Expected",
        ("candidate", *(o.quantity for o in file.objectives), "success"),
        [_expected(c, len(file.objectives)) for c in answer.candidates],
    )
    if models:
        print("models: " + ", ".join(f"{n} {p:.2f}" for n, p in models.items()))
    if answer.pareto_front:
        print("Pareto front: " + ", ".join(answer.pareto_front))
    for note in answer.notes:
        print(note)


def _expected(candidate: "Candidate", objectives: int) -> tuple[str, ...]:
    """Return a row: what is expected of each objective, and of making the film."""
    values = [
        f"{mean:.4g} +- {sigma:.2g}"
        for mean, sigma in zip(
            candidate.predicted_mean, candidate.predicted_sigma, strict=True
        )
    ]
    # Films that fill the space are chosen before anything is predicted.
    values = values or ["-"] * objectives
    return (candidate.candidate_id, *values, f"{candidate.feasibility:.2f}")


def predict(
    campaign: Campaign,
    observations: Annotated[Path, typer.Option(help=_FILMS)],
    at: Annotated[Path, typer.Option(help="CSV: settings to forecast, a film a row.")],
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Forecast what films that were not made would read, with intervals."""
    from hp_lab.orchestration.campaign_file import load_campaign
    from hp_lab.planner.predict import predict_from_csv

    file = load_campaign(campaign)
    predicted = predict_from_csv(
        file.space,
        file.objectives,
        file.planner,
        observations=observations,
        at=at,
        seed=seed,
    )
    if as_json:
        print_json(
            {
                "sigma": {q: one.sigma for q, one in predicted.readings.items()},
                "predictions": [
                    {
                        "id": point.candidate_id,
                        "settings": dict(point.settings),
                        "readings": {
                            quantity: _reading(one, row)
                            for quantity, one in predicted.readings.items()
                        },
                    }
                    for row, point in enumerate(predicted.points)
                ],
                "notes": list(predicted.notes),
            }
        )
        return
    for quantity, one in predicted.readings.items():
        # The probabilities of scores tell more than intervals of a few of them.
        columns = [f"score {score:g}" for score in one.scores] or [
            f"{level:.0%}" for level in one.intervals
        ]
        rows = []
        for row, point in enumerate(predicted.points):
            figures = _reading(one, row)
            intervals = [
                f"{low:.4g} to {high:.4g}"
                for low, high in figures["intervals"].values()
            ]
            chances = [f"{p:.2f}" for p in figures.get("scores", {}).values()]
            rows.append(
                (
                    point.candidate_id,
                    figures["mean"],
                    figures["sd"],
                    *(chances or intervals),
                )
            )
        print_table(
            f"{quantity}: readings with a sigma of {one.sigma:.2g}",
            ("film", "mean", "sd", *columns),
            rows,
        )
    for note in predicted.notes:
        print(note)


def _reading(readings: "Readings", row: int) -> dict[str, Any]:
    """Return what is forecast of a quantity at one of the points."""
    told = {
        "mean": float(readings.mean[row]),
        "sd": float(readings.sd[row]),
        "intervals": {
            f"{100 * level:.0f}": [float(low[row]), float(high[row])]
            for level, (low, high) in readings.intervals.items()
        },
    }
    if readings.scores:
        told["scores"] = {f"{s:g}": float(p[row]) for s, p in readings.scores.items()}
    return told


@benchmark_app.command("pool")
def pool(
    file: Annotated[Path, typer.Argument(help="CSV, an experiment a row.")],
    target: Annotated[str, typer.Option(help="Column of the target.")],
    goal: Annotated[Goal, typer.Option(help="What the target should become.")],
    seeds: Annotated[int, typer.Option(min=1, help="Runs with different starts.")] = 10,
    budget: Annotated[
        int | None,
        typer.Option(help="Experiments a run; default: 60, or all where fewer."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Column that is no input; repeatable.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Processes; default: one for each processor core."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replay optimisation on an existing data set beside other methods."""
    from joblib import cpu_count

    from hp_lab.planner.replay import benchmark_pool

    result = benchmark_pool(
        file,
        target=target,
        goal=goal,
        seeds=seeds,
        budget=budget,
        ignore=ignore or (),
        jobs=jobs or cpu_count(),
    )
    if as_json:
        print_json(result)
        return
    methods = ("planner", "sklearn", "greedy", "random")
    rows = [
        (m, *(_with_error(result[m][k]) for k in ("ef20", "ef40", "to80")))
        for m in methods
    ]
    print_table(f"{file.name}: {target}", ("method", "EF@20", "EF@40", "to 80 %"), rows)
    inputs = ", ".join(f"{name} ({kind})" for name, kind in result["inputs"].items())
    print(f"inputs: {inputs}")
    print(f"best: {result['best']} of {result['size']} experiments")
    if any("-" in row for row in rows):
        print("-: budget or pool is too small to tell")
    spent = result["budget"]
    if any(count > spent for m in methods for count in result[m]["to80"]["runs"]):
        print(f"to 80 %: a run that needs more than {spent} counts as {spent + 1}")


def _with_error(figure: Mapping[str, Any]) -> str:
    if figure["mean"] is None:
        return "-"
    error = "" if figure["se"] is None else f" +- {figure['se']:.2g}"
    return f"{figure['mean']:.4g}{error}"
