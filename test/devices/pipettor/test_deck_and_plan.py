from functools import cache
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.devices.pipettor.deck import Deck, Move
from hp_lab.devices.pipettor.ledger import Ledger
from hp_lab.devices.pipettor.plan import plan_drops, plan_transfers
from hp_lab.devices.pipettor.protocol import CHUCK, DeckState
from hp_lab.errors import InvalidConfig, InvalidInput, InventoryError
from hp_lab.lab_config import Labware, Pipette, Pipettor, load_lab_config
from hp_lab.recipes.steps import Drop, Transfer

CONFIG = load_lab_config(Path(__file__).parents[3] / "config" / "lab.yaml").pipettor
DECK = Deck(CONFIG)
P20 = Pipette(name="p20_single_gen2", min_ul=2, max_ul=20, rate_ul_s=7.6)
P300 = Pipette(name="p300_single_gen2", min_ul=20, max_ul=300, rate_ul_s=94)
P1000 = Pipette(name="p1000_single_gen2", min_ul=100, max_ul=1000, rate_ul_s=274)


def rack(slot, well_ul):
    return Labware(
        slot=slot, kind="tips", rows=8, columns=12, well_ul=well_ul, depth_mm=50
    )


def station(left, right, *racks):
    """Return a robot with two pipettes, racks in the slots from 5, and wells."""
    labware = {
        "stocks": Labware(slot=1, kind="wells", rows=2, columns=2, well_ul=9000),
        "spin_chuck": Labware(slot=3, kind="chuck", well_ul=1000, depth_mm=1),
        **{f"tips_{i}": rack(5 + i, well_ul) for i, well_ul in enumerate(racks)},
    }
    return Pipettor(
        address="inproc://x", mounts={"left": left, "right": right}, labware=labware
    )


@cache
def fine_and_coarse():
    config = station(P20, P300, 20, 300)
    return config, Deck(config)


def planned(config, *steps, volume_ul=9000.0, deck=None):
    deck = deck or Deck(config)
    ledger = Ledger(deck, DeckState(volumes_ul={"stocks/A1": volume_ul}))
    return plan_transfers(steps, config, deck, ledger)


def step(volume_ul, **more):
    return Transfer(source="stocks/A1", target="stocks/B2", volume_ul=volume_ul, **more)


def test_standard_labware_stands_where_the_standard_says():
    # ANSI SLAS 4-2004: A1 of 96 wells is 14.38 mm and 11.24 mm from the edges.
    x, y = DECK.center_mm("tips_1/A1")
    assert (x, y) == pytest.approx((14.38, 85.48 - 11.24))
    x, y = DECK.center_mm("tips_1/H12")
    assert (x, y) == pytest.approx((14.38 + 99.0, 11.24))
    assert DECK.center_mm("spin_chuck/A1") == pytest.approx((265 + 63.88, 42.74))


@pytest.mark.parametrize("name", list(CONFIG.labware))
def test_a_definition_has_every_well_once_and_inside_the_footprint(name):
    definition = DECK.definition(name)
    wells = CONFIG.labware[name].wells()
    assert sorted(definition["wells"]) == sorted(wells)
    assert sorted(chain(*definition["ordering"])) == sorted(wells)
    assert definition["ordering"][0][0] == "A1"
    for well in definition["wells"].values():
        radius = well["diameter"] / 2
        assert radius <= well["x"] <= 127.76 - radius
        assert radius <= well["y"] <= 85.48 - radius
    tips = CONFIG.labware[name].kind == "tips"
    assert definition["parameters"]["isTiprack"] is tips
    assert ("tipLength" in definition["parameters"]) is tips


def test_rows_go_from_back_to_front_and_columns_from_left_to_right():
    wells = DECK.definition("stocks")["wells"]
    assert wells["A1"]["y"] > wells["B1"]["y"]
    assert wells["A1"]["x"] < wells["A2"]["x"]


@pytest.mark.parametrize(
    ("labware", "text"),
    [
        ({"a": rack(12, 300)}, "12 is the robot's trash"),
        ({"a": rack(1, 300), "b": rack(1, 300)}, r"b.slot: 1 is taken by a"),
        (
            {"a": Labware(slot=1, kind="wells", rows=8, columns=12, pitch_mm=18)},
            "12 at a pitch of 18 mm need",
        ),
    ],
)
def test_labware_that_cannot_stand_there_is_refused(labware, text):
    config = CONFIG.model_copy(update={"labware": labware})
    with pytest.raises(InvalidConfig, match=text):
        Deck(config)


@settings(max_examples=50)
@given(
    volumes_ul=st.lists(st.floats(1.0, 500.0), min_size=1, max_size=20),
    held_ul=st.floats(0.0, 4000.0),
)
def test_a_rehearsal_passes_if_and_only_if_nothing_runs_out_or_over(
    volumes_ul, held_ul
):
    """Against a plain sum: wells of 4000 and 1000 ul."""
    moves = [
        Move(step=i, source="stocks/A1", target="mix/A1", volume_ul=volume_ul)
        for i, volume_ul in enumerate(volumes_ul)
    ]
    total_ul = 0.0
    expected = None
    for volume_ul in volumes_ul:
        if total_ul + volume_ul > held_ul + 1e-6:
            expected = InventoryError
        elif total_ul + volume_ul > 1000.0 + 1e-6:
            expected = InvalidInput
        if expected is not None:
            break
        total_ul += volume_ul
    if expected is None:
        DECK.rehearse({"stocks/A1": held_ul}, moves)
    else:
        with pytest.raises(expected):
            DECK.rehearse({"stocks/A1": held_ul}, moves)


def test_a_rehearsal_leaves_no_trace():
    move = Move(step=0, source="stocks/A1", target="mix/A1", volume_ul=900.0)
    for _ in range(3):
        DECK.rehearse({"stocks/A1": 1000.0}, [move])


def test_a_chuck_keeps_nothing_but_overflows():
    moves = [
        Move(step=i, source="stocks/A1", target=CHUCK, volume_ul=900.0) for i in (0, 1)
    ]
    DECK.rehearse({"stocks/A1": 4000.0}, moves)
    large = Move(step=0, source="stocks/A1", target=CHUCK, volume_ul=1100.0)
    with pytest.raises(InvalidInput, match="has room for 1000 ul"):
        DECK.rehearse({"stocks/A1": 4000.0}, [large])


@given(volume_ul=st.floats(2.0, 9000.0))
def test_strokes_add_up_and_stay_within_their_pipette(volume_ul):
    config, deck = fine_and_coarse()
    (plan,) = planned(config, step(volume_ul), deck=deck)
    pipette = config.mounts[plan.mount]
    assert sum(plan.portions_ul) == pytest.approx(volume_ul)
    for portion_ul in plan.portions_ul:
        assert pipette.min_ul <= portion_ul <= pipette.max_ul * (1 + 1e-9)


@pytest.mark.parametrize(
    ("volume_ul", "mount", "strokes"),
    [
        (5.0, "left", 1),
        (20.0, "left", 1),
        (21.0, "right", 1),
        (300.0, "right", 1),
        (301.0, "right", 2),
    ],
)
def test_the_finest_pipette_with_the_fewest_strokes_is_taken(volume_ul, mount, strokes):
    (plan,) = planned(station(P20, P300, 20, 300), step(volume_ul))
    assert (plan.mount, len(plan.portions_ul)) == (mount, strokes)


def test_filter_tips_that_hold_less_need_more_strokes():
    (plan,) = planned(station(P300, P300, 200), step(300.0))
    assert plan.portions_ul == (150.0, 150.0)


def test_a_step_without_a_new_tip_goes_on_with_the_one_at_hand():
    config = station(P20, P300, 20, 300)
    first, second = planned(config, step(100.0), step(30.0, new_tip=False))
    assert (first.mount, second.mount, second.new_tip) == ("right", "right", False)
    with pytest.raises(InvalidInput, match="5 ul is below the 20 ul that p300"):
        planned(config, step(100.0), step(5.0, new_tip=False))


def test_a_pipette_without_a_rack_is_named():
    with pytest.raises(InventoryError, match="no tip rack on the deck fits p1000"):
        planned(station(P1000, P1000, 300), step(500.0))


def test_drops_get_the_mounts_that_can_make_them_whatever_their_order():
    config = station(P300, P1000, 300, 1000)
    deck = Deck(config)
    ledger = Ledger(deck, DeckState(volumes_ul={"stocks/A1": 9000.0}))
    small = Drop(source="stocks/A1", volume_ul=50.0, offset_s=20.0)
    large = Drop(source="stocks/A1", volume_ul=250.0, offset_s=0.0)
    plan = plan_drops([large, small], CHUCK, config, deck, ledger)
    assert [(item.index, item.mount) for item in plan] == [(0, "right"), (1, "left")]
    plan = plan_drops([small, large], CHUCK, config, deck, ledger)
    assert [(item.index, item.mount) for item in plan] == [(1, "right"), (0, "left")]


def test_planning_changes_nothing():
    ledger = Ledger(DECK, DeckState(volumes_ul={"stocks/A1": 1000.0}))
    before = ledger.snapshot()
    steps = [Transfer(source="stocks/A1", target="mix/A1", volume_ul=50.0)]
    plan_transfers(steps, CONFIG, DECK, ledger)
    assert ledger.snapshot() == before


@settings(max_examples=50)
@given(
    volumes_ul=st.lists(st.floats(0.1, 400.0), min_size=1, max_size=8),
)
def test_the_account_neither_makes_nor_loses_liquid(volumes_ul):
    ledger = Ledger(DECK, DeckState(volumes_ul={"stocks/A1": 4000.0}))
    for volume_ul in volumes_ul:
        ledger.remove("stocks/A1", volume_ul)
        ledger.add("mix/A1", volume_ul)
    assert sum(ledger.volumes_ul.values()) == pytest.approx(4000.0)


def test_taking_the_last_drop_leaves_exactly_nothing():
    ledger = Ledger(DECK, DeckState(volumes_ul={"stocks/A1": 0.3}))
    for _ in range(3):
        ledger.remove("stocks/A1", 0.1)
    assert ledger.volumes_ul["stocks/A1"] == 0.0
