"""The laboratory under ``ros2 launch hp_lab lab.launch.py``.

Builds from hp_lab.nodes.bringup, as ``hp-lab up`` does; it has no list of its own.
"""

from pathlib import Path

import lifecycle_msgs.msg
from ament_index_python.packages import get_package_share_directory
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.events import matches_action
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState

from hp_lab.lab_config import load_lab_config
from hp_lab.nodes.bringup import LabOptions, NodeSpec, node_table
from hp_lab.nodes.supervisor import free_tcp_ports
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

SHARE = Path(get_package_share_directory("hp_lab"))
# Any other spelling would quietly move real instruments.
_YES_NO = ["true", "false"]
# A node first leaves its device safe; emulators wait for the devices' nodes.
_SIGTERM_AFTER_S = "15"


def generate_launch_description() -> LaunchDescription:
    """Return the launch description."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "lab_file",
                default_value=str(SHARE / "config" / "lab.yaml"),
                description="The laboratory's description (YAML).",
            ),
            DeclareLaunchArgument(
                "stocks_file",
                default_value=str(SHARE / "config" / "stocks.yaml"),
                description="The stock solutions (YAML).",
            ),
            DeclareLaunchArgument(
                "emulated",
                default_value="false",
                choices=_YES_NO,
                description="Emulated instruments instead of real ports.",
            ),
            DeclareLaunchArgument(
                "run_dir",
                default_value="runs/emulated-lab",
                description="Where emulators keep their ports and the hidden world.",
            ),
            DeclareLaunchArgument(
                "seed", default_value="1", description="Seed of the hidden world."
            ),
            DeclareLaunchArgument(
                "autostart",
                default_value="true",
                choices=_YES_NO,
                description="Configure and activate the device nodes.",
            ),
            DeclareLaunchArgument(
                "rviz",
                default_value="false",
                choices=_YES_NO,
                description="Show the laboratory in rviz.",
            ),
            OpaqueFunction(function=_laboratory),
        ]
    )


def _laboratory(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    def value(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    emulated = value("emulated") == "true"
    options = LabOptions(
        lab_file=Path(value("lab_file")).resolve(),
        emulated=emulated,
        stocks_file=Path(value("stocks_file")).resolve(),
        run_dir=Path(value("run_dir")).resolve(),
        seed=int(value("seed")),
        tcp_ports=free_tcp_ports() if emulated else (0, 0),
    )
    table = node_table(load_lab_config(options.lab_file), options)
    entities: list[LaunchDescriptionEntity] = []
    for spec in table:
        node = _node(spec)
        if spec.managed and value("autostart") == "true":
            entities += _activation(node)
        entities.append(node)
    if value("rviz") == "true":
        rviz = str(SHARE / "config" / "hp_lab.rviz")
        entities.append(
            Node(package="rviz2", executable="rviz2", arguments=["-d", rviz])
        )
    return entities


def _node(spec: NodeSpec) -> Node:
    kind = LifecycleNode if spec.managed else Node
    return kind(
        package="hp_lab",
        executable=spec.executable,
        name=spec.name,
        namespace="",
        parameters=[dict(spec.parameters)],
        arguments=list(spec.arguments),
        output="screen",
        sigterm_timeout=_SIGTERM_AFTER_S,
    )


def _activation(node: Node) -> list[LaunchDescriptionEntity]:
    """Configure the node at once, and activate it when it is configured."""
    transition = lifecycle_msgs.msg.Transition
    configure = EmitEvent(
        event=ChangeState(
            lifecycle_node_matcher=matches_action(node),
            transition_id=transition.TRANSITION_CONFIGURE,
        )
    )
    activate = EmitEvent(
        event=ChangeState(
            lifecycle_node_matcher=matches_action(node),
            transition_id=transition.TRANSITION_ACTIVATE,
        )
    )
    when_configured = RegisterEventHandler(
        OnStateTransition(
            target_lifecycle_node=node,
            start_state="configuring",
            goal_state="inactive",
            entities=[activate],
        )
    )
    return [when_configured, configure]
