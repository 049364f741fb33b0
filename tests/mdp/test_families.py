"""Closed forms of the families against the exact solver; RiverSwim by its matrices; the text form."""

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.mdp import FAMILIES, closed_form_regret, kappa, p_minimax, parse_mdp, save_mdp, solve_delayed
from regretlab.mdp.family_text import split_call

CLOSED = [
    ("shift-register(p=0.7, n=3)", [(0, 1), (1, 1), (3, 1), (6, 1)]),
    ("shift-register(p=0.5, n=2, symbols=3, gap=0.4)", [(1, 1), (2, 1)]),
    ("shift-register(p=0.9, n=2, noop_gap=0.3)", [(1, 1), (2, 1), (2, 2), (2, 3), (3, 5)]),
    ("shift-register(p=0.55, n=3, noop_gap=0.3)", [(3, 1), (3, 3)]),
    ("additive-register(p=0.8, n=4)", [(0, 1), (2, 1), (2, 2), (1, 4), (2, 3)]),
    ("additive-register(p=0.6, n=2, symbols=3, noop_gap=0.7)", [(1, 1), (2, 1), (2, 2), (2, 3)]),
    ("ring(p=0.7, symbols=5)", [(0, 1), (1, 1), (4, 1), (2, 2), (3, 5), (5, 3)]),
    ("ring(p=0.7, symbols=3, mode=rotating)", [(1, 1), (4, 1), (2, 2), (1, 5), (4, 7)]),
    ("ring(p=0.9, symbols=2, gap=0.5, noop_gap=0.2)", [(1, 1), (3, 1), (3, 3), (3, 4)]),
    ("lazy-walk(states=9)", [(1, 1), (7, 1), (3, 2), (2, 4)]),
    ("lazy-walk(states=5, noop_gap=0.5)", [(2, 1), (2, 3)]),
    ("product(p=0.8, n=2, arms=3, weight=0.25)", [(1, 1), (2, 1)]),
    ("product(p=0.8, n=2, noop_gap=0.6)", [(2, 1), (2, 2), (1, 3)]),
    ("trap(p=0.9, length=3)", [(0, 1), (1, 1), (3, 1)]),
    ("trap(p=0.6, length=2)", [(1, 1), (2, 1)]),
    ("single-state(actions=3, gap=0.25)", [(0, 1), (2, 1), (3, 4)]),
]


@pytest.mark.parametrize(("text", "cases"), CLOSED, ids=[text for text, _ in CLOSED])
def test_closed_form_regret_against_the_exact_solver(text, cases):
    process = parse_mdp(text)
    for delay, every in cases:
        expected = closed_form_regret(text, delay, every=every)
        assert expected is not None
        assert solve_delayed(process, delay, every=every).regret_per_frame == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("text", "delay", "every"),
    [("riverswim", 1, 1), ("random", 1, 1), ("trap", 1, 2), ("shift-register", 1, 2), ("additive-register(n=2)", 3, 1)],
)
def test_no_closed_form_is_made_up(text, delay, every):
    assert closed_form_regret(text, delay, every=every) is None


@pytest.mark.parametrize(("p", "symbols", "delay"), [(0.9, 4, 3), (0.5, 3, 6), (0.25, 4, 2)])
def test_kappa_of_the_ring(p, symbols, delay):
    lam = (symbols * p - 1) / (symbols - 1)
    for mode in ("lazy", "rotating"):
        ring = parse_mdp(f"ring(p={p}, symbols={symbols}, mode={mode})")
        assert p_minimax(ring) == p
        assert kappa(ring, delay) == pytest.approx(1 / symbols + (1 - 1 / symbols) * lam**delay, abs=1e-14)


def test_kappa_of_the_registers_is_p_to_the_delay():
    for text in ("shift-register(p=0.6, n=4)", "additive-register(p=0.6, n=4)"):
        process = parse_mdp(text)
        assert p_minimax(process) == 0.6
        for delay in range(5):
            assert kappa(process, delay) == pytest.approx(0.6**delay, abs=1e-14)


def test_riverswim_by_its_matrices():
    """Osband, Russo & Van Roy 2013, figure 1."""
    river = parse_mdp("riverswim(6)").mdp
    drift = np.eye(6, k=-1)
    drift[0, 0] = 1
    swim = np.array(
        [
            [0.40, 0.60, 0, 0, 0, 0],
            [0.05, 0.60, 0.35, 0, 0, 0],
            [0, 0.05, 0.60, 0.35, 0, 0],
            [0, 0, 0.05, 0.60, 0.35, 0],
            [0, 0, 0, 0.05, 0.60, 0.35],
            [0, 0, 0, 0, 0.40, 0.60],
        ]
    )
    np.testing.assert_array_equal(river.dense(), [drift, swim])
    rewards = np.zeros((6, 2))
    rewards[0, 0], rewards[5, 1] = 0.005, 1
    np.testing.assert_array_equal(river.rewards, rewards)


def test_random_family_is_reproducible_and_irreducible():
    one, two = (
        parse_mdp("random(states=7, actions=2, seed=3)").mdp,
        parse_mdp("random(states=7, actions=2, seed=3)").mdp,
    )
    np.testing.assert_array_equal(one.dense(), two.dense())
    assert not np.array_equal(one.dense(), parse_mdp("random(states=7, actions=2, seed=4)").mdp.dense())
    assert (one.dense()[:, np.arange(7), (np.arange(7) + 1) % 7] > 0).all()
    assert (np.diff(one.transitions.indptr) == 3).all()
    assert parse_mdp("random(states=1, actions=2, successors=1)").mdp.states == 1


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_builds_with_its_defaults_and_says_what_it_takes(name):
    process = parse_mdp(name)
    assert process.mdp.name == name
    assert FAMILIES[name].signature.startswith(f"{name}(")
    assert solve_delayed(process, 1).regret_per_frame >= -1e-10


def test_default_behaviour_of_the_families():
    assert parse_mdp("ring").repeats
    withdrawn = parse_mdp("ring(noop_gap=0.5)")
    np.testing.assert_array_equal(withdrawn.beta[:, 0], np.ones(4))
    np.testing.assert_array_equal(withdrawn.mdp.rewards[:, 0], np.full(4, 0.5))
    assert withdrawn.mdp.actions == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grid(3)", r"unknown MDP 'grid': choose one of shift-register, additive-register, ring.*or give an .npz file"),
        ("ring(q=0.9)", r"does not fit ring\(p=0.9, symbols=4, mode=lazy, gap=1.0, noop_gap=None\)"),
        ("ring(0.9, 4, lazy, 1, 1, 1)", "does not fit"),
        ("ring(0.9, p=0.8)", "does not fit"),
        ("ring(p=0.9", "not of the form"),
        ("__import__('os')", "not of the form"),
        ("ring(p=9.9)", r"p must lie in \[0.25, 1\], not 9.9"),
        ("ring(p=nan)", r"p must lie in \[0.25, 1\], not nan"),
        ("ring(symbols=4.5)", "symbols of .* must be a whole number, not 4.5"),
        ("ring(symbols=1)", "symbols must be at least 2, not 1"),
        ("ring(p=high)", "p of .* must be a number, not 'high'"),
        ("ring(mode=3)", "mode of .* must be a word, not 3"),
        ("ring(mode=wild)", "mode must be lazy or rotating, not 'wild'"),
        ("ring(p=0.9, p=0.8)", "p is given twice"),
        ("ring(p=0.9, 4)", "follows a key=value"),
        ("ring(p=0.9,)", "is not a value or key=value"),
        ("ring(p=1+1)", "is not a number or a plain word"),
        ("ring(gap=0)", r"gap must lie in \(0, 1\], not 0"),
        ("shift-register(n=40)", "at most 4096"),
        ("ring(symbols=1000)", r"ring of 1000 states and 1000 actions has 1e\+09 transitions"),
        ("lazy-walk(states=2)", "states must be at least 3, not 2"),
        ("trap(p=0.4)", r"p must lie in \[0.5, 1\], not 0.4"),
        ("product(weight=2)", r"weight must lie in \[0, 1\], not 2"),
        ("random(states=3, successors=4)", r"successors must lie in \[1, 3\], not 4"),
        ("missing.npz", "'missing.npz' cannot be read as .npz"),
    ],
)
def test_what_is_no_family_is_refused_in_one_sentence(text, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_mdp(text)
    assert "\n" not in str(caught.value)


def test_files_by_name(tmp_path):
    save_mdp(parse_mdp("ring(noop_gap=0.5)"), tmp_path / "ring.npz")
    assert solve_delayed(parse_mdp(str(tmp_path / "ring.npz")), 2, every=2).regret_per_frame == pytest.approx(
        closed_form_regret("ring(noop_gap=0.5)", 2, every=2)
    )


def test_split_call_reads_numbers_and_words_only():
    assert split_call(" riverswim ( 6 ) ") == ("riverswim", [6], {})
    assert split_call("a-b()") == ("a-b", [], {})
    assert split_call("f(x=1e-3, y=-2, z=lazy-one)") == ("f", [], {"x": 0.001, "y": -2, "z": "lazy-one"})
    with pytest.raises(InputError, match="not -1 and 1"):
        closed_form_regret("ring", -1)
