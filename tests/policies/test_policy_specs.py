"""Specifications: contract (names, errors, no PyTorch) and property (every width that a name can say)."""

import pickle
import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretlab.errors import InputError
from regretlab.policies import POLICY_NAMES, NetworkName, PolicySpec, check_policy_fits, parse_network_name


def test_names_are_checked_without_pytorch():
    program = (
        "import sys; from regretlab.policies import PolicySpec; PolicySpec('impala-k29', actions=6);"
        "print([name for name in ('torch', 'gymnasium', 'pyboy') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=900, check=True)
    assert answer.stdout.strip() == "[]"


@given(st.integers(1, 16 * 512), st.booleans())
def test_every_width_in_sixteenths_has_a_name(sixteenths, deep):
    name = f"impala{'2x' if deep else ''}-k{sixteenths}/16"
    assert parse_network_name(name) == NetworkName("impala", Fraction(sixteenths, 16), 2 if deep else 1)


@pytest.mark.parametrize("name", POLICY_NAMES)
def test_a_specification_crosses_to_another_process_unchanged(name):
    spec = PolicySpec(name, actions=6, seed=3, channels_last=True)
    data = pickle.dumps(spec)
    assert pickle.loads(data) == spec  # noqa: S301 - our own bytes
    assert len(data) < 300
    assert hash(spec) == hash(PolicySpec(name, actions=6, seed=3, channels_last=True))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "impala"}, "no policy is named 'impala': give nature"),
        ({"name": "impala-k"}, "no policy is named"),
        ({"name": "impala3x-k1"}, "no policy is named"),
        ({"name": "impala-k-1"}, "no policy is named"),
        ({"name": "impala-k1.5"}, "no policy is named"),
        ({"name": "impala-k0"}, "the width of 'impala-k0' must be a whole number or whole sixteenths"),
        ({"name": "impala-k1/0"}, "the width of"),
        ({"name": "impala-k1/32"}, "the width of"),
        ({"name": "impala-k513"}, "from 1/16 to 512"),
        ({"actions": 0}, "actions must be at least 1, not 0"),
        ({"frame_shape": (84, 0)}, r"not \(84, 0\)"),
        ({"frame_shape": (84, 84, 3)}, r"not \(84, 84, 3\)"),
        ({"seed": -1}, "0 or more, not -1"),
        ({"name": "oracle", "weights": "w.safetensors"}, "takes no weights"),
        ({"weights": "w.pth"}, "'w.pth' are refused"),
        ({"weights": "w.npz"}, "'w.npz' are refused"),
        ({"weights": "safetensors"}, "'safetensors' are refused"),
    ],
)
def test_bad_fields_are_named_in_one_sentence(fields, message):
    with pytest.raises(InputError, match=message) as error:
        PolicySpec(**{"name": "impala-k1", "actions": 6, **fields})
    assert "\n" not in str(error.value)


def test_an_oracle_needs_an_action_for_each_symbol():
    oracle = PolicySpec("oracle", actions=5)
    check_policy_fits(oracle, 5, symbols=range(4))
    with pytest.raises(InputError, match="needs 6 actions for symbols up to 4 but the environment has 5"):
        check_policy_fits(oracle, 5, symbols=range(5))
    check_policy_fits(PolicySpec("noop", actions=5), 5, symbols=range(5))
