"""UCRL2 and optimistic Q-learning in plain Python, from the pseudo-code of their papers, acting at once.

Jaksch, Ortner & Auer 2010, figures 1 and 2; Wei et al. 2020, algorithm 2. Nothing is shared with the package.
"""

import math

import numpy as np


def ucrl2(moves, rewards, steps, horizons, delta, rng, *, least_visited=False, precision=lambda t: 1 / math.sqrt(t)):
    """Return the cumulative reward at each horizon; ``moves`` (S, A, S), ``rewards`` (S, A) means of 0 and 1.

    Among actions that look equally good the paper leaves the choice open: the first, or the ``least_visited``.
    """
    S, A = rewards.shape
    total, curve = 0.0, []
    visits = np.zeros((S, A))
    gained = np.zeros((S, A))
    seen = np.zeros((S, A, S))
    s, t = 0, 1
    while t <= steps:
        begun = t
        n = np.maximum(1, visits)
        r_tilde = np.minimum(1, gained / n + np.sqrt(7 * math.log(2 * S * A * begun / delta) / (2 * n)))
        width = np.sqrt(14 * S * math.log(2 * A * begun / delta) / n)
        p_hat = seen / n[:, :, None]
        u = np.zeros(S)
        while True:
            best_first = sorted(range(S), key=lambda i: -u[i])
            q = np.empty((S, A))
            for i in range(S):
                for a in range(A):
                    p = p_hat[i, a].copy()
                    p[best_first[0]] = min(1, p[best_first[0]] + width[i, a] / 2)
                    for worst in reversed(best_first):
                        if p.sum() <= 1:
                            break
                        p[worst] = max(0, 1 - (p.sum() - p[worst]))
                    q[i, a] = r_tilde[i, a] + p @ u
            change = q.max(axis=1) - u
            u = q.max(axis=1)
            u -= u.min()
            if change.max() - change.min() < precision(begun):
                break
        policy = q.argmax(axis=1)
        if least_visited:
            policy = np.where(q >= q.max(axis=1, keepdims=True) - 1e-12, visits, np.inf).argmin(axis=1)
        fresh = np.zeros((S, A))
        while t <= steps and fresh[s, policy[s]] < max(1, visits[s, policy[s]]):
            a = policy[s]
            reward = float(rng.random() < rewards[s, a])
            after = int(rng.choice(S, p=moves[s, a]))
            total += reward
            fresh[s, a] += 1
            gained[s, a] += reward
            seen[s, a, after] += 1
            s = after
            if t in horizons:
                curve.append(total)
            t += 1
        visits += fresh
    return curve


def optimistic_q(moves, rewards, steps, horizons, height, bonus, rng):
    """Return the cumulative reward at each horizon."""
    S, A = rewards.shape
    q, q_hat, n = np.full((S, A), height), np.full((S, A), height), np.zeros((S, A))
    s, total, curve = 0, 0.0, []
    for t in range(1, steps + 1):
        a = int(q_hat[s].argmax())
        reward = float(rng.random() < rewards[s, a])
        after = int(rng.choice(S, p=moves[s, a]))
        total += reward
        n[s, a] += 1
        step = (height + 1) / (height + n[s, a])
        target = reward + (1 - 1 / height) * q_hat[after].max() + bonus * math.sqrt(height / n[s, a])
        q[s, a] += step * (target - q[s, a])
        q_hat[s, a] = min(q_hat[s, a], q[s, a])
        s = after
        if t in horizons:
            curve.append(total)
    return curve


def epsilon_greedy_q(moves, rewards, steps, discount, epsilon, step, rng):
    """Return the cumulative reward of Q-learning (Watkins 1989)."""
    S, A = rewards.shape
    q = np.zeros((S, A))
    total, s = 0.0, 0
    for _ in range(steps):
        a = int(rng.integers(A)) if rng.random() < epsilon else int(np.argmax(q[s]))
        r = float(rng.random() < rewards[s, a])
        s2 = int(rng.choice(S, p=moves[s, a]))
        q[s, a] += step * (r + discount * q[s2].max() - q[s, a])
        total, s = total + r, s2
    return total


def thompson(means, steps, rng):
    """Return the pulls of each arm by posterior sampling (Thompson 1933)."""
    won, lost = np.ones(len(means)), np.ones(len(means))
    for _ in range(steps):
        a = int(np.argmax(rng.beta(won, lost)))
        r = rng.random() < means[a]
        won[a] += r
        lost[a] += not r
    return won + lost - 2


def ucb1(means, steps, rng):
    """Return the pulls of each arm by UCB1 (Auer, Cesa-Bianchi & Fischer 2002)."""
    pulls, gained = np.zeros(len(means)), np.zeros(len(means))
    for t in range(1, steps + 1):
        unseen = np.flatnonzero(pulls == 0)
        a = int(unseen[0]) if len(unseen) else int(np.argmax(gained / pulls + np.sqrt(2 * math.log(t) / pulls)))
        pulls[a] += 1
        gained[a] += rng.random() < means[a]
    return pulls
