"""One node in a process of its own, in real time."""

import argparse
import signal
import sys
import time
from collections.abc import Set as AbstractSet
from types import FrameType
from typing import Any, Protocol

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from hp_lab.clock import WallClock
from hp_lab.errors import HpLabError
from hp_lab.nodes import fast_dds
from hp_lab.nodes.runtime import LabRuntime

# Python sees a signal only between two spins.
_SPIN_S = 0.2
_WIND_DOWN_S = 4.0


class NodeClass(Protocol):
    """A node's class."""

    def __call__(self, name: str, runtime: LabRuntime) -> Any:
        """Return the node."""
        ...


class StopFlag:
    """Set by SIGINT and SIGTERM."""

    def __init__(self) -> None:
        self.raised = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._raise)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.raised = True


async def until_gone(
    node: Node, runtime: LabRuntime, names: AbstractSet[str], timeout_s: float
) -> None:
    """Wait until nodes have left the graph, at most timeout_s of real time.

    ``hp-lab up`` stops the nodes in their order; Ctrl-C under ``ros2 launch`` reaches
    all at once, and those that others still need wait here.
    """
    deadline_s = time.monotonic() + timeout_s
    while names & set(node.get_node_names()) and time.monotonic() < deadline_s:
        await runtime.sleep(_SPIN_S, node.get_name())


def run_node(
    node_class: NodeClass, name: str, *, wind_down_s: float = _WIND_DOWN_S
) -> None:
    """Run a node until SIGINT or SIGTERM, then leave its device safe.

    A node may have ``wind_down()``, a coroutine that still needs the graph and gets
    wind_down_s of real time, and ``finish()``, which runs when nothing else does, and
    also when a callback failed. Both end within seconds.
    """
    own_args = remove_ros_args(sys.argv)[1:]
    parser = argparse.ArgumentParser(description=f"The {name} node of hp_lab.")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--origin-s", type=float, default=0.0)
    arguments = parser.parse_args(own_args)
    fast_dds.configure()
    # rclpy's own handler would cut the node off the graph before it is safe.
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    stop = StopFlag()
    executor = SingleThreadedExecutor()
    try:
        clock = WallClock(arguments.speed, arguments.origin_s)
        runtime = LabRuntime(clock, executor)
        node = node_class(name, runtime)
    except (HpLabError, ParameterException) as error:
        fast_dds.end_within(fast_dds.LEAVING_S, 1)
        rclpy.shutdown()
        sys.exit(f"{name}: {error}")
    executor.add_node(node)

    def leave() -> None:
        node.destroy_node()
        rclpy.shutdown()

    fast_dds.leave_at_end(leave)
    try:
        while not stop.raised:
            executor.spin_once(timeout_sec=_SPIN_S)
        if hasattr(node, "wind_down"):
            leaving = runtime.spawn(node.wind_down())
            deadline_s = time.monotonic() + wind_down_s
            while not leaving.done() and time.monotonic() < deadline_s:
                executor.spin_once(timeout_sec=_SPIN_S)
    finally:
        # Whatever ended the node: no heater outlives it.
        if hasattr(node, "finish"):
            node.finish()
    runtime.shutdown()
    executor.shutdown(timeout_sec=1.0)
    # All is done: one more signal, as ros2 launch sends, must not look like a crash.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
