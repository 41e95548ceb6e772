"""A report is one file that shows a run as it was, whatever people wrote into it."""

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from hp_lab.errors import InvalidInput, JournalError
from hp_lab.records import Candidate, Observation, Rejected, Spectrum, TaskTime
from hp_lab.store.report import render_report, write_report
from hp_lab.store.report_gantt import _lanes, gantt_svg
from hp_lab.store.report_plots import absorbance, emission, with_sigma
from hp_lab.store.report_theme import words
from hp_lab.store.run_summary import FilmSummary, ObjectiveSummary, RunSummary

PURITY = ObjectiveSummary(quantity="phase_purity")
NASTY = '<script>alert("$x_1$ & co")</script>'
SPACERS = ("PEA", "BA", NASTY)


def observation(sample_id, value, kind="exact", quantity="phase_purity"):
    return Observation(
        quantity=quantity,
        value=value,
        sigma=0.02,
        unit="",
        sample_id=sample_id,
        kind=kind,
        cause="" if kind == "exact" else "no exciton seen",
        film_age_s=120.0,
        flags=("weak_signal",) if kind != "exact" else (),
    )


def film(number, **fields):
    sample_id = f"s{number:03d}"
    given = {
        "sample_id": sample_id,
        "candidate": Candidate(
            candidate_id=f"c{number:03d}",
            settings={
                "anneal_c": 80.0 + 5.0 * number,
                "drop_time_s": 5.0 + (7 * number) % 11,
                "n": float(1 + number % 3),
                "spacer": SPACERS[number % 3],
            },
            predicted_mean=(0.1 * number,),
            predicted_sigma=(0.05,),
            reason="initial" if number < 4 else "acquisition",
        ),
        "observations": (observation(sample_id, 0.1 * (number % 5)),),
    }
    return FilmSummary(**{**given, **fields})


def task(number, name="anneal", stations=("hotplate",), start_s=None, length_s=600.0):
    start_s = 700.0 * number if start_s is None else start_s
    return TaskTime(
        task_id=f"s{number:03d}/{name}",
        sample_id=f"s{number:03d}",
        name=name,
        stations=stations,
        planned_start_s=start_s,
        planned_end_s=start_s + length_s,
        actual_start_s=start_s + 5.0,
        actual_end_s=start_s + 5.0 + length_s,
    )


def spectra(sample_id):
    wavelength_nm = np.linspace(400.0, 800.0, 200)
    lamp = np.full(200, 20_000.0)
    absorbing = 0.5 * np.exp(-(((wavelength_nm - 560.0) / 10.0) ** 2))
    common = {"sample_id": sample_id, "wavelength_nm": wavelength_nm}
    return (
        Spectrum(
            mode="absorbance",
            counts=300.0 + 2.0 * lamp * 10.0**-absorbing,
            dark=np.full(200, 300.0),
            reference=300.0 + lamp,
            integration_s=0.2,
            reference_integration_s=0.1,
            **common,
        ),
        Spectrum(
            mode="photoluminescence",
            counts=300.0 + 8000.0 * np.exp(-(((wavelength_nm - 575.0) / 12.0) ** 2)),
            dark=np.full(200, 300.0),
            integration_s=0.5,
            excitation_nm=405.0,
            **common,
        ),
    )


def a_run(**fields):
    films = [film(number) for number in range(1, 13)]
    films[4] = film(
        5, status="failed", reason=f"hotplate too hot {NASTY}", observations=()
    )
    films[5] = film(6, observations=(observation("s006", 0.9, "lower_bound"),))
    films[6] = film(
        7,
        observations=(),
        rejected=[
            Rejected(quantity="pl_peak_ev", sample_id="s007", reason="detector full")
        ],
    )
    given = {
        "name": f"demo {NASTY}",
        "run_id": "demo-001",
        "status": "done",
        "budget": 12,
        "objectives": (PURITY,),
        "films": films,
        "unreachable": {"c099": "BAI: well stocks/B2 holds 80 uL, 212 uL are needed"},
        "spectra": {f"s{n:03d}": spectra(f"s{n:03d}") for n in (4, 9)},
        "task_times": [task(number) for number in range(1, 13)],
        "models": {"structured": 0.7, NASTY: 0.3},
        "planner_notes": (f"outlier: c0004 {NASTY}", "bowing does not hold by itself"),
        "ended_s": 9300.0,
        "facts": {"seed": "7"},
    }
    return RunSummary(**{**given, **fields})


@pytest.fixture(scope="module")
def page():
    return render_report(a_run())


@pytest.mark.slow
def test_what_people_wrote_is_text_and_never_markup(page):
    assert "alert(&#34;$x_1$ &amp; co&#34;)" in page
    assert page.count("<script>") == 1
    assert "alert(" not in page.split("<script>")[1]


@pytest.mark.slow
def test_the_page_needs_nothing_but_itself(page):
    fetched = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", page)
    assert all(target.startswith(("#", "data:")) for target in fetched)
    assert not re.search(r"@import|url\((?!#)", page)
    assert "<link" not in page


@pytest.mark.slow
def test_every_part_of_the_run_is_in_the_page(page):
    for title in (
        "Phase purity against film number",
        "Spectra of the best films",
        "Map of the space",
        "Objective against each setting",
        "Prediction and finding",
        "Schedule",
        "What the planner believes",
        "What failed or was not found, and why",
        "Films",
        "All observations (10)",
    ):
        assert f"{title}</" in page, title
    assert "0.400 ± 0.020" in page
    assert "best phase purity, film s004" in page
    assert "10 of 12" not in page
    assert ">11 of 12<" in page
    assert "≥ 0.900 ± 0.020" in page
    assert "detector full" in page
    assert "212 uL are needed" in page
    assert "seed: 7" in page
    assert "bowing does not hold by itself" in page


@pytest.mark.slow
def test_pictures_are_well_formed_and_follow_the_pages_colours(page):
    found = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(found) == 6
    for picture in found:
        ET.fromstring(picture)  # noqa: S314 - drawn above
        assert "var(--dim)" in picture
        assert not re.search(r"#0[ab]0[ab]0\d", picture)
    assert "<title>s004: 0.400 ± 0.020" in page


@pytest.mark.slow
def test_equal_runs_give_equal_pages(page):
    assert render_report(a_run()) == page


@pytest.mark.slow
def test_a_run_without_objectives_and_one_without_films_have_a_report(tmp_path):
    films = [film(n, candidate=None, observations=()) for n in (4, 9)]
    worklist = a_run(objectives=(), films=films)
    path = write_report(worklist, tmp_path / "report.html")
    text = path.read_text(encoding="utf-8")
    assert "Schedule</h2>" in text
    assert "Spectra of the first films</h2>" in text
    assert "against film number" not in text
    empty = RunSummary(name="x", run_id="x-001", status="running", objectives=(PURITY,))
    assert "films measured" in render_report(empty)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.slow
def test_a_report_that_cannot_be_written_says_so(tmp_path):
    empty = RunSummary(name="x", run_id="x-001", status="running")
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="choose another path"):
        write_report(empty, tmp_path / "file" / "report.html")


@pytest.mark.parametrize(
    ("goal", "target", "best"),
    [
        ("maximize", None, [math.nan, 0.3, 0.3, 0.8, 0.8]),
        ("minimize", None, [math.nan, 0.3, 0.1, 0.1, 0.1]),
        ("target", 0.2, [math.nan, 0.3, 0.3, 0.3, 0.25]),
    ],
)
def test_the_best_so_far_follows_the_goal_and_never_a_bound(goal, target, best):
    objective = ObjectiveSummary(quantity="phase_purity", goal=goal, target=target)
    first = film(1, observations=(observation("s001", 0.2, "upper_bound"),))
    others = [
        film(number, observations=(observation("s", value),))
        for number, value in enumerate((0.3, 0.1, 0.8, 0.25), 2)
    ]
    run = RunSummary(
        name="x",
        run_id="x",
        status="done",
        objectives=(objective,),
        films=[first, *others],
    )
    np.testing.assert_array_equal(run.running_best(objective), best)
    (top,) = run.best_films()
    assert top.observed("phase_purity").value == best[-1]
    assert [f.sample_id for f in run.best_films(9)].count("s001") == 0


def test_an_exact_value_goes_before_a_bound_and_the_surest_before_others():
    both = (
        observation("s", 0.9, "lower_bound"),
        observation("s", 0.5),
        replace(observation("s", 0.6), sigma=0.01),
    )
    assert film(1, observations=both).observed("phase_purity").value == 0.6
    assert film(1, observations=both).flags == ["weak_signal"]
    assert film(1).observed("thickness_nm") is None


def test_a_target_needs_a_value():
    with pytest.raises(InvalidInput, match="a target needs a value"):
        ObjectiveSummary(quantity="pl_peak_ev", goal="target")


def test_absorbance_allows_for_both_integration_times():
    taken, emitted = spectra("s")
    assert np.nanmax(absorbance(taken)) == pytest.approx(0.5, abs=0.01)
    assert absorbance(taken)[0] == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(absorbance(replace(taken, reference=np.empty(0)))).all()
    saturated = np.zeros(200, dtype=bool)
    saturated[3] = True
    full = replace(taken, saturated=saturated)
    assert np.flatnonzero(np.isnan(absorbance(full))).tolist() == [3]
    wavelength_nm, light = emission(emitted)
    assert wavelength_nm[0] > 435.0
    assert wavelength_nm[np.argmax(light)] == pytest.approx(575.0, abs=2.0)
    assert light.max() == pytest.approx(1.0, abs=0.02)
    assert np.isnan(emission(replace(emitted, counts=emitted.dark))[1]).all()


def test_bars_of_one_station_never_lie_on_one_another():
    tasks = [task(n, start_s=s) for n, s in enumerate((0.0, 100.0, 600.0, 650.0))]
    bars = _lanes(tasks, "hotplate", 0, 0.0, 1e4)
    assert [bar.lane for bar in bars] == [0, 1, 0, 2]
    assert {bar.lanes for bar in bars} == {3}
    under_way = replace(tasks[0], actual_end_s=None)
    (bar,) = _lanes([under_way], "hotplate", 0, 0.0, 7200.0)
    assert bar.end_h == 2.0


@pytest.mark.slow
def test_a_long_schedule_leaves_out_the_tips_but_no_bar():
    tasks = [task(n, start_s=20.0 * n, length_s=10.0) for n in range(3100)]
    picture = gantt_svg(tasks, 1e6)
    assert "<title>" not in picture
    assert picture.count("<path") > 3100
    assert gantt_svg([replace(tasks[0], actual_start_s=None)], 0.0) == ""


@pytest.mark.parametrize(
    ("value", "sigma", "text"),
    [
        (2.13456, 0.0123, "2.135 ± 0.012"),
        (0.5, 0.2, "0.50 ± 0.20"),
        (1234.6, 25.0, "1235 ± 25"),
        (1.5e-9, 1e-12, "1.5e-09 ± 1e-12"),
    ],
)
def test_values_have_the_digits_that_their_sigma_gives_them(value, sigma, text):
    assert with_sigma(value, sigma) == text


def test_names_are_written_as_people_write_them():
    assert words("pl_peak_ev") == "PL peak (eV)"
    assert words("anneal_c") == "anneal (°C)"
    assert words("phase_purity") == "phase purity"
    assert words("n") == "n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("models", "shown"),
    [
        ({"gp": 1.0}, False),
        ({"gap_ev/gp": 1.0, "life/gp": 1.0}, False),
        ({"gap_ev/gp": 0.2, "gap_ev/confinement": 0.8, "life/gp": 1.0}, True),
    ],
)
def test_models_are_shown_where_there_was_a_choice(models, shown):
    page = render_report(a_run(models=models, planner_notes=(), films=[], spectra={}))
    assert ("What the planner believes" in page) is shown
