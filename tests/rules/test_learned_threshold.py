"""The threshold of cancelling that is learned while playing: against theory, SciPy's estimate, and on the clocks."""

import math
import re

import numpy as np
import pytest
from scipy.stats import CensoredData, ecdf

import regretlab as rl
from regretlab.errors import InputError
from regretlab.laws import law_from_samples, parse_law
from regretlab.prediction import with_prediction
from regretlab.records import Record
from regretlab.rules import cancelling
from regretlab.simulation.thresholds import gain_of_learned
from regretlab.theory.any_rule import lower_bound_of_law
from regretlab.theory.cancelling import best_threshold
from regretlab.theory.loss import FrameLoss, loss_of, worth_of

FRAME = 1 / 59.7275
LOGNORM, GAMMA, LOMAX = "lognorm(1, scale=3)", "gamma(4, scale=0.8)", "lomax(1.5, scale=2)"


def fed(law, workers, loss, number, seed, lasts=False):
    """Return the state after so many inferences, their times, and which were cancelled."""
    state = cancelling.new_threshold(workers, 1.0, worth_of(loss), lasts=lasts)
    times, given_up = parse_law(law).sample(np.random.default_rng(seed), number), []
    for place, time in enumerate(times):
        limit = cancelling.begin(state, place % workers)
        given_up.append(time > limit)
        times[place] = min(time, limit)
        cancelling.ended(state, place % workers, times[place], time <= limit)
    return state, times, np.array(given_up)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("law", "workers", "p", "lasts"),
    [
        (LOGNORM, 4, 0.97, False),
        (LOGNORM, 1, 0.9, False),
        (GAMMA, 4, 0.97, False),
        (GAMMA, 4, 0.8, False),
        (LOMAX, 3, 0.97, False),
        (LOMAX, 3, 0.9, True),
        ("lomax(2.2, scale=2)", 8, 0.9, False),  # none is cancelled
    ],
)
def test_it_converges_to_the_threshold_of_the_theory(law, workers, p, lasts, seed):
    loss, served = FrameLoss(p), {"service_model": "chunk", "chunk": math.inf} if lasts else {}
    expected = best_threshold(parse_law(law), 1.0, loss, workers=workers, **served)
    state, _, given_up = fed(law, workers, loss, 60_000, seed, lasts)
    found = float(state[cancelling.THRESHOLD])
    least, own = (
        lower_bound_of_law(parse_law(law), 1.0, loss, workers=workers, cancel_after=after, **served).regret.total
        for after in (None if math.isinf(number) else number for number in (expected, found))
    )
    assert own <= least + 0.002  # two thresholds next to each other may be about as good
    assert found == expected or abs(found - expected) <= 1.0
    assert not given_up[: cancelling.FIRST].any()
    squares = np.arange(8, 244) ** 2
    assert not given_up[squares].any()
    if math.isfinite(expected):
        share = 1.0 - float(parse_law(law).cdf(found))
        assert given_up[-2_000:].mean() == pytest.approx(share, abs=0.05)
    else:
        assert given_up.sum() < 100


def test_the_law_is_that_of_scipy_for_censored_times():
    state, times, given_up = fed(LOGNORM, 2, FrameLoss(0.9), 3_000, 5)
    assert 100 < given_up.sum() < 2_900
    lasted = np.where(given_up, np.rint(times), np.ceil(times))
    left = cancelling.estimate(state)
    found = 1.0 - np.cumsum(state[cancelling.SHARES : cancelling.SHARES + cancelling.SECTION])
    expected = ecdf(CensoredData(lasted[~given_up], right=lasted[given_up])).sf.evaluate(np.arange(1, 30))
    assert found[:29] == pytest.approx(expected, abs=1e-12)
    assert left == pytest.approx(found[-1], abs=1e-12)


@pytest.mark.parametrize("law", [LOGNORM, LOMAX])
def test_it_is_the_threshold_of_the_theory_for_the_times_seen(law):
    loss = FrameLoss(0.95)
    state, times, given_up = fed(law, 3, loss, cancelling.FIRST, 11)
    assert not given_up.any()
    own = best_threshold(law_from_samples(np.minimum(times, 256.0)), 1.0, loss, workers=3)
    state[cancelling.SEEN] = 1e12  # no noise
    assert cancelling.choose(state) == own


def test_a_simulation_needs_a_loss_for_it():
    with pytest.raises(InputError, match="mode probability"):
        rl.simulate(rl.Scenario(GAMMA, frame_time=1, cancel_after="learned"))


def test_a_run_needs_a_worth_for_it_and_for_nothing_else():
    from regretlab.play.configuration import RunConfiguration

    for changes in ({"cancel_after": "learned"}, {"cancel_after": 0.1, "cancel_worth": [0.5]}):
        with pytest.raises(InputError, match="cancel_worth"):
            RunConfiguration(clock="virtual", emulate_latency="0.02", **changes)


@pytest.mark.parametrize("served", [{"unused": "keep"}, {"chunk": "inf"}, {}])
def test_the_simulator_that_learns_attains_the_regret_of_the_known_threshold(served):
    asked = rl.Scenario(LOGNORM, frame_time=1, mode_probability=0.97, workers=4, cancel_after="auto", **served)
    known = rl.simulate(asked, frames=200_000, replications=2, seed=3, threads=1)
    learned = rl.simulate(asked.replace(cancel_after="learned"), frames=200_000, replications=2, seed=3, threads=1)
    never = rl.simulate(asked.replace(cancel_after=None), frames=200_000, replications=2, seed=3, threads=1)
    assert learned.regret.total == pytest.approx(known.regret.total, rel=0.03)
    assert known.regret.total < 0.9 * never.regret.total
    assert any("learned" in note for note in learned.assumptions)


def asked(**changes):
    law = f"lognorm(1, scale={3 * FRAME!r})"
    fields = {"mode_probability": 0.97, "symbols": 8, "workers": 4, "unused": "keep", "cancel_after": "learned"}
    return rl.Scenario(law, **fields | changes)


@pytest.mark.thorough
def test_the_virtual_clock_learns_what_the_simulator_learns(tmp_path):
    from regretlab.play.mirror import mirror

    record = rl.run(asked(), policy="oracle", clock="virtual", frames=20_000, seed=2, out=tmp_path / "run")
    expected = best_threshold(parse_law(LOGNORM), 1.0, FrameLoss(0.97, 8), workers=4)
    assert record.meta["cancel_after"] == pytest.approx(expected * FRAME)
    cancelled = record.inferences[record.inferences["cancelled"]]
    took = ((cancelled["freed"] - cancelled["scheduled"]) / FRAME).to_numpy()
    assert took == pytest.approx(np.rint(took), abs=1e-6)
    assert (np.rint(took[-200:]) == expected).all()
    assert record.summary.cancelled["overhead"] is None
    assert "inferences cancelled" in dict(record.facts())
    drawn = rl.simulate(asked(), frames=200_000, replications=2, seed=1, threads=1)
    assert record.summary.inaction_fraction == pytest.approx(drawn.inaction_fraction, abs=0.015)
    mirror(tmp_path / "run", tmp_path / "twin")
    twin = Record.open(tmp_path / "twin")
    assert twin.frames["delay_frames"][:19_000].tolist() == record.frames["delay_frames"][:19_000].tolist()


@pytest.mark.thorough
@pytest.mark.parametrize(("law", "loses"), [(f"gamma(4, scale={0.8 * FRAME!r})", True), (None, False)])
def test_a_run_warns_as_the_simulator_does_where_the_learned_threshold_loses(law, loses, tmp_path):
    """Gamma times, kept outputs: .125 without cancelling, .16 with the bound's threshold; the heavy tail gains."""
    played = asked() if law is None else asked().replace(inference_time=law)
    record = rl.run(played, policy="oracle", clock="virtual", frames=6_000, seed=2, out=tmp_path)
    assert record.meta["cancel_after"] is not None
    shown = rl.simulate(record.scenario.replace(inference_time=played.inference_time), frames=20_000, threads=1)
    (expected, *_), own = [
        [note for note in notes if note.startswith("the learned threshold is")] or [None]
        for notes in (shown.assumptions, record.summary.warnings)
    ]
    assert own == [expected]
    assert (expected is not None) == loses
    record.meta["config"]["emulate_latency"] = None  # then the times of the run itself are the law
    again = [note for note in with_prediction(record, record.summary).warnings if note.startswith("the learned")]
    assert bool(again[1:]) == loses


@pytest.mark.parametrize("measured", [False, True])
def test_a_run_of_races_warns_with_the_figures_of_races(measured, tmp_path):
    """Two workers in each race: .166 with the threshold, .139 without; four that do not race gain by theirs."""
    law = f"gamma(4, scale={1.2 * FRAME!r})"
    scenario = asked(workers=8, replicas=2).replace(inference_time=law)
    record = rl.run(scenario, policy="oracle", clock="virtual", frames=4_000, seed=2, out=tmp_path)
    record.meta["cancel_after"] = 4 * FRAME
    if measured:
        record.meta["config"]["emulate_latency"] = None
    said = with_prediction(record, record.summary).warnings[len(record.summary.warnings) :]
    lost = [float(number) for number in re.findall(r"0\.\d+", said[-1])]
    races = gain_of_learned(scenario, parse_law(law), loss_of(scenario, "run"))
    assert lost == pytest.approx([float(number) for number in re.findall(r"0\.\d+", races[0])], abs=0.02 * measured)


@pytest.mark.realtime
def test_real_workers_learn_a_threshold(tmp_path):
    """Thresholds of four to nine frames are about as good, and few inferences leave it open which one is learned."""
    record = rl.run(asked(), policy="oracle", frames=1_800, seed=2, out=tmp_path)
    assert 3.0 < record.meta["cancel_after"] / FRAME < 9.5
    rows = record.inferences.sort_values("dispatch")
    assert not rows.head(cancelling.FIRST)["cancelled"].any()
    cancelled = rows[rows["cancelled"]]
    assert len(cancelled) > 200
    took = ((cancelled["freed"] - cancelled["scheduled"]) / FRAME).to_numpy()
    assert np.median(took - np.floor(took + 0.01)) < 0.1  # at whole frames, with what a busy machine adds
    never = rl.simulate(asked(cancel_after=None), frames=100_000, seed=1, threads=1)
    assert record.summary.inaction_fraction < never.inaction_fraction - 0.05
