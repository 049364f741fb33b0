"""Network sizes are the paper's, weights are shared in place, readouts name the symbols, pickles are refused."""

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.games import make_game
from regretlab.policies import PolicySpec, check_policy_fits, parse_network_name
from regretlab.policies.fitted import fitted_readout
from regretlab.policies.networks import build_network
from regretlab.policies.parameters import attach_parameters, parameter_count, random_parameters
from regretlab.policies.policy import build_policy
from regretlab.policies.profile import profile_policy
from regretlab.policies.readout import collect_frames, policy_accuracy
from regretlab.policies.weights import load_parameters, save_parameters


@pytest.mark.parametrize(
    ("name", "count"),
    [("impala-k1", 903_718), ("impala-k7", 10_368_742), ("impala-k29", 104_682_918)],
)
def test_parameter_counts_are_the_papers(name, count):
    """Counted by PyTorch on the meta device, for 6 actions and one 84x84 frame."""
    assert parameter_count(PolicySpec(name, actions=6)) == count


@pytest.mark.parametrize("name", ["nature", "impala-k1/16"])
def test_the_small_networks_have_about_55_thousand(name):
    assert 50_000 < parameter_count(PolicySpec(name, actions=6)) < 60_000


def test_weights_are_views_into_the_given_memory():
    spec = PolicySpec("nature", actions=5)
    memory = random_parameters(spec)
    policy = build_policy(spec, parameters=memory)
    frame = np.random.default_rng(0).integers(0, 256, (84, 84)).astype(np.uint8)
    before = policy.values(frame).copy()
    memory *= 2.0  # the policy sees it: nothing was copied
    assert not np.allclose(policy.values(frame), before)
    network = build_network(spec)
    attach_parameters(network, memory)
    assert all(
        memory.ctypes.data <= parameter.data_ptr() < memory.ctypes.data + memory.nbytes
        for parameter in network.parameters()
    )


@pytest.mark.parametrize("name", ["nature", "impala-k1"])
def test_channels_last_is_the_same_function(name):
    frame = np.random.default_rng(1).integers(0, 256, (84, 84)).astype(np.uint8)
    values = [
        build_policy(PolicySpec(name, actions=5, seed=3, channels_last=layout)).values(frame)
        for layout in (False, True)
    ]
    assert np.allclose(values[0], values[1], rtol=1e-4, atol=1e-5)


def _beacon(symbols):
    return lambda: make_game("regretlab/Beacon-v0", symbols=symbols, mode_probability=1 / symbols)


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("name", "symbols"), [("impala-k1", 15), ("nature", 8)])
def test_a_readout_names_the_symbols_of_other_episodes(name, symbols, tmp_path):
    spec = PolicySpec(name, actions=1 + symbols, channels_last=True)
    facts = {"environment": "beacon", "symbols": symbols}
    fitted = fitted_readout(spec, _beacon(symbols), facts, directory=tmp_path)
    assert fitted.fitted_now
    assert fitted.accuracy >= 0.999
    held_out = collect_frames(_beacon(symbols), symbols=symbols, frames=1000, seed=77_777)
    assert policy_accuracy(build_policy(fitted.spec), held_out) >= 0.999
    again = fitted_readout(spec, _beacon(symbols), facts, directory=tmp_path)
    assert not again.fitted_now
    assert fitted_readout(spec, _beacon(symbols), {**facts, "rom": "other"}, directory=tmp_path).fitted_now


def test_a_damaged_readout_is_fitted_again_with_a_note(tmp_path):
    spec = PolicySpec("nature", actions=5)
    fitted = fitted_readout(spec, _beacon(4), {}, directory=tmp_path, frames=300)
    path = tmp_path / fitted.spec.weights.rsplit("/", 1)[-1]
    data = bytearray(path.read_bytes())
    data[-5] ^= 0xFF
    path.write_bytes(bytes(data))
    again = fitted_readout(spec, _beacon(4), {}, directory=tmp_path, frames=300)
    assert again.fitted_now
    assert "damaged" in again.notes[0]


def test_saved_weights_are_loaded_and_others_refused(tmp_path):
    spec = PolicySpec("nature", actions=5, seed=9)
    weights = random_parameters(spec)
    path = tmp_path / "w.safetensors"
    save_parameters(path, build_network(spec), weights)
    loaded = load_parameters(PolicySpec("nature", actions=5, weights=str(path)))
    assert np.array_equal(loaded, weights)
    with pytest.raises(InputError, match="are for 5 actions but the environment has 7"):
        load_parameters(PolicySpec("nature", actions=7, weights=str(path)))
    with pytest.raises(InputError):
        load_parameters(PolicySpec("impala-k1", actions=5, weights=str(path)))
    for name in ("w.pkl", "w.pt", "w.pth"):
        with pytest.raises(InputError, match=r"are refused: only \.safetensors"):
            PolicySpec("nature", actions=5, weights=name)


def test_policies_without_a_network():
    frame = np.zeros((84, 84), np.uint8)
    assert build_policy(PolicySpec("noop", actions=5)).act(frame) == 0
    assert build_policy(PolicySpec("oracle", actions=5)).act(2) == 3
    first, second = (build_policy(PolicySpec("random", actions=5, seed=4)) for _ in range(2))
    drawn = [first.act(frame) for _ in range(200)]
    assert drawn == [second.act(frame) for _ in range(200)]
    assert set(drawn) == set(range(5))


def test_names_and_action_counts_are_checked():
    assert parse_network_name("impala2x-k7").depth == 2
    with pytest.raises(InputError, match="no policy is named 'resnet'"):
        PolicySpec("resnet", actions=5)
    with pytest.raises(InputError, match="has 6 actions but the environment has 5"):
        check_policy_fits(PolicySpec("impala-k1", actions=6), 5)


def test_profiles_are_laws(tmp_path):
    from regretlab.laws import parse_law

    profile = profile_policy(PolicySpec("nature", actions=5), samples=40, warm_up=5)
    assert profile.seconds.shape == (40,)
    for name in ("n.npy", "n.csv"):
        profile.save(tmp_path / name)
        law = parse_law(f"@{tmp_path / name}")
        assert law.mean() == pytest.approx(profile.to_json()["mean"], rel=1e-4)
    with pytest.raises(InputError, match="samples must be at least 1"):
        profile_policy(PolicySpec("nature", actions=5), samples=0)
    with pytest.raises(InputError, match=r"a \.npy or \.csv file"):
        profile.save(tmp_path / "n.txt")
