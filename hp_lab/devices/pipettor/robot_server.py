"""The Opentrons robot-server, its HTTP API version 3.

Commands are enqueued one at a time in a run. Each is asked to answer when it has ended,
for at most ``ANSWER_WITHIN_S``; after that its status is asked for, and in between the
job can be stopped. What an error means depends on what was under way: a question that
got no answer may be asked again, a dispense may not.
"""

from collections.abc import Mapping
from typing import TypeAlias

import httpx

from hp_lab.clock import Clock, Signal
from hp_lab.devices.http_stream import http_client
from hp_lab.errors import Aborted, AmbiguousOutcome, DeviceFault, DeviceLost

HEADERS = {"Opentrons-Version": "3"}
ANSWER_WITHIN_S = 1.0
POLL_S = 0.25
# How much longer than expected a command may take before it counts as hung.
PATIENCE_S = 60.0

Json: TypeAlias = Mapping[str, object]

# Commands that move no liquid and no tip: asking for them again changes nothing.
REPEATABLE = frozenset(
    {
        "comment",
        "home",
        "loadLabware",
        "loadPipette",
        "moveToAddressableAreaForDropTip",
        "moveToWell",
    }
)


class RobotServer:
    """One connection to a robot.

    Args:
        address: HOST:PORT or inproc://NAME.
        clock: The clock to wait on.
    """

    def __init__(self, address: str, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._client: httpx.Client | None = None

    def open(self) -> None:
        """Get ready to send; nothing is sent yet."""
        if self._client is None:
            self._client = http_client(self._address, headers=HEADERS)

    def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def health(self) -> Json:
        """Get the robot's name and versions."""
        return self._ask("GET", "/health")

    def pipettes(self) -> Json:
        """Get the attached pipettes by mount."""
        return self._ask("GET", "/pipettes")

    def create_run(self) -> str:
        """Start a new run and return its id; a run left active is stopped first."""
        try:
            return self._id(self._ask("POST", "/runs", {"data": {}}))
        except DeviceFault as fault:
            if "RunAlreadyActive" not in str(fault):
                raise
        self.stop_current()
        return self._id(self._ask("POST", "/runs", {"data": {}}))

    def is_ready(self, run: str) -> bool:
        """Return whether a run can take commands; others may have ended it."""
        try:
            state = self._data(self._ask("GET", f"/runs/{run}"))
        except DeviceFault:
            # The robot was started anew and knows nothing of it.
            return False
        return bool(state.get("current")) and state.get("status") == "idle"

    def define_labware(self, run: str, definition: Json) -> None:
        """Make a labware definition known to a run."""
        self._ask("POST", f"/runs/{run}/labware_definitions", {"data": definition})

    def execute(
        self,
        run: str,
        command: str,
        parameters: Json,
        *,
        stop: Signal,
        expected_s: float = 0.0,
    ) -> Json:
        """Let the robot carry out one command and return its result.

        Args:
            run: Id of the run.
            command: Type of the command.
            parameters: Its parameters.
            stop: Ends the wait; the caller then stops the run.
            expected_s: How long the command takes, about.

        Raises:
            Aborted: stop was raised.
            DeviceFault: The robot refused the command or failed at it.
            DeviceLost: It does not answer, and the command may be given again.
            AmbiguousOutcome: It does not answer, and liquid or a tip may have moved.
        """
        if stop.is_set():
            msg = f"pipettor: stopped before {command}"
            raise Aborted(msg)
        safe = command in REPEATABLE
        state = self._data(
            self._ask(
                "POST",
                f"/runs/{run}/commands?waitUntilComplete=true"
                f"&timeout={ANSWER_WITHIN_S * 1000:.0f}",
                {
                    "data": {
                        "commandType": command,
                        "params": parameters,
                        "intent": "setup",
                    }
                },
                unsure=None if safe else command,
            )
        )
        given_up_s = self._clock.now_s() + expected_s + PATIENCE_S
        wait_s = max(POLL_S, expected_s - ANSWER_WITHIN_S)
        while state.get("status") in ("queued", "running"):
            if stop.wait(wait_s):
                msg = f"pipettor: stopped during {command}"
                raise Aborted(msg)
            if self._clock.now_s() > given_up_s:
                msg = (
                    f"pipettor: {command} has not ended {PATIENCE_S:g} s after it "
                    "should have; look at the robot"
                )
                raise DeviceLost(msg) if safe else AmbiguousOutcome(msg)
            path = f"/runs/{run}/commands/{state.get('id')}"
            state = self._data(self._ask("GET", path, unsure=None if safe else command))
            wait_s = POLL_S
        return self._result(command, state)

    def stop_current(self) -> None:
        """Stop the robot's current run over a connection of its own.

        So it works while another thread waits for an answer on the first connection.

        Raises:
            DeviceLost: The robot does not answer.
        """
        with http_client(self._address, headers=HEADERS) as client:
            runs = self._ask("GET", "/runs", client=client).get("data")
            for run in runs if isinstance(runs, list) else []:
                if run.get("current") and run.get("status") not in _ENDED:
                    self._stop(client, str(run.get("id")))

    def _stop(self, client: httpx.Client, run: str) -> None:
        try:
            self._ask(
                "POST",
                f"/runs/{run}/actions",
                {"data": {"actionType": "stop"}},
                client=client,
            )
        except DeviceFault as fault:
            # It ended by itself in the meantime.
            if "RunActionNotAllowed" not in str(fault):
                raise

    def _ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        unsure: str | None = None,
        client: httpx.Client | None = None,
    ) -> Json:
        """Exchange one request; unsure names a command that must not be repeated."""
        client = client or self._client
        what = f"pipettor at {self._address}"
        if client is None:
            msg = f"{what}: not connected; connect first"
            raise DeviceLost(msg)
        try:
            response = client.request(method, path, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            if unsure and method == "GET":
                raise _ambiguous(what, unsure, str(error)) from error
            msg = f"{what}: no connection ({error}); check its power and network"
            raise DeviceLost(msg) from error
        except httpx.TransportError as error:
            if unsure:
                raise _ambiguous(what, unsure, str(error)) from error
            msg = f"{what}: connection lost during {method} {path} ({error})"
            raise DeviceLost(msg) from error
        if response.status_code >= 500 and unsure:
            raise _ambiguous(what, unsure, f"HTTP {response.status_code}")
        try:
            content = response.json()
        except ValueError as error:
            if unsure:
                raise _ambiguous(what, unsure, "an answer that is not JSON") from error
            msg = f"{what}: answered {response.content[:60]!r} to {method} {path}"
            raise DeviceFault(msg) from error
        if response.is_success and isinstance(content, dict):
            return content
        msg = f"{what}: refused {method} {path}: {_reason(response, content)}"
        raise DeviceFault(msg)

    def _data(self, content: Json) -> Json:
        data = content.get("data")
        if isinstance(data, dict):
            return data
        msg = f"pipettor at {self._address}: answer without data: {content!r:.80}"
        raise DeviceFault(msg)

    def _id(self, content: Json) -> str:
        return str(self._data(content).get("id"))

    def _result(self, command: str, state: Json) -> Json:
        if state.get("status") == "succeeded":
            result = state.get("result")
            return result if isinstance(result, dict) else {}
        error = state.get("error")
        error = error if isinstance(error, dict) else {}
        kind = error.get("errorType", "no errorType given")
        msg = (
            f"pipettor: {command} {state.get('status')}: {kind}: "
            f"{error.get('detail', 'no detail given')}"
        )
        if kind == "RunStoppedError":
            raise Aborted(msg)
        raise DeviceFault(msg)


_ENDED = ("stopped", "succeeded", "failed")


def _ambiguous(what: str, command: str, reason: str) -> AmbiguousOutcome:
    return AmbiguousOutcome(
        f"{what}: {command} may or may not have happened ({reason}); look at the deck "
        "before anything is repeated"
    )


def _reason(response: httpx.Response, content: object) -> str:
    errors = content.get("errors") if isinstance(content, dict) else None
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        first = errors[0]
        return (
            f"{first.get('id')}: {first.get('detail') or first.get('title')} "
            f"(HTTP {response.status_code})"
        )
    return f"HTTP {response.status_code}"
