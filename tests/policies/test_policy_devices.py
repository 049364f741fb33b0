"""Networks on a device: the values of the processor, one stream each, and refusals where there is no GPU."""

import numpy as np
import pytest
import torch

from regretlab.errors import InputError, RunError
from regretlab.policies import PolicySpec
from regretlab.policies.parameters import random_parameters
from regretlab.policies.policy import DevicePolicy, NetworkPolicy, build_policy, check_device

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU here")
NETWORKS = ["nature", "impala-k1/16", "impala-k1", "impala2x-k1/16"]


def _weights_and_frames(spec):
    generator = np.random.default_rng(7)
    weights = random_parameters(spec)
    weights += generator.normal(0, 0.01, weights.shape).astype(np.float32)
    return weights, generator.integers(0, 256, (6, 84, 84)).astype(np.uint8)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_way_through_a_device_changes_no_value(name, channels_last):
    """On the processor the way to the device and back is copies: the values are the same to the bit."""
    spec = PolicySpec(name, actions=5, channels_last=channels_last)
    weights, frames = _weights_and_frames(spec)
    plain, device = NetworkPolicy(spec, weights), DevicePolicy(spec, weights, "cpu")
    shown = [device.values(frame) for frame in frames]  # kept: a later inference must not write into an earlier answer
    for frame, values in zip(frames, shown, strict=True):
        assert np.array_equal(values, plain.values(frame))
        assert device.act(frame) == plain.act(frame)


@gpu
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_gpu_computes_the_same_function(name, channels_last):
    spec = PolicySpec(name, actions=5, channels_last=channels_last, device="cuda")
    weights, frames = _weights_and_frames(spec)
    plain = NetworkPolicy(spec, weights)
    devices = [build_policy(spec, parameters=weights) for _ in range(2)]
    assert all(isinstance(device, DevicePolicy) for device in devices)
    assert devices[0]._stream.cuda_stream != devices[1]._stream.cuda_stream
    for frame in frames:
        expected = plain.values(frame)
        for device in devices:
            assert device.values(frame) == pytest.approx(expected, rel=1e-4, abs=1e-4 * np.abs(expected).max())


def test_values_that_are_not_finite_are_refused_behind_a_device_too():
    spec = PolicySpec("nature", actions=4)
    weights, frames = _weights_and_frames(spec)
    weights[-1] = np.nan
    with pytest.raises(RunError, match="returned values that are not finite"):
        DevicePolicy(spec, weights, "cpu").act(frames[0])


def test_without_a_gpu_one_sentence_says_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    check_device("cpu")
    spec = PolicySpec("nature", actions=4, device="cuda")
    for refused in (lambda: check_device("cuda"), lambda: build_policy(spec)):
        with pytest.raises(
            InputError, match=r"\Adevice 'cuda' needs a GPU, and PyTorch .* finds none .*: give device cpu"
        ):
            refused()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "nature", "device": "tpu"}, "device 'tpu' is neither cpu nor cuda"),
        ({"name": "oracle", "device": "cuda"}, "policy 'oracle' has no network to run on device 'cuda'"),
    ],
)
def test_devices_that_do_not_go_with_a_policy(fields, message):
    with pytest.raises(InputError, match=message):
        PolicySpec(actions=4, **fields)
