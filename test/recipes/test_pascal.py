import copy
import json
from collections import Counter
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from hp_lab.errors import InvalidConfig, InvalidInput
from hp_lab.recipes.compiler import ProcessDefaults, compile_recipe
from hp_lab.recipes.limits import check_recipe
from hp_lab.recipes.pascal import (
    example_worklist,
    export_netlist,
    load_stock_volumes,
    load_worklist,
    parse_netlist,
    worklist_from_recipes,
)
from hp_lab.recipes.steps import Anneal, Drop, Image, Measure, Rest, SpinCoat
from hp_lab.records import Candidate

DATA = Path(str(files("hp_lab.recipes"))) / "data" / "pascal"
NETLIST = json.loads((DATA / "netlist_36.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def worklist():
    return example_worklist()


def test_the_real_worklist_has_36_samples_and_all_their_steps(worklist):
    assert len(worklist.recipes) == 36
    assert {r.substrate for r in worklist.recipes} == {"FTO"}
    counts = Counter(type(s).__name__ for r in worklist.recipes for s in r.steps)
    assert counts == {
        "SpinCoat": 100,
        "Anneal": 64,
        "Rest": 36,
        "Image": 36 * 6,
        "Measure": 36 * 9,
    }
    assert worklist.setpoints_c == {"Hotplate1": 100}


def test_speeds_are_not_truncated(worklist):
    speeds = Counter(
        step.speed_rpm
        for recipe in worklist.recipes
        for coat in recipe.steps
        if isinstance(coat, SpinCoat)
        for step in coat.steps
    )
    assert speeds[5000.0] == 72 + 4
    assert speeds[1993.8079899999066] == 4


def test_the_first_sample_is_what_the_file_says(worklist):
    recipe = worklist.recipes[0]
    assert (recipe.sample_id, recipe.slot) == ("sample0", "Tray1/A1")
    monolayer, perovskite, anneal, rest, *_ = recipe.steps
    assert [
        (d.source, d.volume_ul, d.offset_s, d.rate_ul_s) for d in monolayer.drops
    ] == [("4mL_Tray1/B3", 30, -5, 80)]
    assert [
        (s.speed_rpm, s.acceleration_rpm_s, s.duration_s) for s in perovskite.steps
    ] == [
        (1000, 200, 5),
        (5000, 2000, 50),
    ]
    assert [(d.volume_ul, d.offset_s) for d in perovskite.drops] == [(40, -1), (80, 28)]
    assert anneal.hotplate == "Hotplate1"
    assert (anneal.profile[0].temperature_c, anneal.profile[0].hold_s) == (100, 1800)
    assert rest == Rest(duration_s=180)
    pictures = [s for s in recipe.steps if isinstance(s, Image)]
    assert [(p.lighting, p.exposure_s) for p in pictures] == [
        ("brightfield", 0.05),
        ("darkfield", 0.05),
        ("photoluminescence", 0.05),
        ("photoluminescence", 0.2),
        ("photoluminescence", 1),
        ("photoluminescence", 5),
    ]
    spectra = [s for s in recipe.steps if isinstance(s, Measure)]
    assert [(m.mode[:5], m.integration_s, m.averages) for m in spectra] == [
        ("photo", 1, 1),
        ("photo", 5, 1),
        ("photo", 20, 1),
        *(("trans", x, 2) for x in (0.02, 0.05, 0.2, 1, 5, 15)),
    ]
    handling = [t.drops for t in worklist.tasks if t.sample_id == "sample0" and t.drops]
    assert (handling[1][0].pre_mix_repetitions, handling[1][0].pre_mix_ul) == (3, 50)


def test_solutions_are_ions_or_inert_molecules_as_given(worklist):
    solutions = {well: s.solution for well, s in worklist.solutions.items()}
    ink = solutions["4mL_Tray1/A1"]
    assert ink.species_m == pytest.approx(
        {
            "FA": 0.936,
            "Cs": 0.144,
            "MA": 0.12,
            "Pb": 1.308,
            "I": 3.144,
            "Br": 0.5892,
            "Cl": 0.1968,
        }
    )
    assert ink.solvents == {"DMF": 0.75, "DMSO": 0.25}
    assert solutions["4mL_Tray1/B3"].species_m == {"MEO-2_PAcZ": 0.6}
    assert solutions["4mL_Tray1/C2"].species_m == {"PCBM": 30}
    assert solutions["4mL_Tray1/D1"].species_m == {}


def test_drops_take_what_the_robots_own_table_provides(worklist):
    volumes = load_stock_volumes(DATA / "stock_solutions_36.csv")
    # The table has 50 uL to spare in each well.
    for well, needed_ul in worklist.needed_ul().items():
        assert volumes[well] == needed_ul + 50


def test_the_plan_ends_when_it_is_known_to_end(worklist):
    times = worklist.planned_times()
    assert len(times) == len(worklist.tasks) == 472
    assert max(t.planned_end_s for t in times) == 15_753
    starts = {t.task_id: t.planned_start_s for t in times}
    for sample in NETLIST["samples"].values():
        for task in sample["worklist"]:
            assert starts[task["id"]] == task["start"]


def test_tasks_know_their_steps(worklist):
    recipes = {r.sample_id: r for r in worklist.recipes}
    kinds = {"spincoat": SpinCoat, "anneal": Anneal, "rest": Rest}
    seen = Counter()
    for task in worklist.tasks:
        steps = recipes[task.sample_id].steps[task.first_step :][: task.step_count]
        seen[task.sample_id] += len(steps)
        if task.name in kinds:
            assert [type(s) for s in steps] == [kinds[task.name]]
        elif task.name == "characterize":
            assert len(steps) == 15
        else:
            assert steps == ()
    assert seen == {name: len(recipe.steps) for name, recipe in recipes.items()}


def test_writing_what_was_read_gives_the_file_again(worklist):
    assert export_netlist(worklist) == NETLIST


def test_a_laboratory_takes_it_in_with_its_own_names(worklist, lab):
    placed = worklist.placed_in(lab)
    for recipe in placed.recipes:
        check_recipe(recipe, lab)
    assert set(placed.solutions) == {"stocks/A1", "stocks/B3", "stocks/C2", "stocks/D1"}
    assert placed.setpoints_c == {"hotplate": 100}
    assert placed.recipes[0].slot == "tray/A1"
    assert {t.destination for t in placed.tasks if t.name == "hotplate_to_storage"} == {
        "tray"
    }
    assert placed.placed_in(lab) == placed


def test_its_solutions_are_stocks_on_that_deck(worklist, lab):
    placed = worklist.placed_in(lab)
    table = placed.stock_table(dead_volume_ul=100)
    table.check_deck(lab)
    assert table.antisolvents == {"MethylAcetate": "stocks/D1"}
    assert table.well("stocks/C2").molecules == {"PCBM": 30}
    assert table.slots["tray/A1"] == "FTO"
    for well, needed_ul in placed.needed_ul().items():
        assert table.volumes_ul()[well] >= needed_ul + 100
    given = placed.stock_table({"stocks/A1": 770.0})
    assert given.volumes_ul()["stocks/A1"] == 770


def test_a_laboratory_without_room_says_so(worklist, lab):
    small = lab.gantry.model_copy(
        update={
            "grids": {"tray": lab.gantry.grids["tray"].model_copy(update={"rows": 2})}
        }
    )
    with pytest.raises(
        InvalidInput, match="tray Tray1: the laboratory has none with A1"
    ):
        worklist.placed_in(lab.model_copy(update={"gantry": small}))


def test_the_first_samples_only(worklist):
    six = worklist.first(6)
    assert [r.sample_id for r in six.recipes] == list(NETLIST["samples"])[:6]
    assert {t.sample_id for t in six.tasks} == {r.sample_id for r in six.recipes}
    assert len(worklist.first(99).recipes) == 36
    with pytest.raises(InvalidInput, match="ask for at least 1"):
        worklist.first(0)


def change(path, value):
    data = copy.deepcopy(NETLIST)
    *way, last = path
    target = data
    for key in way:
        target = target[key]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return data


TASK = ("samples", "sample0", "worklist", 1)
DROP = (*TASK, "details", "drops", 0)
LINE = ("samples", "sample0", "worklist", 8, "details", "characterization_tasks", 0)


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (("samples",), ..., "has no field samples; expected a PASCAL netlist"),
        (("extra",), 1, "extra: Extra inputs are not permitted"),
        (
            (*DROP, "volume"),
            "thirty",
            "worklist.1.details: drops.0.volume: .* (got 'th",
        ),
        ((*DROP, "volume"), -30, "drops.0.volume: Input should be greater than 0"),
        ((*DROP, "pre_mix"), [2.5, 100], "2.5 repetitions; expected a whole number"),
        ((*DROP, "rate"), ..., "drops.0.rate: Field required"),
        ((*DROP, "solution", "solvent"), "", "drops.0.solution.solvent: String should"),
        (
            (*TASK, "name"),
            "boil",
            "worklist.1.name: 'boil'; expected spincoat, anneal, ",
        ),
        (
            (*TASK, "sample"),
            "sample9",
            "worklist.1.sample: 'sample9'; expected 'sample0'",
        ),
        ((*TASK, "precedent"), "nothing", "expected the id of a task before it"),
        ((*TASK, "details", "start_times"), [7], "start_times: [7.0]; expected [5.0]"),
        (
            (*LINE, "name"),
            "XRD",
            "characterization_tasks.0.name: 'XRD'; expected Bright",
        ),
        (
            ("samples", "sample0", "worklist", 8, "duration"),
            ...,
            "worklist.8.duration: m",
        ),
        (("samples", "sample0", "name"), "x", "samples.sample0.name: 'x'; expected"),
        (
            (
                "samples",
                "sample1",
                "worklist",
                1,
                "details",
                "drops",
                0,
                "solution",
                "molarity",
            ),
            0.7,
            "0.7 M MEO-2_PAcZ in IPA in 4mL_Tray1/B3; expected 0.6 M MEO-2_PAcZ in IPA",
        ),
    ],
)
def test_a_broken_worklist_says_what_was_expected_and_where(path, value, text):
    with pytest.raises(InvalidConfig) as caught:
        parse_netlist(change(path, value), "netlist.json")
    message = str(caught.value)
    assert message.startswith("netlist.json: ")
    for part in text.split(".*"):
        assert part.strip() in message


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            b"wavelength;counts\n500;3\n",
            "is not JSON: .* in line 1, column 1; expected",
        ),
        (b'{"samples": {', "is not JSON: .* in line 1"),
        (b"\xff\xfe\x00", "is not text"),
        (b"[1, 2]", "has no field samples; expected a PASCAL netlist"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, content, text):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(InvalidConfig, match=text):
        load_worklist(path)
    with pytest.raises(InvalidConfig, match="cannot be read"):
        load_worklist(tmp_path / "missing.json")


def test_a_broken_stock_table_says_where(tmp_path):
    path = tmp_path / "stocks.csv"
    path.write_text("Labware,Well\n", encoding="utf-8")
    with pytest.raises(InvalidConfig, match=r"line 1: no column 'Volume \(uL\)'"):
        load_stock_volumes(path)
    path.write_text("Labware,Well,Volume (uL)\nt,A1,much\n", encoding="utf-8")
    with pytest.raises(InvalidConfig, match=r"line 2: .*'much' is no number"):
        load_stock_volumes(path)


@pytest.fixture(scope="module")
def own(lab, stocks):
    recipes = []
    for i, spacer in enumerate(("PEA", "BDA")):
        wish = {"spacer": spacer, "n": 3.0, "fa_fraction": 0.5, "drop_time_s": 12.5}
        recipes.append(
            compile_recipe(
                Candidate(candidate_id=f"c{i}", settings=wish),
                sample_id=f"s{i}",
                slot=f"tray/A{i + 1}",
                mix_well=f"mix/A{i + 1}",
                lab=lab,
                stocks=stocks,
                process=ProcessDefaults(),
            )
        )
    return recipes


def test_our_recipes_can_be_written_and_read_back(own, stocks):
    written = worklist_from_recipes(own, stocks=stocks, name="two films")
    read = parse_netlist(json.loads(json.dumps(export_netlist(written))), "x")
    assert read == written
    assert [r.steps[0].steps for r in read.recipes] == [r.steps[1].steps for r in own]
    ink = read.solutions["mix/A1"].solution.species_m
    assert ink["PEA"] / ink["Pb"] == pytest.approx(2 / 3, abs=1e-3)
    assert read.setpoints_c == {"Hotplate1": 100}
    first = [t for t in read.tasks if t.sample_id == "s0"]
    assert [t.name for t in first] == [
        "storage_to_spincoater",
        "spincoat",
        "spincoater_to_hotplate",
        "anneal",
        "hotplate_to_storage",
        "rest",
        "storage_to_characterization",
        "characterize",
        "characterization_to_storage",
    ]
    starts = [t.start_s for t in first]
    assert starts == sorted(starts)


def test_planned_starts_are_kept(own, stocks):
    starts_s = {"s0": [0.0, 100.0, 250.0, 900.0, 1200.0, 1230.0]}
    written = worklist_from_recipes(own[:1], stocks=stocks, starts_s=starts_s)
    planned = {t.name: t.start_s for t in written.tasks if t.step_count}
    assert planned == {
        "spincoat": 100,
        "anneal": 250,
        "rest": 900,
        "characterize": 1200,
    }
    with pytest.raises(InvalidInput, match="1 planned starts for the 6 steps of s0"):
        worklist_from_recipes(own[:1], stocks=stocks, starts_s={"s0": [0.0]})


@pytest.mark.parametrize(
    ("wish", "process", "text"),
    [
        ({"anneal_ramp_k_min": 5.0}, {}, "segments or a ramp"),
        (
            {},
            {"measurements": ({"mode": "reference"},)},
            "no word for mode reference",
        ),
        (
            {},
            {"measurements": ({"mode": "photoluminescence", "repeats": 3},)},
            "no word for 3 repeats",
        ),
    ],
)
def test_what_a_netlist_cannot_say_is_refused(lab, stocks, wish, process, text):
    recipe = compile_recipe(
        Candidate(candidate_id="c", settings=wish),
        sample_id="s",
        slot="tray/A1",
        mix_well="mix/A1",
        lab=lab,
        stocks=stocks,
        process=ProcessDefaults(**process),
    )
    with pytest.raises(InvalidInput, match=text):
        worklist_from_recipes([recipe], stocks=stocks)


def test_one_hotplate_has_one_temperature(lab, stocks, own):
    warmer = compile_recipe(
        Candidate(candidate_id="c", settings={"anneal_c": 120.0}),
        sample_id="w",
        slot="tray/A3",
        mix_well="mix/A3",
        lab=lab,
        stocks=stocks,
        process=ProcessDefaults(),
    )
    with pytest.raises(InvalidInput, match="would be at 100 C and at 120 C"):
        worklist_from_recipes([*own, warmer], stocks=stocks)


def test_pictures_and_exposures_are_grouped_as_the_line_takes_them(own, stocks):
    steps = (
        *own[0].steps[:2],
        Image(lighting="darkfield", exposure_s=0.05),
        Image(lighting="darkfield", exposure_s=0.5),
        Measure(mode="photoluminescence", integration_s=1.0),
        Measure(mode="photoluminescence", integration_s=5.0, averages=2),
    )
    written = worklist_from_recipes([replace(own[0], steps=steps)], stocks=stocks)
    (line,) = (t.characterizations for t in written.tasks if t.characterizations)
    assert [(part.name, part.exposures_s, part.count) for part in line] == [
        ("Darkfield", (0.05, 0.5), 1),
        ("PL_405nm", (1.0,), 1),
        ("PL_405nm", (5.0,), 2),
    ]
    assert parse_netlist(export_netlist(written), "x") == written


def test_a_light_without_a_word_is_refused(own, stocks):
    steps = (Image(lighting="moonlight", exposure_s=1.0),)
    with pytest.raises(InvalidInput, match="no word for lighting 'moonlight'"):
        worklist_from_recipes([replace(own[0], steps=steps)], stocks=stocks)


def test_two_inert_molecules_would_read_as_one_and_are_refused(own, stocks):
    well = stocks.wells["stocks/A1"].model_copy(
        update={"salts": {}, "molecules": {"PCBM": 0.01, "BCP": 0.02}}
    )
    well.__dict__.pop("solution", None)
    changed = stocks.model_copy(update={"wells": {"stocks/A1": well}})
    drop = Drop(source="stocks/A1", volume_ul=40.0, offset_s=0.0)
    coat = replace(own[0].steps[1], drops=(drop,))
    with pytest.raises(InvalidInput, match="cannot tell from one molecule"):
        worklist_from_recipes([replace(own[0], steps=(coat,))], stocks=changed)


def test_renaming_reaches_every_place(own, stocks):
    written = worklist_from_recipes(own, stocks=stocks)
    mixing = replace(written, recipes=tuple(own))
    names = {"mix": "vials", "stocks": "shelf", "tray": "rack"}
    renamed = mixing.renamed(names)
    assert {
        t.target.partition("/")[0] for t in renamed.recipes[0].steps[0].transfers
    } == {"vials"}
    assert renamed.recipes[0].slot == "rack/A1"
    assert renamed.renamed({new: old for old, new in names.items()}) == mixing
