"""A small ROS graph of real nodes in this process, on virtual time."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from hp_lab.clock import VirtualClock
from hp_lab.nodes.runtime import LabRuntime

ROOT = Path(__file__).parents[2]
START_S = 1_000_000.0


@dataclass
class Graph:
    """A small ROS graph on virtual time."""

    context: Context
    executor: SingleThreadedExecutor
    runtime: LabRuntime
    clock: VirtualClock
    client: Node
    nodes: list[Any] = field(default_factory=list)

    def add(self, node_class: Callable[..., Any], name: str, **parameters: Any) -> Any:
        overrides = [Parameter(k, value=v) for k, v in parameters.items()]
        node = node_class(
            name, self.runtime, context=self.context, parameter_overrides=overrides
        )
        self.executor.add_node(node)
        self.nodes.append(node)
        return node

    def wait(self, ready: Callable[[], bool]) -> None:
        for _ in range(400):
            if ready():
                return
            self.executor.spin_once(timeout_sec=0.02)
        raise AssertionError("not ready: " + self.clock.describe())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        task = self.runtime.spawn(work)
        for _ in range(20_000):
            if task.done():
                return task.result()
            self.executor.spin_once(timeout_sec=0.05)
        raise AssertionError("does not end: " + self.clock.describe())
