"""What the preamble of a BioTek Gen5 export says of the reads that follow."""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hp_lab.analysis.spectrum import Kind

_STEP = re.compile(
    r"\b(fluorescence|luminescence|absorbance)\b[\s,;]*(?:emission\s*)?(spectrum)?",
    re.IGNORECASE,
)
_READ = re.compile(r"^\W*Read\b", re.IGNORECASE)
_OPTICS = re.compile(r"Optics:?\s*(Top|Bottom)", re.IGNORECASE)
_EXCITATION = re.compile(
    r"Excitation(?:\s*\w*)?:?\s*(\d+(?:\.\d+)?)(?:\s*/\s*(\d+(?:\.\d+)?))?",
    re.IGNORECASE,
)
_EMISSION = re.compile(
    r"Emission\s*Start:?\s*\d+(?:\.\d+)?\s*(?:nm)?\s*/\s*(\d+(?:\.\d+)?)",
    re.IGNORECASE,
)
_STOP = re.compile(r"Stop:?\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
_INTERVAL = re.compile(r"Interval:?\s*(\d+):(\d\d):(\d\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStep:
    """One read of a procedure.

    Attributes:
        kind: pl or absorbance.
        optics: top, bottom or empty where it is not stated.
        excitation_nm: 0 where it is not stated.
        bandpass_nm: Of the emission, 0 where it is not stated.
        stop_nm: Last wavelength, 0 where it is not stated.
    """

    kind: Kind
    optics: str = ""
    excitation_nm: float = 0.0
    bandpass_nm: float = 0.0
    stop_nm: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """Reads of spectra in the order of a procedure, and the time between cycles."""

    steps: tuple[ReadStep, ...]
    interval_s: float | None


def procedure_of(preamble: Sequence[str]) -> Procedure:
    """Return the procedure that a preamble states.

    Args:
        preamble: Lines above the first block.
    """
    starts = [
        index
        for index, line in enumerate(preamble)
        if _READ.search(line) and _STEP.search(line)
    ]
    steps = []
    for start, stop in itertools.pairwise([*starts, len(preamble)]):
        found = _STEP.search(preamble[start])
        # A read at single wavelengths has no block of spectra.
        if found is None or found.group(2) is None:
            continue
        steps.append(_step(found.group(1), "\n".join(preamble[start:stop])))
    interval = _INTERVAL.search("\n".join(preamble))
    seconds = None
    if interval:
        hours, minutes, rest = (float(part) for part in interval.groups())
        seconds = 3600.0 * hours + 60.0 * minutes + rest
    return Procedure(steps=tuple(steps), interval_s=seconds or None)


def _step(word: str, details: str) -> ReadStep:
    optics = _OPTICS.search(details)
    excitation = _EXCITATION.search(details)
    emission = _EMISSION.search(details)
    stop = _STOP.search(details)
    return ReadStep(
        kind="absorbance" if word.lower() == "absorbance" else "pl",
        optics=optics.group(1).lower() if optics else "",
        excitation_nm=float(excitation.group(1)) if excitation else 0.0,
        bandpass_nm=float(emission.group(1)) if emission else 0.0,
        stop_nm=float(stop.group(1)) if stop else 0.0,
    )


def assigned(kinds: Sequence[Kind], procedure: Procedure) -> list[ReadStep]:
    """Return which step of the procedure each block of an export belongs to.

    A procedure lists either every block, or one cycle of them that is repeated. Where
    it lists neither, blocks that come round in the same order are taken for a cycle.

    Args:
        kinds: Kind of each block, in order.
        procedure: What the preamble states.
    """
    steps = procedure.steps
    for period in (len(steps), _period(kinds)):
        cycle = [steps[index] for index in range(min(period, len(steps)))]
        if cycle and len(cycle) == period and _fits(kinds, cycle):
            return [cycle[index % period] for index in range(len(kinds))]
    known = {step.kind: step for step in steps if _only_one_of(steps, step.kind)}
    return [known.get(kind, ReadStep(kind=kind)) for kind in kinds]


def _fits(kinds: Sequence[Kind], cycle: Sequence[ReadStep]) -> bool:
    return len(kinds) % len(cycle) == 0 and all(
        kind == cycle[index % len(cycle)].kind for index, kind in enumerate(kinds)
    )


def _only_one_of(steps: Sequence[ReadStep], kind: Kind) -> bool:
    return len({step for step in steps if step.kind == kind}) == 1


def _period(kinds: Sequence[Kind]) -> int:
    """Return after how many blocks the kinds repeat."""
    for period in range(1, len(kinds)):
        if len(kinds) % period == 0 and all(
            kinds[index] == kinds[index % period] for index in range(len(kinds))
        ):
            return period
    return len(kinds)


def places(kinds: Sequence[Kind], steps: Sequence[ReadStep]) -> list[tuple[str, int]]:
    """Return the series of each block and its number within it, from 0.

    Interleaved reads of one kind (PL from the top, then from the bottom) are told apart
    by their place in the cycle where the procedure does not name their optics.

    Args:
        kinds: Kind of each block, in order.
        steps: Step of each block, see ``assigned``.
    """
    period = _period(kinds)
    several = len({step.excitation_nm for step in steps if step.kind == "pl"}) > 1
    named = []
    for index, step in enumerate(steps):
        words = [step.kind, step.optics]
        if several and step.kind == "pl" and step.excitation_nm:
            words.append(f"{step.excitation_nm:g} nm")
        twins = [
            place
            for place in range(period)
            if kinds[place] == step.kind and steps[place] == step
        ]
        if len(twins) > 1 and period < len(kinds):
            words.append(str(twins.index(index % period) + 1))
        named.append(" ".join(word for word in words if word))
    counts: Counter[str] = Counter()
    found = []
    for name in named:
        found.append((name, counts[name]))
        counts[name] += 1
    return found
