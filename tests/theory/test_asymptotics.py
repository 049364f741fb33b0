"""Theorem B: keeping unused outputs, the freshest first, attains the bound for `once` as times and workers grow.

Its statement against simulation (times s T, p^(1/s), s N workers at phases of their own), the step of its proof against
a queue simulated on its own, and the cases that the conditions leave out.
"""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad

from regretlab.laws import constant, law_from_samples, parse_law
from regretlab.theory.any_rule import lower_bound_of_law
from regretlab.theory.loss import FrameLoss
from regretlab.validation.path_blind import PathBlindRule, play_rule

GAMMA = parse_law("gamma(4, scale=0.8)")
ONE_OR_FIVE = law_from_samples([1.0, 5.0])
GRID = np.linspace(0.5, 10.0, 39)


def scaled_rule(base, rate, s, *, keep=2**31, seed=1):
    workers = round(rate * base.mean() * s)
    first = np.random.default_rng(seed).uniform(0.0, 20.0 * base.mean() * s, workers)
    return PathBlindRule(base.scaled(float(s)), workers, FrameLoss(0.9 ** (1 / s)), keep=keep, first=tuple(first))


def played(rule, s, frames=200_000):
    return play_rule(rule, frames, 1, warm_up=100 * s + 100, span=2048)


@pytest.mark.parametrize(
    ("rate", "bound", "kept", "dropped"),
    [(0.75, 0.4569, 0.4576, 0.6036), (1.25, 0.2353, 0.2456, 0.4562), (2.0, 0.1867, 0.1956, 0.3240)],
)
@pytest.mark.one_in(2)
def test_keeping_comes_to_the_bound_and_dropping_does_not(rate, bound, kept, dropped):
    """Values of s = 32 (a regression test of the seeds, to .002), and gaps that fall by 1.3 or more per doubling."""
    gaps = []
    for s in (4, 8, 16, 32):
        rule = scaled_rule(GAMMA, rate, s)
        gaps.append(played(rule, s).regret - rule.lower_bound())
    assert all(later < earlier / 1.3 for earlier, later in itertools.pairwise(gaps)), gaps
    assert rule.lower_bound() == pytest.approx(bound, abs=5e-5)
    assert gaps[-1] == pytest.approx(kept - bound, abs=2e-3)
    loses = played(scaled_rule(GAMMA, rate, 32, keep=0), 32).regret
    assert loses == pytest.approx(dropped, abs=2e-3)
    assert loses > bound + 5 * gaps[-1]
    # the limit of dropping: 1 - exp(-r F(a)) of the frames at age a or less
    r = round(rate * 3.2 * 32) / (3.2 * 32)
    decay = -math.log(0.9)
    served = quad(lambda a: -math.expm1(-r * GAMMA.frozen.cdf(a)) * decay * 0.9**a, 0.0, 300.0, limit=400)[0]
    assert loses == pytest.approx(1.0 - served, abs=3e-3)


@pytest.mark.parametrize("base", [GAMMA, ONE_OR_FIVE, parse_law("expon(scale=2.5)")])
@pytest.mark.parametrize("rate", [0.75, 1.5])
def test_the_share_served_up_to_each_age_comes_to_its_limit(base, rate):
    """A_j / s against min(1, r F(j)), never above it; atoms of the law do no harm away from them."""
    distances = []
    for s in (4, 32):
        rule = scaled_rule(base, rate, s)
        ages = played(rule, s).ages
        share = np.array([np.mean((ages >= 0) & (ages <= age * s)) for age in GRID])
        limit = np.minimum(1.0, rule.workers / (base.mean() * s) * base.cdf(GRID))
        assert (share <= limit + 0.01).all()
        away = np.abs(GRID[:, None] - np.array([1.0, 5.0])).min(axis=1) > 0.4 if base is ONE_OR_FIVE else GRID > 0
        distances.append(float((limit - share)[away].max()))
    assert distances[1] < 0.6 * distances[0]
    assert distances[1] < 0.12


@pytest.mark.parametrize("limit", [3, 5, 9])
def test_what_is_served_up_to_an_age_is_a_queue_of_its_own(limit):
    """Freshest first: outputs of age ``limit`` or less see no other, and a frame is one of theirs unless none waits."""
    rng = np.random.default_rng(7)
    frames, workers = 5_000, 6
    start, completions = rng.uniform(0.0, 30.0, workers), [[] for _ in range(frames + 1)]
    for worker in range(workers):
        while True:
            end = start[worker] + rng.gamma(4.0, 0.8)
            if math.ceil(end) > frames:
                break
            completions[math.ceil(end)].append(math.floor(start[worker]))
            start[worker] = end
    everything, own, missed = [], [], 0
    for k in range(frames):
        everything += completions[k]
        age = k - max(everything) if everything else None
        if everything:
            everything.remove(max(everything))
        own = [o for o in [*own, *completions[k]] if k - o <= limit]  # completes in time, and leaves when too old
        assert (len(own) > 0) == (age is not None and age <= limit)
        if own:
            own.remove(max(own))
        missed += age is None or age > limit
    assert 0 < missed < frames


def test_workers_that_start_together_and_never_drift_apart_do_not_attain_it():
    """Constant times, r < 1: N outputs of one age complete together and wait for each other's frames."""
    s, delay, workers = 32, 4, 3
    rule = PathBlindRule(constant(float(delay * s)), workers * s, FrameLoss(0.9 ** (1 / s)))
    p, total = 0.9 ** (1 / s), workers * s
    ages = delay * s + np.arange(total)
    expected = 1.0 - (p**ages).sum() / (delay * s)
    value = play_rule(rule, 100 * delay * s, 1, warm_up=10 * delay * s, span=2048).regret
    assert value == pytest.approx(expected, abs=1e-9)
    assert expected > rule.lower_bound() + 0.05
    apart = tuple(float(phase) for phase in range(0, delay * s, 1))[:total]  # one start a frame at most
    spread = PathBlindRule(rule.law, rule.workers, rule.loss, first=apart)
    value = play_rule(spread, 100 * delay * s, 1, warm_up=10 * delay * s, span=2048).regret
    assert value == pytest.approx(rule.lower_bound(), abs=1e-9)


def test_the_bound_comes_to_the_limit_of_the_theorem():
    """S of Theorem A at scale s against r E[v(T); T <= j_r], by quadrature."""
    for rate in (0.5, 1.25, 3.0):
        last = math.inf if rate <= 1.0 else GAMMA.frozen.ppf(1.0 / rate)
        limit = rate * quad(lambda t: 0.9**t * GAMMA.frozen.pdf(t), 0.0, min(last, 60.0), epsabs=1e-12)[0]
        workers = rate * GAMMA.mean() * 2000
        found = lower_bound_of_law(GAMMA.scaled(2000.0), 1.0, FrameLoss(0.9 ** (1 / 2000)), workers=round(workers))
        assert 1.0 - found.regret_per_frame == pytest.approx(limit, abs=2e-4)


def test_chunks_come_to_the_least_time_there_is():
    """`chunk(inf)`: P(A > a s) = (1 - (F_e * F)(a))^(s N) -> 0 above the least T, and the bound goes there too."""
    from regretlab.theory.ages import free_running_ages, regret_at_ages

    base, values = parse_law("uniform(1, 3)"), []
    for s in (1, 8, 64):
        law, loss = base.scaled(float(s)), FrameLoss(0.9 ** (1 / s))
        rule = regret_at_ages(free_running_ages(law, 1.0, 3 * s), loss)
        bound = lower_bound_of_law(law, 1.0, loss, workers=3 * s, service_model="repeat").regret_per_frame
        values.append((rule, bound))
        assert rule >= bound
    limit = 1.0 - 0.9
    assert [abs(rule - limit) for rule, _ in values] == sorted((abs(rule - limit) for rule, _ in values), reverse=True)
    assert values[-1][0] == pytest.approx(limit, abs=0.05)
    assert values[-1][1] == pytest.approx(limit, abs=0.02)
