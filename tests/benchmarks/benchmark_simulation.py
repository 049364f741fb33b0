"""Speed of the simulator beside its yardsticks, measured in turns: ``make bench``, or with ``python -m``.

Prints millions of frames a second (the best of several turns) and the ratios that matter.
"""

import math
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy import sparse

from regretlab.laws import parse_law
from regretlab.mdp import AsynchronousMDP, FiniteMDP
from regretlab.scenario import Scenario
from regretlab.simulation import simulate, simulate_mdp
from tests.benchmarks.yardsticks import compile_c, plain_pool, run_c
from tests.oracles.simpy_pool import PoolModel

MEAN, P, SYMBOLS = 2.5, 0.9, 16
TURNS = 5
LAW = parse_law(f"expon(scale={MEAN})")


def ours(workers=math.inf, *, frames=20_000_000, replications=1, cores=1, symbols=SYMBOLS, law=LAW, **settings):
    """Frames a second of the simulator."""
    begin = time.perf_counter()
    simulate(
        Scenario(law, frame_time=1.0, mode_probability=P, workers=workers, symbols=symbols, **settings),
        frames=frames,
        replications=replications,
        threads=cores,
        seed=1,
    )
    return frames * replications / (time.perf_counter() - begin)


def random_mdp(states, actions=4, successors=8):
    """An MDP whose rows have a few random successors each."""
    rng = np.random.default_rng(0)
    rows = states * actions
    to = rng.integers(states, size=(rows, successors))
    weights = rng.dirichlet(np.ones(successors), size=rows)
    first = np.arange(0, rows * successors + 1, successors)
    matrix = sparse.csr_array((weights.ravel(), to.ravel(), first), shape=(rows, states))
    matrix.sum_duplicates()
    return AsynchronousMDP(FiniteMDP(matrix, rng.random((states, actions))), beta=0)


def ours_on_mdp(states, frames=10_000_000):
    """Return what measures the transitions a second on an MDP of that size."""
    process = random_mdp(states)
    policy = np.random.default_rng(1).integers(4, size=states)

    def contender():
        # the tables are made once for a run: what is measured is a long run
        result = simulate_mdp(
            process, policy, Scenario(LAW, workers=4, rule="frame-pool"), frames=frames, replications=1, threads=1
        )
        return result.transitions_per_second

    return contender


def _share(_):
    return ours(frames=10_000_000, replications=4)


def main():
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2, get_context("spawn")) as processes:
        program = compile_c(Path(folder))

        def two_c():
            """Two C programs side by side: what this machine's second core is worth."""
            begin = time.perf_counter()
            with ThreadPoolExecutor(2) as threads:
                list(threads.map(lambda seed: run_c(program, 20_000_000, seed, MEAN, P, SYMBOLS), (1, 2)))
            return 40_000_000 / (time.perf_counter() - begin)

        def two_processes():
            begin = time.perf_counter()
            list(processes.map(_share, range(2)))
            return 80_000_000 / (time.perf_counter() - begin)

        plain_pool(10, 1, MEAN, P, SYMBOLS)

        def numba_loop():
            begin = time.perf_counter()
            plain_pool(10_000_000, 1, MEAN, P, SYMBOLS)
            return 10_000_000 / (time.perf_counter() - begin)

        def simpy_model():
            begin = time.perf_counter()
            PoolModel(64, MEAN, P, SYMBOLS, 1).run(20_000)
            return 20_000 / (time.perf_counter() - begin)

        contenders = {
            "C program, unlimited pool": lambda: 20_000_000 / run_c(program, 20_000_000, 1, MEAN, P, SYMBOLS).seconds,
            "C program, two at once": two_c,
            "plain Numba loop": numba_loop,
            "SimPy model, 64 workers": simpy_model,
            "regretlab, unlimited pool": ours,
            "regretlab, 4 workers": lambda: ours(4),
            "regretlab, 10^6 workers": lambda: ours(10**6),
            "regretlab, fresh states": lambda: ours(symbols=None),
            "regretlab, one thread, 8 runs": lambda: ours(frames=10_000_000, replications=8),
            "regretlab, two threads, 8 runs": lambda: ours(frames=10_000_000, replications=8, cores=2),
            "regretlab, two processes, 8 runs": two_processes,
            "regretlab, one thread, 8 long runs": lambda: ours(frames=80_000_000, replications=8),
            "regretlab, two threads, 8 long runs": lambda: ours(frames=80_000_000, replications=8, cores=2),
            "regretlab, MDP of 100 states": ours_on_mdp(100),
            "regretlab, MDP of 10^4 states": ours_on_mdp(10**4),
            "regretlab, sequential": lambda: ours(1, rule="sequential"),
            "regretlab, free-running, 4 workers": lambda: ours(4, rule="free-running", frames=1_000_000),
            "regretlab, max-time, 4 workers": lambda: ours(4, rule="max-time", frames=1_000_000, maximum_time=10.0),
            "regretlab, expected-time, 4 workers": lambda: ours(4, rule="expected-time", frames=1_000_000),
        }
        for contender in contenders.values():
            contender()
        best = dict.fromkeys(contenders, 0.0)
        for _ in range(TURNS):
            for name, contender in contenders.items():
                best[name] = max(best[name], contender())
    for name, speed in best.items():
        print(f"{name:38s} {speed / 1e6:9.2f} million frames/s")
    ratios = (
        ("against the C program", "regretlab, unlimited pool", "C program, unlimited pool"),
        ("against the plain Numba loop", "regretlab, unlimited pool", "plain Numba loop"),
        ("against SimPy", "regretlab, unlimited pool", "SimPy model, 64 workers"),
        ("two threads against one", "regretlab, two threads, 8 runs", "regretlab, one thread, 8 runs"),
        ("the same, long runs", "regretlab, two threads, 8 long runs", "regretlab, one thread, 8 long runs"),
        ("two processes against one thread", "regretlab, two processes, 8 runs", "regretlab, one thread, 8 runs"),
        ("two C programs against one", "C program, two at once", "C program, unlimited pool"),
        ("speed of 10^6 workers against 4", "regretlab, 10^6 workers", "regretlab, 4 workers"),
    )
    for name, one, other in ratios:
        print(f"{name:38s} {best[one] / best[other]:9.2f} x")


if __name__ == "__main__":
    main()
