"""How many workers leave no frame without an action, for each service model (docs/lower-bound), against play."""

import math

import numpy as np
import pytest

from regretlab.laws import constant, law_from_samples, parse_law
from regretlab.theory.any_rule import workers_without_inaction
from regretlab.theory.loss import FrameLoss
from regretlab.validation.path_blind import PathBlindRule, play_rule

LOSS = FrameLoss(0.9)
GAMMA = parse_law("gamma(4, scale=0.8)")


def idle(rule, frames=100_000):
    return float(np.mean(play_rule(rule, frames, 1, warm_up=20_000).ages < 0))


def evenly_spaced(delay, workers, length):
    """Starts on whole frames, at most ceil(D / N) apart."""
    first = tuple(float(math.ceil(i * delay / workers)) for i in range(workers))
    return PathBlindRule(constant(float(delay)), workers, LOSS, float(length), first=first)


@pytest.mark.parametrize("delay", [1, 3, 4, 7])
def test_chunks_need_fewer_workers_the_longer_they_are(delay):
    """ceil(D / (H - D + 1)) is the bound's number, attained by even spacing; one worker fewer leaves frames idle."""
    assert workers_without_inaction(constant(float(delay)), 1.0, service_model="chunk", chunk=max(1, delay - 1)) == (
        None if delay > 1 else 1
    )
    for length in range(delay, 2 * delay + 2):
        fewest = math.ceil(delay / (length - delay + 1))
        assert workers_without_inaction(constant(float(delay)), 1.0, service_model="chunk", chunk=length) == fewest
        assert idle(evenly_spaced(delay, fewest, length), 5_000) == 0.0
        if fewest > 1:
            assert idle(evenly_spaced(delay, fewest - 1, length), 5_000) > 0.0


def test_chunks_that_grow_with_the_inference_need_a_constant_number():
    """H = 1.5 D: two workers at any D; H = D + 2: in proportion to D, a third; H = 24: faster than in proportion."""
    grows = [workers_without_inaction(constant(d), 1.0, service_model="chunk", chunk=d + 2) for d in (6, 12, 24)]
    constant_number = [
        workers_without_inaction(constant(d), 1.0, service_model="chunk", chunk=1.5 * d) for d in (6, 12, 24)
    ]
    fixed = [workers_without_inaction(constant(d), 1.0, service_model="chunk", chunk=24) for d in (6, 12, 18, 21, 24)]
    assert grows == [2, 4, 8]
    assert constant_number == [2, 2, 2]
    assert fixed == [1, 1, 3, 6, 24]


@pytest.mark.parametrize("law", [GAMMA, parse_law("expon(scale=2.5)"), law_from_samples([1.0, 5.0])])
def test_kept_outputs_need_the_mean_in_place_of_the_largest_time(law):
    """`once`: ceil(E x) workers leave (almost) nothing idle if unused outputs are kept; one fewer leaves 1 - r."""
    fewest = math.ceil(law.mean())
    assert workers_without_inaction(law, 1.0) == fewest
    first = tuple(np.random.default_rng(0).uniform(0, 30, fewest + 1))
    kept = PathBlindRule(law, fewest + 1, LOSS, first=first)
    assert idle(kept) < 0.02
    fewer = PathBlindRule(law, fewest - 1, LOSS, first=first[: fewest - 1])
    assert idle(fewer) == pytest.approx(1.0 - (fewest - 1) / law.mean(), abs=0.01)


def test_dropped_outputs_need_the_logarithm_too():
    """phi = (1 - q)^N: about E x ln(1/eps) workers, and none for no inaction at all."""
    for share in (0.1, 0.01):
        q = float(GAMMA.mean_up_to(1.0)) / GAMMA.mean()
        needed = math.ceil(math.log(share) / math.log1p(-q))
        assert needed == pytest.approx(GAMMA.mean() * math.log(1 / share), rel=0.25)
        first = tuple(np.random.default_rng(0).uniform(0, 30, needed))
        assert 0.0 < idle(PathBlindRule(GAMMA, needed, LOSS, keep=0, first=first)) < 1.1 * share


def test_padded_release_needs_the_largest_time():
    """Remark 2: held to tau_max, whole frames, N = tau_max workers serve every frame, one fewer leaves 1/tau_max."""
    law = law_from_samples([1.0, 2.0, 5.0])
    for workers, share in ((5, 0.0), (4, 0.2)):
        rule = PathBlindRule(law, workers, LOSS, hold=5.0, keep=0, first=tuple(map(float, range(workers))))
        assert idle(rule, 5_000) == pytest.approx(share, abs=1e-9)


def test_repeating_always_acts_and_anew_in_every_frame_as_often_as_once():
    for law in (GAMMA, constant(7.0)):
        assert workers_without_inaction(law, 1.0, service_model="chunk") == 1
        assert idle(PathBlindRule(law, 1, LOSS, math.inf), 5_000) == 0.0
        assert workers_without_inaction(law, 1.0, service_model="repeat") == math.ceil(law.mean())
