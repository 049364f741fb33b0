"""Policies that are asked by HTTP, against a server of the standard library whose answers take times of a law."""

import base64
import io
import itertools
import json
import threading
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

import regretlab as rl
from regretlab.cli import main
from regretlab.errors import AnswerLost, InputError, RunError
from regretlab.laws import parse_law
from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from regretlab.policies.serving import http
from regretlab.policies.serving.http import HttpConnection, RequestForm
from regretlab.policies.serving.wire import reply_of
from regretlab.records import Record
from tests.oracles.policy_servers import goes_on_after

SYMBOLS = 6
BEACON = {"symbols": SYMBOLS, "mode_probability": 0.95, "rotating": True, "pixels": False}
NUMBERS = {"body": {"seen": "{observation}"}, "answer": "plan", "observes": "symbol"}
CHAT = {
    "body": {"messages": [{"role": "user", "content": "Symbol {observation}, {actions} actions."}], "max_tokens": 9},
    "answer": "choices.0.message.content",
    "tokens": "usage.completion_tokens",
    "observes": "symbol",
}


class Answering(BaseHTTPRequestHandler):
    """Answers what the function of its server returns: a document, or (status, bytes)."""

    disable_nagle_algorithm = True

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), asked))
        answer = self.server.answer(asked)
        status, data = answer if isinstance(answer, tuple) else (200, json.dumps(answer).encode())
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words):
        """Say nothing."""


class KeptAlive(Answering):
    protocol_version = "HTTP/1.1"


@contextmanager
def serving(answer, *, port=0, kind=KeptAlive):
    """Yield a server in a thread; at the end its connections are cut, as those of a process that died."""
    server = ThreadingHTTPServer(("127.0.0.1", port), kind)
    server.daemon_threads, server.answer, server.asked, server.open = True, answer, [], []
    accept = server.get_request

    def remembered():
        connection, address = accept()
        server.open.append(connection)
        return connection, address

    server.get_request = remembered
    server.url = f"http://127.0.0.1:{server.server_address[1]}/act"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        end(server)
        thread.join(10)
        assert not thread.is_alive()


def end(server):
    server.shutdown()
    server.server_close()
    for connection in server.open:
        try:
            connection.shutdown(2)
        except OSError:
            continue


def planned(asked):
    """Nine actions, one for each age, as the symbol moves on."""
    return {"plan": [1 + (int(asked["seen"]) + age) % SYMBOLS for age in range(9)]}


def said(asked):
    """What a chat endpoint answers: the action in a sentence, and 24 tokens."""
    seen = int(asked["messages"][0]["content"].split()[1].rstrip(","))
    return {
        "choices": [{"message": {"content": f"Symbol {seen} it is. Action: {1 + seen}."}}],
        "usage": {"completion_tokens": 24},
    }


def answered(asked):
    seen = asked["messages"][0]["content"].split()[1].rstrip(",")
    return {"choices": [{"message": {"content": f"{1 + int(seen)}"}}], "usage": {"completion_tokens": 24}}


def slowly(law, seed=0):
    """Return an answer that takes times of a law."""
    drawn, lock = np.random.default_rng(seed), threading.Lock()
    times = parse_law(law)

    def answer(asked):
        with lock:
            seconds = float(times.sample(drawn, 1)[0])
        time.sleep(seconds)
        return planned(asked) | {}

    return answer


def written(tmp_path, form):
    path = tmp_path / "form.json"
    path.write_text(json.dumps(form))
    return str(path)


def configured(server, form, **values):
    settings = {"environment_options": BEACON, "frames": 240, "seed": 3, "request_form": form}
    return RunConfiguration(**(settings | values), policy=server if isinstance(server, str) else server.url)


def test_chunks_from_a_server_play_as_the_oracle_s_own_do(tmp_path):
    virtual = {"clock": "virtual", "emulate_latency": "gamma(4, scale=0.02)", "workers": 3}
    with serving(planned) as server:
        run(configured(server, written(tmp_path, NUMBERS), **virtual), tmp_path / "served")
    local = RunConfiguration(environment_options=BEACON, frames=240, seed=3, policy="oracle", chunk=8, **virtual)
    run(local, tmp_path / "local")
    assert Record.open(tmp_path / "served").frames.equals(Record.open(tmp_path / "local").frames)
    assert {path for path, _, _ in server.asked} == {"/act"}


@pytest.mark.parametrize("kind", [KeptAlive, Answering], ids=["kept alive", "closed after each"])
def test_a_chat_endpoint_plays_and_its_tokens_are_a_clock(tmp_path, kind):
    """24 tokens at 480 a second: .05 s, three frames."""
    world = rl.Scenario(rule="sequential", mode_probability=0.9, symbols=4)
    with serving(answered, kind=kind) as server:
        form = written(tmp_path, CHAT)
        settings = {"replications": 4, "frames": 60}
        report = rl.referee(world, policy=server.url, request_form=form, tokens_per_second=480, **settings)
        body = server.asked[-1][2]
    same = rl.referee(world.replace(inference_time=0.05), policy="oracle", **settings)
    np.testing.assert_array_equal(report.tallies, same.tallies)
    assert body["max_tokens"] == 9
    assert body["messages"][0]["content"].endswith(", 5 actions.")


def test_without_a_form_the_observation_is_a_list_and_actions_are_numbers(tmp_path):
    with serving(lambda asked: {"actions": int(asked["state"][2] > 0), "server_timing": {"infer_ms": 7.0}}) as server:
        world = rl.Scenario(0.05, rule="sequential", default_behaviour="repeat", frame_time=0.02)
        settings = {"env": "CartPole-v1", "clock": "virtual", "frames": 60}
        served = rl.run(world, policy=server.url, observation_key="state", out=tmp_path / "a", **settings)
        connection = HttpConnection(server.url, None, 2)
        reply = connection.ask("state", np.array([0.0, 0.0, 0.1, 0.0], np.float32))
        connection.close()
    own = rl.run(world, policy=lambda seen: int(seen[2] > 0), out=tmp_path / "b", **settings)
    assert served.frames["action"].equals(own.frames["action"])
    assert (reply.actions.tolist(), reply.server_time, reply.tokens) == (1, 0.007, None)


def test_a_frame_goes_as_a_picture():
    form = RequestForm.of('{"body": {"url": "{image}", "text": "{observation}"}, "answer": "a"}')
    frame = np.arange(12, dtype=np.uint8).reshape(3, 4)
    body = form.request(frame, 5)
    assert body["text"] == frame.tolist()
    head, data = body["url"].split(",")
    assert head == "data:image/png;base64"
    np.testing.assert_array_equal(np.array(Image.open(io.BytesIO(base64.b64decode(data)))), frame)
    with pytest.raises(RunError, match="a picture is of bytes"):
        form.request(np.zeros(3), 5)


@pytest.mark.parametrize(
    ("text", "action"), [("3", 3), ("Action: 12.", 12), ("-1", -1), ("I turn 0.5 to 4", 4), ("x2 3rd 7", 7)]
)
def test_the_first_whole_number_of_a_text_is_the_action(text, action):
    assert RequestForm.of('{"body": 0, "answer": "a"}').reply({"a": text}).actions.tolist() == action


def test_the_key_comes_from_the_environment_alone(monkeypatch):
    with serving(lambda asked: {"actions": 1}) as server:
        for key in (None, "secret"):
            if key is not None:
                monkeypatch.setenv("REGRETLAB_API_KEY", key)
            with closing(HttpConnection(server.url, None, 2)) as connection:
                connection.ask("o", np.zeros(1))
    first, second = (headers for _, headers, _ in server.asked)
    assert "Authorization" not in first
    assert second["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        ((500, b"out of memory"), RunError, "cannot be used: status 500: out of memory"),
        ((302, b""), RunError, "status 302"),  # it is not followed
        ((503, b""), AnswerLost, "status 503"),
        ((200, b"<html>"), RunError, "cannot be used"),
        ((200, b"[" * 100_000), RunError, "cannot be used"),
        ({"other": 1}, RunError, "it holds no 'actions'"),
        ({"actions": "left"}, RunError, "not numbers"),
        ({"actions": [[1], [2, 3]]}, RunError, "not an array"),
        ((200, b" " * 3000), RunError, "more than 2048 bytes"),
    ],
)
def test_answers_that_cannot_be_used_are_one_sentence(answer, error, sentence, monkeypatch):
    monkeypatch.setattr(http, "LARGEST_MESSAGE", 2048 if isinstance(answer, tuple) and b" " in answer[1][:1] else 2**20)
    with serving(lambda asked: answer) as server, pytest.raises(error, match=sentence):
        HttpConnection(server.url, None, 2).ask("o", np.zeros(1))


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ({"choices": []}, "it holds no 'choices.0.message.content'"),
        ({"choices": [{"message": {"content": "left"}}], "usage": {}}, "there is no whole number in 'left'"),
        ({"choices": [{"message": {"content": "9"}}], "usage": {"completion_tokens": 1}}, r"answers \[9\]"),
    ],
)
def test_a_chat_that_names_no_action_is_refused_before_the_run(reply, sentence, tmp_path):
    with serving(lambda asked: reply) as server, pytest.raises(InputError, match=sentence):
        run(configured(server, written(tmp_path, CHAT)), tmp_path / "record")
    assert not (tmp_path / "record").exists()


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("{", "a request form is JSON"),
        ("[]", "not list"),
        ('{"body": 1}', r"has body and answer, and maybe tokens and observes, not \['body'\]"),
        ('{"body": 1, "answer": "a", "code": "import os"}', "not "),
        ('{"body": 1, "answer": 3}', "answer of a request form is a path"),
        ('{"body": 1, "answer": "a", "observes": "ram"}', "observes of a request form is 'symbol' or left out"),
    ],
)
def test_forms_that_are_none_are_refused(form, sentence):
    with pytest.raises(InputError, match=sentence):
        RequestForm.of(form)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--policy", "http://127.0.0.1:9/act"], "no policy server answers at 'http://127.0.0.1:9/act': connection"),
        (["--policy", "http://:80/act"], "is not of the form http://HOST[:PORT]"),
        (["--policy", "http://a:b@127.0.0.1:9"], "is not of the form http://HOST[:PORT]"),
        (["--policy", "noop", "--request-form", "form.json"], "is for policies on HTTP, and policy is 'noop'"),
        (["--policy", "http://127.0.0.1:9", "--request-form", "none.json"], "request form 'none.json'"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence_and_nothing_is_written(words, sentence, tmp_path, capsys):
    assert main(["run", *words, "--out", str(tmp_path / "record")]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert sentence in line
    assert not (tmp_path / "record").exists()


def test_a_deadline_holds_for_an_answer_that_trickles_in():
    class Trickling(KeptAlive):
        def do_POST(self):
            self.send_response(200)
            self.send_header("Content-Length", "400")
            self.end_headers()
            for _ in range(40):
                self.wfile.write(b" " * 10)
                time.sleep(0.05)

    with serving(None, kind=Trickling) as server:
        connection, began = HttpConnection(server.url, None, 2), time.monotonic()
        with pytest.raises(AnswerLost, match=r"no answer in 0\.2 s") as lost:
            connection.ask("o", np.zeros(1), 0.2)
        assert lost.value.cancelled
        assert time.monotonic() - began < 1.5


@pytest.mark.realtime
def test_workers_ask_in_real_time_and_the_record_has_the_law_s_times(tmp_path):
    """Times of the server's law and a little more, and every action is the entry of the frame's own age."""
    with serving(slowly("uniform(0.04, 0.06)")) as server:
        summary = run(configured(server, written(tmp_path, NUMBERS), workers=2, frames=480), tmp_path / "record")
    record = Record.open(tmp_path / "record")
    times = (record.inferences["completion"] - record.inferences["dispatch"]).dropna().to_numpy()
    assert times.min() >= 0.04
    error = 0.06 / np.sqrt(12 * len(times))
    assert -4.5 * error < times.mean() - 0.07 < 4.5 * error + 0.012
    acted = record.frames[record.frames["served_by"] >= 0]
    seen, age = record.frames["label"].to_numpy()[acted["observation_frame"]], acted["delay_frames"].to_numpy()
    assert np.array_equal(acted["action"].to_numpy(), 1 + (seen + age) % SYMBOLS)
    assert summary.server["in_flight"]["max"] == 2
    assert (summary.server["lost"], summary.server["reconnections"]) == (0, 0)


@pytest.mark.realtime
def test_one_slow_first_call_does_not_set_the_maximum_of_the_run(tmp_path):
    """Each worker's first call takes .7 s and all others .3 s, at 30 frames a second; .7 s would cost 57 %."""

    class WarmingUp(KeptAlive):
        def do_POST(self):
            time.sleep(0.3 if getattr(self, "is_warm", False) else 0.7)
            self.is_warm = True
            super().do_POST()

    with serving(lambda asked: {"plan": 1 + int(asked["seen"])}, kind=WarmingUp) as server:
        settings = {"workers": 9, "frames": 600, "rule": "max-time", "frame_time": 1 / 30}
        summary = run(configured(server, written(tmp_path, NUMBERS), **settings), tmp_path / "record")
    assert Record.open(tmp_path / "record").meta["tau_max"] < 0.5
    assert summary.inaction_fraction < 0.3


@pytest.mark.realtime
def test_a_restart_is_survived_and_loses_what_was_under_way(tmp_path):
    playing, ports = threading.Event(), []

    def restart():
        with serving(slowly("0.05")) as first:
            ports.append(first.server_address[1])
            playing.wait(60)
        time.sleep(0.5)
        with serving(slowly("0.05"), port=ports[0]):
            over.wait(60)

    over = threading.Event()
    thread = threading.Thread(target=restart)
    thread.start()
    while not ports:
        time.sleep(0.01)
    try:
        summary = run(
            configured(f"http://127.0.0.1:{ports[0]}/act", written(tmp_path, NUMBERS), workers=2, frames=900),
            tmp_path / "record",
            watch=lambda rows: playing.set(),
        )
    finally:
        playing.set()
        over.set()
        thread.join(20)
    record = Record.open(tmp_path / "record")
    assert summary.server["reconnections"] == summary.server["lost"] == 2  # both workers had asked
    goes_on_after(record, record.inferences[record.inferences["lost"]])
    assert summary.failure is None


@pytest.mark.realtime
def test_a_cancelled_answer_is_never_applied(tmp_path):
    with serving(slowly("uniform(0.02, 0.16)")) as server:
        settings = {"workers": 2, "cancel_after": 0.1, "frames": 300}
        summary = run(configured(server, written(tmp_path, NUMBERS), **settings), tmp_path / "record")
    record = Record.open(tmp_path / "record")
    assert summary.server["cancelled"] > 10
    assert (record.frames["served_by"] >= 0).any()
    assert ((record.inferences["completion"] - record.inferences["dispatch"]).dropna() < 0.15).all()
    acted = record.frames[record.frames["served_by"] >= 0]
    kept = record.inferences[record.inferences["completion"].notna()]
    known = set(zip(kept["worker"], kept["observation_frame"], strict=True))
    assert set(zip(acted["served_by"], acted["observation_frame"], strict=True)) <= known


def faltering():
    """Return an answer that refuses every seventh request, as a server that is restarted behind a proxy."""
    asked_before = itertools.count(1)
    return lambda asked: (503, b"busy") if next(asked_before) % 7 == 0 else planned(asked)


def test_a_server_that_falters_is_asked_again_where_the_world_waits(tmp_path):
    """The referee goes on as a run does, and measures what it measures without a fault."""
    world = rl.Scenario(0.05, rule="sequential", mode_probability=0.95, symbols=SYMBOLS, mode="moves")
    settings = {"request_form": written(tmp_path, NUMBERS), "replications": 4, "frames": 60}
    found = []
    for answer in (faltering(), planned):
        with serving(answer) as server:
            found.append(rl.referee(world, policy=server.url, **settings).tallies)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_named_as_such(tmp_path, status):
    with serving(lambda asked: (status, b"no")) as server, pytest.raises(InputError, match="refuses the API key"):
        run(configured(server, None, clock="virtual", emulate_latency="0.02"), tmp_path / "new")


def test_a_key_that_no_header_holds_is_refused_without_being_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("REGRETLAB_API_KEY", "secret\r\nX: y")
    for address in ("http://127.0.0.1:9/act", "ws://127.0.0.1:9"):
        with pytest.raises(InputError, match="REGRETLAB_API_KEY holds a character") as refused:
            run(configured(address, None, clock="virtual", emulate_latency="0.02"), tmp_path / "new")
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize("milliseconds", [-5e300, -1.0, 1e9, float("nan"), "7"])
def test_a_server_time_that_cannot_be_is_none(milliseconds):
    assert np.isnan(reply_of({"actions": [1], "server_timing": {"infer_ms": milliseconds}}).server_time)


def test_a_server_that_never_answers_again_ends_what_waits_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr("regretlab.policies.serving.client.PATIENCE", 0.3)
    begun = itertools.count()

    def ends(asked):
        return planned(asked) if next(begun) < 5 else (503, b"busy")

    with serving(ends) as server, pytest.raises(RunError, match=r"gave no answer for 0.3 s: status 503"):
        run(configured(server, written(tmp_path, NUMBERS), clock="virtual", emulate_latency="0.02"), tmp_path / "new")
