r"""The bounds as SymPy expressions: delay, saturation, sticky default, learning.

Symbols: p, d (delay, frames), I (held frames), A (actions), K (symbols of the ring), Delta and g (gaps), phi, n
(interactions), u (processed share), k (arms), c, D, S, A, T of the finite-MDP bound, H and N_e of the episodic one, G
(feedback latency). Numeric twins: ``delay``, ``sticky``, ``learning``.
"""

from functools import cache

import sympy as sp

from ...errors import InputError
from .moments import P

__all__ = [
    "DELTA",
    "HELD",
    "LEARNING_SYMBOLS",
    "D",
    "K",
    "delay_regret",
    "dominated_after",
    "learning_bound",
    "mode_probability",
    "processed_share",
    "ring_eigenvalue",
    "saturated_delay_regret",
    "sticky_regret",
]

D = sp.Symbol("d", positive=True)
HELD = sp.Symbol("I", positive=True, integer=True)
ACTIONS = sp.Symbol("A", positive=True, integer=True)
K = sp.Symbol("K", positive=True, integer=True)
DELTA = sp.Symbol("Delta", nonnegative=True)

_N, _U, _ARMS, _C = sp.symbols("n u k c", positive=True)
_DIAMETER, _STATES, _LENGTH, _EPISODES, _LATENCY = sp.symbols("D S H N_e G", positive=True)
_TAU, _TAU_I, _RATE = sp.symbols("tau tau_I r", positive=True)
_LEARNERS, _BATCH, _REPLAY, _TAU_L = sp.symbols("N_L B rho tau_L", positive=True)

LEARNING_SYMBOLS: dict[str, sp.Symbol] = {
    "interactions": _N,
    "share": _U,
    "arms": _ARMS,
    "constant": _C,
    "diameter": _DIAMETER,
    "states": _STATES,
    "actions": ACTIONS,
    "episode_length": _LENGTH,
    "episodes": _EPISODES,
    "latency": _LATENCY,
    "horizon": _TAU,
    "interaction_time": _TAU_I,
    "rate": _RATE,
    "learners": _LEARNERS,
    "batch_size": _BATCH,
    "replay_ratio": _REPLAY,
    "batch_time": _TAU_L,
}
"""What each symbol of the learning part means."""


@cache
def ring_eigenvalue() -> sp.Expr:
    """Return lambda = (K p - 1)/(K - 1).

    Examples
    --------
    >>> ring_eigenvalue()
    (K*p - 1)/(K - 1)
    """
    return (K * P - 1) / (K - 1)


@cache
def mode_probability(*, ring: bool = False) -> sp.Expr:
    """Return kappa_d: p^d, or 1/K + (1 - 1/K) lambda^d on the ring.

    Examples
    --------
    >>> mode_probability()
    p**d
    """
    return 1 / K + (1 - 1 / K) * ring_eigenvalue() ** D if ring else P**D


@cache
def delay_regret(*, ring: bool = False) -> sp.Expr:
    """Return Delta (1 - kappa_d).

    Examples
    --------
    >>> delay_regret()
    Delta*(1 - p**d)
    """
    return DELTA * (1 - mode_probability(ring=ring))


@cache
def saturated_delay_regret() -> sp.Expr:
    """Return Delta min(1 - p^d, 1 - 1/A).

    Examples
    --------
    >>> saturated_delay_regret()
    Delta*Min(1 - 1/A, 1 - p**d)
    """
    return DELTA * sp.Min(1 - P**D, 1 - 1 / ACTIONS)


@cache
def sticky_regret(*, ring: bool = False) -> sp.Expr:
    """Return the regret of an action of delay d repeated for I frames: Delta (1 - p^d (1 - p^I)/(I (1 - p))).

    Examples
    --------
    >>> sticky_regret()
    Delta*(1 - p**d*(1 - p**I)/(I*(1 - p)))
    """
    w = ring_eigenvalue() if ring else P
    value = w**D * (1 - w**HELD) / (HELD * (1 - w))
    return DELTA * (1 - 1 / K) * (1 - value) if ring else DELTA * (1 - value)


@cache
def learning_bound(name: str) -> sp.Expr:
    """Return a learning bound; its conditions are those of ``learning.learning_bound``.

    Parameters
    ----------
    name
        One of ``learning.LEARNING_BOUNDS``.

    Examples
    --------
    >>> learning_bound("finite-mdp")
    sqrt(A)*sqrt(D)*sqrt(S)*c*sqrt(n)
    """
    bandit = sp.sqrt((_ARMS - 1) * _N / _U)
    forms = {
        "gaussian-bandit": bandit / 27,
        "bernoulli-bandit": bandit / 57,
        "bernoulli-bandit-published": sp.sqrt(_N * _ARMS) / 20,
        "finite-mdp": _C * sp.sqrt(_DIAMETER * _STATES * ACTIONS * _N),
        "episodic": sp.sqrt(_LENGTH**3 * _STATES * ACTIONS * _EPISODES) / (48 * sp.sqrt(6)),
        "feedback-latency": (1 - 1 / _ARMS) * sp.Min(_N, _LATENCY),
    }
    if name not in forms:
        raise InputError(f"unknown learning bound '{name}': choose one of {', '.join(forms)}")
    return forms[name]


@cache
def processed_share() -> sp.Expr:
    """Return u = min(1, N_L B tau_I / (rho tau_L)).

    Examples
    --------
    >>> processed_share()
    Min(1, B*N_L*tau_I/(rho*tau_L))
    """
    return sp.Min(1, _LEARNERS * _BATCH * _TAU_I / (_REPLAY * _TAU_L))


@cache
def dominated_after() -> sp.Expr:
    """Return the seconds after which a linear regret rate r exceeds the finite-MDP learning bound, by solving for it.

    Examples
    --------
    >>> dominated_after()
    A*D*S*c**2/(r**2*tau_I)
    """
    learning = learning_bound("finite-mdp").subs(_N, _TAU / _TAU_I)
    return sp.simplify(sp.solve(sp.Eq(learning, _RATE * _TAU), _TAU)[0])
