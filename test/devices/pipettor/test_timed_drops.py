import pytest

from hp_lab.devices.armed import FireGate
from hp_lab.devices.pipettor.plan import SWAP_S
from hp_lab.devices.pipettor.protocol import CHUCK, DeckState
from hp_lab.errors import (
    Aborted,
    AmbiguousOutcome,
    DeviceFault,
    InvalidInput,
    InventoryError,
    NotFired,
)
from hp_lab.recipes.steps import Drop

TOLERANCE_S = 0.005


class Armed:
    """A drop job whose gate is fired a while after it was armed."""

    def __init__(self, bench, drops, *, fire_after_s=3.0, target=CHUCK, timeout_s=60.0):
        self.bench = bench
        self.stop = bench.signal()
        self.gate = FireGate(bench.clock.named("gate"), "pipettor", 0.1)
        self.drops = drops
        self.target = target
        self.timeout_s = timeout_s
        self.fire_after_s = fire_after_s
        self.armed_s = None
        self.zero_s = None
        self.then = None

    def on_armed(self):
        clock = self.bench.clock
        self.armed_s = clock.now_s()
        if self.fire_after_s is not None:
            self.zero_s = self.armed_s + self.fire_after_s
            self.gate.fire(self.zero_s)
        if self.then is not None:
            delay_s, action = self.then
            clock.call_at(
                self.armed_s + delay_s,
                "then",
                lambda: (action(), clock.release("then")),
            )

    def run(self):
        return self.bench.run(
            lambda: self.bench.pipettor.drop(
                self.drops,
                self.target,
                gate=self.gate,
                stop=self.stop,
                on_armed=self.on_armed,
                arm_timeout_s=self.timeout_s,
            )
        )


PRECURSOR = Drop(source="stocks/A1", volume_ul=40.0, offset_s=-1.0)
ANTISOLVENT = Drop(source="solvents/A1", volume_ul=80.0, offset_s=12.0, rate_ul_s=150.0)


def dropped(bench):
    return [event for event in bench.world.named("dispense") if event[3] == CHUCK]


@pytest.mark.parametrize("offset_s", [-1.0, 0.0, 0.35, 7.77, 28.0])
def test_a_drop_falls_within_5_ms_of_its_time(bench, offset_s):
    job = Armed(bench, [Drop(source="stocks/A1", volume_ul=40.0, offset_s=offset_s)])
    result = job.run()
    ((_, real_s, mount, place, volume_ul, _),) = dropped(bench)
    assert abs(real_s - (job.zero_s + offset_s)) < TOLERANCE_S
    assert abs(result.drop_times_s[0] - real_s) < TOLERANCE_S
    assert (mount, place, volume_ul) == ("left", CHUCK, 40.0)
    assert result.moved_ul == (40.0,)


def test_two_drops_come_from_two_mounts_each_on_its_time(bench):
    job = Armed(bench, [ANTISOLVENT, PRECURSOR])
    result = job.run()
    first, second = dropped(bench)
    assert [first[2], second[2]] == ["right", "left"]
    assert [first[4:], second[4:]] == [(40.0, 94.0), (80.0, 150.0)]
    assert abs(first[1] - (job.zero_s - 1.0)) < TOLERANCE_S
    assert abs(second[1] - (job.zero_s + 12.0)) < TOLERANCE_S
    # In the order in which they were asked for.
    assert result.drop_times_s == pytest.approx((second[1], first[1]), abs=TOLERANCE_S)
    assert bench.pipettor.deck().volumes_ul["stocks/A1"] == 2960.0
    assert bench.pipettor.deck().mounted == {}


def test_two_drops_as_close_as_they_may_be_are_both_on_time(bench):
    gap_s = 40.0 / 94.0 + SWAP_S
    drops = [
        PRECURSOR,
        Drop(source="solvents/A1", volume_ul=80.0, offset_s=-1.0 + gap_s),
    ]
    job = Armed(bench, drops)
    job.run()
    for event, drop in zip(dropped(bench), drops, strict=True):
        assert abs(event[1] - (job.zero_s + drop.offset_s)) < TOLERANCE_S


def test_a_slow_robot_is_measured_and_its_drops_are_on_time(bench):
    bench.robot._latency_s = 0.21
    job = Armed(bench, [PRECURSOR])
    job.run()
    assert abs(dropped(bench)[0][1] - (job.zero_s - 1.0)) < TOLERANCE_S


def test_everything_is_loaded_and_hangs_over_the_chuck_when_it_is_armed(bench):
    job = Armed(bench, [PRECURSOR, ANTISOLVENT])
    job.run()
    loaded = bench.world.named("aspirate")
    assert [event[3] for event in loaded] == ["stocks/A1", "solvents/A1"]
    assert all(event[1] < job.armed_s for event in loaded)
    assert not [event for event in dropped(bench) if event[1] < job.armed_s]


def test_a_drop_can_fall_into_a_well(bench):
    job = Armed(bench, [PRECURSOR], target="mix/A1")
    job.run()
    assert bench.pipettor.deck().volumes_ul["mix/A1"] == 40.0


def test_what_cannot_be_dropped_in_time_does_not_begin(bench):
    def at(offset_s, volume_ul=40.0, **more):
        return Drop(source="stocks/A1", volume_ul=volume_ul, offset_s=offset_s, **more)

    for drops, text in (
        ([], "0 timed drops"),
        ([at(0.0), at(10.0), at(20.0)], "3 timed drops, but each needs a mount"),
        ([at(0.0), at(2.0)], "are 2 s apart, but the robot needs 2.93 s"),
        ([at(0.0), at(0.0)], "are 0 s apart"),
        ([at(0.0, 350.0)], "drops of 350 ul must each come from one tip"),
        ([at(0.0, 10.0)], "left 20 to 300 ul"),
        ([at(float("nan"))], "offset_s nan must be a finite number"),
        ([at(0.0, -40.0)], "volume_ul -40.0"),
    ):
        with pytest.raises(InvalidInput, match=text):
            Armed(bench, drops).run()
    bench.pipettor.load_deck(DeckState(volumes_ul={"stocks/A1": 30.0}))
    with pytest.raises(InventoryError, match="holds 30 ul, but 40 ul"):
        Armed(bench, [PRECURSOR]).run()
    assert bench.world.events == []


def test_not_fired_nothing_drops_and_the_tips_go_to_the_trash(bench):
    job = Armed(bench, [PRECURSOR, ANTISOLVENT], fire_after_s=None, timeout_s=20.0)
    with pytest.raises(NotFired, match="not fired within 20 s"):
        job.run()
    assert dropped(bench) == []
    assert len(bench.world.named("drop_tip")) == 2
    # The liquid is gone with the tips, and the robot is ready for the next job.
    assert bench.pipettor.deck().volumes_ul["stocks/A1"] == 2960.0
    assert Armed(bench, [PRECURSOR]).run().moved_ul == (40.0,)


def test_fired_too_late_for_a_drop_before_zero_nothing_drops(bench):
    early = Drop(source="stocks/A1", volume_ul=40.0, offset_s=-5.0)
    with pytest.raises(NotFired, match=r"too late for the drop at -5 s; fire at least"):
        Armed(bench, [early], fire_after_s=2.0).run()
    assert dropped(bench) == []


def test_the_lead_that_is_asked_for_is_enough(bench):
    early = Drop(source="stocks/A1", volume_ul=40.0, offset_s=-5.0)
    lead_s = bench.pipettor.needed_lead_s([early])
    job = Armed(bench, [early], fire_after_s=lead_s)
    job.run()
    assert abs(dropped(bench)[0][1] - (job.zero_s - 5.0)) < TOLERANCE_S


@pytest.mark.parametrize("how", ["gate", "stop"])
def test_aborted_while_armed_nothing_drops(bench, how):
    job = Armed(bench, [PRECURSOR], fire_after_s=None)
    job.then = (5.0, job.gate.abort if how == "gate" else job.stop.set)
    with pytest.raises(Aborted):
        job.run()
    bench.run(lambda: bench.clock.named("wait").sleep(60.0))
    assert dropped(bench) == []


def test_stopped_after_firing_no_further_drop_falls(bench):
    job = Armed(bench, [PRECURSOR, ANTISOLVENT], fire_after_s=3.0)
    job.then = (8.0, job.stop.set)
    with pytest.raises(Aborted, match=r"stopped before the drop at \+12 s"):
        job.run()
    bench.run(lambda: bench.clock.named("wait").sleep(60.0))
    assert [event[3:5] for event in dropped(bench)] == [(CHUCK, 40.0)]
    # The next job throws the loaded tips away before it begins.
    assert Armed(bench, [PRECURSOR]).run().moved_ul == (40.0,)
    assert len(bench.world.named("drop_tip")) == 3


def test_a_drop_without_an_answer_is_ambiguous(bench):
    job = Armed(bench, [PRECURSOR], fire_after_s=3.0)
    job.then = (1.0, lambda: bench.robot.inject("mute"))
    with pytest.raises(AmbiguousOutcome, match="dispenseInPlace may or may not have"):
        job.run()
    # It did happen here, and the emulator said nothing of it.
    assert len(dropped(bench)) == 1


def test_a_second_drop_that_would_be_late_does_not_fall(bench):
    close = Drop(source="solvents/A1", volume_ul=80.0, offset_s=2.5)
    job = Armed(bench, [PRECURSOR, close], fire_after_s=3.0)
    late = {"delay_s": 2.0}
    # The drop itself and the move after it take two seconds longer each.
    job.then = (1.0, lambda: bench.robot.inject("late_start", late))
    with pytest.raises(DeviceFault, match=r"the drop at \+2.5 s would fall .* late"):
        job.run()
    assert len(dropped(bench)) == 1
