"""One node in a process of its own, in real time."""

import argparse
import signal
import sys
import time
from types import FrameType
from typing import Any, Protocol

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from hp_lab.clock import WallClock
from hp_lab.errors import HpLabError
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


def run_node(node_class: NodeClass, name: str) -> None:
    """Run a node until SIGINT or SIGTERM, then leave its device safe.

    A node may have ``wind_down()``, a coroutine that still needs the graph, and
    ``finish()``, which runs when nothing else does. Both end within seconds.
    """
    own_args = remove_ros_args(sys.argv)[1:]
    parser = argparse.ArgumentParser(description=f"The {name} node of hp_lab.")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--origin-s", type=float, default=0.0)
    arguments = parser.parse_args(own_args)
    # rclpy's own handler would cut the node off the graph before it is safe.
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    stop = StopFlag()
    executor = SingleThreadedExecutor()
    runtime = LabRuntime(WallClock(arguments.speed, arguments.origin_s), executor)
    try:
        node = node_class(name, runtime)
    except HpLabError as error:
        rclpy.shutdown()
        sys.exit(f"{name}: {error}")
    executor.add_node(node)
    while not stop.raised:
        executor.spin_once(timeout_sec=_SPIN_S)
    if hasattr(node, "wind_down"):
        leaving = runtime.spawn(node.wind_down())
        deadline_s = time.monotonic() + _WIND_DOWN_S
        while not leaving.done() and time.monotonic() < deadline_s:
            executor.spin_once(timeout_sec=_SPIN_S)
    if hasattr(node, "finish"):
        node.finish()
    runtime.shutdown()
    executor.shutdown(timeout_sec=1.0)
    node.destroy_node()
    rclpy.shutdown()
