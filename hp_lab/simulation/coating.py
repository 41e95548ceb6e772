"""Coats: what spinning makes of the liquids that landed on a substrate.

A coat is one wetting, spinning and drying. Drying is counted in seconds at 4000 rpm: a
clock that runs with the speed to the power 0.7. At a certain reading of that clock the
ink is supersaturated; an antisolvent drop then gives many small nuclei and an even
film, earlier or later it does not.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hp_lab.simulation import constants as c
from hp_lab.simulation.films import Deposit, FilmHistory, Ramp
from hp_lab.simulation.inks import Ink, inert_m, ink_of
from hp_lab.simulation.liquids import WellContents, mixed
from hp_lab.simulation.variation import Variation


@dataclass(frozen=True, slots=True, kw_only=True)
class Coat:
    """One dried layer.

    Attributes:
        start_s: When it was started.
        end_s: When the spinning ended.
        ink: The perovskite ink, or None for an inert layer.
        thickness_nm: Of the perovskite, before volume changes by its phases.
        inert_nm: Of inert solutes.
        quality: How well the drop hit its window, 0 to 1.
        redissolves: Whether its solvent takes the layers below away.
    """

    start_s: float
    end_s: float
    ink: Ink | None
    thickness_nm: float
    inert_nm: float
    quality: float
    redissolves: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spin:
    """From standstill to standstill: the ramps, and when it stood again."""

    ramps: tuple[Ramp, ...]
    end_s: float

    def drying_s(self, until_s: float) -> float:
        """Return the drying clock's reading at a time, seconds at 4000 rpm."""
        return sum(
            _drying(ramp, min(end_s, until_s)) for ramp, end_s in self._with_ends()
        )

    def when_dry_s(self, reading_s: float) -> float:
        """Return when the drying clock has a reading; the end when it never has."""
        done_s = 0.0
        for ramp, end_s in self._with_ends():
            gained_s = _drying(ramp, end_s)
            if done_s + gained_s >= reading_s:
                # The clock is monotonic within a ramp: bisect.
                low_s, high_s = ramp.at_s, end_s
                for _ in range(40):
                    middle_s = 0.5 * (low_s + high_s)
                    if done_s + _drying(ramp, middle_s) < reading_s:
                        low_s = middle_s
                    else:
                        high_s = middle_s
                return high_s
            done_s += gained_s
        return self.end_s

    def fastest_rpm(self, until_s: float) -> float:
        """Return the highest speed reached up to a time."""
        return max(
            (
                max(ramp.from_rpm, ramp.speed_rpm(min(end_s, until_s)))
                for ramp, end_s in self._with_ends()
                if ramp.at_s <= until_s
            ),
            default=0.0,
        )

    def _with_ends(self) -> list[tuple[Ramp, float]]:
        ends_s = [ramp.at_s for ramp in self.ramps[1:]] + [self.end_s]
        return list(zip(self.ramps, ends_s, strict=True))


def _drying(ramp: Ramp, until_s: float) -> float:
    """Return the integral of (speed / 4000 rpm)^p from a ramp's start to a time."""
    if until_s <= ramp.at_s:
        return 0.0
    power = c.DRYING_SPEED_POWER
    first = abs(ramp.from_rpm) / c.DRYING_RPM
    last = abs(ramp.speed_rpm(until_s)) / c.DRYING_RPM
    ramping_s = min(until_s, ramp.end_s) - ramp.at_s
    total = 0.0
    if ramping_s > 0:
        if abs(last - first) < 1e-9:
            total += ramping_s * math.pow(first, power)
        else:
            rise = math.pow(last, power + 1) - math.pow(first, power + 1)
            total += ramping_s * rise / (last - first) / (power + 1)
    return total + max(until_s - ramp.end_s, 0.0) * math.pow(last, power)


def coats_of(
    history: FilmHistory, now_s: float, variation: Variation
) -> tuple[Coat, ...]:
    """Return the coats on a substrate at a time, the lowest first."""
    spins = _spins(history.ramps, now_s)
    waiting = [deposit for deposit in history.deposits if deposit.at_s <= now_s]
    coats: list[Coat] = []
    for spin in spins:
        landed = [deposit for deposit in waiting if deposit.at_s <= spin.end_s]
        waiting = waiting[len(landed) :]
        if landed:
            coats.append(_spun(landed, spin, variation))
    if waiting:
        coats.append(_unspun(waiting))
    return tuple(coats)


def _spins(ramps: tuple[Ramp, ...], now_s: float) -> list[_Spin]:
    spins: list[_Spin] = []
    current: list[Ramp] = []
    for ramp in (ramp for ramp in ramps if ramp.at_s <= now_s):
        if current or ramp.to_rpm > 0 or ramp.from_rpm > 0:
            current.append(ramp)
        if current and ramp.to_rpm <= 0:
            spins.append(_Spin(ramps=tuple(current), end_s=min(ramp.end_s, now_s)))
            current = []
    if current:
        spins.append(_Spin(ramps=tuple(current), end_s=now_s))
    return spins


def _spun(landed: list[Deposit], spin: _Spin, variation: Variation) -> Coat:
    inks, drops = _sorted(landed)
    pool = mixed(deposit.liquid for deposit in inks)
    ink = ink_of(pool)
    if ink is None:
        speed_rpm = max(spin.fastest_rpm(spin.end_s), c.SPREADS_RPM)
        thin = (speed_rpm / c.DRYING_RPM) ** c.THICKNESS_SPEED_POWER
        return Coat(
            start_s=landed[0].at_s,
            end_s=spin.end_s,
            ink=None,
            thickness_nm=0.0,
            inert_nm=c.INERT_NM_PER_M * inert_m(pool) * thin,
            quality=1.0,
            redissolves=_polar_share(pool) > c.REDISSOLVES_POLAR,
        )
    window_s = window_of(ink, pool.solvents) * math.exp(
        c.DRYING_BATCH * variation.batch("drying")
    )
    quality = _quality(drops, spin, window_s, variation) * _solvent_quality(pool)
    # The film stops thinning when it is dropped on or supersaturated.
    set_s = spin.when_dry_s(c.DRY_AT_WINDOW * window_s)
    earliest_s = c.DROP_SETS_AT_WINDOW * window_s
    hits_s = [d.at_s for d in drops if spin.drying_s(d.at_s) > earliest_s]
    set_s = min([set_s, *hits_s])
    speed_rpm = max(spin.fastest_rpm(set_s), c.SPREADS_RPM)
    if spin.drying_s(spin.end_s) < c.WET_UNTIL_WINDOW * window_s and not hits_s:
        quality *= c.TAKEN_WET_QUALITY
    thickness_nm = (
        c.THICKNESS_NM
        * (min(ink.pb_m, c.SOLUBLE_PB_M) / c.THICKNESS_PB_M) ** c.THICKNESS_PB_POWER
        * (speed_rpm / c.THICKNESS_RPM) ** c.THICKNESS_SPEED_POWER
        * -math.expm1(-((pool.volume_ul / c.FULL_COVER_UL) ** 2))
        * variation.factor("thickness", c.LN_THICKNESS_FILM, c.LN_THICKNESS_BATCH)
    )
    return Coat(
        start_s=landed[0].at_s,
        end_s=spin.end_s,
        ink=ink,
        thickness_nm=thickness_nm,
        inert_nm=0.0,
        quality=quality,
        redissolves=True,
    )


def _unspun(landed: list[Deposit]) -> Coat:
    """Return what is left when a wet substrate is not spun: a thick, uneven film."""
    pool = mixed(deposit.liquid for deposit in landed)
    ink = ink_of(pool)
    thickness_nm = 0.0
    if ink is not None:
        thickness_nm = (
            c.DROP_CAST_THICKNESS
            * c.THICKNESS_NM
            * ink.pb_m
            / c.THICKNESS_PB_M
            * pool.volume_ul
            / (pool.volume_ul + c.DROP_CAST_UL)
        )
    return Coat(
        start_s=landed[0].at_s,
        end_s=landed[-1].at_s,
        ink=ink,
        thickness_nm=thickness_nm,
        inert_nm=0.0
        if ink is not None
        else c.DROP_CAST_INERT * c.INERT_NM_PER_M * inert_m(pool),
        quality=c.DROP_CAST_QUALITY * c.NO_DROP_QUALITY,
        redissolves=_polar_share(pool) > c.REDISSOLVES_POLAR,
    )


def window_of(ink: Ink, solvents: Mapping[str, float]) -> float:
    """Return the drying clock's reading at which the drop should fall, seconds."""
    composition = ink.composition
    solvent_s = sum(
        share * c.DRYING_S.get(_plain(name), c.OTHER_DRYING_S)
        for name, share in solvents.items()
    )
    nucleates = math.exp(
        composition.spacers.mean("drying", 0.0) * min(ink.spacer_charge, 1.0)
        + c.WINDOW_BROMIDE * composition.bromide
    )
    dilute = math.pow(max(ink.pb_m, c.WINDOW_LEAST_PB_M), c.WINDOW_DILUTE_POWER)
    return solvent_s * nucleates * dilute


def _sorted(landed: list[Deposit]) -> tuple[list[Deposit], list[Deposit]]:
    """Return the inks, and the antisolvent drops that fell on them."""
    inks: list[Deposit] = []
    drops: list[Deposit] = []
    for deposit in landed:
        wet = bool(inks) and ink_of(mixed(d.liquid for d in inks)) is not None
        liquid = deposit.liquid
        if wet and _polar_share(liquid) < c.DROP_POLAR and ink_of(liquid) is None:
            drops.append(deposit)
        else:
            inks.append(deposit)
    return inks, drops


def _polar_share(liquid: WellContents) -> float:
    return sum(
        share for name, share in liquid.solvents.items() if _plain(name) in c.DRYING_S
    )


def _solvent_quality(pool: WellContents) -> float:
    """Return what the ink's solvents leave of the drop's quality."""
    coordinating = sum(
        share for name, share in pool.solvents.items() if _plain(name) in c.COORDINATING
    )
    away = (coordinating - c.COORDINATING_BEST) / c.COORDINATING_WIDTH
    return max(math.exp(-0.5 * away**2), c.COORDINATING_WORST)


def _plain(solvent: str) -> str:
    return solvent.lower().replace(" ", "").replace("_", "")


def _quality(
    drops: list[Deposit], spin: _Spin, window_s: float, variation: Variation
) -> float:
    best = c.NO_DROP_QUALITY
    for drop in drops:
        late_s = (
            spin.drying_s(drop.middle_s)
            - window_s
            + c.DROP_FILM_S * variation.film("drop")
        )
        width_s = c.WINDOW_LATE_S if late_s > 0 else c.WINDOW_EARLY_S
        hit = math.exp(-0.5 * (late_s / width_s) ** 2)
        volume_ul = drop.liquid.volume_ul
        enough = -math.expm1(-volume_ul / c.DROP_ENOUGH_UL)
        flood = math.exp(-((volume_ul / c.DROP_FLOODS_UL) ** 2))
        kind = sum(
            share * c.ANTISOLVENT.get(_plain(name), c.OTHER_ANTISOLVENT)
            for name, share in drop.liquid.solvents.items()
        )
        strength = hit * enough * flood * kind
        best = max(best, c.NO_DROP_QUALITY + (1.0 - c.NO_DROP_QUALITY) * strength)
    spread = c.QUALITY_FILM * variation.film("quality")
    return min(max(best + spread, c.QUALITY_WORST), 1.0)
