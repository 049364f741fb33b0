"""Laws whose tail is too heavy for a table of delays: every rule has a number, and the right one."""

import numpy as np
import pytest

import regretlab as rl
from regretlab.cli import main

P = 0.9
TAILS = {  # P(T > n) in frames, and E D by the zeta function
    "pareto(1.2)": (lambda n: np.maximum(n, 1.0) ** -1.2, 6.591582441177751),
    "lomax(1.5)": (lambda n: (1.0 + n) ** -1.5, 2.612375348685488),
    "pareto(0.9)": (lambda n: np.maximum(n, 1.0) ** -0.9, np.inf),
}


def scenario(law, rule, workers, **fields):
    return rl.Scenario(law, frame_time=1, mode_probability=P, rule=rule, workers=workers, **fields)


@pytest.mark.parametrize("law", ["pareto(1.2)", "lomax(1.5)"])
@pytest.mark.parametrize(("rule", "rest"), [("sequential", 0), ("sequential-strict", 1), ("frame-pool", 0)])
def test_one_worker_has_the_mean_of_the_whole_law(law, rule, rest):
    """Renewal--reward with the zeta function; a table cut at 1e-6 gives .8844 in place of .8931 for pareto(1.2)."""
    longer, mean = TAILS[law]
    frames = np.arange(3000.0)
    worth = float(np.sum((1 - P) * P ** frames[1:] * (1.0 - longer(frames[1:]))))  # E p^D
    assert rl.bound(scenario(law, rule, 1)).regret.total == pytest.approx(1.0 - worth / (mean + rest), abs=1e-7)


@pytest.mark.parametrize("law", TAILS)
def test_an_unlimited_pool_has_a_closed_form(law):
    """Independent: the product over 4 million frames; simulate finds enough workers by itself."""
    longer, _ = TAILS[law]
    shares = -np.diff(longer(np.arange(4_000_001.0)))
    none_fresher = np.concatenate([[1.0], np.cumprod(1.0 - shares)[:-1]])
    lost = 1.0 - float(np.sum(shares * none_fresher * P ** np.arange(1, len(shares) + 1)))
    asked = scenario(law, "frame-pool", "inf")
    assert rl.bound(asked).regret.total == pytest.approx(lost, abs=2e-6)
    played = rl.simulate(asked, frames=50_000, threads=1)
    assert abs(played.regret.total - lost) < 4.5 * played.standard_errors["regret_per_frame"]["total"]


@pytest.mark.parametrize(
    ("law", "rule", "workers", "fields"),
    [
        ("lomax(1.5)", "frame-pool", 12, {}),
        ("pareto(0.9)", "frame-hold", "inf", {}),
        ("pareto(0.9)", "frame-pool", "inf", {"unused": "keep"}),
        ("pareto(0.9)", "free-running", 3, {"cancel_after": "learned"}),
        ("pareto(0.9)", "free-running", 3, {"cancel_after": "learned", "unused": "keep"}),
    ],
)
def test_bound_gives_a_number_above_the_lower_bound(law, rule, workers, fields):
    found = rl.bound(scenario(law, rule, workers, **fields))
    assert found.lower_bound.regret_per_frame < found.regret.total < 0.7


def test_a_pool_of_a_heavy_tail_is_played_in_events():
    """Twelve workers are nearly always enough for lomax(1.5): next to the unlimited pool, and never below."""
    few = rl.simulate(scenario("lomax(1.5)", "frame-pool", 12), frames=100_000, threads=1)
    unlimited = rl.bound(scenario("lomax(1.5)", "frame-pool", "inf")).regret.total
    assert abs(few.regret.total - unlimited) < 4.5 * few.standard_errors["regret_per_frame"]["total"] + 1e-3


def test_the_command_line_answers(capsys):
    given = ["--inference-time", "pareto(1.2)", "--frame-time", "1", "--mode-probability", "0.9"]
    assert main(["bound", *given, "--rule", "frame-hold", "--workers", "inf"]) == 0
    assert "are left out" in " ".join(capsys.readouterr().out.split())  # wherever a line ends
