"""Descriptors of ROS parameters: what `ros2 param describe` shows."""

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

_LONGEST_S = 3600.0


def fixed(what: str) -> ParameterDescriptor:
    """Return the descriptor of a value that is read once, when the node starts."""
    return ParameterDescriptor(description=what, read_only=True)


def duration(what: str) -> ParameterDescriptor:
    """Return the descriptor of a fixed time, 0 to 3600 s."""
    limits = FloatingPointRange(from_value=0.0, to_value=_LONGEST_S)
    descriptor = fixed(f"{what} [s]")
    descriptor.floating_point_range = [limits]
    return descriptor


def whole_number(what: str, most: int) -> ParameterDescriptor:
    """Return the descriptor of a fixed whole number, 0 to most."""
    descriptor = fixed(what)
    descriptor.integer_range = [IntegerRange(from_value=0, to_value=most)]
    return descriptor
