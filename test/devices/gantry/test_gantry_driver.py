"""The gantry's driver against its emulators, in virtual time."""

import itertools
import pathlib

import pytest

from hp_lab.devices.gantry.driver import GrblGantry, GrblGantrySettings
from hp_lab.errors import (
    Aborted,
    AmbiguousOutcome,
    DeviceFault,
    DeviceLost,
    InvalidConfig,
    InvalidInput,
    LaboratoryBusy,
)
from hp_lab.lab_config import Gantry, load_lab_config
from hp_lab.simulation.emulators.grbl import GrblEmulator
from hp_lab.simulation.emulators.gripper import GripperEmulator

START_S = 1_800_000_000.0
ROOT = pathlib.Path(__file__).parents[3]
LAYOUT = load_lab_config(ROOT / "config" / "lab.yaml").gantry
PLACES = LAYOUT.positions()


class Rig:
    def __init__(self, bench, at=("tray/A1",), settings=None):
        self.bench = bench
        self.motion = GrblEmulator(LAYOUT.travel_mm)
        self.jaws = GripperEmulator(bench.world, self.motion.position_mm)
        bench.world.substrates = {PLACES[name] for name in at}
        self.driver = GrblGantry(
            bench.host.offer("grbl", lambda: self.motion),
            bench.host.offer("gripper", lambda: self.jaws),
            bench.clock.named("gantry"),
            LAYOUT,
            settings,
        )
        bench.run(self.driver.connect)
        self.stop = bench.signal()
        self.phases = []

    def carry(self, source="tray/A1", target="spin_chuck"):
        return self.bench.run(
            lambda: self.driver.move_sample(
                source, target, stop=self.stop, on_phase=self.phases.append
            )
        )

    def home(self):
        self.bench.run(lambda: self.driver.home(stop=self.stop))

    def lies_at(self, name):
        return PLACES[name] in self.bench.world.substrates

    def stands(self):
        return not self.motion.state(self.bench.now_s())["moves"]


@pytest.fixture
def rig(bench):
    return Rig(bench)


def test_a_substrate_is_carried_and_the_phases_told(rig):
    assert rig.carry() == "spin_chuck"
    assert rig.lies_at("spin_chuck")
    assert not rig.lies_at("tray/A1")
    assert rig.phases == [
        "homing",
        "travelling",
        "gripping",
        "carrying",
        "releasing",
    ]
    rig.phases.clear()
    assert rig.carry("spin_chuck", "hotplate/1") == "hotplate/1"
    assert rig.phases[0] == "travelling"
    assert rig.lies_at("hotplate/1")
    assert rig.driver.location == "hotplate/1"


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("tray/A1", "spin_chuck"),
        ("tray/H8", "stage"),
        ("tray/A1", "stage"),
        ("tray/D4", "hotplate_2/1"),
    ],
)
def test_a_transfer_takes_as_long_as_on_real_lines(bench, source, target):
    rig = Rig(bench, at=(source,))
    rig.home()
    began_s = bench.now_s()
    rig.carry(source, target)
    assert 8.0 <= bench.now_s() - began_s <= 23.0


def test_the_head_never_crosses_below_its_clearance(rig, bench):
    rig.home()
    path = []

    def watch():
        clock = bench.clock.named("watch")
        for _ in range(600):
            clock.sleep(0.05)
            path.append(rig.motion.position_mm(bench.now_s()))

    bench.run(
        lambda: rig.driver.move_sample(
            "tray/A1", "spin_chuck", stop=rig.stop, on_phase=rig.phases.append
        ),
        watch,
    )
    for (x, y, z), (x2, y2, _) in itertools.pairwise(path):
        if (x, y) != (x2, y2):
            assert z >= LAYOUT.clearance_mm - 1e-6
    assert min(z for _, _, z in path) == pytest.approx(PLACES["tray/A1"][2])


def test_a_missed_grip_is_tried_again(rig):
    rig.jaws.inject("misses", {"count": 2})
    assert rig.carry() == "spin_chuck"
    assert rig.lies_at("spin_chuck")


def test_after_three_misses_the_substrate_is_where_it_was(rig):
    rig.jaws.inject("misses", {"count": 3})
    with pytest.raises(DeviceFault, match="3 tries"):
        rig.carry()
    assert rig.driver.location == "tray/A1"
    assert rig.lies_at("tray/A1")
    assert rig.carry() == "spin_chuck"


def test_an_empty_position_is_told(bench):
    rig = Rig(bench, at=())
    with pytest.raises(DeviceFault, match="no substrate gripped at tray/A1"):
        rig.carry()


def test_a_substrate_lost_on_the_way_is_lost_and_said_to_be(rig, bench):
    rig.home()
    bench.at(bench.now_s() - START_S + 13.0, lambda: rig.jaws.inject("drops"))
    with pytest.raises(AmbiguousOutcome, match="lost on the way"):
        rig.carry()
    assert rig.driver.location == "unknown"
    assert not bench.world.held
    assert rig.stands()


def test_a_substrate_that_sticks_is_told_to_be_in_the_gripper(rig):
    rig.jaws.inject("sticks", {"count": 3})
    with pytest.raises(AmbiguousOutcome, match="sticks"):
        rig.carry()
    assert rig.driver.location == "gripper"
    assert rig.carry("gripper", "stage") == "stage"
    assert rig.lies_at("stage")


def test_a_substrate_that_sticks_once_is_released_at_the_second_try(rig):
    rig.jaws.inject("sticks")
    assert rig.carry() == "spin_chuck"


@pytest.mark.parametrize(
    "after_s", [0.0, 0.3, 3.0, 6.5, 8.0, 9.2, 10.3, 12.0, 14.5, 15.5, 16.5]
)
def test_a_stop_leaves_the_head_standing_and_the_substrate_accounted_for(
    bench, after_s
):
    rig = Rig(bench)
    rig.home()
    began_s = bench.now_s()
    bench.at(began_s - START_S + after_s, rig.stop.set)
    with pytest.raises(Aborted):
        rig.carry()
    assert bench.now_s() - began_s - after_s < 2.5
    assert rig.stands()
    where = rig.driver.location
    assert where in ("tray/A1", "gripper", "spin_chuck")
    assert (where == "gripper") == bench.world.held
    assert where == "gripper" or rig.lies_at(where)
    # A new job goes on from there, without homing: the head braked first.
    rig.stop = bench.signal()
    rig.phases.clear()
    if where == "spin_chuck":
        return
    assert rig.carry(where, "spin_chuck") == "spin_chuck"
    assert rig.lies_at("spin_chuck")
    assert "homing" not in rig.phases


def test_a_stop_while_homing_resets_and_homes_again(rig, bench):
    bench.at(5.0, rig.stop.set)
    with pytest.raises(Aborted):
        rig.home()
    assert bench.now_s() < START_S + 5.0 + 4.0
    assert rig.motion.state(bench.now_s())["state"] == "Alarm"
    rig.stop = bench.signal()
    assert rig.carry() == "spin_chuck"


def test_homing_that_fails_is_told_and_can_be_repeated(rig):
    rig.motion.inject("homing_fails")
    with pytest.raises(DeviceFault, match="no end switch"):
        rig.home()
    rig.home()
    assert rig.carry() == "spin_chuck"


def test_an_end_switch_ends_the_job_and_the_next_one_homes(rig, bench):
    rig.home()
    bench.at(bench.now_s() - START_S + 7.0, lambda: rig.motion.inject("hard_limit"))
    with pytest.raises(DeviceFault, match="end switch"):
        rig.carry()
    assert rig.driver.location == "gripper"
    rig.phases.clear()
    assert rig.carry("gripper", "spin_chuck") == "spin_chuck"
    assert rig.phases[0] == "homing"


def test_lost_steps_make_the_grip_fail_not_the_account(rig):
    rig.home()
    rig.motion.inject("lost_steps", {"x_mm": 4.0})
    with pytest.raises(DeviceFault, match="no substrate gripped"):
        rig.carry()
    assert rig.lies_at("tray/A1")
    rig.home()
    assert rig.carry() == "spin_chuck"


def test_a_controller_that_falls_mute_mid_way_keeps_the_substrate_in_the_gripper(
    rig, bench
):
    rig.home()
    began_s = bench.now_s()
    bench.at(began_s - START_S + 9.0, lambda: rig.motion.inject("mute"))
    with pytest.raises(DeviceLost):
        rig.carry()
    assert rig.driver.location == "gripper"
    assert bench.world.held
    assert rig.stands()
    rig.motion.clear()
    assert rig.carry("gripper", "spin_chuck") == "spin_chuck"
    assert rig.phases.count("homing") == 1


def test_a_gripper_that_falls_mute_leaves_the_substrate_unknown(rig, bench):
    rig.home()
    bench.at(bench.now_s() - START_S + 5.0, lambda: rig.jaws.inject("mute"))
    with pytest.raises(AmbiguousOutcome, match="told to close and did not answer"):
        rig.carry()
    assert rig.driver.location == "unknown"


def test_a_move_is_never_sent_twice(rig, bench):
    rig.home()
    sent = []
    receive = rig.motion.receive

    def spy(data, now_s):
        sent.append(data)
        return receive(data, now_s)

    rig.motion.receive = spy
    bench.at(bench.now_s() - START_S + 1.2, lambda: rig.motion.inject("garbage"))
    with pytest.raises(DeviceFault, match="not text"):
        rig.carry()
    moves = [line for line in sent if line.startswith(b"G53")]
    assert len(moves) == len(set(moves))


def test_one_noisy_status_is_asked_again(rig, bench):
    rig.home()
    rig.motion.inject("garbage")
    rig.jaws.inject("garbage")
    assert rig.carry() == "spin_chuck"


def test_a_late_ok_is_not_taken_for_another_moves(rig, bench):
    rig.home()
    began_s = bench.now_s() - START_S
    bench.at(began_s + 1.5, lambda: rig.motion.inject("slow", {"delay_s": 90.0}))
    bench.at(began_s + 20.0, rig.motion.clear)
    with pytest.raises(DeviceLost):
        rig.carry()
    assert rig.lies_at("tray/A1")
    bench.wait(120.0)
    assert rig.carry() == "spin_chuck"
    assert rig.lies_at("spin_chuck")


def test_make_safe_may_be_repeated_and_stops_a_job(rig, bench):
    bench.run(rig.driver.make_safe)
    rig.home()
    bench.run(rig.driver.make_safe)

    def carry():
        with pytest.raises((Aborted, DeviceFault, DeviceLost)):
            rig.driver.move_sample(
                "tray/A1", "spin_chuck", stop=rig.stop, on_phase=rig.phases.append
            )

    def interrupt():
        bench.clock.named("safety").sleep(1.0)
        rig.driver.make_safe()
        assert rig.stands()
        rig.stop.set()

    bench.run(carry, interrupt)
    assert rig.stands()


def test_one_job_at_a_time_and_known_positions_only(rig, bench):
    def second():
        bench.clock.named("second").sleep(5.0)
        with pytest.raises(LaboratoryBusy, match="carry tray/A1"):
            rig.driver.home(stop=rig.stop)
        rig.stop.set()

    def first():
        with pytest.raises(Aborted):
            rig.driver.move_sample(
                "tray/A1", "spin_chuck", stop=rig.stop, on_phase=rig.phases.append
            )

    bench.run(first, second)
    for source, target in [("tray/Z9", "stage"), ("tray/A1", "gripper")]:
        with pytest.raises(InvalidInput, match="no position"):
            rig.carry(source, target)


def test_a_gripper_that_is_full_takes_nothing_more(rig, bench):
    rig.home()
    bench.at(bench.now_s() - START_S + 12.0, rig.stop.set)
    with pytest.raises(Aborted):
        rig.carry()
    assert rig.driver.location == "gripper"
    rig.stop = bench.signal()
    with pytest.raises(DeviceFault, match="holds a substrate already"):
        rig.carry("tray/A1", "stage")
    assert rig.carry("gripper", "stage") == "stage"
    with pytest.raises(AmbiguousOutcome, match="holds nothing"):
        rig.carry("gripper", "stage")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (b"$22=0\n", r"\$20|\$22"),
        (b"$20=0\n", r"\$20=1"),
        (b"$13=1\n", r"\$13=0"),
        (b"$130=400\n", "travel of X"),
    ],
)
def test_a_controller_set_up_otherwise_is_refused(rig, bench, setting, message):
    rig.driver.close()
    rig.motion.receive(setting, bench.now_s())
    with pytest.raises(DeviceFault, match=message):
        bench.run(rig.driver.connect)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clearance_mm": 101.0}, "above the travel"),
        ({"clearance_mm": 12.0}, "below clearance"),
        ({"travel_mm": (600.0, 500.0, 100.0)}, "position stage"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(bench, change, message):
    layout = Gantry(**{**LAYOUT.model_dump(), **change})
    with pytest.raises(InvalidConfig, match=message):
        GrblGantry("a", "b", bench.clock.named("gantry"), layout)


def test_a_gantry_that_is_not_there_is_lost(rig, bench):
    assert rig.driver.identity() == "GRBL 1.1h.20190830"
    rig.driver.close()
    rig.driver.close()
    with pytest.raises(DeviceLost, match="connect first"):
        rig.driver.identity()
    with pytest.raises(DeviceLost, match="connect first"):
        bench.run(rig.driver.make_safe)
    rig.motion.inject("mute")
    with pytest.raises(DeviceLost, match="does not greet"):
        bench.run(rig.driver.connect)
    rig.motion.clear()
    rig.jaws.inject("mute")
    with pytest.raises(DeviceLost):
        bench.run(rig.driver.connect)


def test_a_board_that_does_not_reset_when_opened_is_reset(rig, bench):
    rig.driver.close()
    rig.motion.connected = lambda _now_s: []
    bench.run(rig.driver.connect)
    assert rig.carry() == "spin_chuck"


def test_settings_say_how_long_the_jaws_take():
    assert GrblGantrySettings().jaw_s == pytest.approx(1.0)


def test_two_runs_are_alike_to_the_last_digit(make_bench):
    def story():
        bench = make_bench()
        rig = Rig(bench)
        rig.jaws.inject("misses")
        rig.carry()
        rig.carry("spin_chuck", "stage")
        return bench.world.log, bench.now_s(), bench.clock.jumps, rig.phases

    assert story() == story()


def test_a_substrate_that_comes_up_again_is_told_to_be_in_the_gripper(rig, bench):
    rig.home()
    released = []

    def on_phase(phase):
        if phase == "releasing":
            released.append(bench.now_s())
            at_s = bench.now_s() + 1.5
            rig.jaws.inject("load_stuck", {"value": 2.0, "at_s": at_s})

    with pytest.raises(AmbiguousOutcome, match="came up with the gripper"):
        bench.run(
            lambda: rig.driver.move_sample(
                "tray/A1", "spin_chuck", stop=rig.stop, on_phase=on_phase
            )
        )
    assert released
    assert rig.driver.location == "gripper"


def test_a_head_that_is_not_where_it_was_sent_is_a_fault(rig):
    rig.home()
    rig.driver._motion.move = lambda *_place, **_options: None
    with pytest.raises(DeviceFault, match="not where it was sent"):
        rig.carry()
    assert rig.driver.location == "tray/A1"


def test_a_homing_without_end_is_lost(bench):
    rig = Rig(bench, settings=GrblGantrySettings(home_s=2.0))
    with pytest.raises(DeviceLost, match="not answered within 2 s"):
        rig.home()
    assert rig.motion.state(bench.now_s())["state"] == "Alarm"
