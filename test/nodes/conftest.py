"""Each test has a ROS context and a domain of its own."""

import os
from collections.abc import Iterator

# Generated messages then check what they are filled with instead of ending the process.
os.environ.setdefault("ROS_PYTHON_CHECK_FIELDS", "1")

import pytest

pytest.importorskip("rclpy", reason="needs a ROS 2 environment")

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from ros_domain import domain_id
from ros_graph import START_S, Graph

from hp_lab.clock import VirtualClock
from hp_lab.nodes.runtime import LabRuntime


@pytest.fixture
def graph() -> Iterator[Graph]:
    with domain_id() as domain:
        context = Context()
        rclpy.init(
            context=context,
            domain_id=domain,
            signal_handler_options=SignalHandlerOptions.NO,
        )
        executor = SingleThreadedExecutor(context=context)
        clock = VirtualClock(START_S)
        runtime = LabRuntime(clock, executor)
        client = Node("client", context=context)
        executor.add_node(client)
        made = Graph(context, executor, runtime, clock, client)
        yield made
        runtime.shutdown()
        executor.shutdown(timeout_sec=1.0)
        for node in [*made.nodes, client]:
            node.destroy_node()
        rclpy.shutdown(context=context)
