"""One process's executor, clock and worker threads, and how work passes between them.

Coroutines on the executor, blocking drivers in worker threads and messages in flight
share the tokens of the laboratory's clock (``hp_lab.clock``). On a wall clock they do
nothing; in virtual time they keep the clock still while anything is under way:

* A coroutine runs with a token. ``sleep`` gives it back until the time has come.
* ``in_worker`` lends the token to the thread and gets it back with the result.
* A goal accepted from this process takes a token for its execution; the token comes
  back with the result. A message that a client in this process waits for carries one.
"""

import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from builtin_interfaces.msg import Time
from rclpy.executors import Executor
from rclpy.task import Future, Task

from hp_lab.clock import LabClock, VirtualClock

T = TypeVar("T")


class LabRuntime:
    """What the nodes of one process share.

    Args:
        clock: The laboratory's clock.
        executor: The process's single-threaded executor.
    """

    def __init__(self, clock: LabClock, executor: Executor) -> None:
        self.clock = clock
        self.executor = executor
        self._workers = ThreadPoolExecutor(max_workers=32, thread_name_prefix="worker")
        # Goals sent from this process: their results and feedback carry tokens.
        self.own_goals: set[bytes] = set()
        if isinstance(clock, VirtualClock):
            clock.forbid_blocking(threading.get_ident())

    def spawn(self, work: Coroutine[Any, Any, T]) -> Task:
        """Run a coroutine on the executor with a token of its own."""
        self.clock.hold("spawn")

        async def run() -> T:
            try:
                return await work
            finally:
                self.clock.release("spawn")

        return self.executor.create_task(run)

    async def sleep(self, duration_s: float, key: str) -> None:
        """Wait for laboratory time; zero lets everything due now go first by key."""
        done = Future()

        def wake() -> None:
            done.set_result(None)
            self.executor.wake()

        self.clock.call_at(self.clock.now_s() + duration_s, key, wake)
        self.clock.release(key)
        await done

    async def in_worker(self, work: Callable[[], T]) -> T:
        """Run blocking work in a worker thread and return or raise what it does."""
        done: Future = Future()

        def run() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - handed on to the coroutine
                done.set_exception(error)
            else:
                done.set_result(result)
            self.executor.wake()

        self._workers.submit(run)
        result: T = await done
        return result

    async def call(self, client: Any, request: Any, timeout_s: float) -> Any:
        """Call a service and return its response.

        The timeout is real time: a watchdog against a peer that is gone.

        Raises:
            TimeoutError: No response in time.
        """
        response: Future = client.call_async(request)
        name = f"service {client.srv_name}"
        return await self.answered(response, name, timeout_s)

    async def answered(self, answer: Future, who: str, timeout_s: float) -> Any:
        """Wait for an answer at most timeout_s of real time.

        Raises:
            TimeoutError: No answer in time.
        """
        timer = threading.Timer(timeout_s, self._give_up, (answer, who))
        timer.daemon = True
        timer.start()
        try:
            return await answer
        finally:
            timer.cancel()

    def shutdown(self) -> None:
        """Stop taking work; running jobs end by their own stop signals."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _give_up(self, answer: Future, who: str) -> None:
        if not answer.done():
            answer.set_exception(TimeoutError(f"{who} does not answer"))
            self.executor.wake()


class Latch:
    """Where one coroutine waits for others to change something.

    Args:
        runtime: The process's runtime.
        key: Orders the wake-up among the events of one instant.
    """

    def __init__(self, runtime: LabRuntime, key: str) -> None:
        self._runtime = runtime
        self._key = key
        self._lock = threading.Lock()
        self._waiting: Future | None = None

    def notify(self) -> None:
        """Let the waiting coroutine look again. The caller holds a token."""
        with self._lock:
            waiting, self._waiting = self._waiting, None
        if waiting is None:
            return
        clock = self._runtime.clock

        def wake() -> None:
            waiting.set_result(None)
            self._runtime.executor.wake()

        clock.call_at(clock.now_s(), self._key, wake)

    async def wait_for(self, ready: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until ready() or timeout_s (may be inf) passed; return ready()."""
        clock = self._runtime.clock
        expired = False

        def expire() -> None:
            nonlocal expired
            with self._lock:
                expired = True
            self.notify()
            clock.release(self._key)

        alarm = None
        if timeout_s < float("inf"):
            alarm = clock.call_at(clock.now_s() + timeout_s, self._key, expire)
        while not ready() and not expired:
            waiting = Future()
            with self._lock:
                if expired:
                    break
                self._waiting = waiting
            clock.release(self._key)
            await waiting
        if alarm is not None:
            alarm.cancel()
        return ready()


def time_msg(seconds: float) -> Time:
    """Return a laboratory time as a ROS message."""
    whole = int(seconds // 1)
    nanoseconds = min(round((seconds - whole) * 1e9), 999_999_999)
    return Time(sec=whole, nanosec=nanoseconds)


def seconds_of(stamp: Time) -> float:
    """Return the laboratory time of a ROS message."""
    return float(stamp.sec) + stamp.nanosec * 1e-9
