"""One HTTP/1.1 connection to the emulated robot: bytes in, bytes out."""

import json
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

import h11

from hp_lab.simulation.emulators.emulator import NOISE, Reply
from hp_lab.simulation.emulators.fault_set import FaultSet
from hp_lab.simulation.emulators.opentrons_runs import Answer, Waiting


class Robot(Protocol):
    """The robot, as a connection to it needs it.

    Attributes:
        keeper: The connection that looks after what the robot does by itself: the one
            that last said something.
    """

    faults: FaultSet
    keeper: object

    def due_s(self) -> float | None:
        """Return when the robot next does something by itself."""
        ...

    def advance(self, now_s: float) -> None:
        """Do what is due by now."""
        ...

    def answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        content: object,
        now_s: float,
    ) -> Answer | Waiting:
        """Answer one request."""
        ...


class RobotSession:
    """A connection, as an emulator for its host.

    Requests are answered in their order. An answer that waits for a command's end
    leaves then, or when the time that the client gave it is over.

    Args:
        robot: The robot at the other end.
    """

    def __init__(self, robot: Robot) -> None:
        self._robot = robot
        self._http = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._body = b""
        self._waiting: Waiting | None = None
        self._silent = False
        self._last_s = float("-inf")

    def connected(self, now_s: float) -> list[Reply]:
        """Say nothing: HTTP clients speak first."""
        del now_s
        return []

    def disconnected(self, now_s: float) -> None:
        """Forget who waited; the robot goes on."""
        del now_s
        self._waiting = None
        self._silent = True

    def receive(self, data: bytes, now_s: float) -> list[Reply]:
        """Take a part of the conversation and return what can be answered now."""
        self._robot.keeper = self
        self._robot.advance(now_s)
        if self._silent or not data:
            # h11 takes an empty chunk for the end of the connection.
            return []
        self._http.receive_data(data)
        return self._converse(now_s)

    def due_s(self) -> float | None:
        """Return when the robot, or an answer on this connection, is due."""
        due_s = [] if self._robot.keeper is not self else [self._robot.due_s()]
        if self._waiting is not None:
            due_s += [self._robot.due_s(), self._waiting.until_s]
        finite = [at_s for at_s in due_s if at_s is not None and at_s < float("inf")]
        return min(finite, default=None)

    def wake(self, now_s: float) -> list[Reply]:
        """Let the robot do what is due and return the answers that have come due."""
        self._robot.advance(now_s)
        return [] if self._silent else self._converse(now_s)

    def _converse(self, now_s: float) -> list[Reply]:
        replies: list[Reply] = []
        while not self._silent:
            if self._waiting is not None:
                waiting = self._waiting
                if not waiting.command.ended and now_s < waiting.until_s:
                    break
                self._waiting = None
                replies += self._send(waiting.answer(), now_s)
                continue
            if not self._hear(replies, now_s):
                break
        return replies

    def _hear(self, replies: list[Reply], now_s: float) -> bool:
        """Take the next event of the conversation; return whether there was one."""
        try:
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            replies += self._refuse(400, "BadRequest", str(error), now_s)
            self._silent = True
            return False
        if isinstance(event, h11.Request):
            self._request, self._body = event, b""
        elif isinstance(event, h11.Data):
            self._body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            replies += self._answer(now_s)
        else:
            return False
        return True

    def _answer(self, now_s: float) -> list[Reply]:
        request = self._request
        if request is None or self._robot.faults.get("deaf", now_s) is not None:
            self._silent = True
            return []
        headers = {bytes(k).lower(): bytes(v) for k, v in request.headers}
        if b"opentrons-version" not in headers:
            detail = "The header Opentrons-Version is missing."
            return self._refuse(422, "InvalidRequest", detail, now_s)
        try:
            content: object = json.loads(self._body) if self._body else {}
        except ValueError as error:
            return self._refuse(422, "InvalidRequest", str(error), now_s)
        target = urlsplit(bytes(request.target).decode("ascii"))
        query = dict(parse_qsl(target.query))
        wait_ms = query.get("timeout", "1")
        if not wait_ms.isascii() or not wait_ms.isdigit() or int(wait_ms) == 0:
            detail = "timeout must be a whole number of milliseconds above 0."
            return self._refuse(422, "InvalidRequest", detail, now_s)
        method = bytes(request.method).decode("ascii")
        answer = self._robot.answer(method, target.path, query, content, now_s)
        if isinstance(answer, Waiting):
            self._waiting = answer
            return []
        return self._send(answer, now_s)

    def _refuse(
        self, status: int, error_id: str, detail: str, now_s: float
    ) -> list[Reply]:
        errors = [{"id": error_id, "title": error_id, "detail": detail}]
        return self._send(Answer(status, {"errors": errors}), now_s)

    def _send(self, answer: Answer, now_s: float) -> list[Reply]:
        faults = self._robot.faults
        if faults.get("mute", now_s) is not None:
            self._silent = True
            return []
        late_s = faults.number("slow", "delay_s", 5.0, now_s)
        at_s = max(now_s, answer.at_s, self._last_s) + late_s
        self._last_s = at_s
        if faults.use_up("garbage", now_s) is not None:
            self._silent = True
            return [Reply(at_s, NOISE)]
        return [Reply(at_s, self._rendered(answer.status, answer.content))]

    def _rendered(self, status: int, content: Mapping[str, object]) -> bytes:
        body = json.dumps(content).encode("utf-8")
        head = h11.Response(
            status_code=status,
            headers=[
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(body))),
                ("Opentrons-Version", "3"),
            ],
        )
        data = b"".join(
            part or b""
            for part in (
                self._http.send(head),
                self._http.send(h11.Data(data=body)),
                self._http.send(h11.EndOfMessage()),
            )
        )
        if self._http.our_state is h11.MUST_CLOSE:
            self._silent = True
        elif self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        return data
