"""An Ocean spectrometer on the network, through the seabreeze library.

seabreeze's backend in Python knows spectrometers over TCP (this was written for 2.11).
What it does with a socket is not enough for a laboratory that runs by itself: it waits
for ever, takes a closed connection for an endless wait, adds each integration time to
the next timeout, and does not say when a setting was refused. So it gets a handle of
our own, whose "socket" is a byte stream: TCP, or a stream in this process. Nothing is
patched; one entry a model goes into its table of network addresses, under 0.0.0.0.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import seabreeze.pyseabreeze
from seabreeze.pyseabreeze.transport import IPv4TransportHandle
from seabreeze.spectrometers import SeaBreezeError, Spectrometer

from hp_lab.devices.spectrometer.protocol import SpectrometerInfo
from hp_lab.devices.tcp_stream import stream_opener
from hp_lab.devices.transport import ByteStream
from hp_lab.errors import DeviceFault, DeviceLost, InvalidConfig, InvalidInput
from hp_lab.units import FloatArray

# Beyond the integration time; large, because it only has to end a hung exchange.
TIMEOUT_S = 10.0
# Models with a network connection, and the number under which each is registered.
MODELS = {"HDX": 1}
_NACK = 0x0008
_FRAME = 64


class OceanPort:
    """One spectrometer.

    Args:
        address: HOST:PORT or inproc://NAME.
        model: HDX.

    Raises:
        InvalidConfig: The address or the model cannot be.
    """

    def __init__(self, address: str, model: str) -> None:
        if model not in MODELS:
            msg = (
                f"spectrometer.model: {model!r} has no network connection in "
                f"seabreeze; use {' or '.join(MODELS)}"
            )
            raise InvalidConfig(msg)
        self._address = address
        self._model = model
        self._connect = stream_opener(address)
        self._socket: _StreamSocket | None = None
        self._spectrometer: _Spectrometer | None = None
        self._info: SpectrometerInfo | None = None

    def open(self) -> SpectrometerInfo:
        """Connect and ask who is there."""
        self.close()
        with self._errors("connecting"):
            handle = _Handle(self._connect, MODELS[self._model])
            # The library's own types disagree about its devices.
            device: Any = seabreeze.pyseabreeze.SeaBreezeDevice(_registered(handle))
            self._spectrometer = spectrometer = _Spectrometer(device)
            self._socket = handle.socket
            shortest_us, longest_us = spectrometer.integration_time_micros_limits
            feature = spectrometer.f.nonlinearity_coefficients
            return SpectrometerInfo(
                model=spectrometer.model,
                serial=spectrometer.serial_number,
                pixels=spectrometer.pixels,
                ceiling_counts=float(spectrometer.max_intensity),
                shortest_s=shortest_us / 1_000_000,
                # seabreeze takes times below its upper limit, not the limit itself.
                longest_s=(longest_us - 1) / 1_000_000,
                nonlinearity=tuple(feature.get_nonlinearity_coefficients()),
            )

    def wavelength_nm(self) -> FloatArray:
        """Return the wavelengths of the pixels, shape (pixels,)."""
        return np.array(self._open().wavelengths(), dtype=np.float64)

    def set_integration(self, integration_s: float) -> float:
        """Set the integration time, to the microsecond, and return it."""
        spectrometer = self._open()
        micros = round(integration_s * 1_000_000) if np.isfinite(integration_s) else 0
        shortest_us, longest_us = spectrometer.integration_time_micros_limits
        if not shortest_us <= micros < longest_us:
            msg = (
                f"spectrometer: integration time {integration_s:g} s must be at least "
                f"{shortest_us / 1e6:g} s and below {longest_us / 1e6:g} s"
            )
            raise InvalidInput(msg)
        with self._errors(f"setting the integration time to {integration_s:g} s"):
            spectrometer.integration_time_micros(micros)
            if self._socket is not None and self._socket.refused:
                msg = f"error {self._socket.refused} of its protocol"
                raise SeaBreezeError(msg)
        return micros / 1_000_000

    def read(self) -> FloatArray:
        """Expose once and return the counts, shape (pixels,)."""
        spectrometer = self._open()
        with self._errors("reading a spectrum"):
            return np.array(spectrometer.intensities(), dtype=np.float64)

    def close(self) -> None:
        """Disconnect; closing twice does nothing."""
        self._spectrometer = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> "_Spectrometer":
        if self._spectrometer is None:
            # An exchange that failed leaves bytes behind, so the connection was ended.
            self.open()
        if self._spectrometer is None:
            msg = f"spectrometer at {self._address}: not connected"
            raise DeviceLost(msg)
        return self._spectrometer

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        what = f"spectrometer at {self._address}: {doing}"
        try:
            yield
        except DeviceLost:
            self.close()
            raise
        except SeaBreezeError as error:
            self.close()
            msg = f"{what}: refused ({error})"
            raise DeviceFault(msg) from error
        except OSError as error:
            self.close()
            refusal = error.__context__
            if isinstance(refusal, SeaBreezeError):
                # After a refusal seabreeze reads on, to no avail, to be in step again.
                msg = f"{what}: refused ({refusal})"
                raise DeviceFault(msg) from error
            msg = f"{what}: no answer ({error}); check its power and network"
            raise DeviceLost(msg) from error
        except (struct.error, AssertionError, KeyError, TypeError, ValueError) as error:
            self.close()
            msg = f"{what}: the answer makes no sense ({error!r})"
            raise DeviceFault(msg) from error


class _Spectrometer(Spectrometer):
    """seabreeze's spectrometer on its Python backend, whatever others have chosen."""

    _backend: Any = seabreeze.pyseabreeze


class _StreamSocket:
    """As much of a socket as seabreeze uses, on a byte stream.

    Attributes:
        refused: Error number of the last short answer if it was a refusal, else 0.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._timeout_s = TIMEOUT_S
        self.refused = 0

    def settimeout(self, timeout_s: float) -> None:
        """Set how long the next answer may take."""
        self._timeout_s = timeout_s

    def gettimeout(self) -> float:
        """Get the usual timeout, to which seabreeze adds the integration time."""
        return TIMEOUT_S

    def send(self, data: bytes) -> int:
        """Send all the bytes."""
        self._stream.write(bytes(data))
        self._timeout_s = TIMEOUT_S
        return len(data)

    def recv_into(self, view: memoryview, size: int) -> int:
        """Fill a part of the view and return how much; waiting has an end."""
        data = self._stream.read(size, self._timeout_s)
        if not data:
            msg = f"nothing came within {self._timeout_s:g} s"
            raise TimeoutError(msg)
        view[: len(data)] = data
        if len(data) == size == _FRAME:
            _, _, flags, error = struct.unpack_from("<HHHH", data)
            self.refused = error if flags & _NACK else 0
        return len(data)

    def close(self) -> None:
        """End the connection."""
        self._stream.close()


class _Handle(IPv4TransportHandle):
    """A connection that seabreeze takes for a spectrometer on the network."""

    def __init__(self, connect: Callable[[], ByteStream], model_number: int) -> None:
        # The base class would make a socket that is never used, or closed.
        self._connect = connect
        self.identity = (0, model_number, 0, 0)
        self.socket: Any = None

    def open(self) -> None:
        """Connect."""
        self.socket = _StreamSocket(self._connect())

    def close(self) -> None:
        """Disconnect."""
        if self.socket is not None:
            self.socket.close()

    @property
    def closed(self) -> bool:
        """Whether it was never opened."""
        return self.socket is None


def _registered(handle: _Handle) -> _Handle:
    """Return the handle, after telling seabreeze which model its address is."""
    api = seabreeze.pyseabreeze.SeaBreezeAPI(initialize=False)
    (model,) = (m for m, number in MODELS.items() if number == handle.identity[1])
    host, port = handle.get_address()
    try:
        api.add_ipv4_device_location(model, host, port)
    except ValueError:
        # It is in the table already.
        return handle
    return handle
