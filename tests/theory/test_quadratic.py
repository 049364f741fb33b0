"""Quadratic gaps: the formula against Riccati equations of the delayed system, Lyapunov's, and the virtual clock.

Runs agree within five standard errors (6e-7 a comparison for a normal error).
"""

import math

import numpy as np
import pytest
from scipy.linalg import expm, solve_discrete_are, solve_discrete_lyapunov

import regretlab as rl
from regretlab.errors import InputError
from regretlab.theory.quadratic import control_weight, ornstein_uhlenbeck_loss, quadratic_loss, tracking_curve

POLICIES = """
import numpy as np
from regretlab.theory.quadratic import control_weight
from tests.oracles.row_environments import Regulator as world

GAIN, _ = control_weight(world.A, world.B, world.Q, world.R)
CHOSEN = {}  # by the frame that was observed; all workers of the virtual clock share it

def regulate(delay):
    def make(shape, numbers):
        def act(seen):
            x, frame = seen[:2], round(seen[2])
            for ahead in range(delay):  # what acts in the frames up to the one this action is for
                x = world.A @ x + world.B @ CHOSEN.get(frame - delay + ahead, np.zeros(1))
            CHOSEN[frame] = -GAIN @ x
            return CHOSEN[frame]
        return act
    return make

after_1, after_3 = regulate(1), regulate(3)

def predict(shape, numbers):
    return lambda seen: [0.9**age * seen for age in range(40)]
"""


def random_regulator(seed):
    """A system of three states and two actions, stable or not, with its costs and noise."""
    rng = np.random.default_rng(seed)
    a, b, root, cost = (rng.normal(size=shape) for shape in ((3, 3), (3, 2), (3, 3), (3, 3)))
    a *= rng.uniform(0.5, 1.2) / np.abs(np.linalg.eigvals(a)).max()
    return a, b, cost @ cost.T, np.diag(rng.uniform(0.3, 2.0, 2)), 0.1 * root @ root.T


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("delay", [1, 2, 4])
def test_the_formula_is_what_the_optimum_of_the_delayed_system_loses(seed, delay):
    """Independent: the Riccati equation over the state and the actions under way, where nothing is late."""
    a, b, q, r, w = random_regulator(seed)
    n, m = b.shape
    size = n + delay * m
    moved, pushed, costs, noise = (np.zeros(shape) for shape in ((size, size), (size, m), (size, size), (size, size)))
    moved[:n, :n], moved[:n, n : n + m] = a, b
    moved[n : size - m, n + m :] = np.eye(size - n - m)
    pushed[size - m :] = np.eye(m)
    costs[:n, :n], noise[:n, :n] = q, w
    costs[n : n + m, n : n + m] = r  # the action is paid for when it acts
    tiny = 1e-9 * np.eye(m)
    late = np.trace(solve_discrete_are(moved, pushed, costs, tiny) @ noise)
    at_once = np.trace(solve_discrete_are(a, b, q, r) @ w)
    _, weight = control_weight(a, b, q, r)
    assert quadratic_loss(a, w, weight, [delay])[0] == pytest.approx(late - at_once, rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_the_gap_of_an_action_is_quadratic(seed):
    """Independent: the sides of the equation of optimality, at random states and actions."""
    a, b, q, r, _ = random_regulator(seed)
    p = solve_discrete_are(a, b, q, r)
    gain, _ = control_weight(a, b, q, r)
    rng = np.random.default_rng(seed)
    for _ in range(20):
        x, u = rng.normal(size=3), rng.normal(size=2)
        after = a @ x + b @ u
        gap = x @ q @ x + u @ r @ u + after @ p @ after - x @ p @ x
        off = u + gain @ x
        assert gap == pytest.approx(off @ (r + b.T @ p @ b) @ off, rel=1e-8, abs=1e-8)


def test_following_a_target_late_against_the_lyapunov_equation():
    """Independent: error of y_t - F^j y_{t-j} from the joint stationary law of y and its past."""
    f = np.array([[0.9, 0.2], [-0.1, 0.8]])
    w = np.array([[0.3, 0.1], [0.1, 0.2]])
    weight = np.array([[2.0, 0.5], [0.5, 1.0]])
    now = solve_discrete_lyapunov(f, w)
    curve = tracking_curve(f, w, weight, range(30))
    for age in range(30):
        power = np.linalg.matrix_power(f, age)
        error = now - power @ now @ power.T
        assert curve.losses[age] == pytest.approx(np.trace(weight @ error), abs=1e-12)
    assert curve.gap_default == pytest.approx(np.trace(weight @ now))
    assert curve.losses[-1] < curve.gap_default


@pytest.mark.parametrize("rate", [0.0, 0.7, 30.0])
def test_the_process_in_continuous_time(rate):
    """Independent: its frames are a matrix exponential (Van Loan), one frame after the other."""
    frame, sigma = 0.02, 1.7
    block = expm(np.array([[rate, sigma**2], [0.0, -rate]]) * frame)
    keep, noise = block[1, 1], block[0, 1] * block[1, 1]
    for age, loss in enumerate(quadratic_loss(keep, noise, 3.0, range(12))):
        expected = ornstein_uhlenbeck_loss(age * frame, rate=rate, volatility=sigma, weight=3.0)
        assert loss == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("delay", [pytest.param(1, marks=pytest.mark.thorough), 3])
def test_a_regulator_on_the_virtual_clock_loses_the_formula(delay, tmp_path):
    from regretlab.play.configuration import RunConfiguration
    from regretlab.play.run import run
    from tests.oracles.row_environments import Regulator

    (tmp_path / "policies.py").write_text(POLICIES)
    configuration = RunConfiguration(
        environment="tests.oracles.row_environments:tests/Regulator-v0",
        policy=f"module:{tmp_path / 'policies.py'}:after_{delay}",
        rule="frame-pool",
        workers=delay,
        clock="virtual",
        emulate_latency=f"{0.02 * (delay - 0.5)}",
        frames=20_000,
        seed=delay,
    )
    summary = run(configuration, tmp_path / "r")
    assert summary.delay_law == pytest.approx([0.0] * delay + [1.0])
    _, weight = control_weight(Regulator.A, Regulator.B, Regulator.Q, Regulator.R)
    best = np.trace(solve_discrete_are(Regulator.A, Regulator.B, Regulator.Q, Regulator.R) @ Regulator.W)
    expected = -best - quadratic_loss(Regulator.A, Regulator.W, weight, [delay])[0]
    error = summary.standard_error["reward_per_frame"]
    assert error < 0.02 * abs(expected)
    assert abs(summary.reward_per_frame - expected) < 5 * error
    assert quadratic_loss(Regulator.A, Regulator.W, weight, [1])[0] > 5 * error  # the loss can be seen


@pytest.mark.parametrize(
    ("workers", "latency"),
    [(1, "gamma(4, scale=0.02)"), pytest.param(3, "expon(scale=0.1)", marks=pytest.mark.thorough)],
)
def test_chunks_under_random_times_lose_the_formula_s_mean_over_ages(workers, latency, tmp_path):
    """The run against the formula with the run's own ages, and against the simulator with the formula's curve."""
    from regretlab.play.configuration import RunConfiguration
    from regretlab.play.run import run

    (tmp_path / "policies.py").write_text(POLICIES)
    curve = tracking_curve(0.9 * np.eye(2), 0.19 * np.eye(2), np.eye(2), range(41))
    asked = rl.Scenario(latency, frame_time=0.02, workers=workers, chunk=39, loss=curve)
    configuration = RunConfiguration(
        environment="tests.oracles.row_environments:tests/Tracker-v0",
        policy=f"module:{tmp_path / 'policies.py'}:predict",
        workers=workers,
        clock="virtual",
        emulate_latency=latency,
        frames=20_000,
        seed=workers,
    )
    summary = run(configuration, tmp_path / "r")
    served = (1 - summary.inaction_fraction) * np.array(summary.delay_law)
    expected = -served @ curve.at(range(len(served))) - summary.inaction_fraction * curve.gap_default
    error = summary.standard_error["reward_per_frame"]
    assert error < 0.02 * curve.gap_default
    assert abs(summary.reward_per_frame - expected) < 5 * error
    simulated = rl.simulate(asked, frames=200_000, seed=1)
    spread = math.hypot(error, simulated.regret.standard_errors["total"])
    assert abs(simulated.regret.total + summary.reward_per_frame) < 5 * spread


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: quadratic_loss(np.eye(2), 1.0, np.eye(2), [1]), r"noise must be a finite matrix of shape \(2, 2\)"),
        (lambda: quadratic_loss(1.0, -1.0, 1.0, [1]), "noise must be symmetric, with no negative eigenvalue"),
        (lambda: quadratic_loss(0.5, 1.0, math.inf, [1]), "weight must be a finite matrix"),
        (lambda: quadratic_loss(0.5, 1.0, 1.0, [-1]), "an age is a whole number of frames"),
        (lambda: tracking_curve(1.0, 1.0, 1.0, [1]), "no stationary law: an eigenvalue of its transition has size 1"),
        (lambda: control_weight([[2.0]], [[0.0]], [[1.0]], [[1.0]]), "no regulator"),
        (lambda: ornstein_uhlenbeck_loss(-1.0, rate=1.0, volatility=1.0), "delay must be a finite number"),
    ],
)
def test_what_is_no_such_task_is_refused(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()
