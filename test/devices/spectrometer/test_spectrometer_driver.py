from dataclasses import replace

import numpy as np
import pytest

from hp_lab.errors import Aborted, DeviceFault, DeviceLost, InvalidConfig, InvalidInput

CEILING = 65535.0


def peak_fill(spectrum, above_nm=0.0):
    counts = spectrum.counts[spectrum.wavelength_nm > above_nm]
    return float(np.partition(counts, -20)[-20]) / CEILING


def test_connecting_takes_no_time_and_leaves_it_dark(bench):
    assert bench.clock.jumps == 0
    assert bench.world.is_dark()
    info = bench.spectrometer.info
    assert (info.model, info.serial, info.pixels) == ("HDX", "HDX00000", 2068)
    assert (info.shortest_s, info.ceiling_counts) == (0.006, CEILING)
    assert info.longest_s == pytest.approx(10.0, abs=1e-5)
    assert info.nonlinearity == pytest.approx((1.0, -1e-7, -2e-12), rel=1e-6)


def test_absorbance_without_a_reference_says_what_to_do(bench):
    for mode in ("absorbance", "transmittance"):
        with pytest.raises(
            InvalidInput, match=r"bare substrate .* mode reference first"
        ):
            bench.acquire(mode)
    assert bench.world.events == []


def test_absorbance_is_what_the_film_takes_away(bench):
    (reference,) = bench.acquire("reference", averages=8)
    bench.world.transmission = 0.1
    (film,) = bench.acquire("absorbance", averages=8)
    signal = film.counts - film.dark
    lamp = film.reference - film.dark
    absorbance = -np.log10(
        signal / lamp * film.reference_integration_s / film.integration_s
    )
    covered = (film.wavelength_nm > 500) & (film.wavelength_nm < 590)
    clear = (film.wavelength_nm > 610) & (film.wavelength_nm < 800)
    # The non-linearity is left in the raw counts, up to 1.5 %.
    assert absorbance[covered].mean() == pytest.approx(1.0, abs=0.01)
    assert absorbance[clear].mean() == pytest.approx(0.0, abs=0.002)
    assert film.integration_s == reference.integration_s
    assert film.reference_integration_s == reference.integration_s


def test_a_reference_of_another_integration_time_is_put_on_the_films_dark(bench):
    bench.acquire("reference", integration_s=0.03, averages=8)
    bench.hdx.inject("warm", {"factor": 300.0})
    (reference,) = bench.acquire("reference", integration_s=0.03, averages=8)
    (film,) = bench.acquire("absorbance", integration_s=0.06, averages=8)
    assert film.dark.mean() > reference.dark.mean() + 500
    true = (reference.counts - reference.dark) / 0.03
    ours = (film.reference - film.dark) / film.reference_integration_s
    assert ours == pytest.approx(true, abs=1e-6 * CEILING)


def test_a_saturated_reference_still_shows_its_ceiling(bench):
    bench.world.lamp_e_s = 1e9
    bench.acquire("reference")
    bench.world.transmission = 1e-3
    (film,) = bench.acquire("absorbance")
    assert (film.reference == CEILING).sum() > 500


def test_photoluminescence_is_taken_with_the_led_and_without_the_lamp(bench):
    (spectrum,) = bench.acquire("photoluminescence", averages=2)
    assert ("lamp", 1.0) not in [event[1:] for event in bench.world.events]
    assert ("led", 1.0) in [event[1:] for event in bench.world.events]
    assert spectrum.excitation_nm == 405.0
    signal = spectrum.counts - spectrum.dark
    beyond = np.where(spectrum.wavelength_nm > 450, signal, 0.0)
    assert spectrum.wavelength_nm[beyond.argmax()] == pytest.approx(620.0, abs=4.0)


def test_automatic_exposure_fills_the_range_with_emission_not_with_excitation(bench):
    for emission_e_s in (3e4, 3e5, 3e6):
        bench.world.emission_e_s = emission_e_s
        (spectrum,) = bench.acquire("photoluminescence")
        assert 0.58 < peak_fill(spectrum, above_nm=450.0) < 0.82
        # The excitation's own line saturates, and says so.
        line = abs(spectrum.wavelength_nm - 405.0) < 1.0
        assert spectrum.saturated[line].all()


def test_light_that_saturates_at_the_shortest_time_is_reported_as_it_is(bench):
    bench.world.emission_e_s = 1e9
    (spectrum,) = bench.acquire("photoluminescence")
    assert spectrum.integration_s == 0.006
    bright = abs(spectrum.wavelength_nm - 620.0) < 5.0
    assert spectrum.saturated[bright].all()
    assert (spectrum.counts[spectrum.saturated] == CEILING).all()


def test_too_little_light_gets_the_longest_automatic_time(bench):
    bench.world.emission_e_s = 10.0
    (spectrum,) = bench.acquire("photoluminescence")
    assert spectrum.integration_s == 5.0


def test_one_saturated_exposure_marks_the_average(bench):
    bench.world.lamp_e_s = 2.65e6
    (spectrum,) = bench.acquire("reference", integration_s=0.06, averages=30)
    partly = spectrum.saturated & (spectrum.counts < CEILING)
    assert partly.any()


def test_the_dark_has_the_integration_time_of_the_reading(bench):
    bench.hdx.inject("warm", {"factor": 100.0})
    for integration_s in (0.1, 0.4):
        (spectrum,) = bench.acquire("reference", integration_s=integration_s)
        detector = bench.hdx._detector
        thermal = np.median(spectrum.dark) - detector.model.offset_counts
        expected = (
            100.0 * detector.model.dark_e_s * integration_s / (detector.model.gain_e)
        )
        assert thermal == pytest.approx(expected, rel=0.3, abs=30.0)


def test_averaging_lowers_the_noise(bench):
    def noise(averages):
        (spectrum,) = bench.acquire(
            "photoluminescence", integration_s=0.05, averages=averages
        )
        empty = spectrum.wavelength_nm > 750
        return float(np.std(spectrum.counts[empty] - spectrum.dark[empty]))

    assert noise(16) < 0.4 * noise(1)


def test_after_every_job_it_is_dark(bench):
    for mode in ("reference", "absorbance", "photoluminescence"):
        bench.acquire(mode)
        assert bench.world.is_dark()


def test_a_series_starts_at_its_intervals_and_renews_an_old_dark(bench):
    phases = []
    spectra = bench.acquire(
        "photoluminescence",
        integration_s=0.1,
        repeats=4,
        interval_s=40.0,
        on_phase=lambda phase, repeat: phases.append((phase, repeat)),
    )
    starts_s = [spectrum.taken_s for spectrum in spectra]
    assert np.diff(starts_s) == pytest.approx([40.0] * 3, abs=0.5)
    assert phases == [
        ("dark", 0),
        ("sample", 0),
        ("sample", 1),
        ("dark", 2),
        ("sample", 2),
        ("sample", 3),
    ]


def test_phases_of_an_automatic_reference(bench):
    phases = []
    bench.acquire("reference", on_phase=lambda phase, _: phases.append(phase))
    assert phases == ["exposure", "dark", "reference"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"integration_s": 0.001}, r"integration_s 0.001 must be 0.006 to 10 s"),
        ({"integration_s": 11.0}, "integration_s 11.0"),
        ({"integration_s": -1.0}, "integration_s -1.0"),
        ({"integration_s": float("nan")}, "integration_s nan"),
        ({"averages": 0}, "averages 0 must be 1 to 1000"),
        ({"repeats": 0}, "repeats 0 must be"),
        ({"interval_s": -1.0}, "interval_s -1.0"),
        ({"interval_s": float("inf")}, "interval_s inf"),
    ],
)
def test_numbers_that_cannot_be_are_refused_in_the_dark(bench, settings, text):
    with pytest.raises(InvalidInput, match=text):
        bench.acquire("photoluminescence", **settings)
    assert bench.world.events == []


def test_an_unknown_mode_is_refused(bench):
    with pytest.raises(InvalidInput, match="no mode 'raman'; there are absorbance"):
        bench.acquire("raman")


def test_stopped_between_exposures_it_is_dark(bench):
    stop = bench.signal()
    bench.clock.call_at(
        bench.clock.now_s() + 5.0,
        "stopper",
        lambda: (stop.set(), bench.clock.release("stopper")),
    )

    def job():
        with pytest.raises(Aborted):
            bench.spectrometer.acquire(
                "photoluminescence",
                sample_id="s1",
                integration_s=2.0,
                repeats=50,
                stop=stop,
            )
        return bench.clock.now_s()

    start_s = bench.clock.now_s()
    assert bench.run(job) - start_s < 5.0 + 2.0
    assert bench.world.is_dark()


def test_a_mute_spectrometer_is_lost_and_it_gets_dark(bench):
    bench.hdx.inject("mute")
    with pytest.raises(DeviceLost, match=r"no answer .*; check its power and network"):
        bench.acquire("photoluminescence")
    assert bench.world.is_dark()
    bench.hdx.clear()
    assert len(bench.acquire("photoluminescence")) == 1


def test_a_late_answer_is_not_taken_for_the_next_one(bench):
    (before,) = bench.acquire("photoluminescence", integration_s=0.1)
    bench.hdx.inject("slow", {"delay_s": 25.0})
    with pytest.raises(DeviceLost):
        bench.acquire("photoluminescence", integration_s=0.1)
    bench.hdx.clear()
    bench.world.emission_e_s = 0.0
    (after,) = bench.acquire("photoluminescence", integration_s=0.1)
    assert after.counts.max() < before.counts.max() / 2


def test_a_spectrometer_that_refuses_is_at_fault_with_its_words(bench):
    bench.hdx.inject("refuse", {"error": 7.0})
    with pytest.raises(DeviceFault, match="Device not ready"):
        bench.acquire("photoluminescence", integration_s=0.1)
    assert bench.world.is_dark()
    assert len(bench.acquire("photoluminescence", integration_s=0.1)) == 1


def test_a_setting_that_is_refused_is_noticed(bench):
    port = bench.spectrometer._port
    feature = port._spectrometer.f.spectrometer
    # As if the instrument's limits were tighter than its model's.
    feature._integration_time_min = 1000

    def try_it():
        port.set_integration(0.002)

    with pytest.raises(DeviceFault, match=r"setting the integration time to 0.002 s"):
        bench.run(try_it)


def test_noise_on_the_line_is_a_fault(bench):
    bench.hdx.inject("garbage")
    with pytest.raises(DeviceFault):
        bench.acquire("photoluminescence", integration_s=0.1)
    assert len(bench.acquire("photoluminescence", integration_s=0.1)) == 1


def test_an_unplugged_spectrometer_is_lost(bench):
    bench.host.unplug("hdx")
    with pytest.raises(DeviceLost):
        bench.acquire("photoluminescence")
    assert bench.world.is_dark()
    with pytest.raises(DeviceLost, match="hdx"):
        bench.run(bench.spectrometer.connect)
    bench.host.plug("hdx")
    bench.run(bench.spectrometer.connect)
    assert len(bench.acquire("photoluminescence")) == 1


def test_lights_that_do_not_answer_are_lost_before_anything_is_exposed(bench):
    bench.box.inject("mute")
    with pytest.raises(DeviceLost):
        bench.acquire("photoluminescence")
    assert bench.hdx.state(bench.clock.now_s())["exposures"] == 0
    bench.box.clear()
    assert len(bench.acquire("photoluminescence")) == 1


def test_a_late_ok_of_the_lights_is_not_taken_for_the_next_one(bench):
    bench.box.inject("slow", {"delay_s": 1.5})
    with pytest.raises(DeviceLost):
        bench.acquire("photoluminescence")
    bench.box.clear()
    bench.acquire("photoluminescence")
    assert bench.world.is_dark()


def test_make_safe_puts_the_lights_out_while_a_job_runs(bench):
    stop = bench.signal()
    with bench.standstill():
        job = bench.start(
            lambda: bench.spectrometer.acquire(
                "photoluminescence", sample_id="s1", integration_s=8.0, stop=stop
            )
        )
        safe = bench.start(
            lambda: (
                bench.clock.named("other").sleep(12.0),
                stop.set(),
                bench.spectrometer.make_safe(),
                bench.world.is_dark(),
            )
        )
    assert safe()[-1]
    # The exposure under way saw the lights go out, so it is no spectrum.
    with pytest.raises(Aborted, match="thrown away"):
        job()
    assert bench.world.is_dark()


def test_a_reference_from_before_a_restart_can_be_used_again(bench):
    (reference,) = bench.acquire("reference")
    other = type(bench.spectrometer)(
        "inproc://hdx",
        "inproc://light",
        bench.clock.named("b"),
        bench.spectrometer._config,
    )
    bench.run(other.connect)
    with pytest.raises(InvalidInput, match="reference with its dark is needed"):
        other.use_reference(bench.acquire("photoluminescence")[0])
    other.use_reference(reference)
    assert other.reference is reference
    stop = bench.signal()
    (film,) = bench.run(lambda: other.acquire("absorbance", sample_id="s", stop=stop))
    assert film.reference.shape == reference.counts.shape
    other.close()


def test_a_driver_that_was_never_connected_says_so(bench):
    other = type(bench.spectrometer)(
        "inproc://hdx",
        "inproc://light",
        bench.clock.named("b"),
        bench.spectrometer._config,
    )
    with pytest.raises(DeviceLost, match="connect first"):
        _ = other.info


@pytest.mark.parametrize(
    ("address", "model", "text"),
    [
        ("nowhere", "HDX", "address 'nowhere' must be HOST:PORT"),
        ("host:0", "HDX", "must be HOST:PORT"),
        ("inproc://hdx", "USB2000", "'USB2000' has no network connection"),
    ],
)
def test_addresses_and_models_that_cannot_be_are_refused(bench, address, model, text):
    config = bench.spectrometer._config.model_copy(update={"model": model})
    with pytest.raises(InvalidConfig, match=text):
        type(bench.spectrometer)(address, "inproc://light", bench.clock, config)


def test_a_reference_of_another_spectrometer_is_refused(bench):
    (reference,) = bench.acquire("reference")
    shifted = replace(reference, wavelength_nm=reference.wavelength_nm + 1.0)
    with pytest.raises(InvalidInput, match="has other wavelengths; take it anew"):
        bench.spectrometer.use_reference(shifted)


def test_lights_that_cannot_be_put_out_do_not_hide_what_went_wrong_first(bench, caplog):
    bench.hdx.inject("mute")
    at_s = bench.clock.now_s() + 1.0
    bench.box.inject("mute", {"at_s": at_s})
    with pytest.raises(DeviceLost, match="spectrometer at inproc://hdx"):
        bench.acquire("photoluminescence", integration_s=0.1)
    assert "the lights may be on" in caplog.text


@pytest.mark.parametrize(
    ("message", "data"),
    [
        (0x00101000, bytes(10)),
        (0x00180100, b"\1\2"),
        (0x00180101, b"\1\2"),
        (0x100, b"\xff"),
    ],
)
def test_answers_that_make_no_sense_are_faults(bench, message, data, monkeypatch):
    answer = bench.hdx.answer

    def nonsense(asked, parameters, now_s):
        if asked == message:
            return now_s, data
        return answer(asked, parameters, now_s)

    def connect_and_read():
        bench.spectrometer.connect()
        bench.spectrometer._port.read()

    monkeypatch.setattr(bench.hdx, "answer", nonsense)
    with pytest.raises(DeviceFault, match="makes no sense"):
        bench.run(connect_and_read)
