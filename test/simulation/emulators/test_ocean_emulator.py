"""Frames of the Ocean Binary Protocol, put together by hand."""

import hashlib
import struct
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hp_lab.errors import InvalidInput
from hp_lab.simulation.emulators.ocean import OceanHdx

START_S = 1000.0
SERIAL = 0x100
SET_INTEGRATION = 0x00110010
SET_TRIGGER = 0x00110110
WAVELENGTH_COUNT, WAVELENGTH = 0x00180100, 0x00180101
NONLINEARITY_COUNT, NONLINEARITY = 0x00181100, 0x00181101
SPECTRUM = 0x00101000
ACK = 4


@dataclass
class FakeWorld:
    rate_e_s: float = 1.0e6
    asked: list = field(default_factory=list)

    def stage_light(self, now_s, wavelength_nm):
        self.asked.append(now_s)
        return np.full(wavelength_nm.shape, self.rate_e_s)


def md5_of(data):
    return hashlib.md5(data, usedforsecurity=False).digest()


def frame(message, data=b"", *, flags=0, md5=False, end=0xC2C3C4C5):
    """Return a request as the protocol's description has it, little endian."""
    header = struct.pack("<HHHHLL", 0xC0C1, 0x1100, flags, 0, message, 0xABCD)
    header += bytes(6) + bytes([1 if md5 else 0, len(data)]) + data.ljust(16, b"\0")
    header += struct.pack("<L", 20)
    assert len(header) == 44
    checksum = md5_of(header) if md5 else bytes(16)
    return header + checksum + struct.pack("<L", end)


@dataclass
class Reply:
    flags: int
    error: int
    message: int
    regarding: int
    data: bytes
    at_s: float


def parsed(reply):
    data = reply.data
    start, version, flags, error, message, regarding = struct.unpack_from(
        "<HHHHLL", data
    )
    assert (start, version) == (0xC0C1, 0x1100)
    assert data[-4:] == struct.pack("<L", 0xC2C3C4C5)
    (remaining,) = struct.unpack_from("<L", data, 40)
    assert len(data) == 44 + remaining
    payload = data[44:-20] or data[24 : 24 + data[23]]
    return Reply(flags, error, message, regarding, payload, reply.at_s)


@pytest.fixture
def world():
    return FakeWorld()


@pytest.fixture
def hdx(world):
    return OceanHdx(world, np.random.default_rng(1), serial="HDX12345")


def ask(hdx, message, data=b"", *, now_s=START_S, **more):
    (reply,) = hdx.session().receive(frame(message, data, **more), now_s)
    return parsed(reply)


def test_a_request_has_64_bytes_and_so_has_a_short_reply(hdx):
    assert len(frame(SERIAL)) == 64
    (reply,) = hdx.session().receive(frame(SERIAL), START_S)
    assert len(reply.data) == 64


def test_the_serial_number_is_answered_at_once(hdx):
    reply = ask(hdx, SERIAL)
    assert (reply.data, reply.flags, reply.error) == (b"HDX12345", 1, 0)
    assert (reply.message, reply.regarding) == (SERIAL, 0xABCD)
    assert reply.at_s == START_S
    assert ask(hdx, 0x101).data == bytes([8])


@pytest.mark.parametrize(
    ("count", "coefficient", "first"),
    [(WAVELENGTH_COUNT, WAVELENGTH, 350.0), (NONLINEARITY_COUNT, NONLINEARITY, 1.0)],
)
def test_coefficients_are_floats_by_index(hdx, count, coefficient, first):
    (n,) = ask(hdx, count).data
    # seabreeze takes a polynomial of degree 0 for none at all.
    assert n >= 2
    values = [
        struct.unpack("<f", ask(hdx, coefficient, bytes([i])).data)[0] for i in range(n)
    ]
    assert values[0] == first
    beyond = ask(hdx, coefficient, bytes([n]))
    assert (beyond.flags & 8, beyond.error) == (8, 12)


def test_wavelengths_ascend_from_350_to_1000_nm(hdx):
    wavelength_nm = hdx.wavelength_nm
    assert wavelength_nm.shape == (2068,)
    assert wavelength_nm[0] == 350.0
    assert wavelength_nm[-1] == pytest.approx(1000.0, abs=2.0)
    assert (np.diff(wavelength_nm) > 0).all()


def test_an_integration_time_within_limits_is_acknowledged_and_kept(hdx):
    reply = ask(hdx, SET_INTEGRATION, struct.pack("<L", 250_000), flags=ACK)
    assert (reply.flags, reply.error) == (3, 0)
    assert hdx.state(START_S)["integration_s"] == pytest.approx(0.25)


@pytest.mark.parametrize("micros", [0, 5_999, 10_000_001])
def test_an_integration_time_outside_limits_is_refused_and_not_kept(hdx, micros):
    reply = ask(hdx, SET_INTEGRATION, struct.pack("<L", micros), flags=ACK)
    assert (reply.flags, reply.error) == (9, 6)
    assert hdx.state(START_S)["integration_s"] == pytest.approx(0.1)


def test_a_command_that_wants_no_acknowledgement_gets_none(hdx):
    data = frame(SET_INTEGRATION, struct.pack("<L", 50_000))
    assert hdx.session().receive(data, START_S) == []
    assert hdx.state(START_S)["integration_s"] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("message", "data", "error"),
    [
        (0xDEAD, b"", 2),
        (SET_INTEGRATION, b"\1", 5),
        (SET_TRIGGER, b"\x77", 6),
        (WAVELENGTH, b"", 5),
    ],
)
def test_what_it_does_not_understand_is_refused_by_number(hdx, message, data, error):
    reply = ask(hdx, message, data, flags=ACK)
    assert (reply.flags & 8, reply.error) == (8, error)


def test_a_frame_with_a_wrong_checksum_or_end_is_refused(hdx):
    assert ask(hdx, SERIAL, md5=True).error == 0
    spoilt = bytearray(frame(SERIAL, md5=True))
    spoilt[50] ^= 1
    (reply,) = hdx.session().receive(bytes(spoilt), START_S)
    assert parsed(reply).error == 3
    assert ask(hdx, SERIAL, end=0xC2C3C4C6).error == 3


def test_a_request_with_a_checksum_gets_one_that_is_right(hdx):
    (reply,) = hdx.session().receive(frame(SERIAL, md5=True), START_S)
    assert reply.data[22] == 1
    assert reply.data[-20:-4] == md5_of(reply.data[:-20])


def test_a_spectrum_leaves_when_its_exposure_is_over(hdx, world):
    ask(hdx, SET_INTEGRATION, struct.pack("<L", 300_000), flags=ACK)
    reply = ask(hdx, SPECTRUM)
    assert reply.at_s == pytest.approx(START_S + 0.3)
    assert world.asked == [START_S]
    counts = np.frombuffer(reply.data, dtype="<u2")
    assert counts.shape == (2068,)


def test_a_spectrum_asked_for_during_another_is_exposed_after_it(hdx):
    session = hdx.session()
    first, second = session.receive(frame(SPECTRUM) + frame(SPECTRUM), START_S)
    assert first.at_s == pytest.approx(START_S + 0.1)
    assert second.at_s == pytest.approx(START_S + 0.2)


def test_without_a_trigger_there_is_no_spectrum(hdx):
    ask(hdx, SET_TRIGGER, b"\x01", flags=ACK)
    assert ask(hdx, SPECTRUM).error == 7
    ask(hdx, SET_TRIGGER, b"\x00", flags=ACK)
    assert ask(hdx, SPECTRUM).error == 0


@settings(max_examples=25)
@given(data=st.data())
def test_frames_mean_the_same_in_any_pieces_and_after_any_noise(data):
    hdx = OceanHdx(FakeWorld(), np.random.default_rng(1), serial="HDX12345")
    session = hdx.session()
    noise = data.draw(st.binary(max_size=80).filter(lambda b: b"\xc1" not in b))
    stream = noise + frame(SERIAL) + frame(0x101)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    replies = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        replies += session.receive(stream[begin:end], START_S)
    assert [parsed(reply).data for reply in replies] == [b"HDX12345", bytes([8])]


def test_a_header_that_promises_too_much_is_noise(hdx):
    spoilt = bytearray(frame(SERIAL))
    spoilt[40:44] = struct.pack("<L", 1 << 30)
    (reply,) = hdx.session().receive(bytes(spoilt) + frame(SERIAL), START_S)
    assert parsed(reply).data == b"HDX12345"


def test_faults(hdx, world):
    hdx.inject("mute")
    assert hdx.session().receive(frame(SERIAL), START_S) == []
    hdx.clear()
    hdx.inject("slow", {"delay_s": 2.0})
    assert ask(hdx, SERIAL).at_s == START_S + 2.0
    hdx.clear()
    hdx.inject("refuse", {"error": 7.0})
    assert ask(hdx, SPECTRUM).error == 7
    hdx.inject("garbage")
    (reply,) = hdx.session().receive(frame(SERIAL), START_S)
    assert reply.data[:2] != b"\xc1\xc0"
    first = ask(hdx, SPECTRUM).data
    hdx.inject("frozen")
    world.rate_e_s = 0.0
    assert ask(hdx, SPECTRUM).data == first
    hdx.clear()
    cold = np.frombuffer(ask(hdx, SPECTRUM).data, dtype="<u2").mean()
    hdx.inject("warm", {"factor": 50.0})
    assert np.frombuffer(ask(hdx, SPECTRUM).data, dtype="<u2").mean() > cold + 100
    assert hdx.state(START_S)["faults"] == "warm"
    with pytest.raises(InvalidInput, match="spectrometer: no fault 'gremlins'"):
        hdx.inject("gremlins")
