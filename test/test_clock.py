"""The laws of laboratory time."""

import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.clock import VirtualClock, WallClock, WouldBlockError
from hp_lab.errors import InvalidInput

START_S = 1_000.0


def run_worker(clock: VirtualClock, *works: Callable[[], object]) -> None:
    """Run each work in a thread of its own that holds a token, to its end."""
    failures: list[BaseException] = []

    def body(name: str, work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again by the test
            failures.append(error)
        finally:
            clock.release(name)

    threads = []
    for number, work in enumerate(works):
        clock.hold(f"worker {number}")
        threads.append(
            threading.Thread(target=body, args=(f"worker {number}", work), daemon=True)
        )
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
        assert not thread.is_alive(), clock.describe()
    if failures:
        raise failures[0]


def assert_no_token_is_out(clock: VirtualClock) -> None:
    assert clock._busy == 0
    assert sum(clock._holders.values()) == 0


def test_a_sleep_takes_laboratory_time_and_no_other():
    clock = VirtualClock(START_S)
    seen = []

    def work():
        view = clock.named("a")
        view.sleep(3600.0)
        seen.append(view.now_s())
        view.sleep(0.0)
        view.sleep(-1.0)
        seen.append(view.now_s())

    run_worker(clock, work)
    assert seen == [START_S + 3600.0] * 2
    assert clock.jumps == 1
    assert_no_token_is_out(clock)


@given(
    st.lists(
        st.tuples(st.floats(0, 50), st.sampled_from("abc")), min_size=1, max_size=30
    )
)
def test_events_come_in_the_order_of_time_key_and_sequence(wanted):
    clock = VirtualClock(START_S)
    seen: list[tuple[float, str, int]] = []
    clock.hold("test")
    for number, (delay_s, key) in enumerate(wanted):
        when_s = START_S + delay_s

        def callback(when_s=when_s, key=key, number=number):
            assert clock.now_s() == when_s
            seen.append((when_s, key, number))
            clock.release(key)

        clock.call_at(when_s, key, callback)
    clock.release("test")
    assert seen == sorted(seen)
    assert len(seen) == len(wanted)
    assert clock.stalled
    assert_no_token_is_out(clock)


def test_a_call_for_the_past_is_made_now_and_time_never_goes_back():
    clock = VirtualClock(START_S)
    seen = []
    clock.hold("test")

    def late():
        seen.append(clock.now_s())
        clock.call_at(START_S - 100.0, "late", record)
        clock.release("test")

    def record():
        seen.append(clock.now_s())
        clock.release("late")

    clock.call_at(START_S + 5.0, "test", late)
    clock.release("test")
    assert seen == [START_S + 5.0] * 2


@pytest.mark.parametrize("when_s", [float("nan"), float("inf")])
def test_a_call_at_no_time_is_refused(when_s):
    clock = VirtualClock(START_S)
    with pytest.raises(ValueError, match="finite"):
        clock.call_at(when_s, "x", lambda: None)


def test_a_cancelled_alarm_is_silent_and_does_not_move_time():
    clock = VirtualClock(START_S)
    clock.hold("test")
    alarm = clock.call_at(START_S + 10.0, "x", lambda: pytest.fail("was cancelled"))
    alarm.cancel()
    alarm.cancel()
    clock.release("test")
    assert clock.now_s() == START_S
    assert clock.stalled


def test_a_signal_wakes_all_who_wait_at_the_moment_it_is_set():
    clock = VirtualClock(START_S)
    signal = clock.named("waiter").signal()
    seen = []

    def waiter(timeout_s):
        def work():
            up = signal.wait(timeout_s)
            seen.append((clock.now_s(), up))

        return work

    def setter():
        clock.named("setter").sleep(7.0)
        signal.set()
        signal.set()

    run_worker(clock, waiter(100.0), waiter(float("inf")), waiter(2.0), setter)
    assert sorted(seen) == [
        (START_S + 2.0, False),
        (START_S + 7.0, True),
        (START_S + 7.0, True),
    ]
    assert signal.is_set()
    assert_no_token_is_out(clock)


def test_a_raised_signal_takes_no_time():
    clock = VirtualClock(START_S)
    signal = clock.named("x").signal()
    signal.set()
    run_worker(clock, lambda: signal.wait(50.0))
    assert clock.now_s() == START_S


def test_a_wait_for_a_flag_alone_never_moves_time():
    clock = VirtualClock(START_S)
    signal = clock.named("x").signal()
    run_worker(
        clock,
        lambda: signal.wait(float("inf")),
        lambda: (clock.named("y").sleep(1.0), signal.set()),
    )
    assert clock.now_s() == START_S + 1.0


def test_a_set_and_a_timeout_at_one_instant_wake_once():
    clock = VirtualClock(START_S)
    signal = clock.named("m").signal()
    woken = []

    def waiter():
        woken.append(signal.wait(5.0))

    def setter():
        clock.named("a").sleep(5.0)
        signal.set()

    run_worker(clock, waiter, setter)
    assert woken == [True]
    assert_no_token_is_out(clock)


def test_waiting_without_a_token_is_an_error_and_leaves_no_event():
    clock = VirtualClock(START_S)
    with pytest.raises(RuntimeError, match="without a token"):
        clock.named("x").sleep(1.0)
    assert clock.stalled
    with pytest.raises(RuntimeError, match="nobody held"):
        clock.release("x")


def test_an_executors_thread_and_a_callback_must_not_block():
    clock = VirtualClock(START_S)
    clock.forbid_blocking(threading.get_ident())
    clock.hold("x")
    with pytest.raises(WouldBlockError, match="executor"):
        clock.named("x").sleep(1.0)
    clock.release("x")
    raised = []

    def callback():
        try:
            clock.named("y").sleep(1.0)
        except WouldBlockError as error:
            raised.append(str(error))
        clock.release("y")

    def work():
        clock.call_at(START_S + 1.0, "y", callback)
        clock.named("z").sleep(2.0)

    run_worker(clock, work)
    assert "callback" in raised[0]
    assert_no_token_is_out(clock)


def test_a_long_series_of_callbacks_does_not_nest():
    clock = VirtualClock(START_S)
    left = 5_000

    def tick():
        nonlocal left
        left -= 1
        if left:
            clock.call_at(clock.now_s() + 1.0, "tick", tick)
        clock.release("tick")

    clock.hold("test")
    clock.call_at(START_S + 1.0, "tick", tick)
    clock.release("test")
    assert left == 0
    assert clock.now_s() == START_S + 5_000.0


def test_a_callback_that_fails_does_not_lose_the_events_it_set_free():
    clock = VirtualClock(START_S)
    seen = []

    def bad():
        clock.release("bad")
        msg = "broken"
        raise ValueError(msg)

    clock.hold("test")
    clock.call_at(START_S + 1.0, "bad", bad)
    clock.call_at(
        START_S + 2.0, "good", lambda: (seen.append(1), clock.release("good"))
    )
    with pytest.raises(ValueError, match="broken"):
        clock.release("test")
    assert seen == [1]
    assert_no_token_is_out(clock)


def test_describe_names_holders_and_what_is_due():
    clock = VirtualClock(START_S)
    clock.hold("campaign")
    clock.call_at(START_S + 9.0, "anneal", lambda: None)
    assert "campaign" in clock.describe()
    assert "anneal" in clock.describe()
    assert not clock.stalled


def story(seed: int) -> list[tuple[float, str]]:
    """Four workers that sleep, signal one another and log; their log."""
    clock = VirtualClock(START_S)
    log: list[tuple[float, str]] = []
    signals = [clock.named(f"w{number}").signal() for number in range(4)]

    def worker(number):
        def work():
            view = clock.named(f"w{number}")
            for turn in range(20):
                view.sleep(((number + 2) * (turn + seed) * 7919) % 5)
                log.append((clock.now_s(), f"{number} {turn}"))
                if turn == 10:
                    signals[(number + 1) % 4].set()
                if turn == 12:
                    log.append((clock.now_s(), f"{number} {signals[number].wait(3.0)}"))

        return work

    run_worker(clock, *(worker(number) for number in range(4)))
    assert_no_token_is_out(clock)
    return log


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_two_identical_runs_give_identical_logs(seed):
    assert story(seed) == story(seed)


def test_the_wall_clock_runs_at_its_speed_and_keeps_its_origin():
    clock = WallClock(speed=50.0, origin_s=0.0)
    assert WallClock(speed=1.0).now_s() == pytest.approx(clock.now_s() / 50.0, abs=0.5)
    before_s = clock.now_s()
    clock.named("x").sleep(1.0)
    assert 1.0 <= clock.now_s() - before_s < 10.0
    for speed in (0.0, float("inf"), float("nan")):
        with pytest.raises(InvalidInput, match="above 0 and finite"):
            WallClock(speed=speed)


def test_the_wall_clocks_alarms_ring_in_order_survive_a_failure_and_can_be_cancelled(
    caplog,
):
    clock = WallClock(speed=20.0)
    done = threading.Event()
    seen = []

    def bad():
        msg = "broken alarm"
        raise ValueError(msg)

    now_s = clock.now_s()
    clock.call_at(now_s + 0.6, "x", done.set)
    clock.call_at(now_s + 0.4, "x", lambda: seen.append("second"))
    clock.call_at(now_s + 0.2, "x", bad)
    clock.call_at(now_s + 0.1, "x", lambda: seen.append("first"))
    clock.call_at(now_s + 0.3, "x", lambda: seen.append("cancelled")).cancel()
    assert done.wait(5)
    assert seen == ["first", "second"]
    assert "broken alarm" in caplog.text


def test_a_wall_signal_waits_for_the_flag_alone_when_told_to():
    clock = WallClock()
    signal = clock.signal()
    clock.call_at(clock.now_s() + 0.01, "x", signal.set)
    assert signal.wait(float("inf"))
    assert signal.wait(0.0)
    clock.hold("x")
    clock.release("x")
