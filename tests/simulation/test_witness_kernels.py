"""The tallies and the witness chains against plain Python, and against the summary of a record of the same run."""

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.records import RecordWriter, batch_means, summarise
from regretlab.records.reader import Record
from regretlab.simulation import replay
from regretlab.simulation.sliding import SlidingStates
from regretlab.simulation.tallies import INTERVALS, Counter
from regretlab.simulation.tallies import _kernels as kernels
from regretlab.simulation.witness import Witness, WitnessChain

HISTORY = 16


def served_frames(count, seed):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(count) < 0.6, rng.integers(1, HISTORY + 1, count), 0).astype(np.int32)


def play(served, witness, blocks, *, repeat=True, seed=0):
    """Run the kernels over blocks; return the tallies, their row and the symbols shown."""
    counter = Counter(1, 0.5)
    chain = WitnessChain(witness, repeat, np.random.SeedSequence(seed), 4096)
    shown, first = [], 0
    for count in blocks:
        part = np.ascontiguousarray(served[first : first + count])
        acted = counter.count(part, count, HISTORY)
        chain.play(part, count, acted, HISTORY, counter)
        shown += chain._chain.states[chain._chain.first - count : chain._chain.first].tolist()
        first += count
    counter.end_batch()
    return counter.tallies, counter.tallies.columns[0], shown


@pytest.mark.parametrize("witness", [Witness(0.9), Witness(0.7, 4), Witness(1.0, 3), Witness(0.5, 2), Witness(0.0)])
def test_chains_and_tallies_against_plain_python(witness):
    blocks = [16, 1, 5, 700, 16, 2] * 60
    served = served_frames(sum(blocks), seed=1)
    tallies, row, shown = play(served, witness, blocks)
    symbols = [0] * HISTORY + shown

    wrong = right = peak_sum = peaks = older = age = 0
    newest = previous = repeated = 0
    intervals = np.zeros(INTERVALS + 1, np.int64)
    for frame, delay in enumerate(served.tolist()):
        now = symbols[HISTORY + frame]
        if delay:
            seen = symbols[HISTORY + frame - delay]
            wrong += seen != now
            repeated = seen
            intervals[frame - previous] += 1
            previous = frame
            if frame - delay > newest:
                peak_sum += frame - newest
                peaks += 1
                newest = frame - delay
            elif frame - delay < newest:
                older += 1
        else:
            right += repeated == now
        age += frame - newest
    expected = np.zeros(kernels.COLUMNS, np.int64)
    expected[kernels.FRAMES] = len(served)
    expected[kernels.DEFAULT] = (served == 0).sum()
    expected[kernels.AGENT_WRONG] = wrong
    expected[kernels.DEFAULT_RIGHT] = right
    expected[kernels.AGE] = age
    expected[kernels.PEAK_SUM] = peak_sum
    expected[kernels.PEAKS] = peaks
    expected[kernels.OUT_OF_ORDER] = older
    assert row.tolist() == expected.tolist()
    assert tallies.delays.tolist() == np.bincount(served).tolist()
    assert tallies.delay_squares.tolist() == (np.bincount(served) ** 2).tolist()
    agent = np.bincount(served, minlength=HISTORY + 1)[1:]
    assert tallies.values[0] == pytest.approx(agent @ 0.5 ** np.arange(1, HISTORY + 1))
    assert np.array_equal(tallies.intervals, intervals)


@pytest.mark.parametrize("witness", [Witness(0.9), Witness(0.8, 5)])
def test_blocks_of_any_length_count_the_same_service(witness):
    served = served_frames(2000, seed=2)
    whole, row, _ = play(served, witness, [2000])
    pieces, row_of_pieces, _ = play(served, witness, [3, 500, 17, 1000, 480])
    alike = [kernels.FRAMES, kernels.DEFAULT, kernels.AGE, kernels.PEAK_SUM, kernels.PEAKS, kernels.OUT_OF_ORDER]
    assert row[alike].tolist() == row_of_pieces[alike].tolist()
    assert np.array_equal(whole.delays, pieces.delays)
    assert np.array_equal(whole.intervals, pieces.intervals)


@pytest.mark.parametrize(("p", "symbols"), [(0.9, None), (0.7, 4), (0.3, 16), (0.99, 2)])
@pytest.mark.parametrize("delay", [1, 3, 9])
def test_an_action_is_right_as_often_as_theory_says(p, symbols, delay):
    """p^d on fresh states, 1/K + (1 - 1/K) lambda^d on the ring, within |z| < 4 by batch means."""
    witness = Witness(p, symbols)
    blocks, length = 64, 4096
    wrong = []
    for index in range(blocks):
        _, row, _ = play(np.full(length, delay, np.int32), witness, [length], repeat=False, seed=index)
        wrong.append(row[kernels.AGENT_WRONG] / length)
    share = 0.0 if symbols is None else 1 / symbols
    expected = 1 - share - (1 - share) * witness.eigenvalue() ** delay
    mean, error = batch_means(wrong, batches=blocks)
    assert abs(mean - expected) < 4 * error + 2 * delay / length  # a few frames at the start have no history


def test_jumps_of_the_ring_are_uniform_over_the_other_symbols():
    blocks = [16] * 4000
    _, _, shown = play(np.zeros(sum(blocks), np.int32), Witness(0.4, 5), blocks)
    moves = np.bincount(np.diff(shown) % 5, minlength=5)
    expected = np.array([0.4, *[0.15] * 4]) * (len(shown) - 1)
    assert np.sum((moves - expected) ** 2 / expected) < 23.5  # chi-square with 4 degrees of freedom at 1e-4
    assert set(shown) == set(range(5))


def test_tallies_are_the_summary_of_the_recorded_run(tmp_path):
    """The same run once through the tallies and once through a record: the same delay law, ages and intervals."""
    rng = np.random.default_rng(3)
    log = replay(np.minimum(rng.exponential(0.6, 9000), 3.4), 0.25, workers=3, rule="free-running", frames=3000)
    with RecordWriter(tmp_path, {}) as writer:
        writer.append_frames(log.frames)
        writer.append_inferences(log.inferences)
    summary = summarise(Record.open(tmp_path))
    served = np.maximum(log.frames["delay_frames"], 0)[summary.warmup_frames :].astype(np.int32)
    tallies, row, _ = play(served, Witness(0.9), [len(served)])
    count = len(served)
    assert summary.delay_law == pytest.approx([0.0, *(tallies.delays[1 : len(summary.delay_law)] / count)])
    assert summary.inaction_fraction == pytest.approx(row[kernels.DEFAULT] / count)
    # the kernels begin with an observation of their first frame, the summary with what the first action had observed
    assert summary.mean_age == pytest.approx((row[kernels.AGE] / count + 0.5) * 0.25, abs=0.25 * HISTORY**2 / count)
    assert summary.peak_age == pytest.approx(
        row[kernels.PEAK_SUM] / row[kernels.PEAKS] * 0.25, abs=0.25 * HISTORY / row[kernels.PEAKS]
    )
    gaps = tallies.intervals
    mean = gaps[1:] @ np.arange(1, INTERVALS + 1) / gaps[1:].sum() * 0.25
    assert summary.action_interval["mean"] == pytest.approx(mean)
    came = log.inferences["effect_frame"] >= 0
    assert summary.overwritten_fraction == pytest.approx(log.inferences["overwritten"][came].mean())


@pytest.mark.parametrize(
    ("p", "symbols", "message"),
    [(1.2, None, "lie in"), (-0.1, None, "lie in"), (0.5, 1, "at least 2"), (0.2, 4, r"in \[1/4, 1\]")],
)
def test_impossible_witnesses_are_refused(p, symbols, message):
    with pytest.raises(InputError, match=message):
        Witness(p, symbols)


@pytest.mark.parametrize("width", [1, 3])
def test_sliding_states_keep_the_last_frames(width):
    """Blocks of random lengths, a history that grows now and then (and is then complete from that frame on)."""
    rng = np.random.default_rng(4)
    sliding = SlidingStates(50, 7, width)
    written, history, complete = [7] * width, 0, 0  # the state of the next frame is written with the block before it
    for block in range(600):
        if block % 37 == 0 and block >= history:
            complete = min(complete, history)
            history = block + 1
        sliding.keep(history)
        known = min(complete, history)
        kept = sliding.states[sliding.first - known * width : sliding.first + width].tolist()
        assert kept == written[len(written) - (known + 1) * width :]
        count = int(rng.integers(1, 51))
        states = rng.integers(100, size=count * width)
        sliding.states[sliding.first + width : sliding.first + (count + 1) * width] = states
        written += states.tolist()
        sliding.advance(count)
        complete += count
    assert known == history > 500
