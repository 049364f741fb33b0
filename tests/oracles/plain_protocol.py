"""Q-learning through slow inference in plain Python, one frame at a time; nothing is shared with the package.

An inference is a tuple (frame of effect, frame of observation, state observed, action). One worker observes again when
its action takes effect ("sequential"), a frame later ("sequential-strict"), or an inference begins in every frame
("frame-pool", any number of workers).
"""

import numpy as np


def late_q_learning(
    moves, rewards, gaps, *, delays, rule, beta, credit, share, frames, horizons, epsilon, discount, step, rng
):  # fmt: skip
    """Return the sum of the gaps paid at each horizon.

    ``moves`` (S, A, S), ``rewards`` (S, A) means of 0 and 1, ``gaps`` (S, A), ``delays`` the law of the delay in frames
    as a dictionary, ``beta`` "repeat" or an action, ``credit`` "observation" or "state".
    """
    S, A = rewards.shape
    q = np.zeros((S, A))
    under_way, busy_until = [], 0
    s, last, paid, owed = 0, 0, 0.0, 0.0
    waiting = None  # (state, action, rewards so far) of what was applied and is not learned from yet
    curve = []
    for k in range(frames):
        arriving = [inference for inference in under_way if inference[0] == k]
        under_way = [inference for inference in under_way if inference[0] > k]
        applied = max(arriving, key=lambda inference: inference[1]) if arriving else None
        if applied and waiting:
            s0, a0, received = waiting
            q[s0, a0] += step * (np.mean(received) + discount * max(q[applied[2]]) - q[s0, a0])
            waiting = None
        if rule == "frame-pool" or k >= busy_until:
            choice = int(rng.integers(A)) if rng.random() < epsilon else int(np.argmax(q[s]))
            effect = k + int(rng.choice(list(delays), p=list(delays.values())))
            under_way.append((effect, k, s, choice))
            busy_until = effect + (rule == "sequential-strict")
        if applied:
            a = applied[3]
        else:
            a = last if beta == "repeat" else beta
        reward = float(rng.random() < rewards[s, a])
        after = int(np.searchsorted(np.cumsum(moves[s, a]), rng.random(), side="right"))
        paid += gaps[s, a]
        if applied:
            owed += share
            if owed >= 1:
                owed -= 1
                if credit == "state":
                    q[s, a] += step * (reward + discount * max(q[after]) - q[s, a])
                else:
                    waiting = (applied[2], a, [reward])
        elif beta == "repeat" and waiting:
            waiting[2].append(reward)
        last, s = a, after
        if k + 1 in horizons:
            curve.append(paid)
    return curve
