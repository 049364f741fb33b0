"""DQN learns the cartridge while it plays, to the oracle's level under the same delays."""

import pytest

from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run


@pytest.mark.learning
def test_dqn_on_beacon_reaches_the_oracle(tmp_path):
    """At least 99 % of the oracle's reward on the same screens, every action two frames old (goal of the benchmark)."""
    learn = RunConfiguration(
        environment_options={"symbols": 4, "mode_probability": 0.9},
        policy="nature",
        workers=2,
        clock="virtual",
        emulate_latency="constant(0.02)",
        learners=1,
        emulate_learning="constant(0.015)",
        learning={
            "batch": 16,
            "discount": 0.5,
            "learning_rate": 5e-4,
            "preset": "paper",
            "target_every": 200,
            "exploration_frames": 2000,
            "replay": 5000,
        },
        frames=3000,
        seed=5,
    )
    run(learn, tmp_path / "learn")
    without = {"learners": 0, "emulate_learning": None, "frames": 2000, "seed": 1005}
    played = run(learn.model_copy(update={**without, "resume": str(tmp_path / "learn")}), tmp_path / "play")
    oracle = run(learn.model_copy(update={**without, "policy": "oracle"}), tmp_path / "oracle")
    assert played.reward_per_frame >= 0.99 * oracle.reward_per_frame > 0.7
