"""The hypotheses that a campaign chooses: registered, its own modules', and tables.

A module of one's own is a Python file that decorates functions with ``@hypothesis``. It
is run as it is, with all rights of the program that plans.
"""

import hashlib
import sys
import traceback
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from threading import Lock
from types import CodeType
from typing import TYPE_CHECKING

from hp_lab.errors import InvalidConfig
from hp_lab.planner import ready_made
from hp_lab.planner.hypotheses import (
    Hypothesis,
    find,
    registered_apart,
    registered_by,
)
from hp_lab.planner.theory import from_table

if TYPE_CHECKING:
    from hp_lab.planner.goal import HypothesisChoice

# Importing the module registers them.
READY_MADE = ready_made.NAMES
# The column of a table that holds what was calculated.
VALUE = "value"
# The registry is one; two campaigns may load their modules at once.
_LOADING = Lock()


def chosen(choice: "HypothesisChoice", own: Mapping[str, Hypothesis]) -> Hypothesis:
    """Return the hypothesis that is meant.

    Args:
        choice: Its name, or a table of calculated values.
        own: What the campaign's modules hold, by name.

    Raises:
        InvalidConfig: It is not registered, has no such parameter, or its table is
            wrong.
    """
    if choice.table:
        return from_table(choice.name, choice.table, VALUE)
    return find(choice.name, inputs=choice.inputs, priors=choice.priors, own=own)


def load_modules(modules: Sequence[str]) -> dict[str, Hypothesis]:
    """Return by name what modules register, each under its own campaign only.

    Args:
        modules: Paths of Python files, with their ``.py``, and names of modules that
            can be imported.

    Raises:
        InvalidConfig: A module is missing, raises, registers nothing, or registers what
            another one does.
    """
    found: dict[str, Hypothesis] = {}
    for module in modules:
        with _LOADING:
            new = _of_file(module) if module.endswith(".py") else _of_name(module)
        if not new:
            msg = (
                f"{module}: registers no hypothesis; decorate a function with "
                "@hypothesis(NAME, PARAMETER=PRIOR)"
            )
            raise InvalidConfig(msg)
        doubled = sorted(found.keys() & new.keys())
        if doubled:
            msg = f"{module}: hypothesis {doubled[0]!r} is another module's; rename one"
            raise InvalidConfig(msg)
        found |= new
    return found


def _of_file(module: str) -> Mapping[str, Hypothesis]:
    try:
        text = Path(module).read_bytes()
    except OSError as error:
        msg = (
            f"{module}: cannot be read ({error.strerror}); put the file there, or "
            "correct modules"
        )
        raise InvalidConfig(msg) from error
    return _run(module, text)


def _of_name(module: str) -> Mapping[str, Hypothesis]:
    try:
        import_module(module)
    except Exception as error:
        msg = (
            f"{module}: cannot be imported ({error!r}); give the path of a file, with "
            "its .py, or install it"
        )
        raise InvalidConfig(msg) from error
    return registered_by(module)


class _Loader(SourceFileLoader):
    """Runs a text that was read already, and writes nothing beside it."""

    def __init__(self, name: str, path: str, text: bytes) -> None:
        super().__init__(name, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the text's code."""
        del fullname
        return self.source_to_code(self._text, self.path)


# A file is run once, and once more when it has changed.
@lru_cache(maxsize=32)
def _run(path: str, text: bytes) -> Mapping[str, Hypothesis]:
    name = f"hp_lab_own_{hashlib.sha256(path.encode()).hexdigest()[:12]}"
    spec = spec_from_loader(name, _Loader(name, path, text))
    if spec is None or spec.loader is None:  # pragma: no cover - a loader was given
        raise AssertionError(path)
    module = module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules[name] = module
    with registered_apart() as own:
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            frames = traceback.extract_tb(error.__traceback__)
            lines = [frame.lineno for frame in frames if frame.filename == path]
            where = f" in line {lines[-1]}" if lines else ""
            msg = f"{path}: raised {error!r}{where}; correct the module"
            raise InvalidConfig(msg) from error
    return own
