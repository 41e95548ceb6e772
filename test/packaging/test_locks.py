"""Every dependency is pinned, and to what both Pythons and both locks can have."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
PIN = re.compile(r"[a-z0-9][a-z0-9.-]*==[0-9][\w.]*")


def pins(name: str) -> dict[str, str]:
    lines = (REQUIREMENTS / name).read_text("utf-8").splitlines()[1:]
    return dict(line.split("==") for line in lines)


def asked_for(name: str) -> set[str]:
    lines = (REQUIREMENTS / name).read_text("utf-8").splitlines()
    wanted = [line.partition("#")[0].strip() for line in lines]
    names = [re.split(r"[\[<>=]", line)[0] for line in wanted if line]
    return {name.lower().replace("_", "-") for name in names}


LOCKS = sorted(path.name for path in REQUIREMENTS.glob("*.txt"))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_nothing_but_pins(lock: str):
    header, *lines = (REQUIREMENTS / lock).read_text("utf-8").splitlines()
    assert header.startswith("# Pinned from ")
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    names = [line.partition("==")[0] for line in lines]
    assert names == sorted(set(names))


@pytest.mark.parametrize("lock", LOCKS)
def test_what_is_asked_for_is_pinned(lock: str):
    header = (REQUIREMENTS / lock).read_text("utf-8").splitlines()[0]
    inputs = re.findall(r"[\w.-]+\.in", header)
    asked = set().union(*(asked_for(name) for name in inputs))
    assert asked - pins(lock).keys() == set()


def test_the_second_lock_is_what_ubuntu_24_04_ships():
    lock = pins("lock-ubuntu-24.04.txt")
    assert lock["numpy"].startswith("1.26.")
    assert lock["opencv-python-headless"].startswith("4.")


def test_both_locks_hold_the_same_packages():
    assert pins("lock.txt").keys() == pins("lock-ubuntu-24.04.txt").keys()
