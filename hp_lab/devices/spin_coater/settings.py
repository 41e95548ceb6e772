"""How the spin coater's driver works, and how its relay board is wired."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SpinSettings:
    """How the driver works, and how the board is wired.

    Attributes:
        poll_s: Between readings of the speed while the chuck turns.
        look_s: At least this long between looks at lid and vacuum.
        care_s: At least this long between feeding the watchdog and asking for errors.
        armed_poll_s: Between looks while it is armed.
        timeout_s: How long an answer may take.
        watchdog_s: The motor lets go after this long without a sign of life.
        late_s: A start that comes later than this after its time is a fault.
        still_rpm: Below this the chuck stands.
        stand_s: Longest time to a standstill.
        vacuum_s: Longest time until the vacuum is there.
        release_s: Longest time until it has gone.
        calibration_s: Longest calibration of the motor.
        follow_s: How long after a ramp the speed may still be off.
        follow_rpm: By more than this.
        follow_share: Or more than this share of the speed.
        park_turns: Angle at which the chuck stops for the gripper, as a share of a
            turn; None leaves it where it stops.
        vacuum_relay: Relay of the vacuum valve.
        lid_input: Input that is high when the lid is closed.
        vacuum_input: Input that is high when there is vacuum.
    """

    poll_s: float = 0.1
    look_s: float = 0.2
    care_s: float = 0.5
    armed_poll_s: float = 0.25
    timeout_s: float = 0.5
    watchdog_s: float = 2.0
    late_s: float = 0.25
    still_rpm: float = 5.0
    stand_s: float = 30.0
    vacuum_s: float = 3.0
    release_s: float = 10.0
    calibration_s: float = 60.0
    follow_s: float = 0.5
    follow_rpm: float = 50.0
    follow_share: float = 0.03
    park_turns: float | None = 0.0
    vacuum_relay: int = 0
    lid_input: int = 0
    vacuum_input: int = 1
