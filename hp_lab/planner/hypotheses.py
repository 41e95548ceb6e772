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

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hp_lab.errors import InvalidConfig, InvalidInput
from hp_lab.planner.dimensions import Range
from hp_lab.planner.priors import Prior, Relative, Scales
from hp_lab.units import FloatArray

Inputs = Mapping[str, np.ndarray]
MeanFunction = Callable[..., Any]
# An array (P, 1) of one value a particle.
Parameter = FloatArray


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
            InvalidInput: The function raised, or returned another shape.
        """
        rows = len(next(iter(x.values())))
        own = {**x, **{inner: x[outer] for inner, outer in self.inputs.items()}}
        try:
            with np.errstate(all="ignore"):
                value = self._call(own, parameters, rows)
        except Exception as error:
            msg = f"hypothesis {self.name}: its function raised {error!r}"
            raise InvalidInput(msg) from error
        try:
            return np.broadcast_to(np.asarray(value, float), (len(parameters), rows))
        except ValueError as error:
            msg = (
                f"hypothesis {self.name}: returned shape {np.shape(value)}, wanted "
                f"{(len(parameters), rows)} (particles, points)"
            )
            raise InvalidInput(msg) from error

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

    def _call(self, x: Inputs, parameters: FloatArray, rows: int) -> FloatArray:
        names = list(self.priors)
        if self.vectorised:
            given = {n: parameters[:, i : i + 1] for i, n in enumerate(names)}
            return np.asarray(self.function(x, **given), dtype=float)
        result = np.empty((len(parameters), rows))
        for p, values in enumerate(parameters):
            given = dict(zip(names, values.tolist(), strict=True))
            for row in range(rows):
                point = {name: column[row] for name, column in x.items()}
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
        code = function.__code__
        wanted = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        if set(wanted) != set(priors):
            msg = (
                f"hypothesis {name}: priors are given for {sorted(priors)}, the "
                f"function's parameters after x are {sorted(wanted)}"
            )
            raise InvalidConfig(msg)
        known = _REGISTRY.get(name)
        if known is not None and known.function.__qualname__ != function.__qualname__:
            msg = f"hypothesis {name}: the name is taken; choose another"
            raise InvalidConfig(msg)
        made = Hypothesis(
            name=name, function=function, priors=priors, vectorised=vectorised
        )
        _REGISTRY[name] = made
        return made

    return register


def find(
    name: str,
    *,
    inputs: Mapping[str, str] | None = None,
    priors: Mapping[str, Prior] | None = None,
) -> Hypothesis:
    """Return a registered hypothesis, with other inputs or priors where given.

    Raises:
        InvalidConfig: No such hypothesis, or it has no such parameter.
    """
    if name not in _REGISTRY:
        msg = (
            f"hypothesis {name!r} is not registered; use one of "
            f"{', '.join(sorted(_REGISTRY))}"
        )
        raise InvalidConfig(msg)
    found = _REGISTRY[name]
    for parameter in priors or {}:
        if parameter not in found.priors:
            msg = (
                f"hypothesis {name}: no parameter {parameter!r}; it has "
                f"{', '.join(found.priors)}"
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
