"""The gripper's microcontroller: a servo with springs and a load reading, 115200 8N1.

``S<pulse_us> <rate>`` moves the servo and is answered by ``ok`` when it is there; ``l``
is answered by the load on the springs.
"""

from hp_lab.devices.serial_instrument import SerialInstrument
from hp_lab.devices.transport import SerialLine
from hp_lab.errors import DeviceFault, DeviceLost

# Boards of this kind reset when the port is opened and are deaf for two seconds.
_BOOT_TRIES = 4
_EXTRA_S = 2.0
_MOST_LATE_LINES = 16


class ServoGripper(SerialInstrument):
    """A table of the protocol."""

    kind = "gripper"

    def open(self) -> None:
        """Open the port and wait until the board answers.

        Raises:
            DeviceLost: The port is missing or nobody answers.
            DeviceFault: It answers nonsense.
        """
        with self._lock:
            self.close()
            self._line = SerialLine(
                self._port, baudrate=115200, timeout_s=self._timeout_s, ending=b"\n"
            )
            for _ in range(_BOOT_TRIES - 1):
                try:
                    self.load()
                except DeviceLost:
                    continue
                return
            self.load()

    def move(self, pulse_us: float, rate_us_s: float, longest_s: float) -> None:
        """Move the servo and wait until it is there; sent once.

        Args:
            pulse_us: Pulse width, microseconds.
            rate_us_s: Its change, microseconds a second.
            longest_s: How long the move can take.

        Raises:
            DeviceLost: No answer; the servo may have moved.
            DeviceFault: The answer is not ok; the servo may have moved.
        """
        with self._lock:
            line = self._in_step()
            line.drop_input()
            line.send(f"S{pulse_us:g} {rate_us_s:g}")
            said = line.receive(longest_s + _EXTRA_S)
            if said != "ok":
                line.in_step = False
                msg = f"gripper: a move was answered by {said!r}, not ok"
                raise DeviceFault(msg)

    def load(self) -> float:
        """Get the load on the springs; asked again once when the answer is noise.

        Raises:
            DeviceLost: No answer.
            DeviceFault: Noise twice.
        """
        with self._lock:
            try:
                return self._load_once()
            except DeviceFault:
                return self._load_once()

    def _load_once(self) -> float:
        line = self._in_step()
        said = line.ask("l")
        try:
            return float(said)
        except ValueError:
            line.in_step = False
            msg = f"gripper: load {said!r} is not a number"
            raise DeviceFault(msg) from None

    def _in_step(self) -> SerialLine:
        """Return the line with nothing on it.

        No question of this board has an answer of its own, so after a missing one only
        silence says that none is under way.
        """
        line = self._opened()
        for _ in range(_MOST_LATE_LINES):
            if line.in_step:
                return line
            try:
                said = line.poll(self._timeout_s)
            except DeviceFault:
                continue
            line.in_step = said is None
        msg = f"gripper at {self._port}: does not stop talking; check the board"
        raise DeviceLost(msg)
