"""Proposals from a table that holds films still being made."""

from hp_lab.planner.goal import PlannerSettings
from hp_lab.planner.objectives import Objective
from hp_lab.planner.plan import plan_from_csv
from hp_lab.planner.space import Space

SPACE = Space.parse({"t": {"type": "continuous", "low": 0, "high": 10}})
GOALS = (Objective(quantity="q", goal="maximize"),)


def test_a_film_that_is_being_made_is_not_proposed_again(tmp_path):
    path = tmp_path / "o.csv"
    lines = ["t,q,status", *(f"{t},{5 - abs(t - 5)}," for t in (0, 2, 3, 7, 9, 10))]

    def next_film(more):
        path.write_text("\n".join([*lines, *more]) + "\n")
        answer = plan_from_csv(SPACE, GOALS, PlannerSettings(), observations=path)
        return answer.candidates[0]

    first = next_film([])
    t = first.settings["t"]
    then = next_film([f"{t},,pending"])
    assert then.candidate_id == "c0008"
    assert abs(then.settings["t"] - t) > 0.05
