"""A process and its middleware: what it announces, and that it ends."""

import contextlib
import fcntl
import itertools
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs a ROS 2 environment")

from commands import environment
from ros_domain import domain_id

from hp_lab.nodes import fast_dds

pytestmark = pytest.mark.ros

# Hangs as a destructor of Fast DDS does: in C, and no thread of Python runs.
HANGING = """
import ctypes
from hp_lab.nodes import fast_dds
fast_dds.LEAVING_S = 0.1
fast_dds.leave_at_end(lambda: ctypes.PyDLL(None).sleep(1000))
print("all was said")
"""


def run(
    script: str, folder: Path, *arguments: str, domain: int = 0
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        env=environment(domain),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize(
    ("last_words", "code"),
    [
        ("", 0),
        ("raise ValueError", 1),
        ("fast_dds.will_end_with(130)", 130),
        ("fast_dds.will_end_with(2); raise SystemExit(2)", 2),
        ("fast_dds.end_within(0.1, 130)", 130),
        ("fast_dds.end_within(0.1, 2); fast_dds.end_within(1000, 3)", 2),
    ],
)
def test_a_process_that_hangs_as_it_leaves_ends_with_its_exit_code(
    last_words: str, code: int, tmp_path: Path
) -> None:
    done = run(HANGING + last_words, tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stdout == "all was said\n"


@pytest.mark.parametrize("arguments", [["campaign", "status", "nope"], ["nope"]])
def test_a_command_that_hangs_as_it_leaves_ends_with_its_exit_code(
    arguments: list[str], tmp_path: Path
) -> None:
    script = HANGING + "from hp_lab.cli.main import main\nmain()\n"
    done = run(script, tmp_path, *arguments)
    assert done.returncode == 2, done.stderr
    assert "nope" in done.stderr


# The node ends as if by Ctrl-C, right after its first spin.
NODE = """
import ctypes, os, signal
from rclpy.node import Node
from hp_lab.nodes import fast_dds
from hp_lab.nodes.process import run_node
fast_dds.LEAVING_S = 0.1

class Hanging(Node):
    def __init__(self, name, runtime):
        assert os.environ[fast_dds.PROFILE_VARIABLES[0]] == str(fast_dds.PROFILE)
        super().__init__(name)
        os.kill(os.getpid(), signal.SIGINT)

    def finish(self):
        print("safe")
        {finishing}

    def destroy_node(self):
        ctypes.PyDLL(None).sleep(1000)

run_node(Hanging, "hanging")
"""
CLIENT = """
import ctypes
from hp_lab.nodes import fast_dds
from hp_lab.nodes.client import LabClient
fast_dds.LEAVING_S = 0.1
with LabClient() as client:
    client.node.destroy_node = lambda: ctypes.PyDLL(None).sleep(1000)
    print("safe")
    {finishing}
"""


@pytest.mark.parametrize("script", [NODE, CLIENT])
@pytest.mark.parametrize(("finishing", "code"), [("pass", 0), ("raise OSError", 1)])
def test_nodes_and_clients_that_hang_as_they_leave_end(
    script: str, finishing: str, code: int, tmp_path: Path
) -> None:
    with domain_id() as domain:
        done = run(script.format(finishing=finishing), tmp_path, domain=domain)
    assert done.returncode == code, done.stderr
    assert done.stdout == "safe\n"


def test_a_process_that_leaves_is_not_cut_short(tmp_path: Path) -> None:
    script = "\n".join(
        [
            "from hp_lab.nodes import fast_dds",
            "fast_dds.leave_at_end(lambda: print('left'))",
            "fast_dds.end_within(1000, 3)",
        ]
    )
    done = run(script, tmp_path)
    assert (done.returncode, done.stdout) == (0, "left\n")


@pytest.mark.parametrize("name", fast_dds.PROFILE_VARIABLES)
def test_a_profile_that_the_user_chose_is_kept(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in fast_dds.PROFILE_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, "mine.xml")
    fast_dds.configure()
    found = {
        variable: os.environ.get(variable) for variable in fast_dds.PROFILE_VARIABLES
    }
    assert found == {**dict.fromkeys(fast_dds.PROFILE_VARIABLES), name: "mine.xml"}


def test_what_the_middleware_says_does_not_mix_with_output(tmp_path: Path) -> None:
    script = (
        "from hp_lab.nodes.client import LabClient\nwith LabClient():\n    print(1)\n"
    )
    with contextlib.ExitStack() as held, domain_id() as domain:
        # Shared memory that another program has makes Fast DDS complain.
        ports = itertools.product(("fastrtps", "fastdds"), range(7000, 7040))
        for maker, port in ports:
            path = Path("/dev") / "shm" / f"{maker}_port{port}_el"
            lock = held.enter_context(path.open("a"))
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        done = run(script, tmp_path, domain=domain)
    assert "open_and_lock_file failed" in done.stderr
    assert done.stdout == "1\n"


def test_a_participant_announces_a_lease_of_five_minutes(tmp_path: Path) -> None:
    script = (
        "from hp_lab.nodes.client import LabClient\nwith LabClient():\n    input()\n"
    )
    with domain_id() as domain, socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.settimeout(60)
        # Where the 21st participant of the domain would listen (RTPS 2.5, 9.6.2.3).
        peer.bind(("127.0.0.1", 7410 + 250 * domain + 2 * 20))
        client = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=environment(domain),
            stdin=subprocess.PIPE,
        )
        try:
            announced = peer.recv(65536)
        finally:
            client.communicate(b"\n", timeout=60)
    assert announced.startswith(b"RTPS")
    lease_s = 300
    # Parameter 2, PID_PARTICIPANT_LEASE_DURATION: seconds and their fraction.
    assert struct.pack("<HHiI", 2, 8, lease_s, 0) in announced
    assert client.returncode == 0
