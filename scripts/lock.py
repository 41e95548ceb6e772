"""Pin what requirements/*.in ask for, for every supported Python: `make lock`.

Each lock holds one `name==version` a line, with an environment marker where a
package is wanted by some of the Pythons only or in another version.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """One lock file, the files it pins, and the locks it is installed beside."""

    name: str
    inputs: tuple[str, ...]
    beside: tuple[str, ...] = ()


LOCKS = (
    Lock(name="lock.txt", inputs=("core.in", "dev.in")),
    Lock(
        name="lock-ubuntu-24.04.txt",
        inputs=("core.in", "dev.in", "ubuntu-24.04.in"),
    ),
    Lock(name="colcon.txt", inputs=("colcon.in",), beside=("lock.txt",)),
    Lock(
        name="colcon-ubuntu-24.04.txt",
        inputs=("colcon.in",),
        beside=("lock-ubuntu-24.04.txt",),
    ),
    Lock(
        name="ros-jazzy.txt",
        inputs=("ros-jazzy.in",),
        beside=("lock.txt", "colcon.txt"),
    ),
    Lock(
        name="ros-kilted.txt",
        inputs=("ros-kilted.in",),
        beside=("lock.txt", "colcon.txt"),
    ),
)


def main() -> int:
    """Resolve every lock and write it."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        pips = [
            make_pip(python, Path(folder) / str(index))
            for index, python in enumerate(arguments.python)
        ]
        for lock in LOCKS:
            if arguments.only in (None, lock.name):
                write(lock, pips, upgrade=arguments.upgrade)
    return 0


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--python",
        action="append",
        required=True,
        help="an interpreter to resolve for, oldest first; once for each version",
    )
    parser.add_argument(
        "--upgrade", action="store_true", help="take the newest, not the present pins"
    )
    parser.add_argument("--only", help="write this lock alone, e.g. lock.txt")
    return parser.parse_args()


def make_pip(python: str, folder: Path) -> tuple[str, list[str]]:
    """Make an empty environment; return its Python's version and its pip command.

    pip evaluates environment markers for the interpreter it runs on, so each version
    has to be asked by itself.
    """
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    executable = str(folder / "bin" / "python")
    version = subprocess.run(
        [executable, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    return version, [executable, "-m", "pip"]


def write(lock: Lock, pips: list[tuple[str, list[str]]], *, upgrade: bool) -> None:
    """Resolve one lock for every Python and write the file."""
    path = REQUIREMENTS / lock.name
    pins: dict[str, dict[str, str]] = {}
    for version, pip in pips:
        agreed = next(iter(pins.values()), {})
        pins[version] = resolve(lock, pip, agreed=agreed, upgrade=upgrade)
    header = f"# Pinned from {', '.join(lock.inputs)} by `make lock`; edit those."
    path.write_text("\n".join([header, *merge(pins)]) + "\n", encoding="utf-8")
    print(f"{lock.name}: {len(path.read_text().splitlines()) - 1} packages")


def resolve(
    lock: Lock, pip: list[str], *, agreed: dict[str, str], upgrade: bool
) -> dict[str, str]:
    """Return the version of every package that the lock needs, by name.

    Args:
        lock: What to resolve.
        pip: The command of the Python to resolve for.
        agreed: Versions that the first Python got. The others take the same, so that
            a run with a seed does not depend on the Python it ran on.
        upgrade: Whether the present pins are ignored.
    """
    constraints = [REQUIREMENTS / name for name in lock.beside]
    if not upgrade and (REQUIREMENTS / lock.name).exists():
        constraints.append(REQUIREMENTS / lock.name)
    command = [*pip, "install", "--dry-run", "--ignore-installed", "--quiet"]
    command += ["--disable-pip-version-check", "--report", "-"]
    for name in lock.inputs:
        command += ["--requirement", str(REQUIREMENTS / name)]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(f"{name}=={version}\n" for name, version in agreed.items())
        file.flush()
        for constraint in [*constraints, Path(file.name)]:
            command += ["--constraint", str(constraint)]
        answer = subprocess.run(command, check=False, capture_output=True, text=True)
    if answer.returncode:
        sys.exit(f"{lock.name}: pip found no set of versions\n{answer.stderr}")
    report = json.loads(answer.stdout)
    pins = {
        item["metadata"]["name"].lower().replace("_", "-"): item["metadata"]["version"]
        for item in report["install"]
    }
    return {name: pins[name] for name in pins.keys() - names_in(lock.beside)}


def names_in(locks: tuple[str, ...]) -> set[str]:
    """Return the packages that other locks already pin."""
    return {
        line.partition("==")[0]
        for name in locks
        for line in (REQUIREMENTS / name).read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    }


def merge(pins: dict[str, dict[str, str]]) -> list[str]:
    """Return one line a package, or one a version where the Pythons differ.

    Args:
        pins: Python version -> package -> package version.
    """
    lines = []
    for name in sorted({name for resolved in pins.values() for name in resolved}):
        versions = {python: found.get(name) for python, found in pins.items()}
        if len(set(versions.values())) == 1:
            lines.append(f"{name}=={next(iter(versions.values()))}")
            continue
        lines += [
            f'{name}=={version} ; python_version == "{python}"'
            for python, version in versions.items()
            if version is not None
        ]
    return lines


if __name__ == "__main__":
    sys.exit(main())
