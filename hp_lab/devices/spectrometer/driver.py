"""A fibre spectrometer with lamp, excitation LED and shutter."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from hp_lab import lab_config
from hp_lab.clock import Clock, Signal
from hp_lab.devices.spectrometer.exposure import AutoExposure, peak_counts
from hp_lab.devices.spectrometer.light import LightBox
from hp_lab.devices.spectrometer.ocean import OceanPort
from hp_lab.devices.spectrometer.protocol import OnPhase, SpectrometerInfo
from hp_lab.errors import Aborted, DeviceError, DeviceLost, InvalidInput
from hp_lab.records import Mode, Spectrum
from hp_lab.units import FloatArray

_LOG = logging.getLogger(__name__)

# After a change of light, until it is steady.
LAMP_SETTLE_S = 2.0
LED_SETTLE_S = 0.2
SHUTTER_SETTLE_S = 0.1
# A dark older than this is taken anew: offset and dark current follow the temperature.
DARK_AGE_S = 60.0
FIRST_TRY_S = 0.05
AUTO_LONGEST_S = 5.0
MOST_TRIES = 10
# Light of the excitation itself is not what an exposure is chosen for.
EXCITATION_MARGIN_NM = 20.0
MOST_AVERAGES = 1000
MOST_REPEATS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """Averaged exposures: counts and where any was saturated, shape (k,)."""

    counts: FloatArray
    saturated: np.ndarray
    start_s: float


class OceanSpectrometer:
    """The spectrometer station.

    Args:
        address: The spectrometer's, HOST:PORT or inproc://NAME.
        light_port: Serial port of the light box.
        clock: The clock of this device.
        config: Model and excitation wavelength.

    Raises:
        InvalidConfig: The address or the model cannot be.
    """

    def __init__(
        self,
        address: str,
        light_port: str,
        clock: Clock,
        config: lab_config.Spectrometer,
    ) -> None:
        self._clock = clock
        self._config = config
        self._port = OceanPort(address, config.model)
        self._lights = LightBox(light_port, clock)
        self._info: SpectrometerInfo | None = None
        self._wavelength_nm: FloatArray = np.empty(0)
        self._reference: Spectrum | None = None

    @property
    def info(self) -> SpectrometerInfo:
        """What the spectrometer said of itself.

        Raises:
            DeviceLost: It was never connected.
        """
        if self._info is None:
            msg = "spectrometer: not connected; connect first"
            raise DeviceLost(msg)
        return self._info

    @property
    def reference(self) -> Spectrum | None:
        """The reference that absorbance and transmittance are divided by."""
        return self._reference

    def use_reference(self, reference: Spectrum) -> None:
        """Take a reference that was read earlier, for instance before a restart.

        Raises:
            InvalidInput: It is no reference, has no dark, or is another spectrometer's.
        """
        if reference.mode != "reference" or reference.dark.shape != (
            reference.counts.shape
        ):
            msg = (
                f"spectrometer: a reference with its dark is needed, not a spectrum in "
                f"mode {reference.mode} with {reference.dark.size} dark pixels"
            )
            raise InvalidInput(msg)
        if self._wavelength_nm.size and not np.array_equal(
            self._wavelength_nm, reference.wavelength_nm
        ):
            msg = "spectrometer: the reference has other wavelengths; take it anew"
            raise InvalidInput(msg)
        self._reference = reference

    def connect(self) -> None:
        """Connect to detector and lights and put the lights out.

        Raises:
            DeviceLost: One of them does not answer.
            DeviceFault: One of them answers nonsense.
        """
        self._lights.open()
        self._lights.state()
        self._lights.put_out()
        self._info = self._port.open()
        self._wavelength_nm = self._port.wavelength_nm()

    def close(self) -> None:
        """Disconnect."""
        self._port.close()
        self._lights.close()

    def make_safe(self) -> None:
        """Put all lights out and close the shutter.

        Raises:
            DeviceLost: The lights do not answer.
        """
        self._lights.open()
        self._lights.put_out()

    def acquire(
        self,
        mode: Mode,
        *,
        sample_id: str,
        integration_s: float = 0.0,
        averages: int = 1,
        repeats: int = 1,
        interval_s: float = 0.0,
        stop: Signal,
        on_phase: OnPhase | None = None,
    ) -> list[Spectrum]:
        """Take spectra of what is on the stage; see the protocol for arguments.

        A spectrum that is saturated even at the shortest integration time is returned
        with its mask; it is a lower bound of the light.
        """
        self._check(mode, integration_s, averages, repeats, interval_s)
        tell = on_phase or _say_nothing
        with self._lit(mode, stop):
            if integration_s == 0.0:
                tell("exposure", 0)
                integration_s = self._chosen_s(mode, stop)
            integration_s = self._port.set_integration(integration_s)
            first_s = self._clock.now_s()
            spectra: list[Spectrum] = []
            dark: _Reading | None = None
            for repeat in range(repeats):
                self._wait_until(first_s + repeat * interval_s, stop)
                if dark is None or self._clock.now_s() - dark.start_s > DARK_AGE_S:
                    tell("dark", repeat)
                    dark = self._dark(averages, stop)
                tell("reference" if mode == "reference" else "sample", repeat)
                reading = self._bright(averages, stop)
                spectra.append(
                    self._spectrum(
                        mode, sample_id, reading, dark, integration_s, averages
                    )
                )
        if mode == "reference":
            self._reference = spectra[-1]
        return spectra

    def _check(
        self,
        mode: Mode,
        integration_s: float,
        averages: int,
        repeats: int,
        interval_s: float,
    ) -> None:
        if mode in ("absorbance", "transmittance") and self._reference is None:
            msg = (
                f"spectrometer: {mode} needs a reference; put a bare substrate on the "
                "stage and take one with mode reference first"
            )
            raise InvalidInput(msg)
        if mode not in (
            "absorbance",
            "transmittance",
            "photoluminescence",
            "reference",
        ):
            msg = (
                f"spectrometer: no mode {mode!r}; there are absorbance, transmittance, "
                "photoluminescence and reference"
            )
            raise InvalidInput(msg)
        info = self.info
        # Written so that a NaN fails too.
        if integration_s != 0.0 and not (
            info.shortest_s <= integration_s <= info.longest_s
        ):
            msg = (
                f"spectrometer: integration_s {integration_s} must be "
                f"{info.shortest_s:g} to {info.longest_s:g} s, or 0 to choose it"
            )
            raise InvalidInput(msg)
        for name, value, most in (
            ("averages", averages, MOST_AVERAGES),
            ("repeats", repeats, MOST_REPEATS),
        ):
            if not 1 <= value <= most:
                msg = f"spectrometer: {name} {value} must be 1 to {most}"
                raise InvalidInput(msg)
        if not 0.0 <= interval_s < float("inf"):
            msg = f"spectrometer: interval_s {interval_s} must be 0 or more"
            raise InvalidInput(msg)

    @contextmanager
    def _lit(self, mode: Mode, stop: Signal) -> Iterator[None]:
        """Have the mode's light on, and everything dark afterwards."""
        try:
            self._lights.close_shutter()
            if mode == "photoluminescence":
                self._lights.set_lamp(False)
                self._lights.set_led(1.0)
                self._pause(LED_SETTLE_S, stop)
            else:
                self._lights.set_led(0.0)
                self._lights.set_lamp(True)
                self._pause(LAMP_SETTLE_S, stop)
            yield
        except BaseException:
            try:
                self._lights.put_out()
            except DeviceError as error:
                # What went wrong first is what the caller has to hear of.
                _LOG.error("spectrometer: the lights may be on: %s", error)
            raise
        self._lights.put_out()

    def _chosen_s(self, mode: Mode, stop: Signal) -> float:
        """Return an integration time for what is on the stage."""
        info = self.info
        if mode in ("absorbance", "transmittance") and self._reference is not None:
            # Film and bare substrate at one integration time share one dark, and the
            # bare substrate is the brighter of the two.
            return self._reference.integration_s
        auto = AutoExposure(
            ceiling_counts=info.ceiling_counts,
            shortest_s=info.shortest_s,
            longest_s=min(AUTO_LONGEST_S, info.longest_s),
        )
        where = np.ones(self._wavelength_nm.shape, dtype=bool)
        if mode == "photoluminescence":
            edge_nm = self._config.excitation_nm + EXCITATION_MARGIN_NM
            where = self._wavelength_nm > edge_nm
        self._port.set_integration(info.shortest_s)
        floor = peak_counts(self._dark(1, stop).counts, where)
        chosen_s = FIRST_TRY_S
        for _ in range(MOST_TRIES):
            chosen_s = self._port.set_integration(chosen_s)
            peak = peak_counts(self._bright(1, stop).counts, where)
            better_s = auto.next_s(chosen_s, peak, floor)
            if better_s is None:
                break
            chosen_s = better_s
        return chosen_s

    def _dark(self, averages: int, stop: Signal) -> _Reading:
        self._lights.close_shutter()
        self._pause(SHUTTER_SETTLE_S, stop)
        return self._exposures(averages, stop)

    def _bright(self, averages: int, stop: Signal) -> _Reading:
        self._lights.open_shutter()
        self._pause(SHUTTER_SETTLE_S, stop)
        return self._exposures(averages, stop)

    def _exposures(self, averages: int, stop: Signal) -> _Reading:
        start_s = self._clock.now_s()
        total = np.zeros(self._wavelength_nm.shape)
        saturated = np.zeros(self._wavelength_nm.shape, dtype=bool)
        for _ in range(averages):
            counts = self._port.read()
            if stop.is_set():
                # Whoever stopped may have put the lights out while it was exposed.
                msg = "spectrometer: stopped; the last exposure was thrown away"
                raise Aborted(msg)
            total += counts
            saturated |= counts >= self.info.ceiling_counts
        return _Reading(counts=total / averages, saturated=saturated, start_s=start_s)

    def _spectrum(
        self,
        mode: Mode,
        sample_id: str,
        reading: _Reading,
        dark: _Reading,
        integration_s: float,
        averages: int,
    ) -> Spectrum:
        reference: FloatArray = np.empty(0)
        reference_s = 0.0
        known = self._reference
        if mode in ("absorbance", "transmittance") and known is not None:
            reference_s = known.integration_s
            # On this spectrum's dark, so that one dark is right for both, whatever
            # their integration times; the ceiling stays visible.
            reference = known.counts - known.dark + dark.counts
            reference[known.saturated] = known.counts[known.saturated]
        excited = mode == "photoluminescence"
        return Spectrum(
            mode=mode,
            sample_id=sample_id,
            wavelength_nm=self._wavelength_nm,
            counts=reading.counts,
            dark=dark.counts,
            reference=reference,
            saturated=reading.saturated,
            integration_s=integration_s,
            reference_integration_s=reference_s,
            averages=averages,
            excitation_nm=self._config.excitation_nm if excited else 0.0,
            taken_s=reading.start_s,
        )

    def _wait_until(self, when_s: float, stop: Signal) -> None:
        wait_s = when_s - self._clock.now_s()
        if wait_s > 0:
            self._pause(wait_s, stop)

    def _pause(self, duration_s: float, stop: Signal) -> None:
        if stop.wait(duration_s):
            msg = "spectrometer: stopped"
            raise Aborted(msg)


def _say_nothing(phase: str, repeat: int) -> None:
    del phase, repeat
