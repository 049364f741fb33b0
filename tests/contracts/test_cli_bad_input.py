"""Contract: bad input ends with code 2, one line on standard error, nothing on standard output, nothing written."""

import numpy as np
import pytest

from regretlab.games.beacon import ROM

TIMES = ["--inference-time", "0.05"]
MODE = ["--mode-probability", "0.95"]
BOUND = ["bound", *TIMES, *MODE]


def _refused(said, message):
    assert said.code == 2, said
    assert said.out == ""
    assert said.err.startswith("regretlab: error: ")
    assert said.err.count("\n") == 1
    assert said.err.endswith("\n")
    assert "Traceback" not in said.err
    assert message in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["bund"],
            "unknown command 'bund' (did you mean bound?): choose one of bound, compare, completion,",
        ),
        (["--colour"], "--colour"),
        ([*BOUND, "--colour", "red"], "--colour"),
        (
            [*BOUND, "--worker", "3"],
            "unknown option '--worker' (did you mean --workers?): --help lists those there are",
        ),
        ([*BOUND, "extra"], "'extra' is left over"),
        (["bound", *MODE], "--inference-time is missing"),
        (["bound", *TIMES], "--mode-probability is missing"),
        (["bound", *MODE, "--inference-time"], "--inference-time needs a value"),
        ([*BOUND, "--rule", "sequential", "--rule", "max-time"], "--rule is given more than once: give it one value"),
        ([*BOUND, "--no-json"], "--no-json"),
        (["bound", *TIMES, "--mode-probability", "high"], "--mode-probability must be a number, not 'high'"),
        ([*BOUND, "--symbols", "2.5"], "must be a whole number, not '2.5'"),
        ([*BOUND, "--symbols", "inf"], "must be a whole number, not 'inf'"),
        ([*BOUND, "--symbols", "four"], "must be a whole number, not 'four'"),
        ([*BOUND, "--alignment", "middle"], "--alignment must be one of frame, uniform, not 'middle'"),
    ],
    ids=str,
)
def test_words_that_cannot_be_parsed(words, message, answer):
    _refused(answer(*words), message)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--mode-probability", "1.5"], "mode probability must lie in [0, 1], not 1.5"),
        (["--mode-probability", "-0.1"], "mode probability must lie in [0, 1], not -0.1"),
        (["--mode-probability", "nan"], "mode probability must lie in [0, 1], not nan"),
        (["--mode-probability", "inf"], "mode probability must lie in [0, 1], not inf"),
        (["--mode-probability", "0.1", "--symbols", "4"], "[1/4, 1] for 4 symbols, not 0.1"),
        (["--symbols", "1"], "symbols must be a whole number of at least 2, not 1"),
        (["--symbols", "-3"], "symbols must be a whole number of at least 2, not -3"),
        (["--frame-time", "0"], "frame time '0' must be a positive"),
        (["--frame-time", "-1"], "frame time '-1' must be a positive"),
        (["--frame-time", "nan"], "frame time 'nan'"),
        (["--frame-time", "inf"], "frame time 'inf'"),
        (["--frame-time", "pal"], "frame time 'pal' is neither"),
        (["--horizon", "0"], "horizon must be a positive, finite number of seconds, not '0'"),
        (["--horizon", "-1"], "horizon must be a positive"),
        (["--horizon", "nan"], "horizon must be a positive"),
        (["--horizon", "inf"], "horizon must be a positive"),
        (["--maximum-time", "0"], "maximum time must be a positive, finite number of seconds, not '0'"),
        (["--maximum-time", "nan"], "maximum time must be a positive"),
        (["--gap-default", "-1"], "must be a finite number of at least 0, not -1.0"),
        (["--gap-delay", "nan"], "must be a finite number of at least 0, not nan"),
        (["--rule", "magic"], "unknown staggering rule 'magic': choose one of sequential"),
        (["--rule", "[red]"], "unknown staggering rule '[red]'"),
        (["--workers", "0"], "workers must be a whole number of at least 1 or inf, not '0'"),
        (["--workers", "-2"], "not '-2'"),
        (["--workers", "2.5"], "not '2.5'"),
        (["--workers", "nan"], "not 'nan'"),
        (["--workers", "two"], "not 'two'"),
        (["--rule", "sequential", "--workers", "2"], "'sequential' runs exactly 1 worker, not 2"),
        (["--rule", "sequential-strict", "--workers", "inf"], "'sequential-strict' runs exactly 1 worker, not inf"),
        (["--rule", "frame-pool", "--alignment", "uniform"], "'frame-pool' takes alignment frame, not 'uniform'"),
        (
            ["--rule", "frame-hold", "--hold", "0"],
            "hold must be a whole number of frames, at least 1, or auto, not '0'",
        ),
        (["--rule", "frame-hold", "--hold", "2.5"], "not '2.5'"),
        (["--rule", "frame-hold", "--hold", "long"], "not 'long'"),
        (["--rule", "max-time", "--hold", "3"], "'max-time' has no hold"),
        (["--cores", "0"], "cores must be"),
        (["--cores", "nan"], "cores must be"),
        (["--cores", "2", "--rule", "frame-pool", "--workers", "inf"], "cores need a finite number of workers"),
    ],
    ids=str,
)
@pytest.mark.parametrize("command", ["bound", "simulate"])
def test_values_out_of_range(command, words, message, answer):
    usual = {TIMES[0]: TIMES[1], MODE[0]: MODE[1]} | dict(zip(words[::2], words[1::2], strict=True))
    _refused(answer(command, *(word for pair in usual.items() for word in pair)), message)


SIZE = ["--horizon", "60", "--actions", "10", "--diameter", "100"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--states", "3"], "states has no effect without a learning bound"),
        (["--batch-size", "4"], "batch size 4 has no effect without a batch time"),
        (["--replay-ratio", "2"], "replay ratio 2.0 has no effect without a batch time"),
        (["--learning-bound", "gaussian-bandit", "--actions", "4"], "needs a horizon"),
        (["--learning-bound", "magic", "--horizon", "60"], "unknown learning bound 'magic': choose one of"),
        (["--learning-bound", "gaussian-bandit", "--horizon", "60"], "needs actions, and none is given"),
        (["--learning-bound", "gaussian-bandit", "--horizon", "60", "--actions", "1"], "actions must be"),
        (
            ["--learning-bound", "gaussian-bandit", "--horizon", "60", "--actions", "2.5"],
            "must be a whole number, not '2.5'",
        ),
        (["--learning-bound", "finite-mdp", *SIZE, "--states", "9"], "states"),
        (["--learning-bound", "finite-mdp", *SIZE, "--states", "10"], "needs at least"),
        (["--learners", "2"], "learners need the time of a batch"),
        (["--learners", "0", "--batch-time", "1", "--learning-bound", "gaussian-bandit", *SIZE], "learners must be"),
        (["--batch-time", "-1"], "batch time must be"),
    ],
    ids=str,
)
def test_learning_that_cannot_be(words, message, answer):
    _refused(answer(*BOUND, *words), message)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--frames", "0"], "frames must be at least 1, not 0"),
        (["--replications", "0"], "replications must be at least 1, not 0"),
        (["--warmup", "-1"], "warmup must be at least 0 frames, not -1"),
        (["--seed", "-1"], "seed must be a non-negative integer, not -1"),
        (["--threads", "0"], "threads must be at least 1, not 0"),
        (["--default-behaviour", "sleep"], "--default-behaviour must be one of noop, repeat, random, not 'sleep'"),
        (["--workers", "inf"], "'free-running' needs a finite number of workers"),
    ],
    ids=str,
)
def test_simulations_that_cannot_be(words, message, answer):
    _refused(answer("simulate", *TIMES, *MODE, *words), message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0", "must be a positive, finite number"),
        ("-0.1", "must be a positive, finite number of seconds, not -0.1"),
        ("nan", "not nan"),
        ("inf", "not inf"),
        ("", "law '' is not understood"),
        ("fast", "'fast'"),
        ("constant(-1)", "must be a positive, finite number of seconds, not -1"),
        ("gamma(4, scael=1)", "no parameter 'scael'"),
        ("gama(4)", "did you mean gamma"),
        ("gamma(-4)", "gamma(-4)"),
        ("gamma(4", "gamma(4"),
        ("norm(1, 1)", "norm(1, 1)"),
        ("expon(scale=__import__('os'))", "__import__"),
        ("@missing.csv", "'missing.csv' does not exist"),
        ("@", "must end in .csv, .txt or .npy"),
        ("@/", "'/'"),
    ],
)
def test_inference_times_that_are_none(text, message, answer):
    _refused(answer("bound", "--inference-time", text, *MODE), message)


@pytest.mark.parametrize(
    "content", [b"", b"seconds\n", b"0.1\nfast\n", b"0.1\n-1\n", b"0\n", b"nan\n", b"inf\n", b"\x93\xfe\x00"], ids=str
)
@pytest.mark.parametrize("name", ["samples.csv", "samples.npy"])
def test_unusable_sample_files(content, name, tmp_path, answer):
    path = tmp_path / name
    path.write_bytes(content)
    _refused(answer("bound", "--inference-time", f"@{path}", *MODE), name)


@pytest.mark.parametrize(
    "samples", [np.array([]), np.array([0.1, -0.1]), np.array([0.1, np.nan]), np.array(["0.1"]), np.array([0.1, None])]
)
def test_unusable_arrays(samples, tmp_path, answer):
    np.save(tmp_path / "samples.npy", samples, allow_pickle=True)
    _refused(answer("bound", "--inference-time", f"@{tmp_path / 'samples.npy'}", *MODE), "samples.npy")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--worker-cost", "-1"], "worker cost must be a finite number of at least 0, not -1"),
        (["--target-regret", "0"], "target regret must be"),
        (["--scaling", "m cubed"], "'m cubed'"),
        (["--scaling", "__import__('os')"], "__import__"),
        (["--quality", "0.2*m**-0.35"], "needs a scaling law"),
        (["--scaling", "0.01*m**0.9", "--quality", "0.2*m**0.35"], "the quality gap must fall with model size"),
        (["--workers", "0"], "workers must be a whole number of at least 1 or inf, not '0'"),
        (["--workers", "inf", "--worker-cost", "0.1"], "an unlimited pool"),
        (["--rule", "sequential", "--workers", "2"], "'sequential' runs exactly 1 worker, not 2"),
        (["--rule", "max-time", "--hold", "2"], "'max-time' has no hold"),
        (["--cores", "0"], "cores must be"),
        (["--learners", "-1"], "learners must be"),
        (["--contention", "nan"], "contention must be"),
        (["--most-workers", "0"], "most workers must be"),
        (["--mode-probability", "2"], "mode probability must lie in [0, 1], not 2"),
    ],
    ids=str,
)
def test_plans_that_cannot_be(words, message, answer):
    usual = {TIMES[0]: TIMES[1], MODE[0]: MODE[1]} | dict(zip(words[::2], words[1::2], strict=True))
    _refused(answer("plan", *(word for pair in usual.items() for word in pair)), message)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give either --inference-time with a law or --profile"),
        ([*TIMES, "--profile", "k1.npy"], "give either --inference-time with a law or --profile"),
        (["--profile", "missing.npy"], "samples file 'missing.npy' does not exist"),
        (["--profile", "k1.dat"], "must end in .csv, .txt or .npy"),
    ],
    ids=str,
)
def test_plans_without_an_inference_time(words, message, answer):
    _refused(answer("plan", *words, *MODE), message)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--mdp", "cheese"], "unknown MDP 'cheese': choose one of shift-register"),
        (["--mdp", ""], "is not of the form name(key=value, ...)"),
        (["--mdp", "ring(p=1.5)"], "1.5"),
        (["--mdp", "ring(q=0.5)"], "does not fit ring(p=0.9"),
        (["--mdp", "ring(p=__import__)"], "p=__import__"),
        (["--mdp", "riverswim(2.5)"], "must be a whole number, not 2.5"),
        (["--mdp", "missing.npz"], "missing.npz"),
        (["--mdp", "ring(p=0.9)", "--delay", "-1"], "delay"),
        (["--mdp", "ring(p=0.9)", "--delay", "1.5"], "must be a whole number, not '1.5'"),
        (["--mdp", "ring(p=0.9)", "--every", "0"], "every"),
        (["--mdp", "riverswim(6)", "--delay", "200"], "over the limit"),
        (["--delay", "2"], "--mdp is missing"),
    ],
    ids=str,
)
def test_mdps_that_cannot_be_solved(words, message, answer):
    _refused(answer("solve", *words), message)


@pytest.mark.parametrize("content", [b"", b"PK", b"not an archive"], ids=str)
def test_unusable_mdp_files(content, tmp_path, answer):
    (tmp_path / "broken.npz").write_bytes(content)
    _refused(answer("solve", "--mdp", str(tmp_path / "broken.npz")), "broken.npz")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--policy", "oracle"], "policy 'oracle' has no network to profile"),
        (["--policy", "impala"], "no policy is named 'impala'"),
        (["--policy", "nature", "--out", "x.txt"], "samples go to a .npy or .csv file"),
        (["--policy", "nature", "--samples", "0"], "samples must be at least 1"),
        (["--policy", "nature", "--threads", "0"], "threads must be at least 1, not 0"),
        (["--policy", "nature", "--actions", "0"], "actions must be at least 1, not 0"),
    ],
    ids=str,
)
def test_profiles_that_cannot_be(words, message, answer):
    _refused(answer("profile", *words), message)


RUN = {"--clock": "virtual", "--emulate-latency": "0.04", "--frames": "200", "--policy": "oracle", "--symbols": "4"}
LEARNING = {"--learners": "1", "--emulate-learning": "0.05"}


def _run_words(changed, out):
    options = {name: value for name, value in (RUN | changed).items() if value is not None}
    return ["run", *(word for pair in options.items() for word in pair), "--out", str(out)]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--env": "regretlab/Bacon-v0"}, "unknown environment 'regretlab/Bacon-v0'"),
        ({"--env": "Pendulum-v1", "--symbols": None}, "chooses one of several actions, and here an action is 1 number"),
        ({"--rom": "missing.gb"}, "ROM 'missing.gb' cannot be read"),
        ({"--symbols": "99"}, "beacon shows 2 to 15 symbols, not 99"),
        ({"--mode-probability": "0.01"}, "mode probability must lie in [1/4, 1] for 4 symbols, not 0.01"),
        ({"--frames": "0"}, "frames must be at least 1, not 0"),
        ({"--frames": "0.5"}, "must be a whole number, not '0.5'"),
        ({"--workers": "0"}, "workers must be a whole number of at least 1 or inf, not '0'"),
        ({"--policy": "impala-k0"}, "width of 'impala-k0'"),
        ({"--env": "CartPole-v1", "--symbols": None}, "which 'CartPole-v1' does not"),
        ({"--env": "CartPole-v1", "--symbols": None, "--policy": "nature"}, "looks at frames of shape (84, 84)"),
        ({"--env": "CartPole-v1", "--symbols": None, "--policy": "random"}, "does not say which of its actions does"),
        ({"--default-action": "7"}, "default action 7 is out of range: 'regretlab/Beacon-v0' has 0 to 4"),
        ({"--frame-time": "0"}, "frame time '0' must be a positive"),
        ({"--policy": "net.pkl"}, "a bare file of weights does not say what network they are of"),
        ({"--policy": "nature", "--weights": "net.pkl"}, "only .safetensors files are read"),
        ({"--policy": "nature", "--weights": "none.safetensors"}, "cannot be read as a safetensors file"),
        ({"--policy": "oracle", "--weights": "none.safetensors"}, "takes no weights"),
        ({"--policy": "sb3:nowhere.zip"}, "'sb3:nowhere.zip' cannot be read: No such file"),
        ({"--policy": "sb3:pyproject.toml"}, "is not a file that Stable-Baselines3 saved"),
        ({"--policy": "module:nowhere.py:make"}, "there is no file 'nowhere.py'"),
        ({"--policy": "module:nowhere"}, "is not of the form module:FILE.py:NAME"),
        ({"--clock": "real", "--workers": "100000"}, "workers must be at most 1024 on the real clock, not 100000"),
        ({"--rule": "sequential", "--workers": "3"}, "'sequential' runs exactly 1 worker, not 3"),
        ({"--rule": "magic"}, "unknown staggering rule 'magic'"),
        ({"--emulate-latency": "gamma(4, scael=1)"}, "no parameter 'scael'"),
        ({"--seed": "-1"}, "seed must be a whole number of at least 0, not -1"),
        ({"--clock": "sundial"}, "--clock must be one of real, virtual, not 'sundial'"),
        ({"--device": "tpu"}, "--device must be one of cpu, cuda, not 'tpu'"),
        ({"--device": "cuda"}, "device 'cuda' is for the real clock"),
        ({"--learners": "-1"}, "learners must be from 0 to 1024, not -1"),
        ({"--learners": "1"}, "the virtual clock needs the time of a learning step"),
        (LEARNING, "'oracle' has none"),
        ({"--batch": "16"}, "--batch is a setting of learning, and nothing learns"),
        (
            LEARNING | {"--batch": "17", "--replay": "16"},
            "a batch of 17 transitions does not fit in a replay store of 16",
        ),
        (LEARNING | {"--policy": "nature", "--resume": "."}, "holds no checkpoint.safetensors"),
        (LEARNING | {"--discount": "1.5"}, "discount must lie in [0, 1], not 1.5"),
    ],
    ids=str,
)
def test_runs_that_cannot_be(changed, message, answer, tmp_path):
    _refused(answer(*_run_words(changed, tmp_path / "r")), message)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give either --record with the folder of a run or --env"),
        (["--record", ".", "--env", "beacon"], "give either --record with the folder of a run or --env"),
        (["--record", "nowhere"], "'nowhere' is not a record"),
        (["--env", "regretlab/Bacon-v0"], "unknown environment 'regretlab/Bacon-v0'"),
        (["--env", "beacon", "--horizon", "0"], "horizon must be at least 1 frame, not 0"),
        (["--env", "beacon", "--frames", "0"], "frames must be at least 1, not 0"),
        (["--env", "beacon", "--symbols", "99"], "beacon shows 2 to 15 symbols, not 99"),
    ],
    ids=str,
)
def test_estimates_that_cannot_be(words, message, answer):
    _refused(answer("stochasticity", *words), message)


def test_the_oracle_needs_an_environment_that_tells_its_state(answer):
    said = answer("stochasticity", "--env", "CartPole-v1", "--policy", "oracle", "--frames", "50", "--json")
    assert (said.code, said.out) == (2, "")
    assert "policy 'oracle' needs the environment's symbol, which 'CartPole-v1' does not report" in said.err


def test_a_record_has_a_policy_of_its_own(answer):
    said = answer("stochasticity", "--record", "r", "--policy", "nature")
    assert (said.code, said.out) == (2, "")
    assert "give --policy and --weights with --env" in said.err


def test_figures_that_are_unknown(answer, tmp_path):
    words = ["figures", "regret", "regert", "--out", str(tmp_path / "f")]
    _refused(answer(*words), "unknown figure 'regert': choose one of best-rule, ")
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize("confidence", ["0", "1", "nan"])
def test_confidence_out_of_range(confidence, answer, tmp_path):
    assert answer(*_run_words({}, tmp_path / "r")).code == 0
    words = ["stochasticity", "--record", str(tmp_path / "r"), "--confidence", confidence]
    _refused(answer(*words), "confidence")


def _truncated(image):
    return image[: len(image) // 2]


def _wrong_checksum(image):
    return image[:0x14D] + bytes([image[0x14D] ^ 0xFF]) + image[0x14E:]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncated, "is truncated"),
        (_wrong_checksum, "header checksum"),
        (lambda image: b"", "has 0 bytes"),
        (lambda image: b"not a cartridge" * 100, "header checksum"),
    ],
)
def test_damaged_cartridges(damage, message, answer, tmp_path):
    path = tmp_path / "damaged.gb"
    path.write_bytes(damage(ROM.read_bytes()))
    _refused(answer(*_run_words({"--rom": str(path)}, tmp_path / "r")), message)
    assert not (tmp_path / "r").exists()


def test_an_output_folder_in_use_is_left_alone(answer, tmp_path):
    assert answer(*_run_words({}, tmp_path / "r")).code == 0
    _refused(answer(*_run_words({}, tmp_path / "r")), "already holds a record")
    assert answer(*_run_words({}, tmp_path / "r"), "--overwrite").code == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("precious")
    _refused(answer(*_run_words({}, tmp_path / "other"), "--overwrite"), "thesis.tex")
    assert (tmp_path / "other" / "thesis.tex").read_text() == "precious"


@pytest.mark.parametrize("place", ["a-file", "a-file/below", "/proc/regretlab"])
@pytest.mark.parametrize("command", ["run", "validate"])
def test_output_folders_that_cannot_be_made(command, place, answer, tmp_path):
    (tmp_path / "a-file").write_text("mine")
    out = tmp_path / place
    words = _run_words({}, out) if command == "run" else ["validate", "--quick", "--out", str(out)]
    _refused(answer(*words), place)
    assert (tmp_path / "a-file").read_text() == "mine"


def test_validations_that_cannot_be(answer, tmp_path):
    _refused(
        answer("validate", "--quick", "--claims", "delay-regert", "--out", str(tmp_path / "v")),
        "no claim is named 'delay-regert'",
    )
    assert not (tmp_path / "v").exists()
    (tmp_path / "notes.txt").write_text("mine")
    _refused(answer("validate", "--quick", "--out", str(tmp_path)), "'notes.txt', which is not part of a validation")
