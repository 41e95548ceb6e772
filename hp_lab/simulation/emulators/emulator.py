"""What every emulator is: an object that answers bytes as the instrument would.

An emulator has no thread, no socket and no clock of its own. A host (``hosting.py``)
hands it the bytes that arrive and the time; it returns replies, each with the time at
which it leaves. Physics is closed form: state is worked out for the time at hand. What
an instrument does by itself (a watchdog runs out, a move ends) it names in advance, and
the host wakes it then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, runtime_checkable

from hp_lab.errors import InvalidInput

# Fault injection parameters, and the state that an emulator shows, as JSON has them.
Json = float | str | bool | None
NOISE = b"\xff\x7f?"


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes that leave the instrument at a laboratory time."""

    at_s: float
    data: bytes


class Emulator(Protocol):
    """An instrument at the other end of a wire."""

    def connected(self, now_s: float) -> list[Reply]:
        """Somebody opened the port; return what the instrument says to that."""
        ...

    def receive(self, data: bytes, now_s: float) -> list[Reply]:
        """Take bytes and return the replies, in order; at_s is never before now_s."""
        ...

    def disconnected(self, now_s: float) -> None:
        """Somebody closed the port."""
        ...


@runtime_checkable
class SelfActing(Protocol):
    """An emulator that does something by itself later, with or without being asked."""

    def due_s(self) -> float | None:
        """Return when it will next do something by itself; None is never."""
        ...

    def wake(self, now_s: float) -> list[Reply]:
        """Do what is due by now, and return what the instrument says then.

        Waking too early does nothing.
        """
        ...


class LineEmulator:
    """Splits bytes into lines, and lets faults be injected into any line protocol.

    Subclasses answer whole lines in :meth:`answer`. Faults that every line instrument
    can have: ``mute`` (hears everything, says nothing), ``garbage`` (the next ``count``
    answers are noise, 1 unless told), ``slow`` (answers leave ``delay_s`` late, 5 s
    unless told). Every fault may be given ``at_s``, the laboratory time at which it
    begins. Bytes leave in the order in which they were said: a late answer holds up
    those after it.

    Args:
        endings: Bytes each of which ends a line.
        reply_ending: What ends every reply line.
        noise: What comes instead of a spoilt answer.
    """

    FAULTS: ClassVar[tuple[str, ...]] = ("mute", "garbage", "slow")

    def __init__(
        self,
        *,
        endings: bytes = b"\n",
        reply_ending: bytes = b"\r\n",
        noise: bytes = NOISE + b"\r\n",
    ) -> None:
        self._endings = endings
        self._reply_ending = reply_ending
        self._noise = noise
        self._pending = b""
        self._last_s = float("-inf")
        self.faults: dict[str, dict[str, Json]] = {}

    def inject(self, fault: str, parameters: Mapping[str, Json] | None = None) -> None:
        """Let a fault begin; a fault that is there already gets new parameters.

        Raises:
            InvalidInput: The instrument cannot have that fault.
        """
        if fault not in self.FAULTS:
            msg = (
                f"{type(self).__name__}: no fault {fault!r}; "
                f"there are {', '.join(self.FAULTS)}"
            )
            raise InvalidInput(msg)
        self.faults[fault] = dict(parameters or {})

    def clear(self) -> None:
        """End every fault."""
        self.faults.clear()

    def fault(self, name: str, now_s: float) -> dict[str, Json] | None:
        """Return the parameters of a fault that has begun, None without it."""
        parameters = self.faults.get(name)
        if parameters is None or now_s < number(parameters, "at_s", now_s):
            return None
        return parameters

    def use_up(self, name: str, now_s: float) -> bool:
        """Return whether a fault that happens ``count`` times happens now."""
        parameters = self.fault(name, now_s)
        if parameters is None:
            return False
        left = number(parameters, "count", 1) - 1
        if left > 0:
            parameters["count"] = left
        else:
            del self.faults[name]
        return True

    def connected(self, now_s: float) -> list[Reply]:
        """Say nothing and forget half lines and what was still to be said."""
        del now_s
        self._pending = b""
        self._last_s = float("-inf")
        return []

    def disconnected(self, now_s: float) -> None:
        """Take no notice: most instruments cannot tell."""

    def receive(self, data: bytes, now_s: float) -> list[Reply]:
        """Answer every whole line."""
        replies: list[Reply] = []
        for byte in data:
            if byte in self._endings:
                line, self._pending = self._pending, b""
                text = line.decode("ascii", errors="replace").strip()
                replies += self._with_faults(self.answer(text, now_s), now_s)
            else:
                self._pending += bytes([byte])
        return replies

    def answer(self, line: str, now_s: float) -> list[tuple[float, str]]:
        """Return the reply lines to one line as (delay in seconds, text) pairs."""
        raise NotImplementedError

    def _with_faults(self, lines: list[tuple[float, str]], now_s: float) -> list[Reply]:
        if self.fault("mute", now_s) is not None:
            return []
        slow = self.fault("slow", now_s)
        late_s = 0.0 if slow is None else number(slow, "delay_s", 5.0)
        replies = [
            Reply(now_s + delay_s + late_s, text.encode("ascii") + self._reply_ending)
            for delay_s, text in lines
        ]
        if replies and self.use_up("garbage", now_s):
            replies[0] = replace(replies[0], data=self._noise)
        return [self._in_turn(reply) for reply in replies]

    def _in_turn(self, reply: Reply) -> Reply:
        if reply.at_s < self._last_s:
            return replace(reply, at_s=self._last_s)
        self._last_s = reply.at_s
        return reply


def number(parameters: Mapping[str, Json], name: str, default: float) -> float:
    """Return a number among a fault's parameters.

    Raises:
        InvalidInput: It is there, but not a number.
    """
    value = parameters.get(name, default)
    if isinstance(value, str) or value is None:
        msg = f"fault parameter {name} is {value!r}, but must be a number"
        raise InvalidInput(msg)
    return float(value)
