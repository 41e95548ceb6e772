"""An IKA hotplate stirrer (C-MAG HS 7, RCT digital) on its NAMUR serial line.

9600 bit/s, 7E1; commands in capitals, answers only when asked. Facts from the C-MAG
HS 7 control and RCT digital manuals; what they do not print (replies' layout, unknown
commands, what a tripped watchdog does to later commands) follows the drivers in use.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from hp_lab.simulation.emulators.emulator import Json, LineEmulator, Reply, number
from hp_lab.simulation.world import World

_ROOM_C = 25.0
_WATCHDOG_S = (20.0, 1500.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class IkaModel:
    """What differs between models.

    Attributes:
        name: Answer to IN_NAME.
        max_c: Highest set temperature.
        safety_c: Temperature of the safety circuit, set by a dial.
        max_rpm: Highest set speed.
    """

    name: str
    max_c: float
    safety_c: float
    max_rpm: float


C_MAG_HS7 = IkaModel(name="C-MAG HS7", max_c=500.0, safety_c=550.0, max_rpm=1500.0)
RCT_DIGITAL = IkaModel(name="RCT digital", max_c=310.0, safety_c=360.0, max_rpm=1500.0)


class IkaEmulator(LineEmulator):
    """A hotplate whose plate is one of the hidden world's.

    Faults, beside those of every line instrument:

    * ``stuck_reading``: the surface reading stays where it is (or at ``value_c``);
    * ``sensor_offset``: it is ``offset_k`` off;
    * ``loses_setpoint``: the next ``count`` START_1 reset the set point to 0;
    * ``ignores_setpoint``: OUT_SP_1 does nothing;
    * ``ignores_stop``: STOP_1 does nothing;
    * ``safety_cutout``: the safety circuit cuts the heater until it is cleared;
    * ``watchdog_trip``: the watchdog that is set trips at once.

    Args:
        world: The hidden world.
        name: The plate in the world.
        model: Which instrument this is.
        trailing_blank: Whether replies end in blank CR LF, as some manuals have it.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        *LineEmulator.FAULTS,
        "stuck_reading",
        "sensor_offset",
        "loses_setpoint",
        "ignores_setpoint",
        "ignores_stop",
        "safety_cutout",
        "watchdog_trip",
    )

    def __init__(
        self,
        world: World,
        name: str,
        *,
        model: IkaModel = C_MAG_HS7,
        trailing_blank: bool = False,
    ) -> None:
        super().__init__(reply_ending=b" \r\n" if trailing_blank else b"\r\n")
        self.name = name
        self._world = world
        self._model = model
        self._device_name = model.name
        self._power_on()
        self._told: float | None = None
        self._stuck_c: float | None = None
        self._commands: dict[str, Callable[[float], str | None]] = {
            "IN_NAME": lambda _: self._device_name,
            "IN_TYPE": lambda _: self._model.name,
            "IN_VERSION": lambda _: "1.0",
            "IN_SOFTWARE": lambda _: "",
            "IN_PV_1": lambda _: _value(_ROOM_C, 1),
            "IN_PV_2": lambda now_s: _value(self._reading_c(now_s), 2),
            "IN_PV_4": lambda _: _value(self._speed_rpm if self._motor_on else 0.0, 4),
            "IN_PV_5": lambda _: _value(0.0, 5),
            "IN_SP_1": lambda _: _value(self._setpoint_c, 1),
            "IN_SP_3": lambda _: _value(self._model.safety_c, 3),
            "IN_SP_4": lambda _: _value(self._speed_rpm, 4),
            "STATUS_1": lambda _: "11 1" if self._heater_on else "12 1",
            "STATUS_4": lambda _: "11 4" if self._motor_on else "12 4",
            "START_1": self._start_heater,
            "STOP_1": self._stop_heater,
            "START_4": self._start_motor,
            "STOP_4": self._stop_motor,
            "RESET": self._reset,
        }
        self._settings: dict[str, Callable[[float, float], str | None]] = {
            "OUT_SP_1": self._set_temperature,
            "OUT_SP_4": self._set_speed,
            "OUT_SP_12": self._set_fallback_temperature,
            "OUT_SP_42": self._set_fallback_speed,
            "OUT_WD1": lambda value, now_s: self._watch(1, value, now_s),
            "OUT_WD2": lambda value, now_s: self._watch(2, value, now_s),
        }

    def power_cycle(self, now_s: float) -> None:
        """Switch the instrument off and on, which a person does."""
        self._power_on()
        self._regulate(now_s)

    def state(self, now_s: float) -> dict[str, Json]:
        """Return what the display and the plate show at a time."""
        self._settle(now_s)
        return {
            "name": self.name,
            "heater_on": self._heater_on,
            "setpoint_c": self._setpoint_c,
            "plate_c": self._world.plate_c(now_s, self.name),
            "motor_on": self._motor_on,
            "stir_rpm": self._speed_rpm if self._motor_on else 0.0,
            "watchdog_s": self._watch_s if self._watch_mode else 0.0,
            "display": self._display,
            "faults": ",".join(self.faults),
        }

    def due_s(self) -> float | None:
        """Return when the watchdog trips."""
        return self._fed_s + self._watch_s if self._watch_mode else None

    def wake(self, now_s: float) -> list[Reply]:
        """Let the watchdog trip; the instrument says nothing."""
        self._settle(now_s)
        return []

    def answer(self, line: str, now_s: float) -> list[tuple[float, str]]:
        """Answer one command; an unknown one gets silence."""
        self._settle(now_s)
        command, parameter = _split(line)
        if parameter is None:
            known = self._commands.get(command)
            said = known(now_s) if known is not None else None
        elif command == "OUT_NAME":
            self._device_name = parameter[:6]
            said = None
        else:
            setting = self._settings.get(command)
            value = _float(parameter)
            said = None
            if setting is not None and value is not None:
                said = setting(value, now_s)
        return [] if said is None else [(0.0, said)]

    def _power_on(self) -> None:
        self._setpoint_c = 0.0
        self._heater_on = False
        self._speed_rpm = 0.0
        self._motor_on = False
        self._watch_mode = 0
        self._watch_s = 0.0
        self._fed_s = 0.0
        self._fallback_c = _ROOM_C
        self._fallback_rpm = 0.0
        self._display = ""

    def _settle(self, now_s: float) -> None:
        due_s = self.due_s()
        tripped = due_s is not None and now_s >= due_s
        if tripped or (self._watch_mode and self.use_up("watchdog_trip", now_s)):
            self._trip(now_s)
        if self._heater_on and self.fault("safety_cutout", now_s) is not None:
            self._heater_on = False
            self._display = "E 24"
            self._regulate(now_s)

    def _trip(self, now_s: float) -> None:
        if self._watch_mode == 1:
            self._heater_on = self._motor_on = False
            self._display = "Er 2"
        else:
            self._setpoint_c = self._fallback_c
            self._speed_rpm = self._fallback_rpm
            self._display = "WD"
        self._watch_mode = 0
        self._regulate(now_s)

    @property
    def _locked(self) -> bool:
        # After mode 1 has tripped only the switch on the instrument helps.
        return self._display == "Er 2"

    def _regulate(self, now_s: float) -> None:
        """Tell the world when what the heater does has changed."""
        wanted = self._setpoint_c if self._heater_on else None
        if wanted != self._told:
            self._told = wanted
            self._world.set_plate(now_s, self.name, wanted)

    def _reading_c(self, now_s: float) -> float:
        truth_c = self._world.plate_c(now_s, self.name)
        stuck = self.fault("stuck_reading", now_s)
        if stuck is None:
            self._stuck_c = None
        elif self._stuck_c is None:
            self._stuck_c = number(stuck, "value_c", truth_c)
        offset = self.fault("sensor_offset", now_s) or {}
        seen_c = truth_c if self._stuck_c is None else self._stuck_c
        return seen_c + number(offset, "offset_k", 0.0)

    def _start_heater(self, now_s: float) -> None:
        if self._locked or self.fault("safety_cutout", now_s) is not None:
            return
        if self.use_up("loses_setpoint", now_s):
            self._setpoint_c = 0.0
        self._heater_on = True
        self._display = ""
        self._regulate(now_s)

    def _stop_heater(self, now_s: float) -> None:
        if self.fault("ignores_stop", now_s) is None:
            self._heater_on = False
            self._regulate(now_s)

    def _start_motor(self, now_s: float) -> None:
        del now_s
        self._motor_on = not self._locked

    def _stop_motor(self, now_s: float) -> None:
        del now_s
        self._motor_on = False

    def _reset(self, now_s: float) -> None:
        # A watchdog of mode 1 goes on: nothing but the switch is known to end it.
        self._heater_on = self._motor_on = False
        self._regulate(now_s)

    def _set_temperature(self, value: float, now_s: float) -> None:
        obeys = not self._locked and self.fault("ignores_setpoint", now_s) is None
        if obeys and 0.0 <= value <= self._model.max_c:
            self._setpoint_c = value
            self._regulate(now_s)

    def _set_speed(self, value: float, now_s: float) -> None:
        del now_s
        if not self._locked and 0.0 <= value <= self._model.max_rpm:
            self._speed_rpm = value

    def _set_fallback_temperature(self, value: float, now_s: float) -> str:
        del now_s
        self._fallback_c = value
        return f"{value:.1f}"

    def _set_fallback_speed(self, value: float, now_s: float) -> str:
        del now_s
        self._fallback_rpm = value
        return f"{value:.1f}"

    def _watch(self, mode: int, value: float, now_s: float) -> str | None:
        if mode == 2 and value == 0:
            if self._watch_mode != 1:
                self._watch_mode = 0
            if self._display == "WD":
                self._display = ""
        elif _WATCHDOG_S[0] <= value <= _WATCHDOG_S[1] and not self._locked:
            self._watch_mode, self._watch_s, self._fed_s = mode, value, now_s
        else:
            return None
        return f"{value:.0f}"


def _value(value: float, channel: int) -> str:
    return f"{value:.1f} {channel}"


def _split(line: str) -> tuple[str, str | None]:
    """Return command and parameter, which follows a blank or an @."""
    for separator in ("@", " "):
        command, found, parameter = line.partition(separator)
        if found:
            return command, parameter.strip()
    return line, None


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
