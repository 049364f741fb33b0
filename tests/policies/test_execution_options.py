"""Options of execution: what they change (nothing but time and rounding), and the intervals of their effects."""

import shutil

import numpy as np
import pytest
import torch
from scipy import signal

from regretlab.errors import InputError
from regretlab.policies import PolicySpec
from regretlab.policies import execution as executing
from regretlab.policies.effects import measure_effects, ratio_interval
from regretlab.policies.execution import build_executed, build_timed

SPEC = PolicySpec("nature", actions=5)
FRAMES = np.random.default_rng(0).integers(0, 256, (20, 84, 84)).astype(np.uint8)


def values(**execution):
    before = torch.get_num_threads()
    try:
        policy = build_executed(SPEC, **execution)
        return np.stack([policy.values(frame).copy() for frame in FRAMES])
    finally:
        torch.set_num_threads(before)


def test_bfloat16_keeps_the_values_to_its_eight_bits():
    """Five layers, each rounded to a relative 2^-9 twice (weights and results): ten roundings of the values' scale."""
    exact, rounded = values(), values(bf16=True)
    difference = np.abs(exact - rounded).max()
    assert 0 < difference < 10 * 2.0**-9 * np.abs(exact).max()


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.thorough
def test_compiling_keeps_the_values():
    np.testing.assert_allclose(values(compiled=True), values(), atol=1e-5)


def test_a_machine_without_compiler_is_told_in_one_sentence(monkeypatch):
    def fail(network, **settings):
        raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found.\n\nSet TORCHDYNAMO_VERBOSE=1")

    monkeypatch.setattr(executing.torch, "compile", fail)
    with pytest.raises(InputError) as error:
        values(compiled=True)
    said = str(error.value)
    assert said.startswith("policy 'nature' cannot be compiled on this machine, which needs a C++ compiler")
    assert said.endswith("No working C++ compiler found")
    compiled = next(effect for effect in measure_effects(SPEC, samples=5, rounds=5) if effect.option == "compile")
    assert (compiled.mean, compiled.ratio, compiled.actions_agree) == (None, None, None)
    assert compiled.unavailable == said


def test_effects_stand_side_by_side(monkeypatch):
    """Compiling is replaced by nothing, which must then change nothing."""
    monkeypatch.setattr(executing.torch, "compile", lambda network, **settings: network)
    before = torch.get_num_threads()
    told = []
    found = measure_effects(SPEC, samples=12, rounds=6, progress=lambda *way: told.append(way[:2]))
    assert torch.get_num_threads() == before
    assert told == [(done + 1, 7) for done in range(6)]
    by_option = {effect.option: effect for effect in found}
    assert list(by_option)[:4] == ["plain", "channels-last", "bf16", "compile"]
    assert {"together"} < set(by_option)
    plain, rounded = by_option["plain"], by_option["bf16"]
    assert (plain.ratio, plain.lower, plain.upper, plain.actions_agree, plain.largest_difference) == (1, 1, 1, 1, 0)
    assert by_option["compile"].largest_difference == 0
    assert by_option["channels-last"].largest_difference < 1e-4 * plain.value_spread
    assert rounded.largest_difference > 1e-3 * plain.value_spread
    for effect in found:
        if effect.mean is not None:
            assert effect.lower <= effect.ratio <= effect.upper
            assert effect.mean == pytest.approx(effect.ratio * plain.mean)


def _rounds(random, spell, rounds=20, variants=6):
    """Return times of two of six variants, whose true ratio is 0.7, on a machine with busy spells."""
    load = signal.lfilter([1.0], [1.0, -spell], random.normal(size=rounds * variants + 200))[200:]
    load = 1 + 0.2 * np.sqrt(1 - spell**2) * load
    times = np.empty((rounds, 2))
    for done in range(rounds):
        order = random.permutation(variants)
        for index, cost in enumerate((1.0, 0.7)):
            times[done, index] = cost * load[done * variants + int(np.flatnonzero(order == index)[0])]
    return times


@pytest.mark.parametrize("spell", [0.0, 0.8, 0.98])
def test_the_interval_of_an_effect_covers(spell):
    """500 measurements: 95 % intervals cover in 95 % less four standard errors (3.9 %) of them."""
    random = np.random.default_rng(3)
    covered = 0
    for _ in range(500):
        times = _rounds(random, spell)
        _, lower, upper = ratio_interval(times[:, 1], times[:, 0])
        covered += lower <= 0.7 <= upper
    assert covered >= 500 * (0.95 - 4 * 0.0098)


def test_long_spells_cancel():
    """What is common to a round does not widen the interval: with long spells it is less than half as wide."""
    widths = []
    for spell in (0.0, 0.98):
        random = np.random.default_rng(4)
        limits = [ratio_interval(*_rounds(random, spell).T[::-1])[1:] for _ in range(100)]
        widths.append(np.mean([upper - lower for lower, upper in limits]))
    assert widths[1] < 0.5 * widths[0]


@pytest.mark.parametrize("settings", [{"samples": 0}, {"rounds": 2}, {"confidence": 1.0}])
def test_effects_that_cannot_be_measured(settings):
    with pytest.raises(InputError, match="effects need at least"):
        measure_effects(SPEC, **settings)


def test_options_are_of_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    spec = PolicySpec("nature", actions=5, device="cuda")
    for execution in ({"bf16": True}, {"compiled": True}):
        with pytest.raises(InputError, match="device 'cuda' executes float32"):
            build_timed(spec, **execution)
    with pytest.raises(InputError, match="not on device 'cuda'"):
        measure_effects(spec)
    with pytest.raises(InputError, match="needs a GPU"):
        build_timed(spec)


def test_policies_without_network():
    with pytest.raises(InputError, match="'oracle' has no network to execute"):
        measure_effects(PolicySpec("oracle", actions=5))
