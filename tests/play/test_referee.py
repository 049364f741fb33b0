"""The referee against closed forms: each part is measured by itself, and the theory of the package predicts it.

Intervals are of 4.5 standard errors with 15 degrees of freedom (two-sided 4.2e-4).
"""

import math

import gymnasium
import numpy as np
import pytest

import regretlab as rl
from regretlab.actions import ActionRow
from regretlab.cli import main
from regretlab.errors import InputError, RunError
from regretlab.play.referee import PARTS
from regretlab.policies.spec import PolicySpec
from regretlab.policies.user_code import CallablePolicy
from tests.oracles.ring_environment import Ring

RING = "tests.oracles.ring_environment:tests/Ring-v0"
FRAME = 1 / 59.7275
Z = 4.5


class TwoFaults(Ring):
    """A ring that pays unless the default action acted in the last frame and a wrong one acts in this."""

    def step(self, action):
        observation, right, *rest = super().step(action)
        idle, self._idle = getattr(self, "_idle", False), action == 0
        return observation, float(not idle or action == 0 or right == 1.0), *rest


gymnasium.register("tests/TwoFaults-v0", entry_point=TwoFaults)


def ring_loss(age, p=0.9, symbols=4):
    """What an action of that age loses: the closed form of the ring."""
    return (1 - 1 / symbols) * (1 - ((symbols * p - 1) / (symbols - 1)) ** age)


def agrees(estimate, expected):
    assert abs(estimate.value - expected) < Z * estimate.standard_error + 1e-9, (estimate, expected)


def symbol(observation):
    return 1 + int(observation[0, 0]) // 10


def test_parts_of_a_constant_latency_are_those_of_the_ring():
    """2.4 frames per inference: every third frame is served, by an action that is three frames old."""
    slow = rl.Scenario(0.04, rule="sequential")
    report = rl.referee(slow, env=RING, policy="oracle", replications=16, frames=601, seed=3)
    assert report.score("paused").value == 1.0
    assert report.score("noop").value == 0.0
    agrees(report.score("random"), 0.2)
    assert report.inaction_fraction == pytest.approx(2 / 3, abs=0.001)
    assert report.mean_age == 3.0
    agrees(report.part("inaction"), report.inaction_fraction)
    agrees(report.part("age"), ring_loss(3) / 3)
    agrees(report.part("lost"), 2 / 3 + ring_loss(3) / 3)
    assert 0.001 < report.part("age").standard_error < 0.01
    assert report.part("remainder").value == pytest.approx(0.0, abs=1e-12)  # a frame's loss depends on its action alone
    assert report.clock == "law"


@pytest.mark.thorough
def test_parts_are_the_bounds_of_the_package_on_the_cartridge():
    """With random inference times of three free workers: inaction and age are the closed form's inaction and delay."""
    world = rl.Scenario(
        "gamma(4, scale=0.02)", mode_probability=0.9, symbols=4, workers=3, rule="free-running", frame_time="gameboy"
    )
    report = rl.referee(world, policy="oracle", replications=16, frames=400, seed=1)
    exact = rl.bound(world).regret
    agrees(report.part("inaction"), exact.inaction)
    agrees(report.part("age"), exact.delay)
    agrees(report.part("lost"), exact.total)
    assert report.part("lost").standard_error < 0.01
    agrees(report.part("remainder"), 0.0)


def test_parts_are_shares_of_the_run_times_the_losses_of_the_ring():
    """Maximum-time staggering learns its maximum: the run's own shares of ages, with random actions in between."""
    world = rl.Scenario("gamma(4, scale=0.02)", workers=3, rule="max-time", default_behaviour="random")
    report = rl.referee(world, env=RING, policy=symbol, replications=16, frames=600, seed=1)
    shares = report.ages / report.ages.sum()
    agrees(report.part("inaction"), shares[0] * 0.8)
    agrees(report.part("age"), float(shares[1:] @ [ring_loss(age) for age in range(len(shares) - 1)]))
    agrees(report.part("remainder"), 0.0)


def test_the_remainder_is_what_neither_cause_costs_alone():
    """Wrong actions cost only after a frame without one: undelayed or never idle, the agent loses nothing."""
    slow = rl.Scenario(0.04, rule="sequential")
    report = rl.referee(slow, env="tests/TwoFaults-v0", policy=symbol, replications=16, frames=601, seed=5)
    assert report.part("inaction").value == report.part("age").value == 0.0
    agrees(report.part("remainder"), ring_loss(3) / 3)
    assert report.part("remainder").value > 10 * report.part("remainder").standard_error


def test_parts_add_up_per_episode_and_have_the_jackknifes_error():
    slow = rl.Scenario(0.05, rule="sequential", default_behaviour="repeat")
    report = rl.referee(slow, env="CartPole-v1", policy=lambda seen: int(seen[2] + seen[3] > 0), frames=800)
    assert report.per == "episode"
    lost, *parts = (report.part(name) for name in PARTS)
    assert lost.value == pytest.approx(sum(part.value for part in parts), abs=1e-9)
    assert lost.interval()[0] > 0
    _, _, rewards, ends = report.tallies[:, 0].T
    kept = [np.delete(rewards, i).sum() / np.delete(ends, i).sum() for i in range(len(ends))]
    assert report.score("paused").value == rewards.sum() / ends.sum()
    assert report.score("paused").standard_error == pytest.approx(math.sqrt(15 * np.var(kept)), rel=1e-9)
    assert math.isnan(report.score("noop").value)
    assert "no action is known to do nothing" in repr(report)


def test_actions_may_be_rows_of_numbers_and_come_with_tokens():
    """A torque of two numbers is no pair of an action and its tokens; doing nothing is a torque of zero."""

    def swings(seen):
        return np.array([-2.0 * np.sign(seen[2])]), 20

    slow = rl.Scenario(frame_time=0.05, rule="sequential")
    report = rl.referee(
        slow, env="Pendulum-v1", policy=swings, tokens_per_second=120, replications=4, frames=200, per="frame"
    )
    assert report.mean_age == 4.0
    assert report.inaction_fraction == pytest.approx(3 / 4, abs=0.02)
    assert report.score("noop").value < 0
    pair = CallablePolicy(
        PolicySpec("object:0", 2, action_row=ActionRow((-1.0, -1.0), (1.0, 1.0))), lambda seen: (0.5, 1)
    )
    assert pair.act(np.zeros(3)) == (0.5, 1)
    assert pair.tokens is None


def test_a_constant_number_of_tokens_is_a_constant_latency():
    def thinks(observation):
        return symbol(observation), 30

    world = rl.Scenario(rule="sequential")
    settings = {"env": RING, "replications": 4, "frames": 300}
    tokens = rl.referee(world, policy=thinks, tokens_per_second=600, **settings)
    both = rl.referee(world.replace(inference_time=0.02), policy=thinks, tokens_per_second=1000, **settings)
    law = rl.referee(world.replace(inference_time=0.05), policy=thinks, **settings)
    assert (tokens.clock, law.clock) == ("tokens", "law")
    np.testing.assert_array_equal(tokens.tallies, law.tallies)
    np.testing.assert_array_equal(both.tallies, law.tallies)


class Thinker:
    """Names the symbol after 30 or 90 tokens, equally likely, and keeps them as an attribute."""

    def __init__(self):
        self._drawn = np.random.default_rng(8)

    def __call__(self, observation):
        self.tokens = int(self._drawn.choice([30, 90]))
        return symbol(observation)


def test_random_numbers_of_tokens_have_the_closed_form_of_their_law():
    """.02 s and 30 or 90 tokens at 600 a second: .07 or .17 s."""
    world = rl.Scenario(0.02, rule="sequential")
    report = rl.referee(world, env=RING, policy=Thinker(), tokens_per_second=600, replications=16, frames=1500)
    exact = rl.bound(world.replace(inference_time=[0.07, 0.17], mode_probability=0.9, symbols=4))
    agrees(report.part("age"), exact.regret.delay)
    agrees(report.part("inaction"), exact.regret.inaction)
    assert report.part("inaction").standard_error < 0.003


def test_the_command_prints_the_report_and_keeps_records(tmp_path, capsys):
    import json

    words = ["referee", "--policy", "oracle", "--rule", "sequential", "--emulate-latency", "0.04", "--frames", "90"]
    words += ["--replications", "4", "--symbols", "4", "--mode-probability", "0.9", "--seed", "2", "--out"]
    assert main([*words, str(tmp_path / "kept"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    world = rl.Scenario(0.04, mode_probability=0.9, symbols=4, rule="sequential")
    same = rl.referee(world, policy="oracle", frames=90, replications=4, seed=2)
    assert found == json.loads(json.dumps(same.to_json()))
    assert found["lost"]["value"] == pytest.approx(sum(found[part]["value"] for part in PARTS[1:]))
    rewards = [rl.Record(tmp_path / "kept" / str(number)).frames["reward"].sum() for number in range(4)]
    assert found["realtime"]["value"] == pytest.approx(sum(rewards) / 360)
    assert main([*words, str(tmp_path / "kept")]) == 2
    assert "holds records already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"replications": 3}, InputError, "replications must lie between 4 and 10,000, not 3"),
        ({"per": "year"}, InputError, "per must be auto, frame or episode, not 'year'"),
        ({"per": "episode"}, InputError, "too few episodes .* ended within 60 frames"),
        ({"tokens_per_second": 0.0}, InputError, "tokens_per_second must be a positive number"),
        ({"tokens_per_second": 10.0, "policy": "oracle"}, RunError, "policy 'oracle' reports no tokens"),
        ({"policy": lambda seen: (1, -2), "tokens_per_second": 10.0}, RunError, "reports -2 tokens"),
        ({"policy": lambda seen: (1, "many"), "tokens_per_second": 10.0}, RunError, "reports 'many' tokens"),
        ({"policy": 7}, InputError, "a policy is a name or a callable, not 7"),
        ({"clock": "real", "policy": symbol}, InputError, "a Python object cannot reach"),
        ({"rule": "sequential"}, InputError, "referee takes rule from the scenario"),
        ({"blocking_learning": True, "policy": "mlp", "emulate_learning": "0.1"}, InputError, "does not learn"),
    ],
)
def test_what_cannot_be_refereed_is_refused(change, error, sentence):
    world = rl.Scenario(None if change.get("clock") == "real" else 0.05, rule="sequential")
    change = {name: value for name, value in change.items() if name != "clock"}
    with pytest.raises(error, match=sentence):
        rl.referee(world, env=RING, **({"policy": symbol, "frames": 60, "replications": 4} | change))


def test_no_tokens_and_no_constant_is_refused():
    with pytest.raises(RunError, match="reports 0 tokens, and its inference would take no time"):
        rl.referee(rl.Scenario(rule="sequential"), env=RING, policy=lambda seen: (1, 0), tokens_per_second=5, frames=60)


@pytest.mark.realtime
def test_the_wall_clock_measures_the_same_parts(tmp_path):
    """Inferences of 40 ms on the real clock: three frames old, two of three frames without an action."""
    answer = "time.sleep(0.04) or 1 + int(seen[0, 0]) // 10"
    source = f"import time\n\ndef make(shape, actions):\n    return lambda seen: {answer}\n"
    (tmp_path / "sleeper.py").write_text(source)
    report = rl.referee(
        rl.Scenario(rule="sequential"),
        env=RING,
        policy=f"module:{tmp_path / 'sleeper.py'}:make",
        replications=4,
        frames=120,
    )
    assert report.clock == "wall"
    assert report.inaction_fraction == pytest.approx(2 / 3, abs=0.05)
    assert report.mean_age == pytest.approx(3, abs=0.3)
    agrees(report.part("inaction"), report.inaction_fraction)
    agrees(report.part("age"), ring_loss(3) / 3)
