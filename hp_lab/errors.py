"""The one error tree of hp_lab.

::

    HpLabError
    |-- InvalidInput (also a ValueError)   somebody asked for what cannot be
    |   |-- UnreachableComposition         not from these stocks; the planner learns it
    |   `-- InvalidConfig                  a file's field, its value and the limit
    |-- LaboratoryBusy                     one campaign, one port, one goal at a time
    |-- JournalError                       the journal cannot be read or written
    `-- DeviceError                        an instrument did not do what it was told
        |-- DeviceLost                     no connection, or it does not answer
        |-- DeviceFault                    it answers that it cannot
        |-- InterlockOpen                  a condition of safe operation does not hold
        |-- NotFired                       armed, and nobody fired in time
        |-- AmbiguousOutcome               may or may not have happened: never repeat
        `-- Aborted                        cancelled, or stopped by the emergency stop

Every message names the thing, the value, the limit and the remedy. ``ErrorCode`` is the
enumeration that every action result carries.
"""

import enum
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

# More names than these are not read.
_MOST_LISTED = 20


class ErrorCode(enum.IntEnum):
    """Codes of action results and service answers."""

    OK = 0
    INVALID_GOAL = 1
    BUSY = 2
    NOT_ACTIVE = 3
    CANCELLED = 4
    UNREACHABLE = 5
    INVENTORY = 6
    DEVICE_LOST = 10
    DEVICE_FAULT = 11
    INTERLOCK = 12
    NOT_FIRED = 13
    AMBIGUOUS = 14
    EMERGENCY_STOP = 15
    JOURNAL = 20
    INTERNAL = 99


class HpLabError(Exception):
    """Root of all errors that hp_lab raises on purpose."""

    code = ErrorCode.INTERNAL


class InvalidInput(HpLabError, ValueError):
    """An input outside its limits."""

    code = ErrorCode.INVALID_GOAL


class UnreachableComposition(InvalidInput):
    """A composition that cannot be mixed from the stocks at hand."""

    code = ErrorCode.UNREACHABLE


class InvalidConfig(InvalidInput):
    """A configuration or campaign file that does not say what it must."""


class LaboratoryBusy(HpLabError):
    """Something is used by somebody else."""

    code = ErrorCode.BUSY


class InventoryError(HpLabError):
    """The laboratory has run out of something."""

    code = ErrorCode.INVENTORY


class JournalError(HpLabError):
    """The journal cannot be read or written."""

    code = ErrorCode.JOURNAL


class DeviceError(HpLabError):
    """An instrument did not do what it was told."""

    code = ErrorCode.DEVICE_FAULT


class DeviceLost(DeviceError):
    """No connection to the instrument, or no answer."""

    code = ErrorCode.DEVICE_LOST


class DeviceFault(DeviceError):
    """The instrument reports a fault or answers nonsense."""

    code = ErrorCode.DEVICE_FAULT


class InterlockOpen(DeviceError):
    """A condition of safe operation does not hold."""

    code = ErrorCode.INTERLOCK


class NotFired(DeviceError):
    """The device was armed and nobody fired in time."""

    code = ErrorCode.NOT_FIRED


class AmbiguousOutcome(DeviceError):
    """A step may or may not have happened; it must not be repeated silently."""

    code = ErrorCode.AMBIGUOUS


class Aborted(DeviceError):
    """The action was cancelled or stopped."""

    code = ErrorCode.CANCELLED


class EmergencyStopped(Aborted):
    """The emergency stop is latched."""

    code = ErrorCode.EMERGENCY_STOP


def instead(name: str, known: Iterable[str]) -> str:
    """Return the remedy for an unknown name: the known ones most like it, or all."""
    names = list(known)
    lowered = {one.lower(): one for one in names}
    near = get_close_matches(name.lower(), lowered)
    if near:
        return f"did you mean {' or '.join(lowered[one] for one in near)}?"
    return f"use one of {listed(names)}" if names else "there is none"


def listed(names: Sequence[str]) -> str:
    """Return names for a message; of many the first ones, and how many there are."""
    if len(names) <= _MOST_LISTED:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_LISTED])}, ... ({len(names)} in all)"
