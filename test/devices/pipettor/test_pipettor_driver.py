import pytest

from hp_lab.devices.pipettor.protocol import DeckState
from hp_lab.errors import (
    Aborted,
    AmbiguousOutcome,
    DeviceFault,
    DeviceLost,
    InvalidInput,
    InventoryError,
)
from hp_lab.recipes.steps import Transfer

FULL = DeckState(volumes_ul={"stocks/A1": 3000.0, "stocks/B3": 3000.0})


def step(source="stocks/A1", target="mix/B2", volume_ul=50.0, **more):
    return Transfer(source=source, target=target, volume_ul=volume_ul, **more)


def transfer(bench, *steps, stop=None, on_step=None):
    stop = stop or bench.signal()
    return bench.run(
        lambda: bench.pipettor.transfer(list(steps), stop=stop, on_step=on_step)
    )


def test_connecting_moves_nothing_and_takes_no_time(bench):
    assert bench.clock.jumps == 0
    assert not bench.robot.state(bench.clock.now_s())["homed"]


def test_what_arrives_is_what_was_asked_for(bench):
    result = transfer(
        bench,
        step(volume_ul=120.0),
        step("stocks/B3", volume_ul=80.0, mix_repetitions=3, mix_volume_ul=100.0),
    )
    assert result.moved_ul == (120.0, 80.0)
    assert bench.world.net_ul("mix/B2") == pytest.approx(200.0)
    assert bench.world.net_ul("stocks/A1") == pytest.approx(-120.0)
    assert bench.world.net_ul("stocks/B3") == pytest.approx(-80.0)


def test_mixing_takes_up_and_returns_in_the_target(bench):
    transfer(bench, step(volume_ul=100.0, mix_repetitions=2, mix_volume_ul=60.0))
    mixes = [e for e in bench.world.named("aspirate") if e[3] == "mix/B2"]
    assert [event[4] for event in mixes] == [60.0, 60.0]


def test_a_volume_above_the_tip_goes_in_equal_strokes_with_one_tip(bench):
    transfer(bench, step(volume_ul=700.0))
    strokes = [event[4] for event in bench.world.named("dispense")]
    assert strokes == pytest.approx([700.0 / 3] * 3)
    assert bench.pipettor.deck().tips_used["tips_1"] == 1


def test_the_account_after_a_job_is_what_the_world_saw(bench):
    transfer(bench, step(volume_ul=450.0), step("stocks/B3", volume_ul=50.0))
    deck = bench.pipettor.deck()
    assert deck.volumes_ul["stocks/A1"] == pytest.approx(2550.0)
    assert deck.volumes_ul["mix/B2"] == pytest.approx(bench.world.net_ul("mix/B2"))
    assert deck.tips_used["tips_1"] == 2
    assert deck.mounted == {}
    assert bench.pipettor.tips_left() == 4 * 96 - 2


def test_every_new_tip_is_a_fresh_one_and_ends_in_the_trash(bench):
    taken = []
    pick_up = bench.robot._engine._verbs["pickUpTip"]

    def spy(order):
        taken.append(order.text("wellName"))
        return pick_up(order)

    bench.robot._engine._verbs["pickUpTip"] = spy
    transfer(bench, step(), step(), step(new_tip=False))
    transfer(bench, step())
    assert taken == ["A1", "A2", "A3"]
    assert len(bench.world.named("drop_tip")) == 3


def test_tips_go_on_in_the_next_rack_and_then_run_out(bench):
    used = {"tips_1": 95, "tips_2": 96, "tips_3": 96, "tips_4": 95}
    bench.pipettor.load_deck(
        DeckState(volumes_ul={"stocks/A1": 1000.0}, tips_used=used)
    )
    transfer(bench, step(), step())
    assert bench.pipettor.tips_left() == 0
    with pytest.raises(InventoryError, match="no unused tip is left for p300"):
        transfer(bench, step())


def test_a_job_that_cannot_end_does_not_begin(bench):
    for steps, error, text in (
        ([step(), step(volume_ul=5.0)], InvalidInput, "step 1: 5 ul is below the 20"),
        ([step(volume_ul=-5.0)], InvalidInput, "volume_ul -5.0 must be a number above"),
        ([step(volume_ul=float("nan"))], InvalidInput, "must be a number above 0"),
        ([step(rate_ul_s=-1.0)], InvalidInput, "rate_ul_s -1.0"),
        ([step("stocks/Z9")], InvalidInput, "source 'stocks/Z9' is not a well"),
        ([step("spin_chuck/A1")], InvalidInput, "is not a well on the deck"),
        ([step(target="tips_1/A1")], InvalidInput, "target 'tips_1/A1'"),
        ([step(target="stocks/A1")], InvalidInput, "source and target are both"),
        ([step(new_tip=False)], InvalidInput, "no tip is at hand; set new_tip"),
        ([step(volume_ul=1200.0)], InvalidInput, "mix/B2 has room for 1000 ul"),
        ([step("stocks/C1")], InventoryError, "stocks/C1 holds 0 ul, but 50 ul"),
        (
            [step(volume_ul=900.0), *[step(target="mix/A1", volume_ul=900.0)] * 3],
            InvalidInput,
            "mix/A1 has room for 100 ul",
        ),
        (
            [step(mix_repetitions=1, mix_volume_ul=60.0)],
            InvalidInput,
            "cannot mix 60 ul in mix/B2, which then holds 50 ul",
        ),
        ([step(mix_repetitions=1, mix_volume_ul=5.0)], InvalidInput, "must be 20 to"),
        ([step(mix_repetitions=-1)], InvalidInput, "must be 0 or more"),
    ):
        with pytest.raises(error, match=text):
            transfer(bench, *steps)
    assert bench.world.events == []
    assert bench.robot.state(bench.clock.now_s())["run"] is None


def test_a_refusal_of_the_robot_is_a_fault_with_its_words(bench):
    bench.robot.inject(
        "robot_error",
        {"command": "aspirate", "error_type": "OverpressureError", "detail": "clogged"},
    )
    with pytest.raises(
        DeviceFault, match="aspirate failed: OverpressureError: clogged"
    ):
        transfer(bench, step())
    assert bench.pipettor.deck().volumes_ul["stocks/A1"] == 3000.0


def test_after_a_fault_the_next_job_homes_and_throws_the_tip_away(bench):
    bench.robot.inject("robot_error", {"command": "dispense"})
    with pytest.raises(DeviceFault):
        transfer(bench, step())
    assert bench.pipettor.deck().mounted == {"left": "tips_1/A1"}
    # The journal does not know of the tip on the mount; it is in the way all the same.
    bench.pipettor.load_deck(DeckState(volumes_ul={"stocks/A1": 500.0}))
    transfer(bench, step())
    kinds = [event[0] for event in bench.world.events]
    assert kinds == ["aspirate", "drop_tip", "aspirate", "dispense", "drop_tip"]
    assert bench.pipettor.deck().mounted == {}


def test_a_dispense_without_an_answer_may_have_happened(bench):
    transfer(bench, step())
    moved = {}

    def mute_after_the_first(index, moved_ul):
        moved[index] = moved_ul
        bench.robot.inject("mute")

    with pytest.raises(AmbiguousOutcome, match=r"may or may not have happened"):
        transfer(bench, step(volume_ul=400.0), on_step=mute_after_the_first)
    assert moved == {0: 200.0}


def test_a_connection_cut_during_an_aspiration_is_ambiguous_and_counts_as_done(bench):
    transfer(bench, step())
    before_ul = bench.pipettor.deck().volumes_ul["stocks/A1"]
    bench.robot.inject("slow", {"delay_s": 100.0})
    bench.robot.inject("slow", {"delay_s": 100.0, "at_s": bench.clock.now_s() + 6.0})
    with pytest.raises(AmbiguousOutcome):
        transfer(bench, step(volume_ul=300.0, rate_ul_s=10.0))
    left_ul = bench.pipettor.deck().volumes_ul["stocks/A1"]
    assert left_ul == before_ul - 300.0


def test_a_question_without_an_answer_is_a_lost_device(bench):
    bench.robot.inject("mute")
    start_s = bench.clock.now_s()
    with pytest.raises(DeviceLost, match="connection lost during POST /runs"):
        transfer(bench, step())
    # A mute robot costs its timeout of laboratory time.
    assert bench.clock.now_s() - start_s == pytest.approx(30.0)
    assert bench.world.events == []


def test_nobody_there_is_a_lost_device(bench):
    bench.host.unplug("ot2")
    with pytest.raises(DeviceLost, match=r"no connection|connection lost"):
        bench.run(bench.pipettor.connect)


def test_a_robot_that_answers_noise_is_at_fault(bench):
    bench.robot.inject("server_error", {"status": 503})
    with pytest.raises(DeviceFault, match="HTTP 503"):
        bench.run(bench.pipettor.connect)


def test_a_failing_server_during_a_stroke_is_ambiguous(bench):
    transfer(bench, step())

    def fail_next(index, moved_ul):
        bench.robot.inject("server_error", {"status": 500, "count": 1})

    with pytest.raises(AmbiguousOutcome, match="HTTP 500"):
        transfer(bench, step(volume_ul=600.0), on_step=fail_next)


def test_the_wrong_pipette_is_named(bench):
    pipette = bench.config.mounts["left"].model_copy(update={"name": "p20_single_gen2"})
    mounts = {**bench.config.mounts, "left": pipette}
    bench.robot._config = bench.config.model_copy(update={"mounts": mounts})
    with pytest.raises(DeviceFault, match=r"left mount has p20_single_gen2, but"):
        bench.run(bench.pipettor.connect)


def test_stopping_ends_the_job_within_a_second_and_nothing_more_moves(bench):
    transfer(bench, step())
    stop = bench.signal()
    stop_s = bench.clock.now_s() + 8.0
    bench.clock.call_at(
        stop_s, "stopper", lambda: (stop.set(), bench.clock.release("stopper"))
    )

    def job():
        with pytest.raises(Aborted, match="stopped during aspirate"):
            bench.pipettor.transfer([step(volume_ul=900.0)], stop=stop)
        return bench.clock.now_s()

    stopped_s = bench.run(job)
    assert stopped_s - stop_s < 1.0
    assert bench.robot.state(bench.clock.now_s())["run_status"] == "stopped"
    seen = list(bench.world.events)
    bench.run(lambda: bench.clock.named("wait").sleep(60.0))
    assert bench.world.events == seen


def test_a_job_stopped_before_it_began_moves_nothing(bench):
    stop = bench.signal()
    stop.set()
    with pytest.raises(Aborted, match="stopped before"):
        transfer(bench, step(), stop=stop)
    assert bench.world.events == []


def test_make_safe_stops_the_job_of_another_thread(bench):
    transfer(bench, step())
    with bench.standstill():
        safe = bench.start(
            lambda: (
                bench.clock.named("other").sleep(6.0),
                bench.pipettor.make_safe(),
            )
        )
        stop = bench.signal()
        job = bench.start(
            lambda: bench.pipettor.transfer([step(volume_ul=900.0)], stop=stop)
        )
    with pytest.raises(Aborted, match=r"RunStopped|stopped while the job ran"):
        job()
    safe()
    seen = list(bench.world.events)
    bench.run(lambda: bench.clock.named("wait").sleep(60.0))
    assert bench.world.events == seen
    assert transfer(bench, step()).moved_ul == (50.0,)


def test_a_run_that_somebody_else_ended_is_replaced_without_a_failure(bench):
    transfer(bench, step())
    bench.run(bench.pipettor._server.create_run)
    assert transfer(bench, step()).moved_ul == (50.0,)
    # As after a restart of the robot.
    bench.robot._runs.clear()
    bench.robot._current = None
    assert transfer(bench, step()).moved_ul == (50.0,)


def test_an_abort_is_reported_though_the_robot_cannot_be_stopped(bench, caplog):
    stop = bench.signal()

    def cut(index, moved_ul):
        stop.set()
        bench.host.unplug("ot2")

    with pytest.raises(Aborted):
        transfer(bench, step(), step(), stop=stop, on_step=cut)
    assert "may still move" in caplog.text


def test_make_safe_of_an_idle_robot_changes_nothing(bench):
    bench.run(bench.pipettor.make_safe)
    assert transfer(bench, step()).moved_ul == (50.0,)


def test_a_run_of_a_program_that_died_is_stopped_first(bench):
    stop = bench.signal()
    other = type(bench.pipettor)(
        "inproc://ot2", bench.clock.named("other"), bench.config
    )
    bench.run(other.connect)
    other.load_deck(DeckState(volumes_ul={"stocks/A1": 1000.0}))

    def die_in_the_middle(index, moved_ul):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.run(
            lambda: other.transfer([step()], stop=stop, on_step=die_in_the_middle)
        )
    server = other._server
    run = other._run
    server._ask(
        "POST",
        f"/runs/{run.run_id}/commands",
        {"data": {"commandType": "home", "params": {}}},
    )
    bench.pipettor.load_deck(
        DeckState(
            volumes_ul={"stocks/A1": 1000.0},
            tips_used={"tips_1": 1},
            mounted={"left": "tips_1/A1"},
        )
    )
    assert transfer(bench, step()).moved_ul == (50.0,)


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (DeckState(volumes_ul={"stocks/Q1": 1.0}), "stocks/Q1 is not a well"),
        (
            DeckState(volumes_ul={"stocks/A1": -1.0}),
            "cannot hold -1 ul; give 0 to 4000",
        ),
        (DeckState(volumes_ul={"stocks/A1": 9e9}), "cannot hold 9e\\+09 ul"),
        (DeckState(tips_used={"tips_1": 97}), "it has 96 tips"),
        (DeckState(tips_used={"stocks": 1}), "is no tip rack"),
        (
            DeckState(mounted={"left": "tips_9/A1"}),
            "tip 'tips_9/A1' is not on the deck",
        ),
    ],
)
def test_a_deck_that_cannot_be_is_refused(bench, state, text):
    with pytest.raises(InvalidInput, match=text):
        bench.pipettor.load_deck(state)


def test_the_same_job_repeats_itself_exactly(bench):
    def told():
        bench.world.events.clear()
        bench.pipettor.load_deck(FULL)
        start_s = bench.clock.now_s()
        transfer(bench, step(mix_repetitions=2, mix_volume_ul=40.0), step("stocks/B3"))
        return [
            (event[0], round(event[1] - start_s, 5), *event[2:])
            for event in bench.world.events
        ]

    transfer(bench, step())
    assert told() == told()


def test_a_new_driver_throws_a_tip_away_that_nobody_told_it_of(bench):
    bench.robot.inject("robot_error", {"command": "dispense"})
    with pytest.raises(DeviceFault):
        transfer(bench, step())
    other = type(bench.pipettor)(
        "inproc://ot2", bench.clock.named("other"), bench.config
    )
    bench.run(other.connect)
    other.load_deck(DeckState(volumes_ul={"stocks/A1": 900.0}, tips_used={"tips_1": 1}))
    stop = bench.signal()
    assert bench.run(lambda: other.transfer([step()], stop=stop)).moved_ul == (50.0,)
    assert len(bench.world.named("drop_tip")) == 2
    other.close()
