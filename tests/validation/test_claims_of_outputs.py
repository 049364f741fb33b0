"""Claims about outputs: the formulas against a plain simulation, and runs of another theory that must not pass."""

import numpy as np
import pytest

from regretlab.laws import parse_law
from regretlab.play.run import run as play
from regretlab.records import Record
from regretlab.theory.loss import FrameLoss
from regretlab.validation.checks import claims_of
from regretlab.validation.outputs import loss_of_a_repeated_symbol, theories_of_outputs
from regretlab.validation.runs import planned_runs

RUNS = {run.name: run for run in planned_runs(quick=True) if run.group == "outputs"}


@pytest.mark.parametrize("symbols", [2, 3, 8])
def test_a_repeated_symbol_where_the_mode_moves(symbols):
    rng, p, trials = np.random.default_rng(symbols), 0.8, 200_000
    shown = np.zeros(trials, dtype=np.int64)
    ages = np.arange(1, 2 * symbols + 1)
    wrong = []
    for _ in ages:  # the mode moves on by one; else any other symbol is as likely
        jump = rng.random(trials) >= p
        shown = (shown + 1 + np.where(jump, rng.integers(1, symbols, trials), 0)) % symbols
        wrong.append((shown != 0).mean())
    expected = loss_of_a_repeated_symbol(ages, FrameLoss(p, symbols))
    assert np.abs(np.array(wrong) - expected).max() < 4.5 * 0.5 / np.sqrt(trials)


@pytest.mark.parametrize("name", ["keep", "chunk", "repeat", "cancel"])
def test_theories_are_further_apart_than_the_tolerance(name):
    configuration = RUNS[name].configuration
    loss = FrameLoss(configuration.environment_options["mode_probability"], 8)
    _, predicted, error, rivals = theories_of_outputs(configuration, configuration.emulated_law(), loss)
    assert min(abs(value - predicted) for value in rivals.values()) > 0.02 > 5 * error


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("keep", {"unused": "drop"}),
        ("chunk", {"chunk": None, "default_behaviour": "repeat"}),
        ("repeat", {"chunk": "inf", "default_behaviour": "noop"}),
        ("cancel", {"cancel_after": None}),
        ("cancel", {"unused": "drop"}),
    ],
)
@pytest.mark.one_in(2)
def test_a_run_of_another_theory_does_not_pass(name, changed, tmp_path):
    """8,000 frames on the virtual clock, played by one rule and judged by another; the right one is not violated."""
    for number, changes in enumerate(({}, changed)):
        asked = RUNS[name].configuration.model_copy(update={"frames": 8_000, **changes})
        play(asked, tmp_path / str(number))
        (claim,) = claims_of(RUNS[name], Record.open(tmp_path / str(number)))
        apart = abs(claim.measured - claim.predicted) > claim.quantile * claim.standard_error
        assert apart == bool(changes)
        assert claim.verdict != "violated" if not changes else not claim.passed


@pytest.mark.parametrize("changed", [{}, {"chunk": None, "default_behaviour": "repeat"}])
def test_a_realtime_run_that_repeats_its_action_is_no_run_of_chunks(changed, tmp_path):
    """Its ages are those of the theory, its rewards are not: the claim is about rewards (played in simulated time)."""
    run = RUNS["realtime-chunk"]
    asked = run.configuration.model_copy(update={"clock": "virtual", "policy": "oracle", "frames": 3_000, **changed})
    play(asked, tmp_path)
    claim, explained = claims_of(run, Record.open(tmp_path))
    assert (claim.verdict, explained.identity) == ("violated" if changed else "holds", True)


def test_times_of_a_run_without_a_law_are_its_own():
    _, predicted, _, rivals = theories_of_outputs(
        RUNS["realtime-chunk-k1"].configuration, parse_law("0.003"), FrameLoss(0.97, 8)
    )
    assert predicted == pytest.approx((1 - 1 / 8) * (1 - (8 * 0.97 - 1) / 7))  # always one frame old
    assert min(rivals.values()) > 0.9
