"""What Fast DDS, the middleware, needs around it: a profile, and an end that comes.

Both are about faults of Fast DDS; docs/decisions/0009 names them and what was measured.
"""

import atexit
import ctypes
import math
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PROFILE = Path(__file__).parent / "data" / "fast_dds.xml"
# Of Fast DDS 2 (Jazzy), and of Fast DDS 3 (Kilted).
PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")

# Leaving the graph takes 0.03 s, on a busy machine some tenths.
LEAVING_S = 5.0
_SIGEV_THREAD = 2
_exit_code = 0


class _SigEvent(ctypes.Structure):
    """``struct sigevent`` of the C library, in its 64 bytes."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("function", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("padding", ctypes.c_char * 32),
    )


class _TimerSpec(ctypes.Structure):
    """``struct itimerspec`` of the C library."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


def configure() -> None:
    """Hand Fast DDS the laboratory's profile, unless the user chose one.

    Called before the process's first participant: Fast DDS reads it once.
    """
    if not any(os.environ.get(name) for name in PROFILE_VARIABLES):
        os.environ.update(dict.fromkeys(PROFILE_VARIABLES, str(PROFILE)))


def leave_at_end(leave: Callable[[], None]) -> None:
    """Call leave(), which destroys a participant, among the process's last acts.

    The process then ends within LEAVING_S even if leave() hangs.
    """

    def leave_and_end() -> None:
        # Python keeps here the exception that nobody caught.
        failed = getattr(sys, "last_value", None) is not None
        end_within(LEAVING_S, _exit_code or int(failed))
        leave()

    atexit.register(leave_and_end)


def will_end_with(code: int) -> None:
    """Say what exit code the process is about to end with; no exception tells it."""
    global _exit_code  # noqa: PLW0603 - a process ends once
    _exit_code = code


def end_within(limit_s: float, code: int) -> None:
    """End this process with an exit code if it still runs after a time.

    For a program's last lines: what it wrote is flushed here. A timer of the C library
    sees to the end, as a destructor of Fast DDS that hangs lets no thread and no signal
    handler of Python run.

    Args:
        limit_s: Real time, s.
        code: Exit code, 0 to 255.
    """
    for stream in (sys.stdout, sys.stderr):
        # Nobody may read them any more; Python says so when it closes them.
        with suppress(OSError):
            stream.flush()
    c_library = ctypes.CDLL(None, use_errno=True)
    leave_now = ctypes.cast(c_library["_exit"], ctypes.c_void_p).value
    event = _SigEvent(value=code, notify=_SIGEV_THREAD, function=leave_now)
    timer = ctypes.c_void_p()
    if c_library.timer_create(
        time.CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)
    ):
        number = ctypes.get_errno()
        raise OSError(number, f"timer_create: {os.strerror(number)}")
    fraction_s, whole_s = math.modf(limit_s)
    when = _TimerSpec(value_s=int(whole_s), value_ns=int(fraction_s * 1e9))
    c_library.timer_settime(timer, 0, ctypes.byref(when), None)
