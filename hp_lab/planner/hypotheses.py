"""Hypotheses: physical models as ordinary functions of x and named parameters.

::

    @hypothesis("confinement", gap_ev=Normal(mean=1.6, sd=0.1), a=LogNormal(median=4))
    def confinement(x, gap_ev, a):
        return gap_ev + a / (x["n"] + 2.4) ** 2

``x`` maps names of settings to arrays (m,); a parameter comes as an array (P, 1), one
value a particle, and the function returns (P, m) by broadcasting. A function that only
takes single numbers is declared with ``vectorised=False``.

A prior in the unit of the quantity or of a setting is best relative to what the films
and the space are: ``Level()`` for a value of the quantity, ``Place(setting="n")`` for a
value of a setting (:mod:`hp_lab.planner.priors`).
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, NoReturn

import numpy as np

from hp_lab.errors import InvalidConfig, InvalidInput, instead
from hp_lab.planner.dimensions import Range
from hp_lab.planner.priors import Prior, Relative, Scales
from hp_lab.units import FloatArray

Inputs = Mapping[str, np.ndarray]
MeanFunction = Callable[..., Any]
# An array (P, 1) of one value a particle.
Parameter = FloatArray
# How hypotheses are compared (:mod:`hp_lab.planner.learning`).
Policy = Literal["evidence", "published"]
# What the model without a hypothesis is called.
VANILLA_NAME = "gp"
# Draws of the priors with which a function is tried.
_TRIES = 8


class _NoSuchInput(Exception):
    """A function asks for an input that is no setting."""


class _Columns(dict[str, Any]):
    """Inputs of a function, and which of them it has looked up."""

    def __init__(self, columns: Mapping[str, Any], read: set[str]) -> None:
        super().__init__(columns)
        self._read = read

    def __getitem__(self, name: str) -> object:
        self._read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: object = None, /) -> object:
        if name not in self:
            return default
        return self[name]

    def __missing__(self, name: str) -> NoReturn:
        raise _NoSuchInput(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """A mean function with priors of its parameters.

    Attributes:
        inputs: Name in the function to name of the setting, where they differ.
        vectorised: False where the function takes one point and one number each.
    """

    name: str
    function: MeanFunction
    priors: Mapping[str, Prior]
    inputs: Mapping[str, str] = field(default_factory=dict)
    vectorised: bool = True

    def mean(self, x: Inputs, parameters: FloatArray) -> FloatArray:
        """Return means (P, m) at x for parameters (P, k); not finite where undefined.

        Raises:
            InvalidInput: An input is no setting, the function raised, or it returned
                another shape.
        """
        return self.mean_and_reads(x, parameters)[0]

    def mean_and_reads(
        self, x: Inputs, parameters: FloatArray
    ) -> tuple[FloatArray, set[str]]:
        """Return :meth:`mean` and the settings that the function looked up for it.

        All settings where it looks up none by name.
        """
        read: set[str] = set()
        rows = len(next(iter(x.values())))
        for inner, outer in self.inputs.items():
            if outer not in x:
                msg = (
                    f"hypothesis {self.name}: inputs: {inner} is to be {outer!r}, "
                    f"which is no setting; {instead(outer, x)}"
                )
                raise InvalidInput(msg)
        own = {**x, **{inner: x[outer] for inner, outer in self.inputs.items()}}
        try:
            with np.errstate(all="ignore"):
                value = self._call(own, parameters, rows, read)
        except _NoSuchInput as error:
            msg = (
                f"hypothesis {self.name}: its function reads {error}, which is no "
                f"setting; say which one it is, as in inputs: {{{error}: SETTING}}, of "
                f"{', '.join(x)}"
            )
            raise InvalidInput(msg) from error
        except Exception as error:
            msg = f"hypothesis {self.name}: its function raised {error!r}"
            raise InvalidInput(msg) from error
        try:
            shaped = np.broadcast_to(np.asarray(value, float), (len(parameters), rows))
        except ValueError as error:
            msg = (
                f"hypothesis {self.name}: returned shape {np.shape(value)}, wanted "
                f"{(len(parameters), rows)} (particles, points)"
            )
            raise InvalidInput(msg) from error
        return shaped, {self.inputs.get(one, one) for one in read} or set(x)

    def resolved(
        self, *, offset: float, scale: float, ranges: Mapping[str, Range]
    ) -> "Hypothesis":
        """Return the hypothesis with its relative priors in real units.

        Args:
            offset: Mean of the films' values.
            scale: Their spread, above 0.
            ranges: Name to range of the settings that are numbers.

        Raises:
            InvalidConfig: A prior is relative to a setting that is no number there.
        """
        own = {i: ranges[o] for i, o in self.inputs.items() if o in ranges}
        scales = Scales(offset=offset, scale=scale, ranges={**ranges, **own})
        priors: dict[str, Prior] = {}
        for name, prior in self.priors.items():
            try:
                priors[name] = (
                    prior.resolved(scales) if isinstance(prior, Relative) else prior
                )
            except InvalidConfig as error:
                msg = f"hypothesis {self.name}: parameter {name}: {error}"
                raise InvalidConfig(msg) from error
        return replace(self, priors=priors)

    def check(self, x: Inputs, rng: np.random.Generator) -> None:
        """Check that the function can be called with x, and reads all of ``inputs``.

        Args:
            x: Columns (m,) of points at which to try it, by name of setting.
            rng: Source of the draws of its priors.

        Raises:
            InvalidInput: As :meth:`mean`, or an input makes no difference to it.
        """
        z = rng.standard_normal((_TRIES, len(self.priors)))
        columns = [prior.value(z[:, i]) for i, prior in enumerate(self.priors.values())]
        parameters = np.array(columns).reshape(-1, _TRIES).T
        value = self.mean(x, parameters)
        for inner in self.inputs:
            rest = {name: to for name, to in self.inputs.items() if name != inner}
            try:
                without = replace(self, inputs=rest).mean(x, parameters)
            except InvalidInput:
                continue
            if inner not in x and np.array_equal(without, value, equal_nan=True):
                msg = (
                    f"hypothesis {self.name}: inputs: its function reads no {inner!r}; "
                    "write the name as the function has it, or leave it out"
                )
                raise InvalidInput(msg)

    def _call(
        self, x: Inputs, parameters: FloatArray, rows: int, read: set[str]
    ) -> FloatArray:
        names = list(self.priors)
        if self.vectorised:
            given = {n: parameters[:, i : i + 1] for i, n in enumerate(names)}
            return np.asarray(self.function(_Columns(x, read), **given), dtype=float)
        result = np.empty((len(parameters), rows))
        for p, values in enumerate(parameters):
            given = dict(zip(names, values.tolist(), strict=True))
            for row in range(rows):
                one = {name: column[row] for name, column in x.items()}
                point = _Columns(one, read)
                result[p, row] = self.function(point, **given)
        return result


_REGISTRY: dict[str, Hypothesis] = {}


def hypothesis(
    name: str, *, vectorised: bool = True, **priors: Prior
) -> Callable[[MeanFunction], Hypothesis]:
    """Register a function as a hypothesis; use as a decorator.

    Raises:
        InvalidConfig: The name is taken or the priors do not match the parameters.
    """

    def register(function: MeanFunction) -> Hypothesis:
        wanted = _parameters(name, function)
        if set(wanted) != set(priors):
            msg = (
                f"hypothesis {name}: priors are given for {sorted(priors)}, the "
                f"function's parameters after x are {sorted(wanted)}"
            )
            raise InvalidConfig(msg)
        known = _REGISTRY.get(name)
        if known is not None and _origin(known.function) != _origin(function):
            msg = f"hypothesis {name}: the name is taken; choose another"
            raise InvalidConfig(msg)
        made = Hypothesis(
            name=name, function=function, priors=priors, vectorised=vectorised
        )
        _REGISTRY[name] = made
        return made

    return register


def _parameters(name: str, function: MeanFunction) -> list[str]:
    """Return the names of a function's parameters after x."""
    try:
        parameters = list(inspect.signature(function).parameters.values())[1:]
    except (TypeError, ValueError) as error:
        msg = f"hypothesis {name}: its parameters cannot be told ({error}); wrap it"
        raise InvalidConfig(msg) from error
    fixed = function.keywords if isinstance(function, partial) else {}
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [
        one.name for one in parameters if one.kind in named if one.name not in fixed
    ]


def _origin(function: MeanFunction) -> tuple[str, str]:
    """Return the module of a function and its name there."""
    while isinstance(function, partial):
        function = function.func
    named = function if inspect.isroutine(function) else type(function)
    return named.__module__, named.__qualname__


@contextmanager
def registered_apart() -> Iterator[dict[str, Hypothesis]]:
    """Collect by name what is registered meanwhile, and keep it for the caller."""
    before = dict(_REGISTRY)
    own: dict[str, Hypothesis] = {}
    try:
        yield own
    finally:
        own.update((n, h) for n, h in _REGISTRY.items() if before.get(n) is not h)
        _REGISTRY.clear()
        _REGISTRY.update(before)


def registered_by(module: str) -> dict[str, Hypothesis]:
    """Return by name what a Python module and those below it have registered."""
    return {
        name: one
        for name, one in _REGISTRY.items()
        if f"{_origin(one.function)[0]}.".startswith(f"{module}.")
    }


def find(
    name: str,
    *,
    inputs: Mapping[str, str] | None = None,
    priors: Mapping[str, Prior] | None = None,
    own: Mapping[str, Hypothesis] | None = None,
) -> Hypothesis:
    """Return a registered hypothesis, with other inputs or priors where given.

    Args:
        name: Under which it was registered.
        inputs: Name in the function to name of the setting, where they differ.
        priors: Priors of its parameters, where they differ.
        own: Hypotheses by name that were registered apart.

    Raises:
        InvalidConfig: No such hypothesis, or it has no such parameter.
    """
    known = {**_REGISTRY, **(own or {})}
    if name not in known:
        msg = f"hypothesis {name!r} is not registered; {instead(name, known)}"
        raise InvalidConfig(msg)
    found = known[name]
    for parameter in priors or {}:
        if parameter not in found.priors:
            msg = (
                f"hypothesis {name}: no parameter {parameter!r}; "
                f"{instead(parameter, found.priors)}"
            )
            raise InvalidConfig(msg)
    return replace(
        found,
        inputs={**found.inputs, **(inputs or {})},
        priors={**found.priors, **(priors or {})},
    )


def registered() -> tuple[str, ...]:
    """Return the names of all registered hypotheses."""
    return tuple(sorted(_REGISTRY))
