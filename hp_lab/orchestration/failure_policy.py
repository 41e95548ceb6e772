"""What follows from a failed action: retry, give up the film, remake it, or ask.

Only what can be repeated without harm is retried. A dispense or a move that may or may
not have happened is never repeated silently.
"""

import enum

from hp_lab.errors import ErrorCode

MAX_ATTEMPTS = 3
# A candidate that the laboratory spoils this often counts as failed.
MAX_REMAKES = 3
REPEATABLE = frozenset({"measure", "image", "rest"})


class Decision(enum.Enum):
    """What is done about a failed task."""

    RETRY = "retry"
    """Do it again."""
    GIVE_UP = "give_up"
    """The film failed; its candidate counts as tried."""
    REMAKE = "remake"
    """The laboratory spoiled the film; make its candidate again."""
    ASK = "ask"
    """A person has to look."""


# Codes that say the action never began.
_NOT_BEGUN = frozenset(
    {
        ErrorCode.BUSY,
        ErrorCode.INTERLOCK,
    }
)
_STOPPED = frozenset({ErrorCode.CANCELLED, ErrorCode.EMERGENCY_STOP})
_IMPOSSIBLE = frozenset(
    {ErrorCode.INVALID_GOAL, ErrorCode.UNREACHABLE, ErrorCode.INVENTORY}
)


def decide_failure(action: str, code: ErrorCode, attempt: int) -> Decision:
    """Return what follows from a failed task.

    Args:
        action: move, mix, spin_coat, anneal, rest, measure or image.
        code: The failed action's error code.
        attempt: Which attempt failed, from 1.
    """
    if code in _IMPOSSIBLE:
        return Decision.GIVE_UP
    if action in REPEATABLE:
        if code in _STOPPED or attempt < MAX_ATTEMPTS:
            return Decision.RETRY
        return Decision.GIVE_UP
    if code is ErrorCode.NOT_ACTIVE or (code in _NOT_BEGUN and attempt < MAX_ATTEMPTS):
        return Decision.RETRY
    if action == "move":
        # Where the substrate is decides; the outcome of a move says so.
        return Decision.RETRY if code in _STOPPED else Decision.ASK
    return Decision.REMAKE
