"""Planner settings that fit neither space nor objectives are refused, each by name."""

import pytest

from hp_lab.errors import InvalidInput
from hp_lab.planner.goal import Goal, PlannerSettings
from hp_lab.planner.objectives import Objective
from hp_lab.planner.settings_check import problems
from hp_lab.planner.space import Space

SPACE = Space.parse(
    {
        "spacer": {"type": "molecule", "choices": ["PEA", "BA"]},
        "n": {"type": "ordinal", "values": [1, 2, 3, 4]},
        "drip_s": {"type": "continuous", "low": 4, "high": 30},
    }
)
GAP = Objective(quantity="gap_ev", goal="target", value=1.9)
PURITY = Objective(quantity="phase_purity", goal="maximize")
ROW = {"spacer": "PEA", "n": 1.0, "value": 2.4}
WIDE = {"kind": "normal", "mean": 0, "sd": 1}


def table(*rows, **more):
    return {"hypotheses": [{"name": "calc", "table": rows, **more}]}


def named(name, **more):
    return {"hypotheses": [{"name": name, **more}]}


ONE = [
    (named("confinment"), "hypotheses: .*'confinment' .* did you mean confinement"),
    (named("confinement", quantity="gapev"), "'gapev' is no objective.*gap_ev"),
    (named("confinement", inputs={"nn": "n"}), "function reads no 'nn'"),
    (named("confinement", inputs={"n": "layers"}), "n is to be 'layers'.*no setting"),
    (named("confinement", inputs={"n": "spacer"}), "its function raised"),
    (named("drop_window"), "reads drop_time_s, .* inputs: {drop_time_s: SETTING}"),
    (named("confinement", priors={"powr": WIDE}), "'powr'.*power"),
    (table(ROW, priors={"offset": WIDE}), "calc: priors belong to a registered"),
    (table(ROW, inputs={"a": "b"}), "calc: inputs belong to a registered hypothesis"),
    (table({"m": 1.0, "value": 2.0}), "column 'm' is no setting.*use one of"),
    (table({"value": 2.0}), "no column but value"),
    (table({**ROW, "spacer": "pea"}), "row 1.*spacer 'pea' is no label.*PEA"),
    (table({**ROW, "spacer": 1.0}), "row 1.*spacer 1.0 is no label"),
    (table({**ROW, "n": "1"}), "row 1.*n '1' is no number"),
    (table(ROW, {**ROW, "n": "two"}), "row 2: n 'two' must be a number"),
    (table({**ROW, "n": "two"}, ROW), "row 2: n 1.0 must be a text"),
    ({"costs": "anneal_x"}, "costs: 'anneal_x': 'anneal_x' is no setting"),
    ({"costs": "n +"}, "costs: 'n .' cannot be read"),
    ({"costs": "n < 2"}, "costs: 'n < 2': .*not a number"),
    ({"costs": "spacer"}, "costs: 'spacer': .*not a number"),
    ({"ucb_beta": 9}, "ucb_beta: 9 belongs to acquisition upper_confidence_bound"),
    ({"boundary": 3}, "boundary: 3 belongs to acquisition boundary"),
    ({"distinct": "n"}, "distinct: 'n' is no category.*spacer"),
    (
        {"distinct": "spacer", "acquisition": "thompson"},
        "distinct: has no effect on acquisition thompson",
    ),
    ({"reference": {"gap": 3}}, "reference: 'gap' is no objective.*gap_ev"),
    ({"reference": {"gap_ev": 3}}, "reference: .*several objectives"),
    ({"modules": ["nowhere.py"]}, "modules: nowhere.py: cannot be read"),
]  # fmt: skip
SEVERAL = [
    (named("confinement"), "confinement: say which .* gap_ev, phase_purity"),
    ({"acquisition": "boundary"}, "acquisition: boundary .* 2 objectives"),
    ({"replicates": 3}, "replicates: 3 .* there are 2"),
    ({"distinct": "spacer"}, "distinct: .* 2 objectives"),
    (
        {"several": "weighted", "reference": {"gap_ev": 3}},
        "reference: .*Pareto front",
    ),
]


@pytest.mark.parametrize(
    ("objectives", "given", "words"),
    [
        *(((GAP,), given, words) for given, words in ONE),
        *(((GAP, PURITY), given, words) for given, words in SEVERAL),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(objectives, given, words):
    settings = PlannerSettings.model_validate(given)
    with pytest.raises(InvalidInput, match=rf"^planner\..*{words}"):
        Goal(space=SPACE, objectives=objectives, settings=settings)


@pytest.mark.parametrize(
    ("objectives", "given"),
    [
        ((GAP,), {}),
        ((GAP, PURITY), {}),
        ((GAP,), named("confinement")),
        ((GAP,), named("drop_window", inputs={"drop_time_s": "drip_s"})),
        ((GAP, PURITY), named("confinement", quantity="gap_ev")),
        ((GAP,), table(ROW, {**ROW, "spacer": "BA", "n": 2.0})),
        ((GAP,), {"costs": "1 + n * (spacer == 'PEA')", "replicates": 3}),
        ((GAP,), {"acquisition": "upper_confidence_bound", "ucb_beta": 9}),
        ((GAP,), {"acquisition": "boundary", "boundary": 3}),
        ((GAP,), {"distinct": "spacer"}),
        ((GAP, PURITY), {"reference": {"gap_ev": 3}}),
        ((GAP, PURITY), {"several": "weighted"}),
    ],
)
def test_what_fits_is_accepted(objectives, given):
    assert problems(PlannerSettings.model_validate(given), SPACE, objectives) == []


def test_all_problems_are_told_at_once():
    given = {"costs": "m", "ucb_beta": 9, "hypotheses": ["a", "b"]}
    found = problems(PlannerSettings.model_validate(given), SPACE, (GAP,))
    assert [one.partition(":")[0] for one in found] == [
        "hypotheses",
        "hypotheses",
        "costs",
        "ucb_beta",
    ]
