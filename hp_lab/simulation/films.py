"""Films as substrates to which things happened: the record from which all else follows.

A history is frozen; whatever happens gives a new one. Nothing hidden is in it, it is
what the instruments really did.
"""

from dataclasses import dataclass, replace

from hp_lab.simulation.liquids import WellContents
from hp_lab.simulation.plates import Plate


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """Liquid that landed on the substrate."""

    at_s: float
    liquid: WellContents
    rate_ul_s: float

    @property
    def middle_s(self) -> float:
        """When half of the liquid had arrived."""
        if self.rate_ul_s <= 0:
            return self.at_s
        return self.at_s + 0.5 * self.liquid.volume_ul / self.rate_ul_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """A linear change of the chuck's speed, which then stays."""

    at_s: float
    from_rpm: float
    to_rpm: float
    acceleration_rpm_s: float

    @property
    def end_s(self) -> float:
        """When the new speed is reached."""
        change = abs(self.to_rpm - self.from_rpm)
        if change == 0 or self.acceleration_rpm_s <= 0:
            return self.at_s
        return self.at_s + change / self.acceleration_rpm_s

    def speed_rpm(self, at_s: float) -> float:
        """Return the speed at a time after the ramp's start."""
        if at_s >= self.end_s:
            return self.to_rpm
        done = (at_s - self.at_s) / (self.end_s - self.at_s)
        return self.from_rpm + done * (self.to_rpm - self.from_rpm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heating:
    """A stay on a hotplate; ``leave_s`` is None while it lasts."""

    arrive_s: float
    leave_s: float | None
    plate: Plate


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A stay under the excitation light; ``end_s`` is None while it lasts."""

    start_s: float
    end_s: float | None
    level: float

    def until_s(self, now_s: float) -> float:
        """Return its end, or the time at hand while it lasts."""
        return now_s if self.end_s is None else self.end_s


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmHistory:
    """All that happened to a substrate, each list in the order of time.

    Attributes:
        film_id: The tray slot in which the substrate was at the start.
        placements: How often it was put on the stage.
    """

    film_id: str
    deposits: tuple[Deposit, ...] = ()
    ramps: tuple[Ramp, ...] = ()
    heatings: tuple[Heating, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    placements: int = 0

    def wetted(self, deposit: Deposit) -> "FilmHistory":
        """Return the history with one more liquid on it."""
        return replace(self, deposits=(*self.deposits, deposit))

    def spun(self, ramp: Ramp) -> "FilmHistory":
        """Return the history with one more change of speed."""
        return replace(self, ramps=(*self.ramps, ramp))

    def heated(self, now_s: float, plate: Plate) -> "FilmHistory":
        """Return the history of a film put on a hotplate."""
        stay = Heating(arrive_s=now_s, leave_s=None, plate=plate.since(now_s))
        return replace(self, heatings=(*self.heatings, stay))

    def on_changed_plate(self, now_s: float, setpoint_c: float | None) -> "FilmHistory":
        """Return the history of a film whose hotplate got a new set point."""
        last = self.heatings[-1]
        stay = replace(last, plate=last.plate.set(now_s, setpoint_c))
        return replace(self, heatings=(*self.heatings[:-1], stay))

    def cooled(self, now_s: float) -> "FilmHistory":
        """Return the history of a film taken off its hotplate."""
        stay = replace(self.heatings[-1], leave_s=now_s)
        return replace(self, heatings=(*self.heatings[:-1], stay))

    def lit(self, now_s: float, level: float) -> "FilmHistory":
        """Return the history under a new level of the excitation light, 0 for none."""
        exposures = list(self.exposures)
        if exposures and exposures[-1].end_s is None:
            exposures[-1] = replace(exposures[-1], end_s=now_s)
        if level > 0:
            exposures.append(Exposure(start_s=now_s, end_s=None, level=level))
        return replace(self, exposures=tuple(exposures))

    def placed(self) -> "FilmHistory":
        """Return the history of a film put on the stage once more."""
        return replace(self, placements=self.placements + 1)

    def light_dose_s(self, now_s: float) -> float:
        """Return the dose of excitation light, in seconds at full level."""
        return sum(
            stay.level * max(min(now_s, stay.until_s(now_s)) - stay.start_s, 0.0)
            for stay in self.exposures
        )

    def made_s(self, now_s: float) -> float:
        """Return when the film was last coated, spun or heated, at most now."""
        times = [deposit.at_s for deposit in self.deposits]
        times += [ramp.end_s for ramp in self.ramps]
        times += [
            now_s if stay.leave_s is None else stay.leave_s for stay in self.heatings
        ]
        return min(max(times, default=now_s), now_s)
