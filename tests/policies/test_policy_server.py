"""Contract: ``regretlab serve`` speaks the openpi protocol, as openpi's own client sees it, from a real process."""

import contextlib
import socket
import threading
import time
import urllib.request

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from regretlab.errors import InputError, RunError
from regretlab.policies import PolicySpec
from regretlab.policies.policy import NoopPolicy, build_policy
from regretlab.policies.serving.client import Connection
from regretlab.policies.serving.server import PolicyServer, ServerOptions
from regretlab.policies.serving.wire import WireError, pack, unpack
from tests.oracles.policy_servers import running, served

# openpi's client connects in a way that websockets has deprecated since.
pytestmark = pytest.mark.filterwarnings(r"ignore:connect\(\) must be used:DeprecationWarning")

numeric = arrays.arrays(
    st.sampled_from(["<i2", "<f4", "<f8", "|u1", "|b1", ">i8"]), arrays.array_shapes(min_dims=0, min_side=0)
)


def client(port, **settings):
    """Openpi's own client, connected."""
    module = pytest.importorskip(
        "openpi_client.websocket_client_policy", reason="openpi-client is not installed: pip install --no-deps it"
    )
    return module.WebsocketClientPolicy("127.0.0.1", port, **settings)


@pytest.fixture
def shown():
    return np.random.default_rng(0).integers(0, 256, (84, 84)).astype(np.uint8)


def test_openpis_client_gets_metadata_chunks_and_timing_from_a_real_process():
    with served("--policy", "oracle", "--symbols", "6", "--mode", "moves", "--chunk", "8") as server:
        ours = client(server.port)
        metadata = ours.get_server_metadata()
        assert metadata["actions"] == 7
        assert metadata["action_horizon"] == 8
        for symbol in range(6):
            reply = ours.infer({"observation": np.int64(symbol)})
            assert reply["actions"].tolist() == [1 + (symbol + age) % 6 for age in range(8)]  # the mode moves on
            assert 0 <= reply["server_timing"]["infer_ms"] < 10_000
        assert reply["server_timing"]["prev_total_ms"] > 0
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=10) as answer:
            assert (answer.status, answer.read()) == (200, b"OK\n")
        code, said = server.interrupt()
        assert code == 130
        assert "Traceback" not in said
    with (
        pytest.raises(ConnectionRefusedError),
        contextlib.closing(socket.create_connection(("127.0.0.1", server.port), 5)),
    ):
        pass


def test_a_served_network_answers_what_it_answers_here(shown):
    spec = PolicySpec("nature", actions=5)
    with running(lambda number: build_policy(spec), spec, ServerOptions(port=0)) as server:
        reply = client(server.port).infer({"observation": shown})
    assert reply["actions"].tolist() == [build_policy(spec).act(shown)]


@pytest.mark.parametrize("requests", ["serial", "batch", "independent"])
def test_eight_requests_at_once_take_as_long_as_the_server_says(requests):
    """Each inference takes 0.1 s: eight in turn 0.8 s, the first and then seven in a batch 0.2 s, all at once 0.1 s."""
    spec, inference = PolicySpec("noop", actions=3, frame_shape=(2,)), 0.1
    options = ServerOptions(port=0, requests=requests)
    with running(lambda number: NoopPolicy(spec), spec, options, lambda: inference) as server:
        clients = [client(server.port) for _ in range(8)]
        replies = []
        threads = [
            threading.Thread(target=lambda c=c: replies.append(c.infer({"observation": np.zeros(2, np.uint8)})))
            for c in clients
        ]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
    # A lower limit each: a busy machine can only add.
    least = {"serial": 8 * inference, "batch": 2 * inference, "independent": inference}[requests]
    assert seconds >= least - 1e-3
    queued = sorted(reply["server_timing"]["queue_ms"] for reply in replies)
    if requests == "serial":  # the last request may come while the first is answered
        assert queued[-1] >= 1e3 * 6.5 * inference
    else:
        assert queued[-1] < 1e3 * 4 * inference
    assert min(reply["server_timing"]["infer_ms"] for reply in replies) >= 1e3 * inference - 1


def test_a_batch_is_one_inference_of_the_network(shown):
    policy = build_policy(PolicySpec("nature", actions=5))
    frames = [shown, shown[::-1].copy(), np.zeros_like(shown)]
    assert policy.act_many(frames) == [policy.act(frame) for frame in frames]


def test_what_a_client_sends_wrongly_is_one_sentence(shown):
    spec = PolicySpec("noop", actions=3)
    with running(lambda number: NoopPolicy(spec), spec, ServerOptions(port=0)) as server:
        for message, sentence in (
            ({"image": shown}, "a request is a map with the observation under 'observation'; this one holds image"),
            ({"observation": shown[:40]}, "observes uint8 of shape .84, 84., not uint8 of shape .40, 84."),
            ({"observation": shown.astype(np.float32)}, "not float32"),
        ):
            with pytest.raises(RuntimeError, match=sentence):
                client(server.port).infer(message)
        assert client(server.port).infer({"observation": shown})["actions"].tolist() == [0]  # it still serves


def test_a_policy_that_raises_is_named_and_the_server_goes_on(shown):
    spec = PolicySpec("noop", actions=3)

    class Broken(NoopPolicy):
        def act(self, observation):
            raise ValueError("the weights are on another device")

    with (
        running(lambda number: Broken(spec), spec, ServerOptions(port=0)) as server,
        pytest.raises(RuntimeError, match="the weights are on another device"),
    ):
        client(server.port).infer({"observation": shown})


def test_the_api_key_comes_from_the_environment_and_is_asked_for():
    from websockets.exceptions import InvalidStatus

    with served("--policy", "noop", REGRETLAB_API_KEY="s3cret") as server:
        with pytest.raises(InvalidStatus, match="401"):
            client(server.port)
        assert client(server.port, api_key="s3cret").get_server_metadata()["policy"] == "noop"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"host": "0.0.0.0"}, "host '0.0.0.0' lets other machines ask: set REGRETLAB_API_KEY"),
        ({"port": 70_000}, "port must lie between 0 and 65535, not 70000"),
        ({"chunk": 0}, "chunk must lie between 1 and 10000 actions of an answer, not 0"),
        ({"observation_key": ""}, "the observation key is empty"),
    ],
)
def test_options_that_cannot_be(options, sentence):
    with pytest.raises(InputError, match=sentence):
        ServerOptions(**options)


def test_a_port_in_use_is_one_sentence():
    spec = PolicySpec("noop", actions=3)
    with (
        running(lambda number: NoopPolicy(spec), spec, ServerOptions(port=0)) as server,
        pytest.raises(InputError, match=f"port {server.port} of '127.0.0.1' cannot be served: .*; give another --port"),
    ):
        PolicyServer(lambda number: NoopPolicy(spec), spec, ServerOptions(port=server.port))


@given(numeric)
def test_arrays_travel_unchanged_between_this_and_openpi(array):
    theirs = pytest.importorskip("openpi_client.msgpack_numpy")
    for there, back in ((pack, theirs.unpackb), (theirs.packb, unpack)):
        found = back(there({"actions": array}))["actions"]
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


def test_no_object_is_ever_built_from_a_message():
    array = {b"__ndarray__": True, b"dtype": "<f8", b"shape": [2], b"data": bytes(16)}
    for fault, sentence in (
        ({b"dtype": "|O"}, "of type '|O' is not allowed"),
        ({b"dtype": "<U4"}, "is not allowed"),
        ({b"dtype": "i4,f8"}, "is not allowed"),
        ({b"dtype": 7}, "is not allowed"),
        ({b"shape": [3]}, "has other bytes than it needs"),
        ({b"shape": [-1]}, "a list of at most 32 sizes"),
        ({b"shape": [2**40, 2**40]}, "has other bytes than it needs"),
        ({b"data": "text"}, "has other bytes than it needs"),
    ):
        with pytest.raises(WireError, match=sentence.replace("|", r"\|")):
            unpack(msgpack.packb({"actions": array | fault}))
    for refused in (np.array([object()]), np.array(["text"]), object(), {1: {2, 3}}):
        with pytest.raises(WireError, match=r"not allowed|not a value"):
            pack(refused)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data):
    found = None
    with contextlib.suppress(WireError):
        found = unpack(data)
    assert isinstance(found, dict | list | str | bytes | bool | int | float | np.generic | np.ndarray | None)


def test_messages_are_bounded():
    with pytest.raises(WireError, match="a message of 11 bytes is longer than the 10 allowed"):
        unpack(bytes(11), largest=10)
    with pytest.raises(WireError, match="text"):
        unpack("text")
    with pytest.raises(WireError, match="not one msgpack message"):
        unpack(b"\x91" * 100_000)  # lists in lists


def test_an_answer_before_the_request_is_not_taken_for_its_own():
    from websockets.sync.server import serve

    def twice(socket):
        socket.send(pack({}))
        for _ in socket:
            socket.send(pack({"actions": [1]}))
            socket.send(pack({"actions": [2]}))

    with serve(twice, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connection = Connection(f"ws://127.0.0.1:{server.socket.getsockname()[1]}")
        assert connection.ask("observation", np.zeros(2)).actions.tolist() == [1]
        time.sleep(0.05)
        with pytest.raises(RunError, match="more than one answer to a request"):
            connection.ask("observation", np.zeros(2))
        server.shutdown()
