"""How well the analysis reads spectra; prints JSON with one line for each bar.

``python benchmarks/analysis.py [--films 500] [--spoiled 2000] [--quick]``

Constants of the analysis are calibrated on films with seeds below 50,000 and judged on
those from ``--seed`` on.
"""

import argparse
import csv
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from blind_films import BlindFilm, blind_film
from plate_export import export
from spoiled_spectra import SPOILERS

import hp_lab.analysis
from hp_lab.analysis.analyzed_spectrum import analyzed_files
from hp_lab.analysis.file_analysis import analyze_files
from hp_lab.analysis.file_report import as_dictionary
from hp_lab.analysis.film import FilmResult, analyze_film
from hp_lab.analysis.library import phase_label
from hp_lab.analysis.plate_report import plate_report
from hp_lab.analysis.quality import is_doubt
from hp_lab.analysis.readers.any_file import read_any
from hp_lab.records import Observation

DATA = Path(hp_lab.analysis.__file__).parent / "data"
Bar = dict[str, object]


def bar(name: str, value: float, bound: str, met: bool) -> Bar:
    """Return one line of the result."""
    return {"name": name, "value": round(float(value), 4), "bound": bound, "met": met}


def published_peaks() -> list[Bar]:
    """Compare the 145 real PL spectra with their published peaks and widths."""
    with (DATA / "npl" / "synthesis.csv").open() as table:
        rows = {row["PL_data"]: row for row in csv.DictReader(table, delimiter=";")}
    results = analyze_files(sorted((DATA / "npl" / "spectrum").glob("*.txt")))
    offsets, widths, silent = [], [], 0
    for found in results:
        row, peak = rows[found["file"]], (found["peaks"] or [None])[0]
        if peak is None:
            offsets.append(np.inf)
            widths.append(np.inf)
            continue
        offsets.append(abs(peak["center_nm"] - float(row["peak_pos"])))
        published = float(row["fwhm"])
        width = peak["fwhm_ev"]
        widths.append(np.inf if width is None else abs(width / published - 1.0))
        silent += found["status"] == "ok" and offsets[-1] > 2.0
    right = float(np.mean(np.array(widths) < 0.10))
    return [
        bar(
            "npl: largest distance from the published peak, nm",
            max(offsets),
            "<= 2",
            max(offsets) <= 2.0,
        ),
        bar("npl: share of widths within 10 %", right, ">= 0.95", right >= 0.95),
        bar("npl: silently wrong", silent, "0", silent == 0),
    ]


def instrument_files() -> list[Bar]:
    """Compare what is read from LuQY and StellarNet files with their own headers."""
    gaps, splittings, yields = [], [], []
    for found in analyze_files(sorted((DATA / "luqy").glob("*.txt"))):
        header, absolute = found["header"], found["absolute"]
        gaps.append(abs(found["gap_ev"] - float(header["Bandgap (eV)"])))
        splittings.append(abs(absolute["splitting_ev"] - float(header["iVoc (V)"])))
        printed = float(header["LuQY (%)"])
        yields.append(abs(100.0 * absolute["quantum_yield"] / printed - 1.0))
    cursors = []
    for path in sorted((DATA / "stellarnet").glob("*.*M")):
        (spectrum,) = read_any(path)
        place_nm = float(spectrum.header["Wave"].removesuffix("nm"))
        scale = 100.0 if spectrum.kind == "transmission" else 1.0
        value = np.interp(place_nm, spectrum.wavelength_nm, spectrum.value)
        cursors.append(abs(scale * value / float(spectrum.header["Val"]) - 1.0))
    return [
        bar(
            "luqy: gap against the printed one, eV",
            max(gaps),
            "<= 0.0005 (its last digit)",
            max(gaps) <= 0.0005,
        ),
        bar(
            "luqy: quasi-Fermi level splitting against the printed one, eV",
            max(splittings),
            "<= 0.01",
            max(splittings) <= 0.01,
        ),
        bar(
            "luqy: quantum yield against the printed one",
            max(yields),
            "0",
            max(yields) < 1e-9,
        ),
        bar(
            "stellarnet: value at the cursor against the printed one",
            max(cursors),
            "<= 0.002 (between two pixels)",
            bool(max(cursors) <= 0.002),
        ),
    ]


def _by_quantity(result: FilmResult) -> dict[str, Observation]:
    return {item.quantity: item for item in result.observations}


def _analyzed(film: BlindFilm) -> tuple[FilmResult, float, float]:
    """Return a film's result, its total variation and the seconds it took."""
    start = time.process_time()
    result = analyze_film(
        film.spectra,
        sample_id="film",
        candidate_id="film",
        film_age_s=0.0,
        context=film.context,
    )
    spent_s = time.process_time() - start
    absorption = result.absorption
    if absorption is None:
        return result, 1.0, spent_s
    fit = absorption.phases
    found = {label: fit.share_of(label).value for label in fit.labels()}
    names = set(found) | set(film.shares)
    variation = 0.5 * sum(
        abs(found.get(name, 0.0) - film.shares.get(name, 0.0)) for name in names
    )
    return result, variation, spent_s


def _phase(observation: Observation) -> str:
    named = [flag for flag in observation.flags if flag.startswith("phase:")]
    return named[0].removeprefix("phase:")


def _truth(film: BlindFilm, result: FilmResult) -> dict[str, float]:
    """Return the true values of what was reported of a film."""
    found = _by_quantity(result)
    truth = {"pl_peak_ev": film.pl_peak_ev, "pl_fwhm_ev": film.pl_fwhm_ev}
    if result.absorption is None:
        return truth
    label = _phase(found["exciton_ev"])
    target = phase_label(film.context.n or 1.0)
    return truth | {
        "phase_purity": film.shares[target],
        "exciton_ev": film.exciton_ev[label],
        "gap_ev": film.gap_ev[label],
        "optical_density": film.optical_density(*result.absorption.window_ev),
    }


def blind(seeds: Iterable[int]) -> list[Bar]:
    """Read films of the simulated laboratory and compare with their hidden truth."""
    errors: dict[str, list[float]] = {}
    scores: dict[str, list[float]] = {}
    variations, spent, rejected, bounds, clean_flags = [], [], 0, 0, Counter()
    doubted = 0
    seeds = list(seeds)
    for seed in seeds:
        film = blind_film(seed)
        result, variation, spent_s = _analyzed(film)
        found = _by_quantity(result)
        variations.append(variation)
        spent.append(spent_s)
        rejected += "exciton_ev" not in found or "pl_peak_ev" not in found
        doubts = {
            flag for item in found.values() for flag in item.flags if is_doubt(flag)
        }
        clean_flags.update(doubts)
        doubted += bool(doubts)
        bounds += "gap_ev" in found and found["gap_ev"].kind != "exact"
        truth = _truth(film, result)
        for name, true in truth.items():
            if name in found and found[name].kind == "exact":
                error = found[name].value - true
                errors.setdefault(name, []).append(abs(error))
                scores.setdefault(name, []).append(abs(error) / found[name].sigma)
    bars = [
        bar(
            "blind: exciton, median error, eV",
            np.median(errors["exciton_ev"]),
            "<= 0.005",
            bool(np.median(errors["exciton_ev"]) <= 0.005),
        ),
        bar(
            "blind: Elliott gap, median error, eV",
            np.median(errors["gap_ev"]),
            "<= 0.030",
            bool(np.median(errors["gap_ev"]) <= 0.030),
        ),
        bar(
            "blind: phases, median total variation",
            np.median(variations),
            "<= 0.10",
            bool(np.median(variations) <= 0.10),
        ),
        bar(
            "blind: rejected",
            rejected / len(seeds),
            "<= 0.05",
            rejected / len(seeds) <= 0.05,
        ),
        bar(
            "blind: clean films flagged",
            doubted / len(seeds),
            "<= 0.03",
            doubted / len(seeds) <= 0.03,
        ),
        bar(
            "blind: gaps that are bounds",
            bounds / len(seeds),
            "<= 0.05",
            bounds / len(seeds) <= 0.05,
        ),
        *(
            bar(f"blind: flag on clean films, {flag}", number, "information", True)
            for flag, number in clean_flags.most_common()
        ),
        bar(
            "speed: CPU s a film of two spectra, median",
            np.median(spent),
            "<= 0.15",
            bool(np.median(spent) <= 0.15),
        ),
        bar(
            "speed: CPU s a film of two spectra, 95 % are faster than",
            np.quantile(spent, 0.95),
            "<= 0.15",
            bool(np.quantile(spent, 0.95) <= 0.15),
        ),
    ]
    for name, values in scores.items():
        within = np.array(values)
        one, two = float(np.mean(within < 1.0)), float(np.mean(within < 1.96))
        bars.append(
            bar(
                f"sigma of {name}: 68 % interval covers",
                one,
                "0.62 to 0.74",
                0.62 <= one <= 0.74,
            )
        )
        bars.append(
            bar(
                f"sigma of {name}: 95 % interval covers",
                two,
                "0.92 to 0.98",
                0.92 <= two <= 0.98,
            )
        )
    return bars


def dim_emission(seeds: Iterable[int]) -> list[Bar]:
    """Read PL of 1,000 counts."""
    offsets = []
    for seed in seeds:
        film = blind_film(seed, pl_counts=1_000.0)
        found = _by_quantity(_analyzed(film)[0])
        if "pl_peak_ev" in found:
            energies = np.array([found["pl_peak_ev"].value, film.pl_peak_ev])
            offsets.append(abs(float(np.diff(1239.84198 / energies)[0])))
    median = float(np.median(offsets))
    return [
        bar(
            "blind: PL peak at 1,000 counts, median error, nm",
            median,
            "<= 1",
            median <= 1.0,
        )
    ]


def spoiled(count: int, first_seed: int) -> list[Bar]:
    """Read spoiled spectra: none may pass as good, and the cause must be named."""
    named: dict[str, list[bool]] = {}
    passed: Counter[str] = Counter()
    good: dict[str, Observation] = {}
    for index in range(count):
        spoil = SPOILERS[index % len(SPOILERS)]
        film = blind_film(first_seed + index // len(SPOILERS))
        case = spoil(film, np.random.default_rng(first_seed + index))
        if index % len(SPOILERS) == 0:
            good = _by_quantity(_result(film, film.spectra))
        result = _result(film, case.spectra)
        found = _by_quantity(result)
        flags = {flag for item in found.values() for flag in item.flags}
        causes = {item.reason.split(":")[0] for item in result.rejected}
        named.setdefault(spoil.__name__, []).append(case.cause in flags | causes)
        for name in case.quantities:
            if name not in found or name not in good:
                continue
            one, other = found[name], good[name]
            accepted = one.kind == "exact" and not any(map(is_doubt, one.flags))
            wrong = abs(one.value - other.value) > 3.0 * max(one.sigma, other.sigma)
            if accepted and wrong:
                passed[f"{spoil.__name__}:{name}"] += 1
    everything = [one for values in named.values() for one in values]
    share = float(np.mean(everything))
    bars = [
        bar(
            "spoiled: accepted as good and wrong by over three sigmas",
            sum(passed.values()),
            "0",
            not passed,
        ),
        bar("spoiled: cause named", share, ">= 0.95", share >= 0.95),
    ]
    for name, values in named.items():
        bars.append(
            bar(
                f"spoiled: cause named, {name}",
                float(np.mean(values)),
                "information",
                True,
            )
        )
    for name, number in sorted(passed.items()):
        bars.append(bar(f"spoiled: passed, {name}", number, "information", True))
    return bars


def _result(film: BlindFilm, spectra: tuple[object, ...]) -> FilmResult:
    return analyze_film(
        spectra,
        sample_id="film",
        candidate_id="film",
        film_age_s=0.0,
        context=film.context,
    )


def plate(reads: int) -> list[Bar]:
    """Time a 96-well plate from its export: fits, kinetics and components."""
    text, _ = export(reads, seed=3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plate.csv"
        path.write_text(text)
        start = time.process_time()
        analyzed = analyzed_files([path])
        results = [as_dictionary(one) for one in analyzed]
        report = plate_report(analyzed)
        spent_s = time.process_time() - start
    told = [one for one in report.kinetics if one.kinetics is not None]
    return [
        bar(
            f"speed: plate of 96 wells and {reads} reads, s on one core",
            spent_s,
            "<= 360 (180 s on two)",
            spent_s <= 360.0,
        ),
        bar(
            "plate: spectra that were read",
            len(results) / (96 * reads),
            "1",
            len(results) == 96 * reads,
        ),
        bar("plate: wells with kinetics", len(told) / 96, "> 0", bool(told)),
    ]


def main() -> int:
    """Print the bars as JSON; exit code 1 if one is not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=500)
    parser.add_argument("--spoiled", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=500_000)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    given = parser.parse_args()
    films = given.films // 10 if given.quick else given.films
    count = given.spoiled // 10 if given.quick else given.spoiled
    bars = [
        *published_peaks(),
        *instrument_files(),
        *blind(range(given.seed, given.seed + films)),
        *dim_emission(range(given.seed, given.seed + films // 5)),
        *spoiled(count, given.seed + 10_000),
        *plate(6 if given.quick else 22),
    ]
    print(json.dumps(bars, indent=2))
    return 0 if all(one["met"] for one in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
