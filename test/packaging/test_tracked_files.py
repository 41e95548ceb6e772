"""The repository speaks of no machine but the reader's."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Written in pieces, so that this file does not find itself.
FORBIDDEN = {
    "a home folder": re.compile(r"(?<![\w.])/(?:home|Users)" + r"/[a-z]\w*"),
    "root's home": re.compile(r"(?<![\w.])/ro" + r"ot(?:/|\b)"),
    "a folder of one machine": re.compile(r"(?<![\w.~}$])/(?:work|mnt|srv)" + r"/\w"),
    "a temporary folder": re.compile(r"(?<![\w.~}$])/tm" + r"p/\w"),
    "a package registry's host": re.compile(r"(?:pypi|pythonhosted)" + r"\.org"),
}


def tracked_texts() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git clone: there is no list of its files")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and is_text(path)]


def is_text(path: Path) -> bool:
    return b"\0" not in path.read_bytes()[:4096]


def test_no_file_names_a_place_of_one_machine():
    found = [
        f"{path.relative_to(ROOT)}: {what}: {match.group()}"
        for path in tracked_texts()
        for what, pattern in FORBIDDEN.items()
        for match in pattern.finditer(path.read_text("utf-8", errors="replace"))
    ]
    assert not found, "\n".join(found)


def test_every_data_folder_in_the_package_has_a_licence_beside_it():
    folders = {
        ROOT.joinpath(*path.relative_to(ROOT).parts[: index + 1])
        for path in tracked_texts()
        if path.relative_to(ROOT).parts[0] == "hp_lab"
        if path.suffix != ".j2"  # a template is a part of the program
        for index, part in enumerate(path.relative_to(ROOT).parts)
        if part == "data"
    }
    without = [
        str(folder.relative_to(ROOT))
        for folder in folders
        if not any(
            path.name.startswith(("LICENSE", "README")) for path in folder.rglob("*")
        )
    ]
    assert not without, f"no LICENSE in {without}"
