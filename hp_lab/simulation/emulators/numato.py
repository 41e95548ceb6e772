"""A Numato USB relay board: the chuck's vacuum valve, its vacuum switch and the lid's.

Any baud rate: it is USB. The board echoes a command, which ends with CR, says LF CR,
then the answer if there is one and LF CR, then the prompt ``>``. The layout follows the
vendor's examples; that a line feed is ignored, and that an unknown command gets the
prompt alone, are guesses.
"""

from collections.abc import Callable
from typing import ClassVar

from hp_lab.simulation.emulators.emulator import NOISE, Json, LineEmulator
from hp_lab.simulation.world import World

RELAYS, INPUTS = 16, 8
_HEX = "0123456789abcdef"
# The pump empties the small volume under a substrate, and air comes back, this fast.
_PULL_S, _RELEASE_S = 0.4, 0.8


class NumatoEmulator(LineEmulator):
    """A relay board on which relay 0 opens the vacuum valve.

    Input 0 is the lid switch (1 closed), input 1 the vacuum switch (1 vacuum).

    Faults, beside those of every line instrument: ``lid_open``, ``no_vacuum`` (the pump
    does not pull, or the substrate does not seal), ``vacuum_stuck`` (the switch stays
    closed), ``relay_stuck`` (relays do not move).

    Args:
        world: The hidden world.
        name: What the display calls it.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        *LineEmulator.FAULTS,
        "lid_open",
        "no_vacuum",
        "vacuum_stuck",
        "relay_stuck",
    )

    def __init__(self, world: World, name: str = "relay") -> None:
        super().__init__(endings=b"\r", reply_ending=b"", noise=NOISE + b"\n\r>")
        self.name = name
        self._world = world
        self._id = "00000000"
        self._relays = [False] * RELAYS
        self._outputs: dict[int, bool] = {}
        # When the valve last moved, and whether there was vacuum then.
        self._valve_s = float("-inf")
        self._had_vacuum = False
        self._told = False
        self._commands: dict[str, Callable[[list[str], float], str | None]] = {
            "ver": lambda _words, _now_s: "00000008",
            "id": self._identify,
            "relay": self._relay,
            "gpio": self._gpio,
            "adc": lambda words, _now_s: "0" if words[:1] == ["read"] else None,
            "reset": self._reset,
        }

    def state(self, now_s: float) -> dict[str, Json]:
        """Return what is switched and what the switches say at a time."""
        self._tell(now_s)
        return {
            "name": self.name,
            "vacuum_valve": self._relays[0],
            "vacuum": self._input(1, now_s),
            "lid_closed": self._input(0, now_s),
            "faults": ",".join(self.faults),
        }

    def answer(self, line: str, now_s: float) -> list[tuple[float, str]]:
        """Answer one command."""
        self._tell(now_s)
        words = line.split()
        known = self._commands.get(words[0]) if words else None
        said = None if known is None else known(words[1:], now_s)
        self._tell(now_s)
        value = "" if said is None else f"{said}\n\r"
        return [(0.0, f"{line}\n\r{value}>")]

    def _identify(self, words: list[str], now_s: float) -> str | None:
        del now_s
        if words == ["get"]:
            return self._id
        if len(words) == 2 and words[0] == "set" and len(words[1]) == 8:
            self._id = words[1]
        return None

    def _relay(self, words: list[str], now_s: float) -> str | None:
        verb, *rest = words or [""]
        stuck = self.fault("relay_stuck", now_s) is not None
        channel = _channel(rest)
        if verb == "readall":
            bits = sum(on << n for n, on in enumerate(self._relays))
            return f"{bits:04x}"
        if channel is None:
            return None
        if verb == "read":
            return "on" if self._relays[channel] else "off"
        if verb in ("on", "off") and not stuck:
            self._switch(channel, verb == "on", now_s)
        return None

    def _gpio(self, words: list[str], now_s: float) -> str | None:
        verb, *rest = words or [""]
        if verb == "readall":
            bits = sum(self._input(n, now_s) << n for n in range(INPUTS))
            return f"{bits:02x}"
        channel = _channel(rest)
        if channel is None or channel >= INPUTS:
            return None
        if verb == "read":
            return str(int(self._input(channel, now_s)))
        if verb in ("set", "clear"):
            self._outputs[channel] = verb == "set"
        return None

    def _reset(self, words: list[str], now_s: float) -> None:
        del words
        for channel in range(RELAYS):
            self._switch(channel, False, now_s)

    def _switch(self, channel: int, on: bool, now_s: float) -> None:
        if channel == 0 and self._relays[0] != on:
            self._had_vacuum = self._vacuum(now_s)
            self._valve_s = now_s
        self._relays[channel] = on

    def _input(self, channel: int, now_s: float) -> bool:
        if channel == 0:
            return self.fault("lid_open", now_s) is None
        if channel == 1:
            return self._vacuum(now_s)
        return self._outputs.get(channel, False)

    def _vacuum(self, now_s: float) -> bool:
        if self.fault("vacuum_stuck", now_s) is not None:
            return True
        elapsed_s = now_s - self._valve_s
        if not self._relays[0]:
            return self._had_vacuum and elapsed_s < _RELEASE_S
        return elapsed_s >= _PULL_S and self.fault("no_vacuum", now_s) is None

    def _tell(self, now_s: float) -> None:
        """Tell the world when the chuck gets or loses its vacuum."""
        holds = self._relays[0] and self.fault("no_vacuum", now_s) is None
        if holds != self._told:
            self._told = holds
            self._world.set_vacuum(now_s, holds)


def _channel(words: list[str]) -> int | None:
    """Return a channel, one hexadecimal digit."""
    if len(words) == 1 and len(words[0]) == 1:
        index = _HEX.find(words[0].lower())
        return index if index >= 0 else None
    return None
