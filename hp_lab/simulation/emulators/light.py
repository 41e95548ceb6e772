"""An emulated light box: lamp, excitation LED and shutter on one serial line.

The protocol is hp_lab's own, for a small microcontroller; 115200 baud, 8N1, lines end
in LF, replies in CR LF:

=============== =================================== ================================
line            does                                reply
=============== =================================== ================================
``LAMP 0|1``    lamp off or on                      ``ok``
``LED 0..255``  excitation LED, share of its power  ``ok``
``SHUTTER 0|1`` shutter closed or open              ``ok``
``?``           nothing                             ``LAMP 0 LED 0 SHUTTER 0``
anything else   nothing                             ``err`` and what was wrong
=============== =================================== ================================

The reply says that the line was obeyed; lamp, LED and shutter settle afterwards. The
state line says what was commanded, since nothing measures the light.

Faults besides those of every line: ``lamp_dead`` and ``led_dead`` (no light whatever
was commanded), ``shutter_stuck`` (it stays where it is).
"""

from collections.abc import Mapping
from typing import ClassVar

from hp_lab.simulation.emulators.emulator import Json, LineEmulator
from hp_lab.simulation.world import Light, World

LED_FULL = 255
_LIMITS: Mapping[str, int] = {"LAMP": 1, "LED": LED_FULL, "SHUTTER": 1}
_LIGHTS: Mapping[str, Light] = {"LAMP": "lamp", "LED": "led", "SHUTTER": "shutter"}
_DEAD = {"lamp_dead": "LAMP", "led_dead": "LED"}


class LightBox(LineEmulator):
    """The light box.

    Args:
        world: The hidden world, which is told the light that really shines.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        *LineEmulator.FAULTS,
        "lamp_dead",
        "led_dead",
        "shutter_stuck",
    )

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._commanded = dict.fromkeys(_LIMITS, 0)
        self._real = dict.fromkeys(_LIMITS, 0.0)

    def state(self, now_s: float) -> dict[str, Json]:
        """Return what really shines, 0 to 1, and whether the shutter is open."""
        self._act(now_s)
        return {
            **{_LIGHTS[name]: level for name, level in self._real.items()},
            "faults": ",".join(self.faults),
        }

    def answer(self, line: str, now_s: float) -> list[tuple[float, str]]:
        """Obey one line."""
        if line == "?":
            state = " ".join(f"{name} {n}" for name, n in self._commanded.items())
            return [(0.0, state)]
        name, _, value = line.partition(" ")
        if name not in _LIMITS:
            return [(0.0, f"err no command {name!r}")]
        if not (value.isascii() and value.isdigit() and int(value) <= _LIMITS[name]):
            return [(0.0, f"err {name} takes 0 to {_LIMITS[name]}")]
        self._commanded[name] = int(value)
        self._act(now_s)
        return [(0.0, "ok")]

    def _act(self, now_s: float) -> None:
        for name, commanded in self._commanded.items():
            level = commanded / _LIMITS[name]
            if any(
                dead == name and self.fault(fault, now_s) is not None
                for fault, dead in _DEAD.items()
            ):
                level = 0.0
            if name == "SHUTTER" and self.fault("shutter_stuck", now_s) is not None:
                level = self._real[name]
            if level != self._real[name]:
                self._real[name] = level
                self._world.set_light(now_s, _LIGHTS[name], level)
