"""Stochasticity and staleness read from a record on disk, against the arrays it was written from."""

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.mdp import (
    estimate_from_record,
    estimate_staleness,
    estimate_stochasticity,
    parse_mdp,
    staleness_from_record,
)
from regretlab.records import FRAME_DTYPE, INFERENCE_DTYPE, Record, RecordWriter


def write(folder, labels, actions, terminated, inferences):
    frames = np.zeros(len(labels), FRAME_DTYPE)
    frames["frame"] = np.arange(len(labels))
    frames["label"], frames["action"], frames["terminated"] = labels, actions, terminated
    rows = np.zeros(len(inferences), INFERENCE_DTYPE)
    for row, (frame, action, lost) in zip(rows, inferences, strict=True):
        row["observation_frame"], row["action"], row["lost"] = frame, action, lost
    with RecordWriter(folder, {}) as writer:
        writer.append_frames(frames)
        writer.append_inferences(rows)
    return Record.open(folder)


@pytest.fixture
def played():
    ring = parse_mdp("ring(p=0.8, symbols=3)").mdp.dense()[0]
    rng = np.random.default_rng(0)
    labels = [0]
    for _ in range(1999):
        labels.append(int(rng.choice(3, p=ring[labels[-1]])))
    actions = rng.integers(3, size=2000)
    terminated = np.arange(2000) % 500 == 499
    return np.array(labels), actions, terminated


def test_a_record_says_what_its_arrays_say(tmp_path, played):
    labels, actions, terminated = played
    record = write(tmp_path / "run", *played, [(k, int(labels[k]), k % 7 == 3) for k in range(0, 2000, 2)])
    for ignore in (True, False):
        found = estimate_from_record(record, horizons=(1, 2), ignore_actions=ignore)
        expected = estimate_stochasticity(labels, None if ignore else actions, ended=terminated, horizons=(1, 2))
        assert (found.p_minimax, found.kappa) == (expected.p_minimax, expected.kappa)
        np.testing.assert_array_equal(found.visits, expected.visits)
    assert estimate_from_record(record, ignore_actions=True).p_minimax.lower < 0.8
    kept = np.array([k for k in range(0, 2000, 2) if k % 7 != 3])
    expected = estimate_staleness(labels[kept], (2, 4), frames=kept, ended=terminated)
    assert staleness_from_record(record, (2, 4)) == expected
    assert expected[0].value == pytest.approx(1 / 3 + 2 / 3 * 0.7**2, abs=0.08)


def test_a_record_without_symbols_or_inferences_is_refused(tmp_path, played):
    labels, actions, terminated = played
    record = write(tmp_path / "blind", np.full_like(labels, -1), actions, terminated, [])
    with pytest.raises(InputError, match="frames without a true symbol"):
        estimate_from_record(record)
    with pytest.raises(InputError, match="no finished inference"):
        staleness_from_record(record, (1,))
