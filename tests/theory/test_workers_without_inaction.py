"""Workers for zero inaction: the number of the rule that was asked for, against the event simulator."""

import pytest

import regretlab as rl
from regretlab.rules import known_rules

MODELS = {
    "once": {},
    "repeat": {"default_behaviour": "repeat"},
    "chunk": {"chunk": 6},
    "short chunk": {"chunk": 3},
    "keep": {"unused": "keep"},
}
CONSTANT, BOUNDED, UNBOUNDED = "3.2", "uniform(1, 3)", "gamma(4, scale=0.8)"


def asked(rule, law, options, workers=1):
    return rl.Scenario(law, frame_time=1, mode_probability=0.9, rule=rule, workers=workers, **options)


def idle(scenario, frames=2_000, replications=20):
    """Share of the frames without an agent action, in other runs (and phases) than the one that found the number."""
    found = rl.simulate(scenario, frames=frames, replications=replications, warmup=4_000, seed=11, threads=1, batches=1)
    return found.inaction_fraction


@pytest.mark.parametrize("rule", [rule.name for rule in known_rules()])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.one_in(5)
def test_the_number_serves_every_frame_and_one_worker_fewer_does_not(rule, model):
    options = MODELS[model]
    for law in (CONSTANT, BOUNDED, UNBOUNDED):
        number = rl.bound(asked(rule, law, options)).workers_for_zero_inaction
        if number is None:
            single = rule.startswith("sequential")
            single |= "chunk" in model and rule in ("free-running", "unstaggered")  # N miss with the N-th power of one
            for workers in (1,) if single else (1, 3, 5):
                assert idle(asked(rule, law, options, workers)) > 0, (law, workers)
            continue
        assert idle(asked(rule, law, options, number)) == 0, (law, number)
        if number > 1:
            assert idle(asked(rule, law, options, number - 1)) > 0, (law, number)


def test_it_is_not_the_number_of_another_rule():
    """Four under max-time, which holds outputs to 3.2 frames; a pool needs equal times, and phases of workers meet."""
    found = {
        rule: rl.bound(asked(rule, BOUNDED, {}, 4)).workers_for_zero_inaction for rule in ("max-time", "frame-pool")
    }
    assert found == {"max-time": 4, "frame-pool": None}
    assert rl.bound(asked("frame-hold", BOUNDED, {}, 4).replace(hold=4)).workers_for_zero_inaction == 4
    assert rl.bound(asked("free-running", CONSTANT, {}, 4)).workers_for_zero_inaction is None
    raced = asked("max-time", BOUNDED, {"replicas": 2}, 4)
    assert rl.bound(raced).workers_for_zero_inaction == 8


def test_many_workers_are_searched_in_steps():
    """Forty frames in the mean, constant: an eleventh of the workers is enough for chunks of eleven more actions."""
    number = rl.bound(asked("max-time", "40", {"chunk": 50})).workers_for_zero_inaction
    assert (
        idle(asked("max-time", "40", {"chunk": 50}, number))
        == 0
        < idle(asked("max-time", "40", {"chunk": 50}, number - 1))
    )
