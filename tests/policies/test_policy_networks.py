"""Networks: sizes against closed form, values against a plain NumPy evaluation that knows nothing of the modules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretlab.errors import InputError
from regretlab.policies import PolicySpec
from regretlab.policies.networks import build_network
from regretlab.policies.parameters import named_views, parameter_count, random_parameters
from regretlab.policies.policy import build_policy


def _impala_count(sixteenths, actions, stages, pixels):
    """Parameters of the IMPALA network: n^2 9 + n a convolution of n filters on n, 512 units, one output an action."""
    small, large = sixteenths, 2 * sixteenths
    count = 9 * small + small + 4 * (9 * small**2 + small)
    count += 9 * small * large + large + 4 * (9 * large**2 + large)
    count += (stages - 2) * 5 * (9 * large**2 + large)
    return count + 512 * large * pixels + 512 + 512 * actions + actions


@settings(max_examples=25)
@given(st.integers(1, 16 * 40), st.integers(1, 18))
def test_sizes_are_those_of_the_closed_form(sixteenths, actions):
    """84 -> 40 -> 18 -> 7 pixels a side; in the deep variant 84 -> 40 -> 36 -> 32 -> 28 -> 12 -> 8."""
    shallow = PolicySpec(f"impala-k{sixteenths}/16", actions)
    deep = PolicySpec(f"impala2x-k{sixteenths}/16", actions)
    assert parameter_count(shallow) == _impala_count(sixteenths, actions, 3, 49)
    assert parameter_count(deep) == _impala_count(sixteenths, actions, 6, 64)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("nature", 55_534),
        ("impala-k1/16", 54_178),
        ("impala2x-k1/16", 70_108),
        ("impala2x-k1", 1_288_198),
        ("impala-k98", 1_008_092_742),
        ("random", 0),
        ("oracle", 0),
    ],
)
def test_sizes_of_the_other_models(name, count):
    """The paper's table: 55K, 70K when 2x deep, and 1B (pinned; the first three agree with its rounded figures)."""
    assert parameter_count(PolicySpec(name, actions=6)) == count


def test_counting_takes_no_memory_for_weights():
    assert all(parameter.is_meta for parameter in build_network(PolicySpec("impala-k98", actions=6)).parameters())


def _relu(x):
    return np.maximum(x, 0.0)


def _convolution(x, weight, bias, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    size = weight.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("chwij,fcij->fhw", windows, weight) + bias[:, None, None]


def _pool(x, stride):
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::stride, ::stride].max(axis=(3, 4))


def _plain_values(name, tensors, frame):
    """Evaluate a network from the list of its tensors, in double precision, straight from the paper's description."""
    left = iter([np.asarray(tensor, np.float64) for tensor in tensors])

    def convolution(x, **options):
        return _convolution(x, next(left), next(left), **options)

    x = frame[None] / 255.0
    if name == "nature":
        x = _relu(convolution(x, stride=4))
        x = _relu(convolution(x, stride=2))
        x = convolution(x)
    else:
        for stride in (2, 1, 1, 1, 2, 1) if "2x" in name else (2, 2, 2):
            x = _pool(convolution(x), stride)
            for _ in range(2):
                inner = convolution(_relu(x), padding=1)
                x = x + convolution(_relu(inner), padding=1)
    hidden = _relu(next(left) @ _relu(x).ravel() + next(left))
    return next(left) @ hidden + next(left)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("name", ["nature", "impala-k1/16", "impala-k1/4", "impala2x-k1/16"])
def test_values_are_those_of_a_plain_evaluation(name, channels_last):
    spec = PolicySpec(name, actions=5, seed=11, channels_last=channels_last)
    weights = random_parameters(spec)
    generator = np.random.default_rng(5)
    weights += generator.normal(0, 0.01, weights.shape).astype(np.float32)  # biases other than zero
    tensors = named_views(build_network(spec), weights, channels_last=channels_last).values()
    frame = generator.integers(0, 256, (84, 84)).astype(np.uint8)
    expected = _plain_values(name, tensors, frame)
    policy = build_policy(spec, parameters=weights)
    assert policy.values(frame) == pytest.approx(expected, rel=1e-4, abs=1e-4 * np.abs(expected).max())
    assert policy.act(frame) == expected.argmax()


def test_other_frame_shapes():
    spec = PolicySpec("impala-k1/16", actions=4, frame_shape=(72, 80))
    assert 0 <= build_policy(spec).act(np.zeros((72, 80), np.uint8)) < 4
    with pytest.raises(InputError, match="a frame of 20 x 84 pixels is too small for this network"):
        parameter_count(PolicySpec("impala-k1", actions=4, frame_shape=(20, 84)))
    with pytest.raises(InputError, match="a frame of 27 x 84 pixels is too small for this network"):
        parameter_count(PolicySpec("nature", actions=4, frame_shape=(27, 84)))


@pytest.mark.parametrize(
    "frame", [np.zeros((84,), np.uint8), np.zeros((1, 84, 84), np.uint8), np.zeros((84, 84), np.float32)]
)
def test_a_frame_that_would_be_broadcast_or_misread_is_refused(frame):
    with pytest.raises(InputError, match=r"needs a uint8 frame of shape \(84, 84\)"):
        build_policy(PolicySpec("nature", actions=4)).act(frame)


@pytest.mark.parametrize("label", [-1, 4, 99])
def test_an_oracle_that_is_not_told_the_symbol_says_so(label):
    with pytest.raises(InputError, match=f"needs the environment's symbol, 0 to 3, not {label}"):
        build_policy(PolicySpec("oracle", actions=5)).act(label)
