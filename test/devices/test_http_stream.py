import httpx
import pytest

from hp_lab.devices.http_stream import http_client, split_address
from hp_lab.devices.transport import offer_stream, withdraw_stream
from hp_lab.errors import InvalidConfig

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class ScriptedStream:
    """A byte stream that gives prepared chunks and keeps what it was told."""

    def __init__(self, *chunks):
        self.chunks = list(chunks)
        self.written = []
        self.closed = False
        self.timeouts_s = []

    def write(self, data):
        if self.chunks and self.chunks[0] is BrokenPipeError:
            raise BrokenPipeError("gone")
        self.written.append(data)

    def read(self, size, timeout_s):
        self.timeouts_s.append(timeout_s)
        chunk = self.chunks.pop(0) if self.chunks else b""
        if isinstance(chunk, type):
            raise chunk("gone")
        return chunk[:size]

    def close(self):
        self.closed = True


@pytest.fixture
def offered():
    streams = []

    def offer(*made):
        streams.extend(made)
        waiting = list(made)
        offer_stream("http-test", lambda: waiting.pop(0))

    yield offer
    withdraw_stream("http-test")


def test_a_request_goes_out_as_http_without_empty_chunks(offered):
    stream = ScriptedStream(OK)
    offered(stream)
    with http_client("inproc://http-test", headers={"Opentrons-Version": "3"}) as http:
        response = http.post("/runs", json={"data": {}})
    assert response.json() == {}
    assert b"" not in stream.written
    sent = b"".join(stream.written)
    assert sent.startswith(b"POST /runs HTTP/1.1\r\nHost: inproc\r\n")
    assert b"Opentrons-Version: 3\r\n" in sent
    assert sent.endswith(b'\r\n\r\n{"data":{}}')
    assert stream.closed


def test_one_connection_serves_many_requests(offered):
    offered(ScriptedStream(OK, OK, OK))
    with http_client("inproc://http-test") as http:
        assert [http.get("/").status_code for _ in range(3)] == [200, 200, 200]


def test_an_answer_may_come_in_pieces(offered):
    offered(ScriptedStream(*(bytes([byte]) for byte in OK)))
    with http_client("inproc://http-test") as http:
        assert http.get("/").json() == {}


@pytest.mark.parametrize(
    ("chunks", "error"),
    [
        ((), httpx.ReadTimeout),
        ((b"HTTP/1.1 200", ConnectionResetError), httpx.ReadError),
        ((ConnectionResetError,), httpx.ReadError),
        ((BrokenPipeError, BrokenPipeError), httpx.ReadError),
        ((b"\xff\x7fnoise\r\n\r\n",), httpx.RemoteProtocolError),
    ],
)
def test_what_goes_wrong_is_an_error_of_httpx(offered, chunks, error):
    stream = ScriptedStream(*chunks)
    offered(stream)
    with http_client("inproc://http-test") as http, pytest.raises(error):
        http.get("/")
    assert stream.closed


def test_after_an_error_the_next_request_has_a_new_connection(offered):
    offered(ScriptedStream(), ScriptedStream(OK))
    with http_client("inproc://http-test") as http:
        with pytest.raises(httpx.ReadTimeout):
            http.get("/")
        assert http.get("/").status_code == 200


def test_nobody_there_is_a_connection_error():
    with http_client("inproc://nobody") as http, pytest.raises(httpx.ConnectError):
        http.get("/")


def test_nobody_on_the_network_is_a_connection_error():
    with http_client("127.0.0.1:1") as http, pytest.raises(httpx.ConnectError):
        http.get("/")


def test_addresses_have_host_and_port():
    assert split_address("192.168.1.50:31950") == ("192.168.1.50", 31950)
    assert split_address("ot2.local:80") == ("ot2.local", 80)
    for wrong in ("ot2", ":80", "ot2:", "ot2:0", "ot2:65536", "ot2:8o", "ot2:²"):
        with pytest.raises(InvalidConfig, match="must be HOST:PORT"):
            split_address(wrong)
