"""An ODrive v3.6 (firmware 0.5) on its ASCII protocol; axis 0 turns the chuck.

115200 8N1. A line is ``command [*checksum] [; comment]`` and ends with LF, CR or ``!``;
so CR LF is a line and an empty one, which is an unknown command. Facts from the
protocol's documentation and the firmware's source.
"""

from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import ClassVar

from hp_lab.simulation.emulators.emulator import Json, LineEmulator, Reply, number
from hp_lab.simulation.emulators.odrive_tables import (
    CLOSED_LOOP,
    CURRENT_LIMIT_VIOLATION,
    ENCODER_CALIBRATION,
    FULL_CALIBRATION,
    HELP,
    IDLE,
    INVALID_STATE,
    MOTOR_CALIBRATION,
    MOTOR_FAILED,
    PHASE_RESISTANCE_OUT_OF_RANGE,
    POSITION,
    SETTINGS,
    TORQUE,
    TRAP_TRAJ,
    VEL_RAMP,
    VELOCITY,
    WATCHDOG_EXPIRED,
)
from hp_lab.simulation.emulators.rotor import Motion, Ramp
from hp_lab.simulation.world import World

_MOTOR_CALIBRATION_S, _ENCODER_CALIBRATION_S = 4.0, 8.0
_AXES = 2
_LONGEST_LINE, _LONGEST_REPLY, _LONGEST_VALUE = 256, 64, 9
# A drone motor with a small chuck: how fast it can, and how slowly it runs out.
_PARKING_RPM = 61.0
_MAX_ACCELERATION, _COAST_DECELERATION, _INERTIA_KG_M2 = 300.0, 10.0, 2e-4


@dataclass(slots=True)
class _Input:
    position: float = 0.0
    velocity: float = 0.0
    torque: float = 0.0


class OdriveEmulator(LineEmulator):
    """A motor controller whose motor turns the hidden world's chuck.

    Faults, beside those of every line instrument: ``overcurrent`` (the motor is
    disarmed and runs out), ``calibration_fails``, ``encoder_stuck`` (position and
    speed read as they were), ``drag`` (it reaches ``fraction`` of the speed, 0.8).

    Args:
        world: The hidden world.
        name: What the display calls it.
        calibrated: Whether it was calibrated before it was switched on.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        *LineEmulator.FAULTS,
        "overcurrent",
        "calibration_fails",
        "encoder_stuck",
        "drag",
    )

    def __init__(
        self, world: World, name: str = "spin_coater", *, calibrated: bool = False
    ) -> None:
        super().__init__(endings=b"\n\r!")
        self.name = name
        self._world = world
        self._saved = dict(SETTINGS)
        # The speed to which the world takes the chuck to be going.
        self._told_rpm = 0.0
        self._motion = Motion((Ramp(0.0, 0.0, 0.0, 0.0, 1.0),))
        self._stuck: tuple[float, float] | None = None
        self._errors: dict[str, int] = {}
        self._sequence: tuple[tuple[float, int], ...] = ()
        # Of the watchdog's time: what is left, and when it is over while it runs.
        self._left_s = 0.0
        self._deadline_s: float | None = None
        self._boot(calibrated)

    def state(self, now_s: float) -> dict[str, Json]:
        """Return what the motor does at a time."""
        self._settle(now_s)
        return {
            "name": self.name,
            "rpm": self._motion.speed_at(now_s) * 60.0,
            "turns": self._motion.position_at(now_s),
            "axis_state": self._axis_state(now_s),
            "axis_error": self._errors["axis0.error"],
            "calibrated": self._calibrated,
            "watchdog": bool(self._settings["axis0.config.enable_watchdog"]),
            "faults": ",".join(self.faults),
        }

    def due_s(self) -> float | None:
        """Return when the watchdog runs out."""
        return self._deadline_s

    def wake(self, now_s: float) -> list[Reply]:
        """Let the watchdog run out; the controller says nothing."""
        self._settle(now_s)
        return []

    def answer(self, line: str, now_s: float) -> list[tuple[float, str]]:
        """Answer one line."""
        self._settle(now_s)
        command = line.partition(";")[0][:_LONGEST_LINE]
        body, star, checksum = command.partition("*")
        if star and not _is(checksum.strip(), checksum_of(body)):
            return []
        said = self._obey(body.split(), now_s)
        self._replan(now_s)
        return [(0.0, _framed(text, bool(star))) for text in said]

    def _obey(self, words: list[str], now_s: float) -> list[str]:
        word, *parameters = words or [""]
        if word == "r":
            return self._read(parameters, now_s)
        if word == "w":
            return self._write(parameters, now_s)
        if word == "i":
            return [
                "Hardware version: 3.6-24V",
                "Firmware version: 0.5.6",
                "Serial number: 2061339E4E31",
            ]
        if word == "h":
            return list(HELP)
        if word[:1] == "s":
            self._system(word, now_s)
            return []
        if word in ("p", "q", "v", "c", "t", "f", "u", "esl"):
            return self._axis_command(word, parameters, now_s)
        return ["invalid command format" if word[:1] == "e" else "unknown command"]

    def _axis_command(
        self, word: str, parameters: list[str], now_s: float
    ) -> list[str]:
        values = _leading_numbers(parameters)
        needed = 1 if word in ("f", "u") else 2
        if len(values) < needed or values[0] < 0 or values[0] != int(values[0]):
            return ["invalid command format"]
        axis = int(values[0])
        if axis >= _AXES:
            return [f"invalid motor {axis}"]
        if axis > 0:
            # Nothing is wired to the second axis.
            return ["0.000000 0.000000"] if word == "f" else []
        if word == "f":
            position, speed = self._estimate(now_s)
            return [f"{position:f} {speed:f}"]
        self._feed(now_s)
        if word == "u":
            return []
        if word == "esl":
            self._move_origin(now_s, values[1])
            return [f"encoder set to {int(values[1])}"]
        self._command(word, values[1:])
        return []

    def _command(self, word: str, values: list[float]) -> None:
        control = {"v": VELOCITY, "c": TORQUE}.get(word, POSITION)
        self._settings["axis0.controller.config.control_mode"] = control
        if word == "v":
            self._input.velocity = values[0]
        elif word == "c":
            self._input.torque = values[0]
        else:
            self._input.position = values[0]
        if word == "t":
            self._settings["axis0.controller.config.input_mode"] = TRAP_TRAJ
        if word == "q" and len(values) > 1:
            self._settings["axis0.controller.config.vel_limit"] = values[1]

    def _system(self, word: str, now_s: float) -> None:
        if word == "ss":
            self._saved = dict(self._settings)
        elif word == "se":
            self._saved = dict(SETTINGS)
        elif word == "sr":
            self._boot(calibrated=False)
        elif word == "sc":
            self._errors = dict.fromkeys(self._errors, 0)
            enabled = self._settings["axis0.config.enable_watchdog"]
            if enabled and self._deadline_s is None:
                # A watchdog that has run out is not fed by clearing its error.
                self._deadline_s = now_s

    def _boot(self, calibrated: bool) -> None:
        self._settings = dict(self._saved)
        self._input = _Input()
        self._errors = {
            "axis0.error": 0,
            "axis0.motor.error": 0,
            "axis0.encoder.error": 0,
            "axis0.controller.error": 0,
        }
        self._state = IDLE
        self._calibrated = calibrated
        self._sequence = ()
        self._left_s = 0.0
        self._deadline_s = None

    def _settle(self, now_s: float) -> None:
        if self._deadline_s is not None and now_s >= self._deadline_s:
            self._deadline_s, self._left_s = None, 0.0
            self._fail({"axis0.error": WATCHDOG_EXPIRED}, now_s)
        if self._state == CLOSED_LOOP and self.use_up("overcurrent", now_s):
            errors = {
                "axis0.error": MOTOR_FAILED,
                "axis0.motor.error": CURRENT_LIMIT_VIOLATION,
            }
            self._fail(errors, now_s)
        if self._sequence and now_s >= self._sequence[-1][0]:
            self._end_calibration(now_s)

    def _end_calibration(self, now_s: float) -> None:
        self._sequence = ()
        if self.use_up("calibration_fails", now_s):
            errors = {
                "axis0.error": MOTOR_FAILED,
                "axis0.motor.error": PHASE_RESISTANCE_OUT_OF_RANGE,
            }
            self._fail(errors, now_s)
        else:
            self._calibrated = True

    def _fail(self, errors: dict[str, int], now_s: float) -> None:
        for name, bits in errors.items():
            self._errors[name] |= bits
        self._state = IDLE
        self._sequence = ()
        self._replan(now_s)

    def _axis_state(self, now_s: float) -> int:
        for end_s, state in self._sequence:
            if now_s < end_s:
                return state
        return self._state

    def _request(self, state: int, now_s: float) -> None:
        first_s = now_s + _MOTOR_CALIBRATION_S
        self._sequence = ()
        if self._errors["axis0.error"] or state == IDLE:
            self._state = IDLE
        elif state == FULL_CALIBRATION:
            self._state = IDLE
            self._sequence = (
                (first_s, MOTOR_CALIBRATION),
                (first_s + _ENCODER_CALIBRATION_S, ENCODER_CALIBRATION),
            )
        elif state == CLOSED_LOOP and self._calibrated:
            self._state = CLOSED_LOOP
        else:
            self._fail({"axis0.error": INVALID_STATE}, now_s)

    def _read(self, parameters: list[str], now_s: float) -> list[str]:
        if not parameters:
            return ["invalid command format"]
        name = parameters[0]
        position, speed = self._estimate(now_s)
        live: dict[str, float | int | bool] = {
            "vbus_voltage": 24.05,
            "axis0.requested_state": 0,
            "axis0.current_state": self._axis_state(now_s),
            "axis0.motor.is_calibrated": self._calibrated,
            "axis0.encoder.is_ready": self._calibrated,
            "axis0.encoder.pos_estimate": position,
            "axis0.encoder.vel_estimate": speed,
            "axis0.encoder.pos_circular": position % 1.0,
            "axis0.controller.input_vel": self._input.velocity,
            "axis0.controller.input_pos": self._input.position,
            **self._errors,
            **self._settings,
        }
        if name not in live:
            return ["invalid property"]
        return [_value(live[name])]

    def _write(self, parameters: list[str], now_s: float) -> list[str]:
        if not parameters:
            return ["invalid command format"]
        name = parameters[0]
        values = _leading_numbers(parameters[1:2])
        if self._read([name], now_s) == ["invalid property"]:
            return ["invalid property"]
        if not values:
            return ["not implemented"]
        value = values[0]
        if name == "axis0.requested_state":
            self._request(int(value), now_s)
        elif name == "axis0.controller.input_vel":
            self._input.velocity = value
        elif name == "axis0.controller.input_pos":
            self._input.position = value
        elif name in self._errors:
            self._errors[name] = int(value)
        elif name in self._settings:
            self._settings[name] = type(SETTINGS[name])(value)
            if name == "axis0.config.enable_watchdog":
                self._deadline_s = now_s + self._left_s if value else None
        else:
            return ["not implemented"]
        return []

    def _feed(self, now_s: float) -> None:
        self._left_s = float(self._settings["axis0.config.watchdog_timeout"])
        if self._settings["axis0.config.enable_watchdog"]:
            self._deadline_s = now_s + self._left_s

    def _estimate(self, now_s: float) -> tuple[float, float]:
        seen = (self._motion.position_at(now_s), self._motion.speed_at(now_s))
        if self.fault("encoder_stuck", now_s) is None:
            self._stuck = None
            return seen
        if self._stuck is None:
            self._stuck = seen
        return self._stuck

    def _move_origin(self, now_s: float, count: float) -> None:
        # 8192 counts a turn, as the encoder of this coater has.
        moved = count / 8192.0 - self._motion.position_at(now_s)
        self._motion = Motion(
            tuple(
                Ramp(r.at_s, r.position + moved, r.speed, r.target, r.acceleration)
                for r in self._motion.ramps
            )
        )

    def _replan(self, now_s: float) -> None:
        """Let the motor do what state, inputs and settings now say."""
        if self._state == CLOSED_LOOP:
            control = self._settings["axis0.controller.config.control_mode"]
            if control == POSITION:
                self._go_to_position(now_s)
                return
            target, acceleration = self._wanted_speed(int(control), now_s)
        else:
            target, acceleration = 0.0, _COAST_DECELERATION
        last = self._motion.ramps[-1]
        if (last.target, last.acceleration) != (target, acceleration):
            self._motion = self._motion.to_speed(now_s, target, acceleration)
            self._tell(now_s, target, acceleration)

    def _wanted_speed(self, control: int, now_s: float) -> tuple[float, float]:
        limit = float(self._settings["axis0.controller.config.vel_limit"])
        if control == TORQUE:
            torque = self._input.torque
            acceleration = max(abs(torque) / (_INERTIA_KG_M2 * 6.283185307), 1e-3)
            return (
                limit if torque > 0 else -limit if torque < 0 else 0.0
            ), acceleration
        drag = self.fault("drag", now_s)
        fraction = 1.0 if drag is None else number(drag, "fraction", 0.8)
        target = max(-limit, min(limit, self._input.velocity)) * fraction
        acceleration = _MAX_ACCELERATION
        if self._settings["axis0.controller.config.input_mode"] == VEL_RAMP:
            ramp = float(self._settings["axis0.controller.config.vel_ramp_rate"])
            acceleration = max(1e-3, min(acceleration, ramp))
        return target, acceleration

    def _go_to_position(self, now_s: float) -> None:
        trap = self._settings["axis0.controller.config.input_mode"] == TRAP_TRAJ
        prefix = "axis0.trap_traj.config." if trap else "axis0.controller.config."
        limit = float(self._settings[f"{prefix}vel_limit"])
        acceleration = _MAX_ACCELERATION
        if trap:
            acceleration = float(self._settings[f"{prefix}accel_limit"])
        goal = self._input.position
        end_s = self._motion.ramps[-1].at_s + self._motion.ramps[-1].duration_s
        resting = abs(self._motion.ramps[-1].target) < 1e-9
        if resting and abs(self._motion.position_at(end_s) - goal) < 1e-6:
            return
        if abs(self._motion.speed_at(now_s)) > 1e-9:
            # A change of mode at speed brakes first; the move is asked for again.
            self._motion = self._motion.to_speed(now_s, 0.0, acceleration)
            self._tell(now_s, 0.0, acceleration)
            return
        self._motion = self._motion.to_position(now_s, goal, limit, acceleration)

    def _tell(self, now_s: float, target: float, acceleration: float) -> None:
        speed_rpm = abs(self._motion.speed_at(now_s)) * 60.0
        target_rpm = abs(target) * 60.0
        if self._told_rpm == target_rpm == 0.0 and speed_rpm <= _PARKING_RPM:
            # Turning the chuck into place is too slow to move liquid.
            return
        if self._told_rpm == target_rpm and abs(speed_rpm - target_rpm) < 1e-6:
            return
        self._told_rpm = target_rpm
        self._world.set_chuck_speed(now_s, speed_rpm, target_rpm, acceleration * 60.0)


def checksum_of(text: str) -> int:
    """Return the exclusive or of the bytes before the asterisk.

    >>> checksum_of("r vbus_voltage ")
    93
    """
    return reduce(xor, text.encode("ascii", errors="replace"), 0)


def _framed(text: str, checked: bool) -> str:
    said = text[:_LONGEST_REPLY]
    return f"{said}*{checksum_of(said)}" if checked else said


def _value(value: float) -> str:
    text = str(int(value)) if isinstance(value, int) else f"{value:f}"
    return text[:_LONGEST_VALUE]


def _is(text: str, value: int) -> bool:
    return text.isascii() and text.isdigit() and int(text) == value


def _leading_numbers(words: list[str]) -> list[float]:
    """Return the numbers before the first word that is none, as scanf would."""
    found = []
    for word in words:
        try:
            found.append(float(word))
        except ValueError:
            break
    return found
