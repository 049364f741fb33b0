"""Runs whose workers ask a policy server: its chunks, its times, its end, and answers that come too late."""

import threading
import time

import numpy as np
import pytest

from regretlab.cli import main
from regretlab.errors import InputError, RunError
from regretlab.laws import parse_law
from regretlab.play.configuration import RunConfiguration
from regretlab.play.latencies import LatencyStream
from regretlab.play.run import run
from regretlab.policies import PolicySpec
from regretlab.policies.policy import NoopPolicy, build_policy
from regretlab.policies.serving.server import PolicyServer, ServerOptions
from regretlab.records import Record
from tests.oracles.policy_servers import goes_on_after, running

SYMBOLS = 6
BEACON = {"symbols": SYMBOLS, "mode_probability": 0.95, "rotating": True, "pixels": False}
ORACLE = PolicySpec("oracle", actions=SYMBOLS + 1)


def oracle(law=None, **options):
    """Arguments of a server of the oracle whose chunks move on with the symbol."""
    stream = None if law is None else LatencyStream(parse_law(law), 0, 0)
    chosen = ServerOptions(**({"port": 0, "turns": SYMBOLS, "chunk": 9} | options))
    return (lambda number: build_policy(ORACLE)), ORACLE, chosen, None if stream is None else stream.next


def configured(server, **values):
    settings = {"environment_options": BEACON, "frames": 240, "seed": 3}
    return RunConfiguration(**{**settings, "policy": server if isinstance(server, str) else server.url, **values})


@pytest.mark.parametrize("latency", ["0.05", "gamma(4, scale=0.02)"])
def test_a_served_chunk_plays_as_the_oracle_s_own_does(latency, tmp_path):
    """Independent: the local oracle computes the entry of each age when it acts, the server all of them before."""
    virtual = {"clock": "virtual", "emulate_latency": latency, "workers": 3}
    with running(*oracle()) as server:
        run(configured(server, **virtual), tmp_path / "served")
    run(configured("oracle", chunk=8, **virtual), tmp_path / "local")
    served, local = (Record.open(tmp_path / name) for name in ("served", "local"))
    assert served.meta["config"]["chunk"] == 8  # nine entries, and entry 0 is for a frame that has begun
    assert served.frames.equals(local.frames)
    assert served.frames["action"].nunique() > 3
    acted = served.frames[served.frames["served_by"] >= 0]
    first = served.inferences.set_index(["worker", "observation_frame"])["action"]
    for row in acted.itertuples():
        begun = first[(row.served_by, row.observation_frame)]
        assert row.action == 1 + (begun - 1 + row.frame - row.observation_frame) % SYMBOLS


def test_a_shorter_chunk_may_be_asked_for_and_a_longer_one_is_what_the_answers_hold(tmp_path):
    with running(*oracle()) as server:
        for asked, played in ((3, 3), (50, 8), ("inf", 8)):
            run(
                configured(server, clock="virtual", emulate_latency="0.08", chunk=asked, frames=60),
                tmp_path / str(asked),
            )
            record = Record.open(tmp_path / str(asked))
            assert record.meta["config"]["chunk"] == played
            assert record.frames["delay_frames"].max() <= played


def test_an_answer_of_one_action_is_a_run_without_chunks(tmp_path):
    with running(*oracle(chunk=1, turns=0)) as server:
        run(configured(server, clock="virtual", emulate_latency="0.05", workers=2), tmp_path / "served")
    run(configured("oracle", clock="virtual", emulate_latency="0.05", workers=2), tmp_path / "local")
    assert Record.open(tmp_path / "served").frames.equals(Record.open(tmp_path / "local").frames)


def test_a_network_behind_a_server_observes_the_frames(tmp_path):
    spec = PolicySpec("nature", actions=SYMBOLS + 1, seed=5)
    frames = {"environment_options": BEACON | {"pixels": True}, "clock": "virtual", "emulate_latency": "0.05"}
    with running(lambda number: build_policy(spec), spec, ServerOptions(port=0, observation_key="image")) as server:
        run(configured(server, frames=60, **frames), tmp_path / "served")
        assert Record.open(tmp_path / "served").frames["action"].nunique() >= 1
        with pytest.raises(InputError, match=r"fails on an observation of zeros: .* reports: a request is a map"):
            run(configured(server, frames=60, observation_key="observation", **frames), tmp_path / "wrong")
    assert not (tmp_path / "wrong").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"policy": "ws://127.0.0.1:9"}, "no policy server answers at 'ws://127.0.0.1:9': connection refused"),
        ({"policy": "ws://127.0.0.1"}, "is not of the form ws://HOST:PORT"),
        ({"policy": "ws://127.0.0.1:99999"}, "is not of the form ws://HOST:PORT"),
        ({"policy": "noop", "observation_key": "image"}, "observation key 'image' is for policies on a server"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence_and_nothing_is_written(options, sentence, tmp_path, capsys):
    words = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    assert main(["run", *words, "--out", str(tmp_path / "record")]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert sentence in line
    assert not (tmp_path / "record").exists()


def test_a_server_of_another_environment_is_refused(tmp_path):
    spec = PolicySpec("noop", actions=3)
    with (
        running(lambda number: NoopPolicy(spec), spec, ServerOptions(port=0)) as server,
        pytest.raises(InputError, match="has 3 actions, and the environment 7"),
    ):
        run(configured(server), tmp_path / "record")


@pytest.mark.parametrize(
    ("actions", "sentence"),
    [
        (np.array([0.5]), "are not whole numbers"),
        (np.array([np.nan]), "are not whole numbers"),
        (np.array([7]), r"answers \[7\]; the environment has actions 0 to 6"),
        (np.array([0, -1]), r"answers \[0, -1\]; the environment has actions 0 to 6"),
        (np.zeros((2, 2)), r"have shape \(2, 2\)"),
        (np.zeros(0), r"have shape \(0,\)"),
    ],
)
def test_answers_that_are_no_actions_are_refused_before_the_run(actions, sentence, tmp_path):
    spec = PolicySpec("noop", actions=SYMBOLS + 1, frame_shape=(84, 84))

    class Wrong(PolicyServer):
        def _chunk(self, answer):
            return actions

    server = Wrong(lambda number: NoopPolicy(spec), spec, ServerOptions(port=0))
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        with pytest.raises(InputError, match=sentence):
            run(configured(server, environment_options=BEACON | {"pixels": True}), tmp_path / "record")
    finally:
        server.close()
        thread.join(20)


@pytest.mark.realtime
@pytest.mark.smoke
def test_workers_ask_a_server_in_real_time_and_the_record_separates_its_time(tmp_path):
    with running(*oracle("0.05", requests="independent")) as server:
        summary = run(configured(server, workers=2), tmp_path)
    record = Record.open(tmp_path)
    acted = record.frames[record.frames["served_by"] >= 0]
    assert len(acted) > 200
    labels = record.frames["label"].to_numpy()
    seen = labels[acted["observation_frame"]]
    age = acted["delay_frames"].to_numpy()
    assert np.array_equal(acted["action"].to_numpy(), 1 + (seen + age) % SYMBOLS)  # the entry of the frame's own age
    times = record.inferences[record.inferences["completion"].notna()]
    whole = (times["completion"] - times["dispatch"]).to_numpy()
    assert (times["server_time"].to_numpy() >= 0.05 - 1e-4).all()
    assert (whole >= times["server_time"].to_numpy()).all()
    assert set(times["in_flight"]) <= {1, 2}
    assert summary.server["in_flight"]["max"] == 2
    assert summary.server["end_to_end"]["mean"] == pytest.approx(
        summary.server["server"]["mean"] + summary.server["network"]["mean"]
    )
    assert (summary.server["lost"], summary.server["reconnections"]) == (0, 0)


@pytest.mark.realtime
def test_a_restart_of_the_server_is_survived(tmp_path):
    arguments = oracle("0.05", requests="independent")
    first = PolicyServer(*arguments)
    thread = threading.Thread(target=first.serve)
    thread.start()
    again, playing = [], threading.Event()

    def restart():
        playing.wait(60)
        first.close()
        time.sleep(0.5)
        options = ServerOptions(**{**vars(arguments[2]), "port": port})
        again.append(PolicyServer(*arguments[:2], options, arguments[3]))
        again[0].serve()

    port = first.port
    restarting = threading.Thread(target=restart)
    restarting.start()
    try:
        summary = run(configured(first, workers=2, frames=900), tmp_path, watch=lambda rows: playing.set())
    finally:
        playing.set()
        while not again:
            time.sleep(0.05)
        again[0].close()
        restarting.join(15)
    record = Record.open(tmp_path)
    assert summary.server["reconnections"] == summary.server["lost"] == 2  # both workers had asked
    lost = record.inferences[record.inferences["lost"]]
    assert lost["completion"].isna().all()
    served = record.frames["served_by"].to_numpy() >= 0
    goes_on_after(record, lost)
    gone = int(lost["dispatch"].max() * 60) + 9  # chunks act for eight frames more
    assert not served[gone : gone + 15].any()
    assert summary.failure is None


@pytest.mark.realtime
def test_a_server_that_stays_away_ends_the_run_with_its_name(tmp_path):
    with (
        running(*oracle("0.05")) as server,
        pytest.raises(RunError, match=r"policy server 'ws://[^']*' has been away for 15 s: connection refused"),
    ):
        run(configured(server, frames=2400), tmp_path, watch=lambda rows: server.close())
    record = Record.open(tmp_path)
    assert not record.meta["complete"]
    assert "has been away for 15 s" in record.summary.failure
    assert any("has been away" in text for name, text in record.facts() if name == "broke off")


@pytest.mark.realtime
@pytest.mark.parametrize(("latency", "applied"), [("0.2", False), ("uniform(loc=0.02, scale=0.16)", True)])
def test_a_cancelled_answer_is_never_applied(latency, applied, tmp_path):
    with running(*oracle(latency, requests="independent")) as server:
        summary = run(configured(server, workers=2, cancel_after=0.1, frames=300), tmp_path)
    record = Record.open(tmp_path)
    assert summary.server["cancelled"] > 10
    whole = (record.inferences["completion"] - record.inferences["dispatch"]).dropna()
    assert (record.frames["served_by"] >= 0).any() == applied
    assert (whole < 0.15).all()
    assert (record.inferences["server_time"].dropna() <= 0.1).all()
