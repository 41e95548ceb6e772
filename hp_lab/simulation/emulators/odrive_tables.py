"""Numbers, settings and help text of an ODrive v3.6 with firmware 0.5."""

# axis.current_state and requested_state
IDLE, FULL_CALIBRATION, MOTOR_CALIBRATION, ENCODER_CALIBRATION = 1, 3, 4, 7
CLOSED_LOOP = 8
# controller.config.control_mode and input_mode
TORQUE, VELOCITY, POSITION = 1, 2, 3
PASSTHROUGH, VEL_RAMP, TRAP_TRAJ = 1, 2, 5
# axis.error and motor.error
INVALID_STATE, MOTOR_FAILED, WATCHDOG_EXPIRED = 0x1, 0x40, 0x800
PHASE_RESISTANCE_OUT_OF_RANGE, CURRENT_LIMIT_VIOLATION = 0x1, 0x1000

# What can be written, with its value after erasing the configuration.
SETTINGS: dict[str, float | int | bool] = {
    "axis0.controller.config.control_mode": POSITION,
    "axis0.controller.config.input_mode": PASSTHROUGH,
    "axis0.controller.config.vel_ramp_rate": 1.0,
    "axis0.controller.config.vel_limit": 2.0,
    "axis0.trap_traj.config.vel_limit": 2.0,
    "axis0.trap_traj.config.accel_limit": 0.5,
    "axis0.trap_traj.config.decel_limit": 0.5,
    "axis0.config.enable_watchdog": False,
    "axis0.config.watchdog_timeout": 0.0,
    "axis0.motor.config.current_lim": 10.0,
}
HELP = (
    "Please see documentation for more details",
    "",
    "Available commands syntax reference:",
    "Position: q axis pos vel-lim I-lim",
    "Position: p axis pos vel-ff I-ff",
    "Velocity: v axis vel I-ff",
    "Torque: c axis T",
    "",
    "Properties start at odrive root, such as axis0.requested_state",
    "Read: r property",
    "Write: w property value",
    "",
    "Save config: ss",
    "Erase config: se",
    "Reboot: sr",
)
