"""Rank, window and forgetting of quantile-time staggering: held against plain windows, the rule and the simulator."""

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.laws import law_from_samples, parse_law
from regretlab.rules import QUANTILE_TIME
from regretlab.rules.quantile_time import RANK, WINDOW
from regretlab.rules.state import LEARNED_TIME
from regretlab.scenario import Scenario
from regretlab.simulation import replay, simulate
from regretlab.theory.forgetting import burst_of_slow_inferences, quantile_spacing

FRAME = 1 / 60
LAWS = {
    "narrow": "gamma(100, scale=0.000667)",
    "wide": "gamma(4, scale=0.016667)",
    "exponential": "expon(scale=0.066667)",
    "one in 200": law_from_samples([0.1507] * 199 + [0.3516], text="one in 200"),
    "ten times as long, 1 in 100": law_from_samples([0.066] * 99 + [0.667], text="1 in 100"),
}


@pytest.mark.parametrize("rank", [1, 5, 20])
@pytest.mark.parametrize("window", [20, 100, 256])
def test_the_spacing_is_an_order_statistic_of_plain_windows(rank, window):
    """Mean of q, lateness and inaction of 20,000 sorted windows, within four standard errors of ratio and means."""
    rng = np.random.default_rng([rank, window])
    spacing = np.sort(rng.gamma(4.0, 0.25, (20_000, window)), axis=1)[:, window - rank]
    late = rng.gamma(4.0, 0.25, (20_000, 50)) > spacing[:, None]
    found = quantile_spacing(parse_law("gamma(4, scale=0.25)"), 1 / 4, 8, rank=rank, window=window)
    reach = 4 * spacing.std() / np.sqrt(len(spacing))
    assert found.spacing == pytest.approx(spacing.mean(), abs=reach)
    assert found.late == pytest.approx(rank / (window + 1), rel=0.01)
    assert found.late == pytest.approx(late.mean(), abs=4 * late.mean(axis=1).std() / np.sqrt(len(late)))
    lost = np.maximum(spacing - 2.0, 0).mean() / spacing.mean()
    assert found.inaction_at_least == pytest.approx(lost, abs=reach / spacing.mean())


@pytest.mark.parametrize("workers", [1, 4, 8, 14])
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.one_in(4)
def test_the_simulated_rule_lies_between_the_two_inactions(law, workers):
    """Within .004, the simulation's own error; the mean delay within 2 % where late outputs are not very old."""
    asked = parse_law(LAWS[law]) if isinstance(LAWS[law], str) else LAWS[law]
    found = quantile_spacing(asked, FRAME, workers)
    scenario = Scenario(asked, mode_probability=0.9, workers=workers, rule="quantile-time", frame_time=FRAME)
    service = simulate(scenario, frames=100_000).service
    assert found.inaction_at_least - 0.004 < service.inaction_fraction < found.inaction_at_most + 0.004
    if not law.startswith("ten times"):
        assert found.delay == pytest.approx(service.mean_delay_frames, rel=0.02)


@pytest.mark.parametrize("slow", [1, 4, 5, 6, 30, 256])
def test_a_burst_is_forgotten_after_as_many_completions_as_stated(slow):
    state = QUANTILE_TIME.new_state(1, 1.0, alignment="uniform")
    spacing = []
    for seconds in [*[0.9] * WINDOW, *[3.0] * slow, *[0.9] * 2 * WINDOW]:
        QUANTILE_TIME.on_completion(state, 0, 0.0, seconds)
        spacing.append(state[LEARNED_TIME])
    burst = burst_of_slow_inferences(slow, 3.0, 1.0, 1)
    assert np.sum(np.array(spacing) == 3.0) == burst.completions
    times = np.array([*[0.9] * 2 * WINDOW, *[3.0] * slow, *[0.9] * 6 * WINDOW])
    frames = 500 + 3 * slow + round(burst.seconds)
    log = replay(times, 1.0, workers=1, rule="quantile-time", frames=frames, first_estimate=0.9)
    lost = np.sum(log.frames["served_by"][10:] < 0)
    assert burst.lost_frames - 3 <= lost <= burst.lost_frames + 3 * slow  # and what the slow ones lose themselves


def test_the_robust_rule_forgets_and_the_maximum_does_not():
    assert burst_of_slow_inferences(RANK - 1, 9.0, 1.0, 1).lost_frames == 0.0
    assert burst_of_slow_inferences(1, 9.0, 1.0, 1, rank=1).completions == WINDOW
    with pytest.raises(InputError, match=r"rank must lie in \[1, window\], not 300 of 256"):
        quantile_spacing(parse_law("1"), 1.0, 1, rank=300)
