"""What colcon installs in somebody's workspace, built as the README says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
NOT_IN_A_CLONE = (
    ".git", ".venv*", ".*_cache", ".hypothesis", "build", "install", "log", "runs",
    "__pycache__", "*.egg-info",
)  # fmt: skip

# Done already, by this environment; or by the copy of the tree.
STOOD_IN_FOR = (
    "cd ~/ws",
    'git clone "$HP_LAB_REPOSITORY" src/hp_lab',
    "python3 -m venv --system-site-packages .venv",
    "touch .venv/COLCON_IGNORE",
    ". .venv/bin/activate",
    "python -m pip install -r src/hp_lab/requirements/lock-ubuntu-24.04.txt",
)
# The interfaces take a minute to compile and are those of this environment.
BUILD = "python -m colcon build"
BUILD_ONE = f"{BUILD} --packages-select hp_lab"


def commands_of_the_readme() -> list[str]:
    section = README.partition("## Inside an existing workspace")[2]
    block = re.search(r"```bash\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return block[1].splitlines()


def until_built() -> list[str]:
    """Return the README's commands as they are run here, up to the build."""
    commands = commands_of_the_readme()
    assert set(STOOD_IN_FOR) <= set(commands)
    left = [command for command in commands if command not in STOOD_IN_FOR]
    return [*left[: left.index(BUILD)], BUILD_ONE]


def since_built() -> list[str]:
    """Return the README's commands after the build."""
    commands = commands_of_the_readme()
    return commands[commands.index(BUILD) + 1 :]


def bash(script: str, folder: Path) -> str:
    """Run a script with this environment's Python as `python`; return its output."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    outcome = subprocess.run(
        ["bash", "-ec", script],
        cwd=folder,
        env={**os.environ, "PATH": path, "COLCON_HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a workspace with a copy of this tree, and build hp_lab in it."""
    pytest.importorskip("colcon_core", reason="needs colcon")
    folder = tmp_path_factory.mktemp("ws")
    ignored = shutil.ignore_patterns(*NOT_IN_A_CLONE)
    shutil.copytree(ROOT, folder / "src" / "hp_lab", symlinks=True, ignore=ignored)
    bash("\n".join(until_built()), folder)
    return folder


pytestmark = [pytest.mark.slow, pytest.mark.ros, pytest.mark.timeout(180)]


def test_colcon_finds_both_packages_in_the_workspace(workspace: Path):
    names = bash("python -m colcon list --names-only", workspace).split()
    assert sorted(names) == ["hp_lab", "hp_lab_interfaces"]


def test_colcon_finds_both_packages_without_the_link(workspace: Path):
    listing = "python -m colcon list --names-only --base-paths"
    without_link = f"{listing} src/hp_lab src/hp_lab/msg"
    names = bash(without_link, workspace).split()
    assert sorted(names) == ["hp_lab", "hp_lab_interfaces"]


def test_the_repository_is_a_workspace_by_itself(workspace: Path):
    listing = "cd src/hp_lab && python -m colcon list --names-only"
    names = bash(listing, workspace).split()
    assert sorted(names) == ["hp_lab", "hp_lab_interfaces"]


def test_the_installed_copy_is_what_a_sourced_shell_runs(workspace: Path):
    prefix = workspace / "install" / "hp_lab"
    shell = ". install/setup.bash; "
    module = bash(
        shell + "python -c 'import hp_lab; print(hp_lab.__file__)'", workspace
    )
    assert module.startswith(str(prefix))
    assert bash(shell + "command -v hp-lab", workspace).strip() == str(
        prefix / "bin" / "hp-lab"
    )


def test_the_last_commands_of_the_readme_show_the_help(workspace: Path):
    assert "Usage" in bash("\n".join(since_built()), workspace)


def test_every_module_and_data_file_is_installed(workspace: Path):
    sources = workspace / "src" / "hp_lab" / "hp_lab"
    (installed,) = (workspace / "install" / "hp_lab" / "lib").glob(
        "python3.*/site-packages/hp_lab"
    )
    wanted = {
        path.relative_to(sources) for path in sources.rglob("*") if path.is_file()
    }
    there = {path.relative_to(installed) for path in installed.rglob("*")}
    assert wanted - there == set()
    assert any(path.suffix == ".csv" for path in wanted)


@pytest.mark.parametrize("folder", ["config", "launch"])
def test_shared_files_are_installed(workspace: Path, folder: str):
    sources = workspace / "src" / "hp_lab" / folder
    share = workspace / "install" / "hp_lab" / "share" / "hp_lab" / folder
    wanted = {
        path.relative_to(sources) for path in sources.rglob("*") if path.is_file()
    }
    assert wanted == {
        path.relative_to(share) for path in share.rglob("*") if path.is_file()
    }


def test_ros_finds_the_package_and_its_share(workspace: Path):
    script = (
        "from ament_index_python.packages import get_package_share_directory as f\n"
    )
    script += "print(f('hp_lab'))"
    share = bash(f'. install/setup.bash; python -c "{script}"', workspace).strip()
    assert share == str(workspace / "install" / "hp_lab" / "share" / "hp_lab")
    assert (Path(share) / "package.xml").exists()


def test_every_node_of_the_table_is_an_executable(workspace: Path):
    from hp_lab.lab_config import load_lab_config
    from hp_lab.nodes.bringup import LabOptions, node_table

    lab_file = ROOT / "config" / "lab.yaml"
    options = LabOptions(lab_file=lab_file, emulated=True)
    wanted = {
        spec.executable for spec in node_table(load_lab_config(lab_file), options)
    }
    folder = workspace / "install" / "hp_lab" / "lib" / "hp_lab"
    there = {path.name for path in folder.iterdir() if os.access(path, os.X_OK)}
    assert wanted - there == set()


def test_a_source_distribution_can_be_built_from(workspace: Path, tmp_path: Path):
    command = f"cd src/hp_lab && python setup.py -q sdist --dist-dir {tmp_path}"
    bash(command, workspace)
    (archive,) = tmp_path.glob("hp_lab-*.tar.gz")
    shutil.unpack_archive(archive, tmp_path)
    (unpacked,) = (path for path in tmp_path.iterdir() if path.is_dir())
    for folder in (
        "bin",
        "config",
        "hp_lab",
        "launch",
        "msg",
        "requirements",
        "resource",
    ):
        sources = workspace / "src" / "hp_lab" / folder
        wanted = {path.relative_to(sources) for path in sources.rglob("*")}
        there = {
            path.relative_to(unpacked / folder)
            for path in (unpacked / folder).rglob("*")
        }
        assert wanted - there == set(), folder
