"""What every device node is: a managed node with one action and one driver.

configure connects, activate takes goals, deactivate stops the job and leaves the device
safe, cleanup disconnects. A lost device goes through error processing back to
unconfigured and can be configured again without a restart. One goal at a time: a second
one ends at once with the code BUSY and the reason. The latched emergency stop and a
lost heartbeat stop the job and make the device safe, whatever the lifecycle's state.
"""

import threading
import time
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from hp_lab_interfaces.msg import SafetyState
from hp_lab_interfaces.srv import FireAt
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile

from hp_lab.devices.armed import FireGate
from hp_lab.errors import (
    DeviceError,
    DeviceLost,
    EmergencyStopped,
    ErrorCode,
    HpLabError,
    InvalidInput,
    LaboratoryBusy,
)
from hp_lab.lab_config import LabConfig, load_lab_config
from hp_lab.nodes.job import Driver, Job, NotActiveError
from hp_lab.nodes.parameters import duration, fixed
from hp_lab.nodes.process import until_gone
from hp_lab.nodes.runtime import LabRuntime, seconds_of, time_msg

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
SAFETY_TOPIC = "/safety/state"
_RETRY_S = 0.25
_DURATIONS = {
    "heartbeat_timeout_s": "The safety node is lost after this; 0: never.",
    "connect_patience_s": "How long to try to connect.",
    "diagnostics_period_s": "Between diagnostics; 0: none.",
}
# Ctrl-C reaches every process at once; the campaign needs this to stop its tasks.
_CAMPAIGN_LEAVES_S = 1.5
# A result that was sent has arrived by then.
_RESULT_S = 0.2


class DeviceNode(LifecycleNode):
    """Base of the device nodes.

    Args:
        name: Node name; also the device's name in messages.
        runtime: What the nodes of this process share.
        node_options: Passed on to rclpy's node (context, parameter_overrides).
    """

    action_type: ClassVar[Any]
    action_name: ClassVar[str]
    # Whether its goals can be armed, to be fired at a time.
    arms: ClassVar[bool] = False
    # How long before its fire time an armed device must know it.
    fire_lead_s: ClassVar[float] = 0.1

    def __init__(self, name: str, runtime: LabRuntime, **node_options: Any) -> None:
        super().__init__(name, **node_options)
        self.runtime = runtime
        self.clock = runtime.clock.named(name)
        self._driver: Driver | None = None
        self._active = False
        self._job: Job | None = None
        self._making_safe = 0
        self._lost = ""
        self._stopped_by = ""
        self._last_beat: float | None = None
        self.lab = self._load_lab()
        for parameter, what in _DURATIONS.items():
            self.declare_parameter(parameter, 0.0, duration(what))
        self._server = ActionServer(
            self,
            self.action_type,
            f"~/{self.action_name}",
            execute_callback=self._execute,
            goal_callback=self._on_goal,
            cancel_callback=self._on_cancel,
            result_timeout=30,
        )
        if self.arms:
            self.create_service(FireAt, "~/fire", self._on_fire)
        self.create_subscription(SafetyState, SAFETY_TOPIC, self._on_safety, LATCHED)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        period_s = self._number("diagnostics_period_s")
        if period_s > 0:
            self.create_timer(period_s, self._publish_diagnostics)
        self._heartbeat_s = self._number("heartbeat_timeout_s")
        if self._heartbeat_s > 0:
            self.create_timer(self._heartbeat_s / 4, self._watch_heartbeat)

    def make_driver(self, lab: LabConfig) -> Driver:
        """Return the driver, not yet connected."""
        raise NotImplementedError

    def work(self, job: Job, result: Any) -> None:
        """Do the job in a worker thread and fill the result, also when it fails.

        Raises:
            HpLabError: Becomes the result's error code and message.
        """
        raise NotImplementedError

    def address(self, name: str, configured: str) -> str:
        """Return the parameter called name, or the configured address when empty."""
        given = str(self.get_parameter(name).value)
        return given or configured

    def declare_address(self, name: str, what: str) -> None:
        """Declare a parameter that replaces an address of the lab's description."""
        what = f"{what}; empty: as in the lab file. Read at configure."
        self.declare_parameter(name, "", ParameterDescriptor(description=what))

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Connect."""
        del state
        self._lost = ""
        try:
            return self._connect()
        finally:
            if self._last_beat is not None:
                # Nobody listened to heartbeats meanwhile.
                self._last_beat = time.monotonic()

    def _connect(self) -> TransitionCallbackReturn:
        deadline_s = time.monotonic() + self._number("connect_patience_s")
        while True:
            try:
                driver = self.make_driver(self.lab)
                driver.connect()
            except DeviceLost as error:
                # Its port may be on its way: an instrument or an emulator that boots.
                if time.monotonic() < deadline_s:
                    threading.Event().wait(_RETRY_S)
                    continue
                self.get_logger().error(str(error))
                return TransitionCallbackReturn.FAILURE
            except HpLabError as error:
                self.get_logger().error(str(error))
                return TransitionCallbackReturn.FAILURE
            self._driver = driver
            return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take goals from now on."""
        self._active = True
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take no goals, stop the job, leave the device safe."""
        self._active = False
        if self._lost:
            return TransitionCallbackReturn.ERROR
        self._stop_job()
        self.runtime.spawn(self._make_safe())
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Disconnect, unless the device is still being brought to rest."""
        del state
        if self._job is not None or self._making_safe:
            self.get_logger().error("still at work; try again in a moment")
            return TransitionCallbackReturn.FAILURE
        self._disconnect()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take no goals, stop the job, leave the device safe."""
        del state
        self._active = False
        self._stop_job()
        self.runtime.spawn(self._make_safe())
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let the lost device go, so that it can be configured again."""
        del state
        self.get_logger().error(f"device lost: {self._lost}")
        self._disconnect()
        return TransitionCallbackReturn.SUCCESS

    async def wind_down(self) -> None:
        """Let the campaign stop the job, or stop it; its result reaches who waits."""
        await until_gone(self, self.runtime, {"campaign"}, _CAMPAIGN_LEAVES_S)
        self._active = False
        self._stop_job()
        while self._job is not None:
            await self.runtime.sleep(_RESULT_S, self.get_name())
        await self.runtime.sleep(_RESULT_S, self.get_name())

    def finish(self) -> None:
        """Leave the device safe and disconnected at the process's end (blocking)."""
        self._active = False
        self._stop_job()
        if self._driver is not None:
            try:
                self._driver.make_safe()
            except DeviceError as error:
                self.get_logger().error(f"not safe: {error}")
        self._disconnect()

    def stop_job(self) -> None:
        """Make the job under way, if any, give up."""
        self._stop_job()

    def _load_lab(self) -> LabConfig:
        what = "Path of the laboratory's description (YAML)."
        self.declare_parameter("lab_file", "", fixed(what))
        return load_lab_config(Path(str(self.get_parameter("lab_file").value)))

    def _number(self, name: str) -> float:
        value = self.get_parameter(name).value
        return float(value) if value is not None else 0.0

    def _on_goal(self, goal: Any) -> GoalResponse:
        # Refusals are results with a reason; ROS itself cannot carry one.
        del goal
        self.runtime.clock.hold(self.get_name())
        return GoalResponse.ACCEPT

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        job = self._job
        if job is not None and job.goal is handle.request:
            self._stop_job()
        return CancelResponse.ACCEPT

    def _on_fire(
        self, request: FireAt.Request, response: FireAt.Response
    ) -> FireAt.Response:
        job = self._job
        try:
            if job is None:
                msg = f"{self.get_name()}: nothing is armed; send an armed goal first"
                raise InvalidInput(msg)
            job.gate.fire(seconds_of(request.at))
        except HpLabError as error:
            response.error_code = int(error.code)
            response.message = str(error)
        else:
            response.accepted = True
        return response

    async def _execute(self, handle: ServerGoalHandle) -> Any:
        await self.runtime.sleep(0.0, self.get_name())
        result = self.action_type.Result()
        own = bytes(handle.goal_id.uuid) in self.runtime.own_goals
        try:
            self._refuse_unready()
            gate = FireGate(self.clock, self.get_name(), self.fire_lead_s)
            job = Job(
                goal=handle.request,
                stop=self.clock.signal(),
                gate=gate,
                feedback=handle.publish_feedback,
                armed=partial(self._tell_armed, handle, own),
            )
            self._job = job
            if handle.is_cancel_requested:
                # Asked for before there was a job to stop.
                self._stop_job()
            try:
                await self.runtime.in_worker(partial(self.work, job, result))
            finally:
                self._job = None
        except HpLabError as error:
            result.error_code, result.message = self._code_and_text(error)
        except Exception as error:  # noqa: BLE001 - a bug ends the goal, not the node
            self.get_logger().error(f"internal error: {error!r}")
            result.error_code = int(ErrorCode.INTERNAL)
            result.message = f"{self.get_name()}: internal error {error!r}"
        if self._stopped_by:
            await self._make_safe()
        self._end(handle, result.error_code)
        if self._lost and self._active:
            self._drop_device()
        if not own:
            self.runtime.clock.release(self.get_name())
        return result

    def _refuse_unready(self) -> None:
        name = self.get_name()
        if self._stopped_by:
            msg = f"{name}: stopped ({self._stopped_by}); reset the safety node first"
            raise EmergencyStopped(msg)
        if not self._active:
            msg = f"{name}: not active; configure and activate the node first"
            raise NotActiveError(msg)
        if self._job is not None:
            msg = f"{name}: works on another goal; one goal at a time"
            raise LaboratoryBusy(msg)

    def _code_and_text(self, error: HpLabError) -> tuple[int, str]:
        if isinstance(error, DeviceLost):
            self._lost = str(error)
        if isinstance(error, EmergencyStopped):
            # It was refused, and says why.
            return int(error.code), str(error)
        if self._stopped_by:
            return int(ErrorCode.EMERGENCY_STOP), f"{error} ({self._stopped_by})"
        return int(error.code), str(error)

    def _tell_armed(self, handle: ServerGoalHandle, own: bool) -> None:
        if own:
            # The waiting client gives this token back.
            self.runtime.clock.hold(self.get_name())
        handle.publish_feedback(self.action_type.Feedback(phase="armed"))

    def _end(self, handle: ServerGoalHandle, code: int) -> None:
        if code == ErrorCode.OK:
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()

    def _drop_device(self) -> None:
        self._active = False
        if self.trigger_deactivate() != TransitionCallbackReturn.SUCCESS:
            self.get_logger().info("unconfigured; configure to connect again")

    def _stop_job(self) -> None:
        job = self._job
        if job is not None:
            job.stop.set()
            job.gate.abort()

    async def _make_safe(self) -> None:
        driver = self._driver
        if driver is None:
            return
        self._making_safe += 1
        try:
            await self.runtime.in_worker(driver.make_safe)
        except DeviceError as error:
            self.get_logger().error(f"cannot be made safe: {error}")
        finally:
            self._making_safe -= 1

    def _disconnect(self) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()

    def _on_safety(self, state: SafetyState) -> None:
        self._last_beat = time.monotonic()
        if state.stopped:
            self._stop_for(state.cause or "emergency stop")
        elif self._stopped_by:
            self.get_logger().info("safety reset; goals are taken again")
            self._stopped_by = ""

    def _watch_heartbeat(self) -> None:
        last = self._last_beat
        if last is not None and time.monotonic() - last > self._heartbeat_s:
            self._stop_for("heartbeat of the safety node lost")

    def _stop_for(self, cause: str) -> None:
        if self._stopped_by:
            return
        self.get_logger().error(f"stopping: {cause}")
        self._stopped_by = cause
        if self._job is not None:
            # The job's end makes the device safe.
            self._stop_job()
        else:
            self.runtime.spawn(self._make_safe())

    def _publish_diagnostics(self) -> None:
        status = DiagnosticStatus(
            name=f"{self.get_name()}: device", hardware_id=self.get_name()
        )
        if self._lost:
            status.level, status.message = DiagnosticStatus.ERROR, self._lost
        elif self._stopped_by:
            status.level, status.message = DiagnosticStatus.ERROR, self._stopped_by
        elif not self._active:
            status.level, status.message = DiagnosticStatus.WARN, "not active"
        else:
            status.level = DiagnosticStatus.OK
            status.message = "busy" if self._job is not None else "ready"
        status.values = [KeyValue(key="busy", value=str(self._job is not None))]
        message = DiagnosticArray(status=[status])
        message.header.stamp = time_msg(self.runtime.clock.now_s())
        self._diagnostics.publish(message)
