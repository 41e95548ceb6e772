"""State from a journal."""

from collections.abc import Iterator

from pydantic import ValidationError

from hp_lab.errors import JournalError
from hp_lab.orchestration.events import Event, event_from
from hp_lab.orchestration.fold import apply
from hp_lab.orchestration.state import CampaignState
from hp_lab.store.journal import JournalReader


def replay(journal: JournalReader) -> CampaignState:
    """Return the state that a journal's events add up to.

    Raises:
        JournalError: An event is not one of this version.
    """
    state = CampaignState()
    for at_s, event in events_of(journal):
        state = apply(state, event, at_s)
    return state


def events_of(journal: JournalReader) -> Iterator[tuple[float, Event]]:
    """Return the events of a journal with their laboratory times, in order.

    Raises:
        JournalError: As :func:`replay`.
    """
    for stored in journal.events():
        try:
            event = event_from(stored.kind, dict(stored.data))
        except ValidationError as error:
            msg = (
                f"{journal.name}: event {stored.sequence} ({stored.kind}) is not one "
                f"of this version of hp_lab ({error.error_count()} fields differ)"
            )
            raise JournalError(msg) from error
        yield stored.lab_time_s, event
