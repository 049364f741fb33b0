"""Learning on the virtual clock: reproducible, as fast as the formula says, resumable, refused where absurd."""

import filecmp
import json
import math

import numpy as np
import pytest
from scipy.stats import chi2

from regretlab.errors import InputError
from regretlab.play.configuration import RunConfiguration
from regretlab.play.learning.checkpoints import CHECKPOINT, load_checkpoint
from regretlab.play.run import run
from regretlab.policies import PolicySpec
from regretlab.records import Record
from regretlab.records.learning import learning_figures, share_error
from tests.oracles.ring_environment import FRAME_TIME

RING = "tests.oracles.ring_environment:tests/Ring-v0"
SMALL = {"batch": 2, "steps": 1, "replay": 400, "target_every": 40, "exploration_frames": 200}
SPEC = PolicySpec("nature", actions=5, channels_last=True)


def _configuration(**changes):
    values = {
        "environment": RING,
        "environment_options": {"symbols": 4, "mode_probability": 0.9},
        "policy": "nature",
        "clock": "virtual",
        "workers": 2,
        "emulate_latency": f"constant({1.5 * FRAME_TIME})",
        "emulate_learning": f"constant({2.5 * FRAME_TIME})",
        "learners": 3,
        "frames": 300,
        "seed": 3,
        "learning": SMALL,
    }
    return RunConfiguration(**{**values, **changes})


@pytest.mark.thorough
def test_two_learning_runs_of_one_seed_are_the_same_files(tmp_path):
    law = f"gamma(4, scale={0.6 * FRAME_TIME})"
    for name in ("a", "b"):
        run(
            _configuration(emulate_learning=law, learning={**SMALL, "steps": 3, "prioritisation": 0.6}), tmp_path / name
        )
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert {path.name for path in files} >= {"frames.parquet", "inferences.parquet", "meta.json", CHECKPOINT}
    for path in files:
        assert filecmp.cmp(tmp_path / "a" / path, tmp_path / "b" / path, shallow=False), path
    run(
        _configuration(emulate_learning=law, learning={**SMALL, "steps": 3, "prioritisation": 0.6}, seed=4),
        tmp_path / "c",
    )
    assert not filecmp.cmp(tmp_path / "a" / CHECKPOINT, tmp_path / "c" / CHECKPOINT, shallow=False)


@pytest.mark.thorough
@pytest.mark.parametrize(("frames_of_step", "ratio"), [(2.5, 2.0), (3.3, 2.0), (5.2, 1.0)])
def test_learners_keep_up_from_their_formula_on(frames_of_step, ratio, tmp_path):
    """u = min(1, N_L B tau_I / (rho tau_L)), so ceil(rho tau_L / (B tau_I)) learners are the fewest that keep up."""
    law = f"constant({frames_of_step * FRAME_TIME})"
    fewest = math.ceil(ratio * frames_of_step / 2)
    for learners in range(1, fewest + 2):
        configuration = _configuration(
            learners=learners, emulate_learning=law, frames=600, learning={**SMALL, "replay_ratio": ratio}
        )
        summary = run(configuration, tmp_path / str(learners))
        expected = min(1.0, learners * 2 / (ratio * frames_of_step))
        # What starts and ends the run: the first frames bring no transition, the last steps are not ready.
        assert summary.learning["share"] == pytest.approx(expected, abs=0.03)
        assert (summary.learning["share"] > 0.97) == (learners >= fewest)


@pytest.mark.thorough
def test_the_error_of_the_share_is_how_much_it_varies_from_seed_to_seed(tmp_path):
    """Two learners of varying step times, too few: sample variance over mean squared error ~ chi2(n - 1) / (n - 1).

    Gradients are applied in order, so that the n-th is at a_n = max(a_{n-1}, a_{n-2} + T_n): fewer than two steps in
    the mean time of one. Steps of that recursion are the independent prediction of the share.
    """
    law, seeds = f"gamma(2, scale={1.75 * FRAME_TIME})", 8
    applied = [0.0, 0.0]
    for step in np.random.default_rng(0).gamma(2, 1.75, 100_000):
        applied.append(max(applied[-1], applied[-2] + step))
    predicted = 100_000 / applied[-1]
    assert predicted < 0.85 * 2 / 3.5
    shares, errors = [], []
    for seed in range(seeds):
        run(_configuration(learners=2, emulate_learning=law, frames=400, seed=seed), tmp_path / str(seed))
        record = Record.open(tmp_path / str(seed))
        shares.append(learning_figures(record)["share"])
        errors.append(share_error(record))
    # the first frames bring no transition, and two batches are drawn before the first is applied: 2 in 400
    assert abs(np.mean(shares) - predicted) < 4 * np.std(shares, ddof=1) / np.sqrt(seeds) + 2 / 400
    ratio = np.var(shares, ddof=1) / np.mean(np.square(errors))
    low, high = chi2.ppf([0.001, 0.999], seeds - 1) / (seeds - 1)
    assert low < ratio < high


def test_constant_steps_and_even_actions_leave_no_error(tmp_path):
    run(_configuration(learners=2, frames=400), tmp_path)
    assert share_error(Record.open(tmp_path)) == pytest.approx(0, abs=2e-3)


@pytest.mark.thorough
@pytest.mark.parametrize(("infer", "learn"), [(0.5, 0.3), (1.4, 1.3), (2.5, 4.0)])
def test_blocking_learning_leaves_the_frames_its_formula_says(infer, learn, tmp_path):
    """A cycle lasts ceil((T + T_L) / tau_M) frames, of which one has an agent action of delay ceil(T / tau_M)."""
    configuration = _configuration(
        rule="sequential",
        workers=1,
        learners=0,
        blocking_learning=True,
        emulate_latency=f"constant({infer * FRAME_TIME})",
        emulate_learning=f"constant({learn * FRAME_TIME})",
        frames=420,
    )
    summary = run(configuration, tmp_path)
    cycle = math.ceil(infer + learn)
    assert summary.inaction_fraction == pytest.approx(1 - 1 / cycle, abs=0.01)
    assert summary.delay_law[math.ceil(infer)] == pytest.approx(1 / cycle, abs=0.01)
    assert summary.learning["updates"] > 400 / cycle - 10


def test_learning_beside_the_worker_costs_no_frame(tmp_path):
    """The sequential baseline with a learner of its own: 1 - 1/D of the frames, whatever a learning step takes."""
    configuration = _configuration(rule="sequential", workers=1, learners=1, frames=420)
    summary = run(configuration, tmp_path)
    assert summary.inaction_fraction == pytest.approx(1 / 2, abs=0.01)


def test_a_resumed_run_goes_on_with_weights_moments_and_counters(tmp_path):
    run(_configuration(), tmp_path / "a")
    first = load_checkpoint(tmp_path / "a", SPEC)
    run(_configuration(resume=str(tmp_path / "a"), frames=3), tmp_path / "b")  # too short to learn anything
    second = load_checkpoint(tmp_path / "b", SPEC)
    for name in ("weights", "target", "first_moment", "second_moment"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert np.isfinite(getattr(first, name)).all()
    assert first.updates == json.loads((tmp_path / "a" / "meta.json").read_text())["learning"]["updates"] > 100
    assert (second.updates, second.targets, second.frames) == (first.updates, first.targets, 303)


def test_without_learners_a_checkpoint_is_played_as_it_is(tmp_path):
    run(_configuration(), tmp_path / "a")
    play = _configuration(resume=str(tmp_path / "a"), learners=0, emulate_learning=None)
    summary = run(play, tmp_path / "b")
    assert summary.learning is None
    assert not (tmp_path / "b" / CHECKPOINT).exists()


def test_core_seconds_of_emulated_times_are_their_sum(tmp_path):
    summary = run(_configuration(), tmp_path)
    meta = json.loads((tmp_path / "meta.json").read_text())
    # every worker infers all the time but for the last inference, which never completes
    inferring = 2 * 300 * FRAME_TIME
    assert summary.core_seconds["measured"] is None
    assert summary.core_seconds["emulated"] == pytest.approx(
        inferring + meta["learning"]["busy_seconds"], abs=6 * FRAME_TIME
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learners": -1}, "learners must be from 0"),
        ({"policy": "oracle"}, "'oracle' has none"),
        ({"emulate_learning": None}, "the virtual clock needs the time of a learning step"),
        ({"learners": 0}, "nothing learns"),
        ({"blocking_learning": True}, "blocking learning has no other learners"),
        ({"blocking_learning": True, "learners": 0}, "not 'free-running'"),
        ({"learning": {"batch": 500, "replay": 400}}, "a batch of 500 transitions does not fit"),
        ({"resume": "/nowhere"}, "holds no checkpoint"),
        ({"emulate_learning": "gammma(3)"}, "gammma"),
    ],
)
def test_what_cannot_learn_is_refused_before_anything_is_written(changes, message, tmp_path):
    with pytest.raises(InputError, match=message):
        run(_configuration(**changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path):
    run(_configuration(frames=20), tmp_path / "a")
    with pytest.raises(InputError, match="is of network 'nature' with 5 actions"):
        run(_configuration(resume=str(tmp_path / "a"), policy="impala-k1/16"), tmp_path / "b")
    options = {"symbols": 5, "mode_probability": 0.9}
    with pytest.raises(InputError, match="with 5 actions"):
        run(_configuration(resume=str(tmp_path / "a"), environment_options=options), tmp_path / "b")
    with pytest.raises(InputError, match="cannot resume from"):
        run(_configuration(resume=str(tmp_path / "a")), tmp_path / "a", overwrite=True)
    (tmp_path / "a" / CHECKPOINT).write_bytes(b"half a file")
    with pytest.raises(InputError, match="cannot be read as a safetensors file"):
        run(_configuration(resume=str(tmp_path / "a")), tmp_path / "b")
    assert not (tmp_path / "b").exists()
