"""What every emulated instrument is: an object that answers bytes as the real one would.

An emulator has no thread, no socket and no clock of its own. A host (``hosting.py``)
hands it the bytes that arrive and the time; it returns replies, each with the time at
which it leaves. Physics is closed form: state is worked out for the time at hand.
"""

from dataclasses import dataclass
from typing import Protocol


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


class LineEmulator:
    """Splits bytes into lines, and lets faults be injected into any line protocol.

    Subclasses answer whole lines in :meth:`answer`. Faults that every line instrument
    can have: ``mute`` (no answers), ``garbage`` (the next answer is noise), ``slow``
    (answers leave delay_s late).

    Args:
        endings: Bytes each of which ends a line.
        reply_ending: What ends every reply line.
    """

    FAULTS = ("mute", "garbage", "slow")

    def __init__(
        self, *, endings: bytes = b"\n", reply_ending: bytes = b"\r\n"
    ) -> None:
        self._endings = endings
        self._reply_ending = reply_ending
        self._pending = b""
        self.faults: dict[str, float] = {}

    def connected(self, now_s: float) -> list[Reply]:
        """Say nothing and forget half lines."""
        del now_s
        self._pending = b""
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
        if "mute" in self.faults:
            return []
        late_s = self.faults.get("slow", 0.0)
        replies = [
            Reply(now_s + delay_s + late_s, text.encode("ascii") + self._reply_ending)
            for delay_s, text in lines
        ]
        if replies and self.faults.pop("garbage", None) is not None:
            replies[0] = Reply(replies[0].at_s, b"\xff\x7f?" + self._reply_ending)
        return replies
