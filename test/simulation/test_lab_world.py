"""The hidden world as instruments touch it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.chemistry.stocks import load_stocks
from hp_lab.errors import InvalidInput
from hp_lab.lab_config import load_lab_config
from hp_lab.simulation.lab import LabWorld
from hp_lab.simulation.liquids import WellContents
from hp_lab.simulation.truth import film_from_history, true_property

CONFIG = Path(__file__).parents[2] / "config"
LAB = load_lab_config(CONFIG / "lab.yaml")
PLACES = LAB.gantry.positions()
CHUCK = PLACES["spin_chuck"]
PIXELS_NM = np.linspace(350.0, 1000.0, 2068)
START_S = 1_767_225_600.0
SOLVENTS = {"DMF": 0.8, "DMSO": 0.2}
STOCKS = {
    "stocks/A1": WellContents.from_molar(
        3900.0, {"PEA": 1.0, "Pb": 0.5, "I": 2.0}, SOLVENTS
    ),
    "stocks/C5": WellContents.from_molar(
        3900.0, {"MA": 0.5, "Pb": 0.5, "I": 1.5}, SOLVENTS
    ),
    "solvents/A1": WellContents.from_molar(19_000.0, {}, {"chlorobenzene": 1.0}),
}


def world(seed: int = 3, log: Path | None = None) -> LabWorld:
    return LabWorld(LAB, STOCKS, seed=seed, log=log)


def moved(w: LabWorld, now_s: float, source: str, target: str) -> float:
    assert w.close_gripper(now_s, PLACES[source])
    w.open_gripper(now_s + 5.0, PLACES[target])
    return now_s + 10.0


def mixed_ink(w: LabWorld, now_s: float, well: str, shares_ul: list[float]) -> float:
    for source, volume_ul in zip(("stocks/A1", "stocks/C5"), shares_ul, strict=True):
        w.aspirate(now_s, "left", source, volume_ul)
        w.dispense(now_s + 2.0, "left", well, volume_ul, 94.0)
        w.drop_tip(now_s + 4.0, "left")
        now_s += 5.0
    return now_s


def spun(w: LabWorld, now_s: float, well: str, drop_s: float = 16.5) -> float:
    w.set_vacuum(now_s, True)
    w.aspirate(now_s, "left", well, 60.0)
    w.aspirate(now_s, "right", "solvents/A1", 150.0)
    w.dispense(now_s + 1.0, "left", "spin_chuck/A1", 60.0, 94.0)
    now_s += 6.0
    w.set_chuck_speed(now_s, 0.0, 4000.0, 1500.0)
    w.dispense(now_s + drop_s, "right", "spin_chuck/A1", 150.0, 94.0)
    w.set_chuck_speed(now_s + 45.0, 4000.0, 0.0, 1500.0)
    now_s += 50.0
    w.set_vacuum(now_s, False)
    w.drop_tip(now_s, "left")
    w.drop_tip(now_s, "right")
    return now_s + 2.0


def made(
    w: LabWorld, now_s: float, slot: str = "tray/A1", well: str = "mix/A1"
) -> float:
    """Make a film and put it on the stage."""
    now_s = mixed_ink(w, now_s, well, [50.0, 50.0])
    now_s = moved(w, now_s, slot, "spin_chuck")
    now_s = spun(w, now_s, well)
    now_s = moved(w, now_s, "spin_chuck", "hotplate/1")
    w.set_plate(now_s, "hotplate", 105.0)
    now_s += 400.0
    w.set_plate(now_s, "hotplate", None)
    return moved(w, now_s + 5.0, "hotplate/1", "stage") + 120.0


def shone(w: LabWorld, now_s: float) -> np.ndarray:
    w.set_light(now_s, "led", 1.0)
    w.set_light(now_s, "shutter", 1.0)
    return w.stage_light(now_s + 1.0, PIXELS_NM)


def test_a_film_goes_its_whole_way() -> None:
    w = world()
    now_s = made(w, START_S)
    assert w.places["tray/A1"] == "stage"
    film = w.film("tray/A1", now_s)
    assert film is not None
    assert film.nominal_n == pytest.approx(2.0, abs=0.05)
    assert true_property(film, "phase_purity") > 0.5
    light = shone(w, now_s)
    assert light.shape == PIXELS_NM.shape
    assert 1e5 < light[PIXELS_NM > 430].max() < 1e7


def test_the_true_film_is_the_made_film_without_its_deviations() -> None:
    purities = []
    for seed in range(6):
        w = world(seed)
        now_s = made(w, START_S)
        ideal = true_property(w.history("tray/A1"), "phase_purity")
        film = w.film("tray/A1", now_s)
        assert film is not None
        purities.append(true_property(film, "phase_purity") - ideal)
    assert np.std(purities) > 0.003
    assert abs(np.mean(purities)) < 0.1
    assert film_from_history(w.history("tray/A1")).peak_shift_ev == 0.0


def test_a_log_replays_to_the_identical_world(tmp_path: Path) -> None:
    path = tmp_path / "world.jsonl"
    with world(log=path) as first:
        now_s = made(first, START_S)
        light = shone(first, now_s)
        expected = first.places, first.contents("mix/A1"), first.liquids
    with world(log=path) as again:
        assert (again.places, again.contents("mix/A1"), again.liquids) == expected
        assert np.array_equal(again.stage_light(now_s + 1.0, PIXELS_NM), light)
        assert again.plate_c(now_s, "hotplate") == first.plate_c(now_s, "hotplate")


def test_stopping_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    whole, path = world(), tmp_path / "world.jsonl"
    now_s = made(whole, START_S)
    lines_of = tmp_path / "whole.jsonl"
    with world(log=lines_of) as told:
        made(told, START_S)
    lines = lines_of.read_text().splitlines()
    half = len(lines) // 2
    # A crash cuts the last line short.
    path.write_text("\n".join(lines[:half]) + "\n" + lines[half][:17])
    with world(log=path) as resumed:
        assert path.read_text().endswith("\n")
        for name, at_s, arguments in _calls(lines[half:]):
            getattr(resumed, name)(at_s, **arguments)
        assert np.array_equal(shone(resumed, now_s), shone(whole, now_s))


def _calls(lines: list[str]) -> list[tuple[str, float, dict[str, object]]]:
    calls = [json.loads(line) for line in lines]
    return [(call.pop("call"), call.pop("now_s"), call) for call in calls]


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda text: text.replace('"seed": 3', '"seed": 4'), "seed 4"),
        (lambda text: text.replace("{", "not "), "line 1 is not JSON"),
        (lambda text: text + '{"call": "explode", "now_s": 1.0}\n', "explode"),
        (lambda text: text + '{"now_s": 1.0}\n', "line 2 has no call"),
        (lambda text: text + "[1]\n", "no JSON object"),
    ],
)
def test_a_log_of_another_world_is_refused(
    tmp_path: Path, spoil: Callable[[str], str], match: str
) -> None:
    path = tmp_path / "world.jsonl"
    world(log=path).close()
    path.write_text(spoil(path.read_text()))
    with pytest.raises(InvalidInput, match=match):
        world(log=path)


def test_films_do_not_depend_on_what_else_is_done() -> None:
    alone, busy = world(), world()
    now_s = made(alone, START_S, "tray/B3", "mix/B3")
    # The other laboratory makes another film first, from the same stocks.
    later_s = made(busy, START_S, "tray/A1", "mix/A1")
    later_s = moved(busy, later_s, "stage", "tray/A1")
    busy.set_plate(later_s, "hotplate", None)
    later_s = made(busy, later_s + 7200.0, "tray/B3", "mix/B3")
    one, other = alone.film("tray/B3", now_s), busy.film("tray/B3", later_s)
    assert one is not None
    assert other is not None
    assert other.layered == pytest.approx(one.layered, abs=1e-6)
    assert other.ln_yield == pytest.approx(one.ln_yield, abs=1e-6)
    assert other.thickness_nm == pytest.approx(one.thickness_nm, rel=1e-6)


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["aspirate", "dispense", "drop"]),
            st.sampled_from(["left", "right"]),
            st.sampled_from(["stocks/A1", "stocks/C5", "mix/A1", "mix/A2", "chuck"]),
            st.floats(0.0, 900.0),
        ),
        max_size=25,
    ),
    st.booleans(),
)
def test_liquids_are_conserved(
    orders: list[tuple[str, str, str, float]], with_substrate: bool
) -> None:
    w = world()
    if with_substrate:
        moved(w, START_S, "tray/A1", "spin_chuck")
    before = w.liquids
    for step, (what, mount, well, volume_ul) in enumerate(orders):
        now_s = START_S + 20.0 + step
        if what == "aspirate" and well != "chuck":
            w.aspirate(now_s, mount, well, volume_ul)
        elif what == "dispense":
            name = "spin_chuck/A1" if well == "chuck" else well
            w.dispense(now_s, mount, name, volume_ul, 50.0)
        elif what == "drop":
            w.drop_tip(now_s, mount)
    after = w.liquids
    assert after.volume_ul == pytest.approx(before.volume_ul)
    assert dict(after.species) == pytest.approx(dict(before.species))


def test_an_empty_well_gives_air() -> None:
    w = world()
    w.aspirate(START_S, "left", "mix/H12", 100.0)
    assert w.in_tip("left").volume_ul == 0
    w.dispense(START_S + 1, "left", "mix/H11", 100.0, 94.0)
    assert w.contents("mix/H11").volume_ul == 0


def test_a_well_that_is_too_full_spills() -> None:
    w = world()
    before = w.liquids.volume_ul
    for step in range(5):
        w.aspirate(START_S + step, "left", "stocks/A1", 300.0)
        w.dispense(START_S + step + 0.5, "left", "mix/A1", 300.0, 94.0)
    assert w.contents("mix/A1").volume_ul == pytest.approx(1000.0)
    assert w.liquids.volume_ul == pytest.approx(before)


def test_pipettes_are_a_little_off_and_never_by_much() -> None:
    w = world()
    given_ul = []
    for index, well in enumerate(LAB.pipettor.labware["mix"].wells()[:40]):
        w.aspirate(START_S + index, "left", "stocks/A1", 80.0)
        w.dispense(START_S + index, "left", f"mix/{well}", 80.0, 94.0)
        w.drop_tip(START_S + index, "left")
        given_ul.append(w.contents(f"mix/{well}").volume_ul)
    assert 77.0 < min(given_ul) < max(given_ul) <= 80.0
    assert 0.2 < np.std(given_ul) < 1.0


def test_spinning_without_vacuum_throws_the_film_off() -> None:
    w = world()
    now_s = moved(w, START_S, "tray/A1", "spin_chuck")
    w.set_chuck_speed(now_s, 0.0, 2000.0, 1000.0)
    assert w.places["tray/A1"] == "lost"


def test_losing_the_vacuum_while_spinning_throws_the_film_off() -> None:
    w = world()
    now_s = moved(w, START_S, "tray/A1", "spin_chuck")
    w.set_vacuum(now_s, True)
    w.set_chuck_speed(now_s + 1, 0.0, 2000.0, 1000.0)
    assert w.places["tray/A1"] == "spin_chuck"
    w.set_vacuum(now_s + 5, False)
    assert w.places["tray/A1"] == "lost"
    assert not w.close_gripper(now_s + 9, CHUCK)


def test_the_gripper_holds_only_what_it_can_reach() -> None:
    w = world()
    x, y, z = PLACES["tray/A1"]
    assert not w.close_gripper(START_S, (x, y, z + 50.0))
    assert not w.close_gripper(START_S, (x + 10.0, y, z))
    assert w.close_gripper(START_S, (x + 1.0, y, z + 1.0))
    assert w.close_gripper(START_S, (x, y, z)), "it still holds it"
    w.open_gripper(START_S + 1, CHUCK)
    w.set_vacuum(START_S + 2, True)
    assert not w.close_gripper(START_S + 3, CHUCK), "vacuum holds it"
    w.set_vacuum(START_S + 4, False)
    assert w.close_gripper(START_S + 5, CHUCK)


@pytest.mark.parametrize(
    "at_mm", [(300.0, 300.0, 12.0), PLACES["tray/A2"], (*CHUCK[:2], CHUCK[2] + 40.0)]
)
def test_what_is_let_go_of_elsewhere_is_lost(
    at_mm: tuple[float, float, float],
) -> None:
    w = world()
    w.close_gripper(START_S, PLACES["tray/A1"])
    w.open_gripper(START_S + 1, at_mm)
    assert w.places["tray/A1"] == "lost"
    w.open_gripper(START_S + 2, CHUCK)
    assert w.places["tray/A1"] == "lost"


def test_a_film_must_not_meet_a_turning_chuck() -> None:
    w = world()
    w.set_chuck_speed(START_S, 0.0, 3000.0, 1000.0)
    assert w.close_gripper(START_S + 5, PLACES["tray/A1"])
    w.open_gripper(START_S + 9, CHUCK)
    assert w.places["tray/A1"] == "lost"


def test_liquid_on_an_empty_chuck_is_waste() -> None:
    w = world()
    before = w.liquids.volume_ul
    w.aspirate(START_S, "left", "stocks/A1", 50.0)
    w.dispense(START_S + 1, "left", "spin_chuck/A1", 50.0, 94.0)
    assert w.liquids.volume_ul == pytest.approx(before)
    moved(w, START_S + 2, "tray/A1", "spin_chuck")
    assert w.film("tray/A1", START_S + 60) is None


def test_the_plate_that_a_film_lies_on_decides_its_heat() -> None:
    def crystalline(setpoint_c: float | None, at_s: float) -> float:
        w = world()
        now_s = mixed_ink(w, START_S, "mix/A1", [50.0, 50.0])
        now_s = moved(w, now_s, "tray/A1", "spin_chuck")
        now_s = spun(w, now_s, "mix/A1")
        w.set_plate(now_s, "hotplate_2", 150.0)
        now_s = moved(w, now_s, "spin_chuck", "hotplate/1")
        w.set_plate(now_s + at_s, "hotplate", setpoint_c)
        film = w.film("tray/A1", now_s + 600.0)
        assert film is not None
        return film.crystalline

    assert crystalline(None, 0.0) < 0.2
    assert 0.2 < crystalline(85.0, 0.0) < 0.95
    assert crystalline(100.0, 0.0) > 0.95
    assert crystalline(100.0, 500.0) < crystalline(100.0, 0.0)


def test_light_on_the_stage_and_nowhere_else_leaves_its_mark() -> None:
    w = world()
    now_s = made(w, START_S)
    w.set_light(now_s, "led", 1.0)
    w.set_light(now_s + 100.0, "led", 0.5)
    now_s = moved(w, now_s + 200.0, "stage", "tray/A1")
    w.set_light(now_s, "led", 1.0)
    assert w.history("tray/A1").light_dose_s(now_s + 500.0) == pytest.approx(150.0)


def test_placing_a_film_again_couples_a_little_differently() -> None:
    w = world()
    now_s = made(w, START_S)
    w.set_light(now_s, "lamp", 1.0)
    w.set_light(now_s, "shutter", 1.0)
    first = w.stage_light(now_s + 1e5, PIXELS_NM)
    now_s = moved(w, now_s + 1e5, "stage", "tray/A1")
    now_s = moved(w, now_s, "tray/A1", "stage")
    again = w.stage_light(now_s, PIXELS_NM)
    ratio = np.median(again / first)
    assert ratio != pytest.approx(1.0, abs=1e-6)
    assert ratio == pytest.approx(1.0, abs=0.05)


def test_the_lamp_warms_up() -> None:
    w = world()
    w.set_light(START_S, "lamp", 1.0)
    w.set_light(START_S, "shutter", 1.0)
    cold = w.stage_light(START_S + 1.0, PIXELS_NM).sum()
    warm = w.stage_light(START_S + 1800.0, PIXELS_NM).sum()
    assert 1.005 < warm / cold < 1.05


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda w: w.aspirate(START_S, "left", "nowhere/A1", 1.0), "nowhere/A1"),
        (lambda w: w.aspirate(START_S, "left", "mix/Z9", 1.0), "A1 to H12"),
        (lambda w: w.aspirate(START_S, "middle", "mix/A1", 1.0), "middle"),
        (lambda w: w.aspirate(START_S, "left", "mix/A1", -1.0), "-1 uL"),
        (lambda w: w.dispense(START_S, "left", "tips_1/A1", 1.0, 1.0), "tips_1"),
        (lambda w: w.set_plate(START_S, "oven", 100.0), "oven"),
        (lambda w: w.set_light(START_S, "led", 1.5), "1.5"),
        (lambda w: w.set_light(START_S, "laser", 1.0), "laser"),
        (lambda w: w.film("tray/Z9", START_S), "tray/Z9"),
    ],
)
def test_what_does_not_exist_is_named(
    call: Callable[[LabWorld], object], match: str
) -> None:
    with pytest.raises(InvalidInput, match=match):
        call(world())


def test_time_never_goes_back_but_threads_may_race() -> None:
    w = world()
    w.set_vacuum(START_S, True)
    w.set_vacuum(START_S - 0.2, False)
    with pytest.raises(InvalidInput, match="never goes back"):
        w.set_vacuum(START_S - 5.0, True)


def test_a_stock_table_says_where_substrates_are() -> None:
    stocks = load_stocks(CONFIG / "stocks.yaml")
    w = LabWorld(LAB, stocks, seed=1)
    assert set(w.places) == set(stocks.slots)
    assert w.contents("stocks/A1").molar("PEA") == pytest.approx(1.0)


def test_a_bare_substrate_is_a_reference_and_dims_the_lamp_a_little() -> None:
    w = world()
    w.set_light(START_S, "lamp", 1.0)
    w.set_light(START_S, "led", 0.5)
    w.set_light(START_S, "shutter", 1.0)
    nothing = w.stage_light(START_S + 3600.0, PIXELS_NM)
    moved(w, START_S + 3600.0, "tray/H8", "stage")
    glass = w.stage_light(START_S + 3620.0, PIXELS_NM)
    red = PIXELS_NM > 500
    assert np.median(glass[red] / nothing[red]) == pytest.approx(0.92, abs=0.03)


def test_liquid_that_misses_or_does_not_exist_wets_nothing() -> None:
    w = world()
    moved(w, START_S, "tray/A1", "spin_chuck")
    w.dispense(START_S + 20.0, "left", "spin_chuck/A1", 50.0, 94.0)
    assert w.history("tray/A1").deposits == ()


def test_a_slot_that_the_laboratory_lacks_is_refused() -> None:
    stocks = load_stocks(CONFIG / "stocks.yaml")
    grids = {"tray": LAB.gantry.grids["tray"].model_copy(update={"rows": 2})}
    gantry = LAB.gantry.model_copy(update={"grids": grids})
    small = LAB.model_copy(update={"gantry": gantry})
    with pytest.raises(InvalidInput, match="tray/C1"):
        LabWorld(small, stocks, seed=1)
