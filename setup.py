"""Install hp_lab as a ROS 2 package: modules, executables, shared files."""

import ast
from pathlib import Path

from setuptools import find_packages, setup

NAME = "hp_lab"
ROOT = Path(__file__).resolve().parent
SHARED_FOLDERS = ("config", "launch")


def version() -> str:
    """Return the version that hp_lab/__init__.py states."""
    for node in ast.parse((ROOT / NAME / "__init__.py").read_text("utf-8")).body:
        if (
            isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "__version__"
        ):
            return str(ast.literal_eval(node.value))
    message = f"{NAME}/__init__.py states no __version__; add one"
    raise ValueError(message)


def node_executables() -> list[str]:
    """Return an entry point for every module of hp_lab/nodes that defines `main`.

    The modules are read, not imported: no ROS is needed to build the package.
    """
    return [
        f"{path.stem} = {NAME}.nodes.{path.stem}:main"
        for path in sorted((ROOT / NAME / "nodes").glob("*.py"))
        if any(
            isinstance(node, ast.FunctionDef) and node.name == "main"
            for node in ast.parse(path.read_text("utf-8")).body
        )
    ]


def data_in_packages() -> list[str]:
    """Return every file under a hp_lab/**/data folder, relative to hp_lab."""
    package = ROOT / NAME
    files = (path for path in package.rglob("*") if path.is_file())
    inside = (path.relative_to(package) for path in files)
    return sorted(str(path) for path in inside if "data" in path.parts[:-1])


def shared_files() -> list[tuple[str, list[str]]]:
    """Return what goes under the prefix: (folder there, files here)."""
    placed = [
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        ("bin", ["bin/hp-lab"]),
    ]
    for top in SHARED_FOLDERS:
        for folder in sorted({path.parent for path in (ROOT / top).rglob("*.*")}):
            here = folder.relative_to(ROOT)
            files = sorted(
                str(here / path.name)
                for path in folder.iterdir()
                if path.is_file() and path.suffix != ".pyc"
            )
            if files:
                placed.append((f"share/{NAME}/{here}", files))
    return placed


def requirements(name: str) -> list[str]:
    """Return the requirements of requirements/<name>.in, comments left out."""
    lines = (ROOT / "requirements" / f"{name}.in").read_text("utf-8").splitlines()
    wanted = (line.partition("#")[0].strip() for line in lines)
    return [line for line in wanted if line]


setup(
    name=NAME,
    version=version(),
    description="Self-driving laboratory for low-dimensional hybrid perovskites",
    maintainer="hp_lab developers",
    maintainer_email="hp-lab@example.org",
    license="Apache-2.0",
    python_requires=">=3.11,<3.13",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: data_in_packages()},
    data_files=shared_files(),
    install_requires=["setuptools", *requirements("core")],
    extras_require={"test": requirements("dev")},
    zip_safe=False,
    entry_points={"console_scripts": node_executables()},
)
