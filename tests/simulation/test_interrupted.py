"""What ends a simulation before its time ends its threads too: an error in one of them, or Ctrl-C."""

import signal
import threading
import time

import pytest

from regretlab.laws import parse_law
from regretlab.mdp import AsynchronousMDP, parse_mdp
from regretlab.scenario import Scenario
from regretlab.simulation import simulate, simulate_mdp
from regretlab.simulation.learning import learner_named, simulate_learning
from regretlab.simulation.replication import on_threads

LAW = parse_law("0.7")
RIVER = parse_mdp("riverswim(4)")
WEEKS = 10**12
"""Frames nobody would wait for."""


@pytest.mark.parametrize(
    "simulation",
    [
        lambda frames: simulate(
            Scenario(LAW, frame_time=1.0, mode_probability=0.9, rule="frame-pool"),
            frames=frames,
            replications=3,
            threads=2,
        ),
        lambda frames: simulate_mdp(
            AsynchronousMDP(RIVER.mdp, beta=0),
            [1] * 4,
            Scenario(LAW, rule="frame-pool"),
            frames=frames,
            replications=3,
            threads=2,
        ),
        lambda frames: simulate_learning(RIVER, learner_named("q-epsilon"), frames=frames, replications=3, threads=2),
    ],
    ids=["witness", "mdp", "learning"],
)
@pytest.mark.one_in(2)
def test_an_interrupt_ends_runs_of_any_length(simulation):
    simulation(100)  # compiles the kernels where no cache holds them: an interrupt in Numba is not what is tested
    before = threading.active_count()
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        with pytest.raises(KeyboardInterrupt):
            simulation(WEEKS)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    until = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_an_error_in_one_task_ends_the_others():
    def fails(stop):
        raise ValueError("no")

    def waits(stop):
        while True:
            stop()
            time.sleep(0.001)

    with pytest.raises(ValueError, match="no"):
        on_threads([waits, fails, waits], 2)


def test_results_come_in_the_order_of_the_tasks_and_progress_counts_them():
    told = []

    def task(number):
        return lambda stop: (time.sleep(0.01 * max(0, 3 - number)), number)[1]

    assert on_threads([task(n) for n in range(4)], 4, lambda done, total, what: told.append((done, total))) == [
        0,
        1,
        2,
        3,
    ]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_progress_of_a_simulation_is_told():
    told = []
    simulate(
        Scenario(LAW, frame_time=1.0, mode_probability=0.9, rule="frame-pool"),
        frames=100,
        replications=3,
        progress=lambda done, total, what: told.append((done, total)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
