"""Speed of a Bellman sweep beside QuantEcon and pymdptoolbox: ``python -m tests.benchmarks.benchmark_mdp_sweeps``.

The same random sparse matrix for all: S states, A actions, 8 successors each. A sweep is one application of the Bellman
operator to all states, one thread each, taken in turns: ours (with the bounds on the gain that come with it),
QuantEcon's ``DiscreteDP.bellman_operator`` (SciPy's compiled product, Numba's maximum) and pymdptoolbox's
``_bellmanOperator`` (SciPy's compiled product once for each action, NumPy's maximum) with sparse matrices, and with
dense ones where they fit. ``--solve`` solves the average-reward problem of 10^6 states and 8 actions and prints time
and memory.

Seen on 2 busy cores of a Xeon: QuantEcon takes 1.5 to 3.1 times as long as we do, pymdptoolbox 1.8 to 3.0 times with
sparse matrices and more than 200 times with dense ones. Ten times is out of reach with sparse ones: their product is
compiled as well, and reading the matrix takes most of the time of all three.
"""

import resource
import sys
import time

import mdptoolbox.mdp
import numba
import numpy as np
import quantecon
from scipy import sparse

from regretlab.mdp import FiniteMDP, solve_average_reward
from regretlab.mdp._kernels import bellman_sweep
from regretlab.mdp.average_reward import sweep_arrays

TURNS, SUCCESSORS, DISCOUNT = 25, 8, 0.99


def random_sparse(states, actions, seed=0):
    """A FiniteMDP whose rows have 8 random successors, the next state among them."""
    rng = np.random.default_rng(seed)
    rows = states * actions
    indices = rng.integers(0, states, (rows, SUCCESSORS), dtype=np.int32)
    indices[:, 0] = (np.repeat(np.arange(states), actions) + 1) % states
    weights = rng.random((rows, SUCCESSORS)) + 1e-3
    weights /= weights.sum(axis=1, keepdims=True)
    indptr = np.arange(0, rows * SUCCESSORS + 1, SUCCESSORS, dtype=np.int64)
    matrix = sparse.csr_array((weights.ravel(), indices.ravel(), indptr), shape=(rows, states))
    return FiniteMDP(matrix, rng.random((states, actions)))


def toolbox(mdp, matrices, values):
    """pymdptoolbox's operator on these matrices, without its slow checks of the input."""
    process = mdptoolbox.mdp.MDP.__new__(mdptoolbox.mdp.MDP)
    process.S, process.A, process.discount = mdp.states, mdp.actions, DISCOUNT
    process.P, process.R, process.V = matrices, [mdp.rewards[:, a].copy() for a in range(mdp.actions)], values
    return process._bellmanOperator


def sweeps(states, actions, dense=False):
    """Print the milliseconds of a sweep of each program, the best of many turns taken one after the other."""
    mdp = random_sparse(states, actions)
    values, out = np.random.default_rng(1).random(states), np.empty(states)
    pairs = np.divmod(np.arange(states * actions), actions)
    economists = quantecon.markov.DiscreteDP(mdp.rewards.ravel(), sparse.csr_matrix(mdp.transitions), DISCOUNT, *pairs)
    arrays = sweep_arrays(mdp)
    programs = {
        "regretlab": lambda: bellman_sweep(*arrays, mdp.rewards, values, out),
        "QuantEcon": lambda: economists.bellman_operator(values, out),
        "pymdptoolbox, sparse": toolbox(mdp, [sparse.csr_matrix(mdp.matrix(a)) for a in range(actions)], values),
    }
    if dense:
        programs["pymdptoolbox, dense"] = toolbox(mdp, list(mdp.dense()), values)
    best = dict.fromkeys(programs, np.inf)
    for _ in range(TURNS):
        for name, program in programs.items():
            begin = time.perf_counter()
            program()
            best[name] = min(best[name], time.perf_counter() - begin)
    print(f"S = {states}, A = {actions}, {SUCCESSORS} successors")
    for name, seconds in best.items():
        print(f"  {name:22s} {1e3 * seconds:9.3f} ms   {seconds / best['regretlab']:6.2f} x ours")


@numba.njit(fastmath=True, parallel=True)
def two_cores(indptr, indices, probabilities, rewards, values, out):
    """The same sweep with the states shared among the cores."""
    states, actions = rewards.shape
    for s in numba.prange(states):
        best = -np.inf
        for a in range(actions):
            total = rewards[s, a]
            row = np.int64(s) * actions + a
            for k in range(indptr[row], indptr[row + 1]):
                total += probabilities[k] * values[indices[k]]
            best = max(best, total)
        out[s] = best


@numba.njit(fastmath=True)
def equal_rows(indices, probabilities, rewards, values, out):
    """A sweep that knows that every row has the same number of successors: no row pointers, an unrolled sum."""
    states, actions = rewards.shape
    for s in range(states):
        best = -np.inf
        for a in range(actions):
            first = (s * actions + a) * SUCCESSORS
            total = rewards[s, a]
            for k in range(SUCCESSORS):
                total += probabilities[first + k] * values[indices[first + k]]
            best = max(best, total)
        out[s] = best


def designs(states, actions):
    """Print what other designs of the sweep would give, beside ours."""
    mdp = random_sparse(states, actions)
    values, out = np.random.default_rng(1).random(states), np.empty(states)
    arrays = sweep_arrays(mdp)
    indptr, indices = mdp.transitions.indptr.astype(np.int64), mdp.transitions.indices.astype(np.int32)
    data = mdp.transitions.data
    held = np.arange(SUCCESSORS) < np.diff(indptr)[:, None]  # successors drawn twice are stored once: fill the rows up
    even, places = np.zeros(held.shape), np.zeros(held.shape, np.int32)
    even[held], places[held] = data, indices
    even, places = even.ravel(), places.ravel()
    narrow = even.astype(np.float32)
    thin_values, thin_out = values.astype(np.float32), out.astype(np.float32)
    thin_rewards = mdp.rewards.astype(np.float32)
    toolboxed = toolbox(mdp, [sparse.csr_matrix(mdp.matrix(a)) for a in range(actions)], values)
    programs = {
        "regretlab": lambda: bellman_sweep(*arrays, mdp.rewards, values, out),
        "all cores": lambda: two_cores(indptr, indices, data, mdp.rewards, values, out),
        "rows of equal length": lambda: equal_rows(places, even, mdp.rewards, values, out),
        "the same in float32": lambda: equal_rows(places, narrow, thin_rewards, thin_values, thin_out),
        "pymdptoolbox, sparse": toolboxed,
    }
    best = dict.fromkeys(programs, np.inf)
    for program in programs.values():
        program()
    for _ in range(TURNS):
        for name, program in programs.items():
            begin = time.perf_counter()
            program()
            best[name] = min(best[name], time.perf_counter() - begin)
    print(f"designs: S = {states}, A = {actions}, {SUCCESSORS} successors, {numba.get_num_threads()} threads")
    for name, seconds in best.items():
        print(f"  {name:22s} {1e3 * seconds:9.3f} ms   pymdptoolbox {best['pymdptoolbox, sparse'] / seconds:6.2f} x")


def solve(states, actions):
    """Print time and largest memory of a whole solution."""
    mdp = random_sparse(states, actions)
    begin = time.perf_counter()
    solution = solve_average_reward(mdp)
    seconds, memory = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"S = {states}, A = {actions}: {solution} in {seconds:.1f} s, at most {memory:.1f} GiB")


if __name__ == "__main__":
    sweeps(2_000, 4, dense=True)
    sweeps(100_000, 4)
    designs(100_000, 4)
    if "--solve" in sys.argv:
        solve(1_000_000, 8)
