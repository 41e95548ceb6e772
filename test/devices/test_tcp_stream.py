import socket

import pytest

from hp_lab.devices.tcp_stream import TcpStream, stream_opener
from hp_lab.errors import DeviceLost, InvalidConfig


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def ends(listener):
    host, port = listener.getsockname()
    stream = stream_opener(f"{host}:{port}")()
    other, _ = listener.accept()
    with other:
        yield stream, other
    stream.close()


def test_bytes_go_both_ways(ends):
    stream, other = ends
    stream.write(b"question")
    assert other.recv(100) == b"question"
    other.sendall(b"answer")
    assert stream.read(3, 1.0) == b"ans"
    assert stream.read(100, 1.0) == b"wer"


@pytest.mark.parametrize("timeout_s", [0.0, 0.01])
def test_nothing_within_the_timeout_is_no_bytes(ends, timeout_s):
    assert ends[0].read(10, timeout_s) == b""


def test_the_end_of_the_connection_is_an_error_and_not_no_bytes(ends):
    stream, other = ends
    other.close()
    with pytest.raises(ConnectionResetError, match="closed the connection"):
        stream.read(10, 1.0)


def test_closing_twice_does_nothing(ends):
    ends[0].close()
    ends[0].close()
    with pytest.raises(OSError, match=r".*"):
        ends[0].write(b"x")


def test_nobody_there_is_a_lost_device(listener):
    host, port = listener.getsockname()
    listener.close()
    with pytest.raises(DeviceLost, match="check the instrument's power"):
        TcpStream(host, port)


def test_an_address_is_checked_before_anybody_connects():
    with pytest.raises(InvalidConfig):
        stream_opener("nowhere")
