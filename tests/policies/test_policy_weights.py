"""Weights: shared in place, read from safetensors only, refused in one sentence when they are another network's."""

from multiprocessing import shared_memory

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from regretlab.errors import InputError
from regretlab.policies import PolicySpec
from regretlab.policies.networks import build_network
from regretlab.policies.parameters import (
    attach_parameters,
    flatten_parameters,
    named_views,
    parameter_count,
    random_parameters,
)
from regretlab.policies.policy import build_policy
from regretlab.policies.weights import load_parameters, read_metadata, save_parameters, write_tensors

FRAME = np.random.default_rng(0).integers(0, 256, (84, 84)).astype(np.uint8)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("name", ["nature", "impala-k1/16", "impala2x-k1/16"])
def test_flattening_undoes_attaching(name, channels_last):
    network = build_network(PolicySpec(name, actions=3))
    flat = np.random.default_rng(1).random(parameter_count(PolicySpec(name, actions=3)), np.float32)
    attach_parameters(network, flat, channels_last=channels_last)
    assert np.array_equal(flatten_parameters(network, channels_last=channels_last), flat)
    if channels_last:
        filters = [parameter for parameter in network.parameters() if parameter.dim() == 4]
        assert all(one.is_contiguous(memory_format=torch.channels_last) for one in filters)


def test_workers_share_one_block_of_memory():
    """Two policies on one shared-memory block, longer than the weights, as two processes would have it."""
    spec = PolicySpec("impala-k1", actions=6, channels_last=True)
    block = shared_memory.SharedMemory(create=True, size=4 * parameter_count(spec) + 4096)
    try:
        whole = np.frombuffer(block.buf, np.float32, parameter_count(spec))
        random_parameters(spec, out=whole)
        policies = [build_policy(spec, parameters=block.buf), build_policy(spec, parameters=whole)]
        assert np.array_equal(policies[0].values(FRAME), policies[1].values(FRAME))
        named_views(build_network(spec), whole, channels_last=True)["output.bias"][4] = 1e9
        assert [policy.act(FRAME) for policy in policies] == [4, 4]
    finally:
        del policies, whole
        block.close()
        block.unlink()


def test_read_only_memory_serves_inference():
    spec = PolicySpec("nature", actions=3)
    weights = random_parameters(spec)
    expected = build_policy(spec, parameters=weights.copy()).values(FRAME)
    weights.flags.writeable = False
    assert np.array_equal(build_policy(spec, parameters=weights).values(FRAME), expected)


def test_memory_of_the_wrong_size_or_type_is_refused():
    spec = PolicySpec("nature", actions=3)
    count = parameter_count(spec)
    for memory in (np.zeros(count - 1, np.float32), np.zeros(count), memoryview(bytes(4 * count - 4))):
        with pytest.raises(InputError, match=rf"needs a float32 array of shape \({count},\)"):
            build_policy(spec, parameters=memory)


def test_random_weights_have_the_stated_law():
    """Mean 0 and variance 2 / fan-in, |z| < 4; the variance of a uniform sample's square is 4/5 of its mean squared."""
    spec = PolicySpec("impala-k1", actions=6, seed=8)
    hidden = named_views(build_network(spec), random_parameters(spec))["hidden.weight"].astype(np.float64)
    variance = 2.0 / hidden.shape[1]
    assert abs(hidden.mean() / np.sqrt(variance / hidden.size)) < 4
    assert abs((np.square(hidden).mean() - variance) / (variance * np.sqrt(0.8 / hidden.size))) < 4
    assert not np.array_equal(random_parameters(spec), random_parameters(PolicySpec("impala-k1", actions=6, seed=9)))


@pytest.fixture
def saved(tmp_path):
    spec = PolicySpec("nature", actions=5, seed=9)
    path = tmp_path / "weights.safetensors"
    save_parameters(path, build_network(spec), random_parameters(spec), metadata={"trained": "no"})
    return path


def test_a_file_serves_both_orders_and_says_what_it_is(saved):
    assert read_metadata(saved) == {"kind": "network", "trained": "no"}
    values = [
        build_policy(PolicySpec("nature", actions=5, weights=str(saved), channels_last=layout)).values(FRAME)
        for layout in (False, True)
    ]
    expected = build_policy(PolicySpec("nature", actions=5, seed=9)).values(FRAME)
    assert np.array_equal(values[0], expected)
    assert values[1] == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("trunk.0.weight"), r"tensor 'trunk\.0\.weight' is missing"),
        (
            lambda tensors: tensors.update({"hidden.bias": np.zeros(63, np.float32)}),
            r"tensor 'hidden\.bias' has shape \(63,\) instead of \(64,\)",
        ),
        (lambda tensors: tensors.update(other=np.zeros(1, np.float32)), "it has no tensor 'other'"),
        (
            lambda tensors: tensors.update({"hidden.bias": np.zeros(64, np.float16)}),
            r"tensor 'hidden\.bias' in .* must be float32, not float16",
        ),
    ],
)
def test_tensors_of_another_network_are_refused(saved, change, message):
    tensors = load_file(saved)
    change(tensors)
    save_file(tensors, saved)
    with pytest.raises(InputError, match=message) as error:
        load_parameters(PolicySpec("nature", actions=5, weights=str(saved)))
    assert "\n" not in str(error.value)


def test_files_that_are_not_whole_are_refused(saved):
    spec = PolicySpec("nature", actions=5, weights=str(saved))
    saved.write_bytes(saved.read_bytes()[:-100])
    for _ in range(2):
        with pytest.raises(InputError, match="cannot be read as a safetensors file"):
            load_parameters(spec)
        saved.write_bytes(b"\x80\x04nonsense")
    saved.unlink()
    with pytest.raises(InputError, match="cannot be read as a safetensors file"):
        load_parameters(spec)


def test_a_failed_write_leaves_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()

    def broken(*_arguments, **_options):
        raise OSError("disk full")

    monkeypatch.setattr("regretlab.policies.weights.save_file", broken)
    with pytest.raises(OSError, match="disk full"):
        write_tensors(saved, {"x": np.zeros(3, np.float32)}, {})
    assert saved.read_bytes() == before
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]
