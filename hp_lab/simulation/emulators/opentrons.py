"""An emulated Opentrons OT-2: its robot-server over HTTP, its gantry and pipettes.

Routes: ``GET /health /pipettes /modules /runs /runs/ID /runs/ID/commands[/ID]``,
``POST /runs /runs/ID/commands /runs/ID/actions /runs/ID/labware_definitions
/robot/home`` and ``DELETE /runs/ID``. Commands run one after the other, each some time
after it was asked for, and take as long as the real robot takes, about. The world hears
of a liquid when it moves. A stop ends the motion; a stroke under way counts as made.

Faults: ``mute`` (hears everything, says nothing), ``deaf`` (does not hear), ``slow``
(answers leave ``delay_s`` late), ``garbage`` (the next answer is noise),
``server_error`` (the next request fails with HTTP ``status``), ``robot_error`` (the
next command, of kind ``command`` if given, fails with ``error_type`` and ``detail``),
``late_start`` (commands begin ``delay_s`` later than usual), ``wrong_volume`` (the
plunger moves ``factor`` times the volume), ``no_tip`` (the next pick-up gets none and
the robot does not notice), ``lost_tip`` (the tip falls off at the next move).
"""

from collections.abc import Mapping

from hp_lab import lab_config
from hp_lab.simulation.emulators.emulator import Json
from hp_lab.simulation.emulators.fault_set import FaultSet
from hp_lab.simulation.emulators.opentrons_deck import HOME_S
from hp_lab.simulation.emulators.opentrons_engine import Effect, Engine
from hp_lab.simulation.emulators.opentrons_http import RobotSession
from hp_lab.simulation.emulators.opentrons_orders import CommandError
from hp_lab.simulation.emulators.opentrons_runs import (
    Answer,
    Command,
    Run,
    Waiting,
    complaint,
)
from hp_lab.simulation.world import World

API_VERSION = "8.2.0"
# From receiving a command to its first motion (assumption; about what robot-server's
# event loop and the motor board's link take).
LATENCY_S = 0.05


class OpentronsRobot:
    """The robot, shared by all connections to it.

    Args:
        world: The hidden world.
        config: The robot and its labware; wells have these names in the world.
        latency_s: From receiving a command to its first motion.
    """

    FAULTS = (
        "mute",
        "deaf",
        "slow",
        "garbage",
        "server_error",
        "robot_error",
        "late_start",
        "wrong_volume",
        "no_tip",
        "lost_tip",
    )

    def __init__(
        self,
        world: World,
        config: lab_config.Pipettor,
        *,
        latency_s: float = LATENCY_S,
    ) -> None:
        self._config = config
        self._latency_s = latency_s
        self.faults = FaultSet("pipettor", self.FAULTS)
        self._engine = Engine(world, config, self.faults)
        self._runs: dict[str, Run] = {}
        self._current: Run | None = None
        self._queue: list[Command] = []
        self._running: Command | None = None
        self._effects: list[tuple[float, Effect]] = []
        self._end_s = 0.0
        self._free_s = 0.0
        self._made = 0
        self.keeper: object = None

    def session(self) -> RobotSession:
        """Return a new connection to the robot."""
        return RobotSession(self)

    def inject(self, fault: str, parameters: Mapping[str, Json] | None = None) -> None:
        """Let a fault begin.

        Raises:
            InvalidInput: The robot cannot have that fault.
        """
        self.faults.inject(fault, parameters)

    def clear(self) -> None:
        """End every fault."""
        self.faults.clear()

    def state(self, now_s: float) -> dict[str, Json]:
        """Return what the robot really does now."""
        self.advance(now_s)
        state: dict[str, Json] = {
            "run": self._current.run_id if self._current else None,
            "run_status": self._current.status if self._current else None,
            "running": self._running.kind if self._running else None,
            "queued": len(self._queue),
            "homed": self._engine.homed,
            "faults": ",".join(self.faults.names()),
        }
        for mount in self._config.mounts:
            state[f"tip_{mount}"] = self._engine.tips.get(mount)
        return state

    def due_s(self) -> float | None:
        """Return when the robot next does something by itself."""
        if self._running is not None:
            return self._effects[0][0] if self._effects else self._end_s
        command = self._startable()
        return None if command is None else max(command.ready_s, self._free_s)

    def advance(self, now_s: float) -> None:
        """Do what is due by now."""
        while (due_s := self.due_s()) is not None and due_s <= now_s:
            if self._running is None:
                self._begin(due_s)
            elif self._effects:
                self._effects.pop(0)[1].happen(now_s)
            else:
                self._finish(self._running, due_s)

    def answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        content: object,
        now_s: float,
    ) -> Answer | Waiting:
        """Answer one request."""
        broken = self.faults.use_up("server_error", now_s)
        if broken is not None:
            return _error(_status_of(broken), "UnexpectedError", "Injected.")
        match method, path.strip("/").split("/"):
            case "GET", ["health"]:
                return Answer(200, self._health())
            case "GET", ["pipettes"]:
                return Answer(200, self._pipettes())
            case "GET", ["modules"]:
                return Answer(200, {"data": []})
            case "POST", ["robot", "home"]:
                return self._home(now_s)
            case "GET", ["runs"]:
                return Answer(
                    200, {"data": [self._show(r) for r in self._runs.values()]}
                )
            case "POST", ["runs"]:
                return self._create_run(now_s)
            case _, ["runs", run_id, *rest]:
                run = self._runs.get(run_id)
                if run is None:
                    return _error(404, "RunNotFound", f"Run {run_id} was not found.")
                return self._of_run(method, run, rest, query, content, now_s)
            case _:
                return _error(404, "NotFound", f"{method} {path} does not exist.")

    def _of_run(
        self,
        method: str,
        run: Run,
        rest: list[str],
        query: Mapping[str, str],
        content: object,
        now_s: float,
    ) -> Answer | Waiting:
        data = content.get("data") if isinstance(content, Mapping) else None
        match method, rest:
            case "GET", []:
                return Answer(200, {"data": self._show(run)})
            case "DELETE", []:
                return self._delete(run)
            case "GET", ["commands"]:
                shown = [command.shown() for command in run.commands.values()]
                meta = {"cursor": 0, "totalLength": len(shown)}
                return Answer(200, {"data": shown, "meta": meta})
            case "GET", ["commands", command_id]:
                if command_id not in run.commands:
                    return _error(404, "CommandNotFound", f"{command_id} not found.")
                return Answer(200, {"data": run.commands[command_id].shown()})
            case "POST", ["commands"] if isinstance(data, Mapping):
                return self._enqueue(run, data, query, now_s)
            case "POST", ["actions"] if isinstance(data, Mapping):
                return self._act(run, str(data.get("actionType")), now_s)
            case "POST", ["labware_definitions"] if isinstance(data, Mapping):
                return self._define(run, data)
            case "POST", ["commands" | "actions" | "labware_definitions"]:
                return _error(422, "InvalidRequest", "The body must be a data object.")
            case _:
                detail = f"{method} of a run's {rest} does not exist."
                return _error(404, "NotFound", detail)

    def _health(self) -> Mapping[str, object]:
        return {
            "name": "emulated OT-2",
            "robot_model": "OT-2 Standard",
            "api_version": API_VERSION,
            "fw_version": "v1.1.0-25e5cea",
            "system_version": "v1.19.4",
            "maximum_protocol_api_version": [2, 20],
            "minimum_protocol_api_version": [2, 0],
        }

    def _pipettes(self) -> Mapping[str, object]:
        attached = {str(mount): p.name for mount, p in self._config.mounts.items()}
        return {
            mount: {
                "name": attached.get(mount),
                "model": f"{attached[mount]}_v2.1" if mount in attached else None,
                "id": f"EMULATED-{mount}" if mount in attached else None,
                "mount_axis": "z" if mount == "left" else "a",
                "plunger_axis": "b" if mount == "left" else "c",
            }
            for mount in ("left", "right")
        }

    def _home(self, now_s: float) -> Answer:
        if self._running is not None:
            return _error(409, "RobotBusy", "A run is moving the robot.")
        self._engine.begin("home", Run("", now_s).belief, {}, now_s)
        self._free_s = now_s + HOME_S
        return Answer(200, {"message": "Homing robot."}, now_s + HOME_S)

    def _create_run(self, now_s: float) -> Answer:
        if self._running is not None or self._queue:
            return _error(409, "RunAlreadyActive", "The current run is not idle.")
        run = Run(self._new_id("run"), now_s)
        self._runs[run.run_id] = self._current = run
        return Answer(201, {"data": self._show(run)})

    def _delete(self, run: Run) -> Answer:
        if self._running is not None and self._running.run_id == run.run_id:
            return _error(409, "RunNotIdle", "The run is not idle.")
        del self._runs[run.run_id]
        if self._current is run:
            self._current = None
        return Answer(200, {})

    def _define(self, run: Run, definition: Mapping[str, object]) -> Answer:
        parameters = definition.get("parameters")
        wells = definition.get("wells")
        if (
            definition.get("schemaVersion") != 2
            or not isinstance(parameters, Mapping)
            or not isinstance(wells, Mapping)
        ):
            return _error(422, "InvalidRequest", "Not a labware definition, schema 2.")
        uri = "/".join(
            str(part)
            for part in (
                definition.get("namespace"),
                parameters.get("loadName"),
                definition.get("version"),
            )
        )
        run.belief.definitions[uri] = definition
        return Answer(201, {"data": {"definitionUri": uri}})

    def _enqueue(
        self,
        run: Run,
        data: Mapping[str, object],
        query: Mapping[str, str],
        now_s: float,
    ) -> Answer | Waiting:
        kind, parameters = str(data.get("commandType")), data.get("params")
        intent = str(data.get("intent") or "setup")
        parameters = parameters if isinstance(parameters, Mapping) else {}
        wrong = complaint(kind, parameters)
        if wrong is not None:
            return _error(422, "InvalidRequest", wrong)
        if run is not self._current or run.status == "stopped":
            return _error(409, "RunStopped", f"Run {run.run_id} has been stopped.")
        if intent == "setup" and run.status != "idle":
            detail = "Setup commands are not allowed after run has started."
            return _error(409, "CommandNotAllowed", detail)
        late_s = self.faults.number("late_start", "delay_s", 0.5, now_s)
        command = Command(
            command_id=self._new_id("command"),
            run_id=run.run_id,
            kind=kind,
            parameters=parameters,
            intent=intent,
            created_s=now_s,
            ready_s=now_s + self._latency_s + late_s,
        )
        run.commands[command.command_id] = command
        self._queue.append(command)
        if query.get("waitUntilComplete") != "true":
            return Answer(201, {"data": command.shown()})
        wait_ms = query.get("timeout")
        return Waiting(
            command,
            float("inf") if wait_ms is None else now_s + float(wait_ms) / 1000.0,
        )

    def _act(self, run: Run, action: str, now_s: float) -> Answer:
        allowed = {
            "play": ("idle", "paused"),
            "pause": ("running",),
            "stop": ("idle", "running", "paused"),
        }
        if run is not self._current or run.status not in allowed.get(action, ()):
            detail = f"Cannot {action} a run that is {run.status}."
            return _error(409, "RunActionNotAllowed", detail)
        if action == "stop":
            self._stop(run, now_s)
        else:
            run.status = "running" if action == "play" else "paused"
        action_id = self._new_id("action")
        return Answer(201, {"data": {"id": action_id, "actionType": action}})

    def _stop(self, run: Run, now_s: float) -> None:
        run.status = "stopped"
        if self._running is not None:
            self._queue.insert(0, self._running)
        for command in self._queue:
            command.fail("RunStoppedError", "The run was stopped.", now_s)
        self._queue.clear()
        self._effects.clear()
        self._running = None
        self._free_s = now_s
        self._engine.halt()

    def _startable(self) -> Command | None:
        """Return the next command: setup first, protocol commands once played."""
        playing = self._current is not None and self._current.status == "running"
        for command in self._queue:
            if command.intent == "setup" or playing:
                return command
        return None

    def _begin(self, start_s: float) -> None:
        command = self._startable()
        if command is None or self._current is None:
            return
        self._queue.remove(command)
        command.status, command.started_s = "running", start_s
        try:
            self._refuse_injected(command, start_s)
            motion = self._engine.begin(
                command.kind, self._current.belief, command.parameters, start_s
            )
        except CommandError as error:
            command.fail(error.error_type, error.detail, start_s)
            self._free_s = start_s
            return
        command.result = motion.result
        self._running = command
        self._effects = [(start_s + e.after_s, e) for e in motion.effects]
        self._end_s = start_s + motion.duration_s

    def _finish(self, command: Command, end_s: float) -> None:
        command.status, command.ended_s = "succeeded", end_s
        self._running = None
        self._free_s = end_s

    def _refuse_injected(self, command: Command, now_s: float) -> None:
        fault = self.faults.get("robot_error", now_s)
        if fault is None or fault.get("command", command.kind) != command.kind:
            return
        self.faults.use_up("robot_error", now_s)
        raise CommandError(
            str(fault.get("error_type", "UnexpectedProtocolError")),
            str(fault.get("detail", "Injected fault.")),
        )

    def _show(self, run: Run) -> dict[str, object]:
        return run.shown(run is self._current)

    def _new_id(self, what: str) -> str:
        self._made += 1
        return f"{what}-{self._made:06d}"


def _error(status: int, error_id: str, detail: str) -> Answer:
    error = {"id": error_id, "title": error_id, "detail": detail, "errorCode": "4000"}
    return Answer(status, {"errors": [error]})


def _status_of(parameters: Mapping[str, Json]) -> int:
    status = parameters.get("status", 500.0)
    return int(status) if isinstance(status, int | float) else 500
