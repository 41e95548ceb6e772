"""Set up what hp_lab runs on: environment, ROS 2, Python packages, colcon build.

Every make target calls this first. Each step leaves a stamp of what it was done from,
so a second call does nothing and takes a fraction of a second. The project itself is
never copied: the environment's Python finds it in this very tree.

    python3 scripts/bootstrap.py --venv .venv --distro jazzy    with ROS 2
    python3 scripts/bootstrap.py --venv .venv-core --core       without
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from host import SetUpError, install, missing_packages
from plan import REQUIREMENTS, ROOT, Plan, make_plan
from stamps import Stamps, fingerprint

INTERFACES = "hp_lab_interfaces"
# Run by the environment's Python, which then runs setup.py too.
COLCON = "import sys; from colcon_core.command import main; sys.exit(main())"
TAIL_OF_LOG = 30  # lines shown of a step that failed

# A sourced workspace or an outer make would change what is built.
FOREIGN_VARIABLES = (
    "AMENT_PREFIX_PATH",
    "CMAKE_PREFIX_PATH",
    "COLCON_PREFIX_PATH",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
)
MAKE_VARIABLES = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")


@dataclass(frozen=True)
class Step:
    """One step of the set-up.

    Attributes:
        name: The name of its stamp and of its log.
        what: What it does, for the person who waits.
        key: A digest of all it depends on.
        run: Does it; is given the file to log to.
    """

    name: str
    what: str
    key: str
    run: Callable[[Path], None]


def main() -> int:
    """Do the steps that are not done yet; return the exit code."""
    arguments = parse_arguments()
    try:
        with one_at_a_time():
            distro = None if arguments.core else arguments.distro
            set_up(make_plan(venv=arguments.venv, distro=distro, lock=arguments.lock))
    except SetUpError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    return 0


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", type=Path, required=True, help="environment to make")
    parser.add_argument("--distro", default="jazzy", help="ROS 2 distribution")
    parser.add_argument("--core", action="store_true", help="without ROS 2")
    parser.add_argument("--lock", default="", help="with --core: ubuntu-24.04")
    return parser.parse_args()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let a second call wait until the first has finished."""
    folder = os.open(REQUIREMENTS, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def set_up(plan: Plan) -> None:
    """Do what is not done yet."""
    if not plan.executable.exists():
        remove(plan.venv)  # its Python has been removed or replaced, and its stamps lie
    stamps = Stamps(plan.venv / "set-up")
    started_s = time.monotonic()
    steps = [
        step for step in make_steps(plan) if not stamps.matches(step.name, step.key)
    ]
    if not steps:
        return
    missing = missing_packages(plan.python, compiles=plan.distro is not None)
    if missing:
        install(missing)
    for step in steps:
        perform(step)
        stamps.set(step.name, step.key)
    print(f"set-up: done in {time.monotonic() - started_s:.0f} s", flush=True)


def perform(step: Step) -> None:
    """Do one step, with a line for the person who waits."""
    print(f"set-up: {step.what} ...", end=" ", flush=True)
    log = ROOT / "log" / f"set-up-{step.name}.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text("", encoding="utf-8")
    started_s = time.monotonic()
    step.run(log)
    print(f"{time.monotonic() - started_s:.0f} s", flush=True)


def make_steps(plan: Plan) -> list[Step]:
    """Return all steps in their order; each one's key holds those before it."""
    environment = fingerprint([], plan.identity)
    packages = fingerprint(
        [*plan.locks, ROOT / "scripts" / "venv_startup.py"], environment
    )
    kind = "ROS 2 of this machine" if plan.is_sourced else f"ROS 2 {plan.distro} wheels"
    steps = [
        Step(
            "environment",
            f"environment {plan.venv.name} (Python {plan.python.version})",
            environment,
            lambda log: make_environment(plan, log),
        ),
        Step(
            "packages",
            "Python packages" if plan.distro is None else f"{kind}, Python packages",
            packages,
            lambda log: install_packages(plan, log),
        ),
    ]
    if plan.distro is None:
        return steps
    interfaces = fingerprint(files_in(ROOT / "msg"), packages)
    return [
        *steps,
        Step(
            "interfaces",
            "colcon build of the interfaces (about a minute)",
            interfaces,
            lambda log: build_interfaces(plan, log),
        ),
        Step(
            "package",
            "colcon build of hp_lab",
            fingerprint(package_inputs(), interfaces, *package_shape()),
            lambda log: build_package(plan, log),
        ),
    ]


def files_in(folder: Path) -> list[Path]:
    """Return every file under a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def package_inputs() -> list[Path]:
    """Return the files whose contents decide how hp_lab is installed."""
    names = ("setup.py", "setup.cfg", "package.xml", "colcon_defaults.yaml")
    return [ROOT / name for name in names]


def package_shape() -> list[str]:
    """Return what else decides it: shared files, modules that are executables.

    Shared files are linked to and modules are found in place, so only new or removed
    ones need a build, not edited ones.
    """
    shared = [*files_in(ROOT / "config"), *files_in(ROOT / "launch")]
    nodes = (ROOT / "hp_lab" / "nodes").glob("*.py")
    executables = [path for path in nodes if "\ndef main(" in path.read_text("utf-8")]
    return sorted(str(path.relative_to(ROOT)) for path in [*shared, *executables])


def make_environment(plan: Plan, log: Path) -> None:
    """Make the environment anew, and forget what was built with the one before."""
    remove(plan.venv)
    if plan.distro is not None:
        remove(plan.build_folder)
    command = [plan.python.command, "-m", "venv", str(plan.venv)]
    if plan.is_sourced:
        command.append("--system-site-packages")
    run(command, log, environment_variables(plan))


def remove(folder: Path) -> None:
    """Remove a folder that set-up made; it may be missing."""
    if folder.exists():
        shutil.rmtree(folder)


def install_packages(plan: Plan, log: Path) -> None:
    """Install the pinned packages, and have the environment find this tree."""
    command = [str(plan.executable), "-m", "pip", "install", "--no-input"]
    # Compiled when first imported: a third of the time, and most never are.
    command += ["--disable-pip-version-check", "--no-compile"]
    for lock in plan.locks:
        command += ["--requirement", str(with_numpy_of_ros(plan, lock))]
    variables = environment_variables(plan)
    run(command, log, variables)
    site_packages = Path(
        ask(plan, "import sysconfig; print(sysconfig.get_path('purelib'))")
    )
    if plan.distro is not None and not plan.is_sourced:
        correct_include_folders(plan)
    write_startup(plan, site_packages)


def with_numpy_of_ros(plan: Plan, lock: Path) -> Path:
    """Return the lock, or one with the NumPy that a sourced ROS 2 has.

    The message types of an installed ROS 2 are compiled against that NumPy.
    """
    if not plan.is_sourced or plan.python.numpy is None:
        return lock
    lines = lock.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("numpy==")]
    copy = plan.venv / lock.name
    copy.write_text(
        "\n".join([*kept, f"numpy=={plan.python.numpy}"]) + "\n", encoding="utf-8"
    )
    return copy


def correct_include_folders(plan: Plan) -> None:
    """Replace include folders in the wheels' cmake files by those of this machine.

    The files name the folders of the machine that the wheels were made on.
    """
    python = "import sysconfig; print(sysconfig.get_path('include'))"
    numpy = "import numpy; print(numpy.get_include())"
    real = {
        r"/opt/python/[^/]+/include/python3\.\d+": ask(plan, python),
        r"/opt/python/[^/]+/lib/[^;\" ]+/numpy/_?core/include": ask(plan, numpy),
    }
    for path in plan.venv.rglob("*.cmake"):
        text = path.read_text(encoding="utf-8")
        corrected = text
        for pattern, folder in real.items():
            corrected = re.sub(pattern, folder, corrected)
        if corrected != text:
            path.write_text(corrected, encoding="utf-8")


def write_startup(plan: Plan, site_packages: Path) -> None:
    """Have the environment's Python find this tree, and ROS 2 with nothing sourced."""
    lines = [str(ROOT)]
    if plan.distro is not None:
        # The entry points' metadata, which colcon writes beside links to this tree.
        lines.append(str(plan.build_folder / "hp_lab"))
        lines.append("import _hp_lab_startup")
        shutil.copy(
            ROOT / "scripts" / "venv_startup.py", site_packages / "_hp_lab_startup.py"
        )
    (site_packages / "hp_lab.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")


def build_interfaces(plan: Plan, log: Path) -> None:
    """Build msg/ into the environment, in place of what was there."""
    remove_installed_interfaces(plan)
    python = str(plan.executable)
    options = ["--cmake-args", f"-DPython3_EXECUTABLE={python}", "-DBUILD_TESTING=OFF"]
    options.append(f"-DPYTHON_EXECUTABLE={python}")
    colcon_build(plan, INTERFACES, options, log)


def remove_installed_interfaces(plan: Plan) -> None:
    """Remove the installed interfaces: colcon would leave renamed ones behind."""
    for path in list(plan.venv.rglob(f"*{INTERFACES}*")):
        if path.is_dir():
            remove(path)
        else:
            path.unlink(missing_ok=True)


def build_package(plan: Plan, log: Path) -> None:
    """Build hp_lab into the environment as links to this tree."""
    colcon_build(plan, "hp_lab", ["--symlink-install"], log)


def colcon_build(plan: Plan, package: str, options: list[str], log: Path) -> None:
    """Build one package of the workspace into the environment's prefix."""
    command = [str(plan.executable), "-c", COLCON]
    command += ["--log-base", str(ROOT / "log"), "build"]
    command += ["--packages-select", package, "--build-base", str(plan.build_folder)]
    command += ["--merge-install", "--install-base", str(plan.venv)]
    command += ["--event-handlers", "console_direct+"]
    run([*command, *options], log, environment_variables(plan))


def environment_variables(plan: Plan) -> dict[str, str]:
    """Return the variables for tools of the set-up."""
    removed = (
        MAKE_VARIABLES if plan.is_sourced else (*MAKE_VARIABLES, *FOREIGN_VARIABLES)
    )
    kept = {name: text for name, text in os.environ.items() if name not in removed}
    kept["PATH"] = f"{plan.venv / 'bin'}:{kept['PATH']}"
    if plan.distro is not None and not plan.is_sourced:
        kept["CMAKE_PREFIX_PATH"] = str(plan.venv)
    return kept


def ask(plan: Plan, code: str) -> str:
    """Return what the environment's Python prints."""
    return subprocess.run(
        [str(plan.executable), "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=environment_variables(plan),
    ).stdout.strip()


def run(command: list[str], log: Path, variables: dict[str, str]) -> None:
    """Run a command, its output into the log.

    Raises:
        SetUpError: If it fails; the end of the log is printed before.
    """
    with log.open("a", encoding="utf-8") as file:
        outcome = subprocess.run(
            command,
            check=False,
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    if outcome.returncode:
        with log.open(encoding="utf-8", errors="replace") as file:
            print("\n" + "".join(deque(file, TAIL_OF_LOG)), file=sys.stderr)
        raise SetUpError(f"that failed; {log.relative_to(ROOT)} has all of it")


if __name__ == "__main__":
    sys.exit(main())
