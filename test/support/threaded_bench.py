"""Devices on virtual time, and threads that use them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from hp_lab.clock import VirtualClock


@dataclass
class ThreadedBench:
    """A clock, and threads that hold its token while they work."""

    clock: VirtualClock
    threads: ThreadPoolExecutor

    def run(self, work: Callable[[], Any]) -> Any:
        """Run work in a thread that holds a token, and return or raise its outcome."""
        return self.start(work)()

    def start(self, work: Callable[[], Any]) -> Callable[[], Any]:
        """Start work in a thread that holds a token; call the result to join it."""

        def body() -> Any:
            try:
                return work()
            finally:
                self.clock.release("test")

        self.clock.hold("test")
        future = self.threads.submit(body)

        def join() -> Any:
            try:
                return future.result(timeout=20)
            except TimeoutError:
                pytest.fail(self.clock.describe())

        return join

    @contextmanager
    def standstill(self) -> Iterator[None]:
        """Let laboratory time stand still, so that what starts, starts together."""
        self.clock.hold("standstill")
        yield
        self.clock.release("standstill")

    def signal(self) -> Any:
        return self.clock.named("job").signal()
