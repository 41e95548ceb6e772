"""Faults that an emulated instrument has at the moment."""

from collections.abc import Mapping

from hp_lab.errors import InvalidInput
from hp_lab.simulation.emulators.emulator import Json, number


class FaultSet:
    """The faults of one instrument, by name, with their parameters.

    Every fault may be given ``at_s``, the laboratory time at which it begins, and those
    that happen now and then ``count``, how often (1 unless told).

    Args:
        who: The instrument, for messages.
        known: What it can have.
    """

    def __init__(self, who: str, known: tuple[str, ...]) -> None:
        self._who = who
        self._known = known
        self._faults: dict[str, dict[str, Json]] = {}

    def inject(self, fault: str, parameters: Mapping[str, Json] | None = None) -> None:
        """Let a fault begin; a fault that is there already gets new parameters.

        Raises:
            InvalidInput: The instrument cannot have that fault.
        """
        if fault not in self._known:
            msg = f"{self._who}: no fault {fault!r}; there are {', '.join(self._known)}"
            raise InvalidInput(msg)
        self._faults[fault] = dict(parameters or {})

    def clear(self) -> None:
        """End every fault."""
        self._faults.clear()

    def names(self) -> tuple[str, ...]:
        """Return the faults there are, begun or not."""
        return tuple(self._faults)

    def get(self, name: str, now_s: float) -> Mapping[str, Json] | None:
        """Return the parameters of a fault that has begun, None without it."""
        parameters = self._faults.get(name)
        if parameters is None or now_s < number(parameters, "at_s", now_s):
            return None
        return parameters

    def number(self, name: str, parameter: str, default: float, now_s: float) -> float:
        """Return a number of a fault that has begun.

        Args:
            name: The fault.
            parameter: The number's name.
            default: The number when the fault does not say it; without the fault 0.
            now_s: Laboratory time.
        """
        parameters = self.get(name, now_s)
        return 0.0 if parameters is None else number(parameters, parameter, default)

    def use_up(self, name: str, now_s: float) -> Mapping[str, Json] | None:
        """Return the parameters of a fault that happens count times, if it does now."""
        parameters = self._faults.get(name)
        if parameters is None or self.get(name, now_s) is None:
            return None
        left = number(parameters, "count", 1) - 1
        if left > 0:
            parameters["count"] = left
        else:
            del self._faults[name]
        return parameters
