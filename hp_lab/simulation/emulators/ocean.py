"""An emulated Ocean HDX spectrometer: the Ocean Binary Protocol over TCP.

Little endian frames: a header of 44 bytes with 16 bytes of immediate data, a payload, a
footer of 20 bytes. What it knows: serial number (0x100, its length 0x101), product and
vendor (0xE01, 0xE00), integration time (0x00110010), trigger mode (0x00110110),
wavelength and non-linearity coefficients (0x0018010x, 0x0018110x) and the spectrum
(0x00101000), which leaves when its exposure is over. Requests that it cannot follow are
refused with the protocol's error numbers.

Faults: ``mute`` (hears everything, says nothing), ``slow`` (answers leave ``delay_s``
late), ``garbage`` (the next answer is noise), ``refuse`` (the next spectrum is refused
with error ``error``, 7 is "not ready"), ``frozen`` (every spectrum is the last one
again), ``warm`` (thermal electrons are ``factor`` times the usual).
"""

import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hp_lab.simulation.emulators.emulator import NOISE, Json, Reply
from hp_lab.simulation.emulators.fault_set import FaultSet
from hp_lab.simulation.emulators.ocean_detector import (
    PIXELS,
    Detector,
    DetectorModel,
)
from hp_lab.simulation.world import World
from hp_lab.units import FloatArray

HEADER = struct.Struct("<HHHHLL6sBB16sL")
FOOTER = struct.Struct("<16sL")
START, VERSION, END = 0xC0C1, 0x1100, 0xC2C3C4C5
FLAG_RESPONSE, FLAG_ACK, FLAG_REQUEST_ACK, FLAG_NACK = 1, 2, 4, 8
CHECKSUM_MD5 = 1
IMMEDIATE = 16

UNKNOWN_MESSAGE = 2
BAD_CHECKSUM = 3
WRONG_LENGTH = 5
BAD_DATA = 6
NOT_READY = 7
NO_INFORMATION = 12

VENDOR, PRODUCT = 0x2457, 0x2003
SHORTEST_US, LONGEST_US = 6_000, 10_000_000
TRIGGER_NORMAL = 0
TRIGGER_MODES = (0x00, 0x01, 0x03, 0xFF)
# 350 to 1000 nm over 2068 pixels, with the bend that a flat grating has.
WAVELENGTH_COEFFICIENTS = (350.0, 0.3315, -8.0e-6, -1.5e-10)
# No frame that a spectrometer understands is longer.
_LONGEST_FRAME = 4096


@dataclass(frozen=True, slots=True)
class _Request:
    flags: int
    message: int
    regarding: int
    checksum: int
    data: bytes


class RefusedError(Exception):
    """A message that cannot be followed, with the protocol's error number."""

    def __init__(self, error: int) -> None:
        super().__init__(error)
        self.error = error


class OceanHdx:
    """The spectrometer, shared by all connections to it.

    Args:
        world: The hidden world, which gives the light.
        rng: Where the detector's pattern and the seed of its noise come from.
        serial: Serial number, at most 16 characters.
        model: The detector's figures.
    """

    FAULTS = ("mute", "slow", "garbage", "refuse", "frozen", "warm")

    def __init__(
        self,
        world: World,
        rng: np.random.Generator,
        *,
        serial: str = "HDX00000",
        model: DetectorModel | None = None,
    ) -> None:
        self._world = world
        self._serial = serial.encode("ascii")
        self._detector = Detector(rng, model)
        self.faults = FaultSet("spectrometer", self.FAULTS)
        self._integration_us = 100_000
        self._trigger = TRIGGER_NORMAL
        self._exposures = 0
        self._free_s = float("-inf")
        self._last: np.ndarray | None = None
        pixels = np.arange(PIXELS, dtype=np.float64)
        self._wavelength_nm: FloatArray = np.asarray(
            np.polynomial.polynomial.polyval(
                pixels, np.asarray(WAVELENGTH_COEFFICIENTS)
            )
        )

    @property
    def wavelength_nm(self) -> FloatArray:
        """Wavelengths of the pixels by its own calibration, shape (2068,)."""
        return self._wavelength_nm

    def session(self) -> "OceanSession":
        """Return a new connection to the spectrometer."""
        return OceanSession(self)

    def inject(self, fault: str, parameters: Mapping[str, Json] | None = None) -> None:
        """Let a fault begin.

        Raises:
            InvalidInput: The spectrometer cannot have that fault.
        """
        self.faults.inject(fault, parameters)

    def clear(self) -> None:
        """End every fault."""
        self.faults.clear()

    def state(self, now_s: float) -> dict[str, Json]:
        """Return what the spectrometer really does now."""
        return {
            "integration_s": self._integration_us * 1e-6,
            "exposing": now_s < self._free_s,
            "exposures": self._exposures,
            "detector_c": self._detector.temperature_c(now_s),
            "faults": ",".join(self.faults.names()),
        }

    def answer(self, message: int, data: bytes, now_s: float) -> tuple[float, bytes]:
        """Return when the answer to a message leaves, and its data.

        Raises:
            RefusedError: The message cannot be followed.
        """
        if message == 0x00101000:
            return self._spectrum(now_s)
        handlers: Mapping[int, Callable[[bytes], bytes]] = {
            0x100: lambda _: self._serial,
            0x101: lambda _: bytes([len(self._serial)]),
            0xE00: lambda _: struct.pack("<H", VENDOR),
            0xE01: lambda _: struct.pack("<H", PRODUCT),
            0xE11: lambda _: b"HDX",
            0x00110010: self._set_integration,
            0x00110110: self._set_trigger,
            0x00180100: lambda _: bytes([len(WAVELENGTH_COEFFICIENTS)]),
            0x00180101: lambda index: _coefficient(WAVELENGTH_COEFFICIENTS, index),
            0x00181100: lambda _: bytes([len(self._detector.model.nonlinearity)]),
            0x00181101: lambda index: _coefficient(
                self._detector.model.nonlinearity, index
            ),
        }
        if message not in handlers:
            raise RefusedError(UNKNOWN_MESSAGE)
        return now_s, handlers[message](data)

    def _set_integration(self, data: bytes) -> bytes:
        if len(data) != 4:
            raise RefusedError(WRONG_LENGTH)
        (asked_us,) = struct.unpack("<L", data)
        if not SHORTEST_US <= asked_us <= LONGEST_US:
            raise RefusedError(BAD_DATA)
        self._integration_us = asked_us
        return b""

    def _set_trigger(self, data: bytes) -> bytes:
        if len(data) != 1:
            raise RefusedError(WRONG_LENGTH)
        if data[0] not in TRIGGER_MODES:
            raise RefusedError(BAD_DATA)
        self._trigger = data[0]
        return b""

    def _spectrum(self, now_s: float) -> tuple[float, bytes]:
        refused = self.faults.use_up("refuse", now_s)
        if refused is not None:
            error = refused.get("error", float(NOT_READY))
            raise RefusedError(
                int(error) if isinstance(error, int | float) else NOT_READY
            )
        if self._trigger != TRIGGER_NORMAL:
            # Nothing is wired to the trigger input, so no exposure would ever begin.
            raise RefusedError(NOT_READY)
        integration_s = self._integration_us * 1e-6
        self._free_s = max(now_s, self._free_s) + integration_s
        if self._last is None or self.faults.get("frozen", now_s) is None:
            self._exposures += 1
            warm = self.faults.get("warm", now_s) is not None
            self._last = self._detector.expose(
                self._world.stage_light(now_s, self._wavelength_nm),
                integration_s,
                number=self._exposures,
                now_s=now_s,
                dark_factor=(
                    self.faults.number("warm", "factor", 5.0, now_s) if warm else 1.0
                ),
            )
        return self._free_s, self._last.tobytes()


class OceanSession:
    """One connection: frames in, frames out.

    Args:
        instrument: The spectrometer at the other end.
    """

    def __init__(self, instrument: OceanHdx) -> None:
        self._instrument = instrument
        self._pending = b""
        self._last_s = float("-inf")

    def connected(self, now_s: float) -> list[Reply]:
        """Say nothing."""
        del now_s
        return []

    def disconnected(self, now_s: float) -> None:
        """Take no notice."""

    def receive(self, data: bytes, now_s: float) -> list[Reply]:
        """Answer every whole frame."""
        self._pending += data
        replies: list[Reply] = []
        while (frame := self._next_frame()) is not None:
            replies += self._reply(frame, now_s)
        return replies

    def _next_frame(self) -> bytes | None:
        start = struct.pack("<H", START)
        while True:
            begin = self._pending.find(start)
            # Before a start there is noise; half a start may be at the end of it.
            self._pending = self._pending[begin:] if begin >= 0 else self._pending[-1:]
            if len(self._pending) < HEADER.size:
                return None
            remaining = HEADER.unpack(self._pending[: HEADER.size])[-1]
            if FOOTER.size <= remaining <= _LONGEST_FRAME:
                break
            self._pending = self._pending[len(start) :]
        size = HEADER.size + remaining
        if len(self._pending) < size:
            return None
        frame, self._pending = self._pending[:size], self._pending[size:]
        return frame

    def _reply(self, frame: bytes, now_s: float) -> list[Reply]:
        request = _parsed(frame)
        at_s, flags, error, data = now_s, FLAG_RESPONSE, 0, b""
        try:
            _check(frame)
            at_s, data = self._instrument.answer(request.message, request.data, now_s)
        except RefusedError as refusal:
            flags, error = FLAG_RESPONSE | FLAG_NACK, refusal.error
        else:
            if request.flags & FLAG_REQUEST_ACK:
                flags |= FLAG_ACK
            elif not data:
                # A command that asked for no acknowledgement gets none.
                return []
        faults = self._instrument.faults
        if faults.get("mute", now_s) is not None:
            return []
        late_s = faults.number("slow", "delay_s", 5.0, now_s)
        self._last_s = max(self._last_s, at_s + late_s)
        if faults.use_up("garbage", now_s) is not None:
            return [Reply(self._last_s, NOISE * 22)]
        return [Reply(self._last_s, _framed(request, flags, error, data))]


def _parsed(frame: bytes) -> _Request:
    _, _, flags, _, message, regarding, _, checksum, length, immediate, _ = (
        HEADER.unpack(frame[: HEADER.size])
    )
    payload = frame[HEADER.size : -FOOTER.size]
    return _Request(
        flags=flags,
        message=message,
        regarding=regarding,
        checksum=checksum,
        data=payload or immediate[: min(length, IMMEDIATE)],
    )


def _check(frame: bytes) -> None:
    checksum, end = FOOTER.unpack(frame[-FOOTER.size :])
    kind = HEADER.unpack(frame[: HEADER.size])[7]
    body = frame[: -FOOTER.size]
    # MD5 is what the protocol has; it guards against noise, not against people.
    wrong = kind == CHECKSUM_MD5 and checksum != _md5(body)
    if end != END or wrong:
        raise RefusedError(BAD_CHECKSUM)


def _framed(request: _Request, flags: int, error: int, data: bytes) -> bytes:
    immediate = data if len(data) <= IMMEDIATE else b""
    payload = b"" if len(data) <= IMMEDIATE else data
    body = (
        HEADER.pack(
            START,
            VERSION,
            flags,
            error,
            request.message,
            request.regarding,
            b"",
            request.checksum if request.checksum == CHECKSUM_MD5 else 0,
            len(immediate),
            immediate,
            len(payload) + FOOTER.size,
        )
        + payload
    )
    checksum = _md5(body) if request.checksum == CHECKSUM_MD5 else b""
    return body + FOOTER.pack(checksum, END)


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _coefficient(coefficients: tuple[float, ...], index: bytes) -> bytes:
    if len(index) != 1:
        raise RefusedError(WRONG_LENGTH)
    if index[0] >= len(coefficients):
        raise RefusedError(NO_INFORMATION)
    return struct.pack("<f", coefficients[index[0]])
