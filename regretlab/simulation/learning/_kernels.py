"""Compiled tabular learners that act through the asynchronous protocol.

At every frame boundary k the learner's present policy chooses an action for the state s_k; if frame k is served by an
inference with a delay of d frames, the action chosen at k - d is applied (d = 0: the environment waits; d < 0: no
worker acts and the default behaviour does). A share of the agent's frames is learned from, in one of two ways:

* credit to the observation: the state s_{k-d} that the action was chosen for, the action, the reward of the frame (with
  a default behaviour that repeats: the mean over the frames it is in force), and the state that the next action to be
  applied was chosen for. Learning is complete when that action is applied.
* credit to the state: the state of the frame, the action, the reward and the next state.
"""

import numpy as np

from ...compilation import kernel

INFORMED, Q_EPSILON, Q_UCB, UCRL2, THOMPSON, UCB = range(6)

# what is carried from block to block, as float64
STATE, LAST_ACTION, INACTION, AGENT, REWARD, ACTED, PROCESSED, CREDIT = range(8)
# the transition that is not complete yet: frames in force (0: there is none), state, action, sum of rewards
OPEN_FRAMES, OPEN_STATE, OPEN_ACTION, OPEN_REWARD = range(8, 12)
CARRIED = 12

# settings, as float64
SHARE, EPSILON, DISCOUNT, STEP, BONUS, HORIZON_H, CONFIDENCE, BERNOULLI, REPEATS = range(9)
# of the informed agent: actions in flight that it knows, frames between them, numbers they have, whether a row of its
# table is a state and the action in force, whether to count what it saw against where its action took effect
WAITING, EVERY, NUMBERS, LAST_IN_ROW, PAIRS = range(9, 14)
TO_STATE = 14  # whether credit goes to the state of the frame
SETTINGS = 15


@kernel
def uniform(random):  # type: ignore[no-untyped-def]
    """Return a number in [0, 1) by splitmix64 (Steele, Lea & Flood 2014); ``random``: uint64, shape (1,)."""
    random[0] += np.uint64(0x9E3779B97F4A7C15)
    z = random[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * 2.0**-53


@kernel
def gamma_variate(shape, random):  # type: ignore[no-untyped-def]
    """Return a gamma variate of shape at least 1 (Marsaglia & Tsang 2000; the normal by Box & Muller)."""
    d = shape - 1.0 / 3.0
    c = 1.0 / np.sqrt(9.0 * d)
    while True:
        radius = np.sqrt(-2.0 * np.log(1.0 - uniform(random)))
        normal = radius * np.cos(2.0 * np.pi * uniform(random))
        cube = (1.0 + c * normal) ** 3
        if cube > 0.0 and np.log(1.0 - uniform(random)) < 0.5 * normal * normal + d - d * cube + d * np.log(cube):
            return d * cube


@kernel
def best_of(values):  # type: ignore[no-untyped-def]
    """Return the first action of the largest value."""
    best = 0
    for action in range(1, len(values)):
        if values[action] > values[best]:
            best = action
    return best


@kernel
def optimistic_policy(counts, rewards, successors, time, confidence, policy):  # type: ignore[no-untyped-def]
    """Extended value iteration (Jaksch, Ortner & Auer 2010, figure 2) into ``policy``; return the iterations.

    ``counts`` N(s, a); ``rewards`` sums of rewards; ``successors`` N(s, a, s'); stops when the span of the change is
    below 1/sqrt(t).
    """
    states, actions = counts.shape
    values = np.zeros(states)
    following = np.zeros(states)
    chances = np.zeros(states)
    log_reward = np.log(2.0 * states * actions * time / confidence)
    log_moves = np.log(2.0 * actions * time / confidence)
    for iteration in range(100_000):
        order = np.argsort(-values)
        low, high = np.inf, -np.inf
        for s in range(states):
            best, chosen = -np.inf, 0
            for a in range(actions):
                seen = max(1.0, counts[s, a])
                reward = min(1.0, rewards[s, a] / seen + np.sqrt(3.5 * log_reward / seen))
                radius = np.sqrt(14.0 * states * log_moves / seen)
                total = 0.0
                for t in range(states):
                    chances[t] = successors[s, a, t] / seen
                    total += chances[t]
                top = order[0]
                raised = min(1.0, chances[top] + radius / 2.0)
                total += raised - chances[top]
                chances[top] = raised
                last = states - 1
                while total > 1.0 and last > 0:
                    t = order[last]
                    kept = max(0.0, 1.0 - total + chances[t])
                    total += kept - chances[t]
                    chances[t] = kept
                    last -= 1
                value = reward
                for t in range(states):
                    value += chances[t] * values[t]
                if value > best:
                    best, chosen = value, a
            following[s] = best
            policy[s] = chosen
            low = min(low, best - values[s])
            high = max(high, best - values[s])
        least = following.min()
        for s in range(states):
            values[s] = following[s] - least
        if high - low < 1.0 / np.sqrt(time):
            return iteration + 1
    return 100_000


@kernel
def choose(learner, s, carried, settings, policy, quality, counts, fresh, rewards, successors, random):  # type: ignore[no-untyped-def]
    """Return the learner's action in a state; UCRL2 begins a new episode here when a count has doubled."""
    actions = counts.shape[1]
    if learner == Q_EPSILON:
        if uniform(random) < settings[EPSILON]:
            return min(actions - 1, int(uniform(random) * actions))
        return best_of(quality[s])
    if learner == Q_UCB:
        return best_of(quality[s])
    if learner == UCRL2:
        a = policy[s]
        if fresh[s, a] >= max(1.0, counts[s, a] - fresh[s, a]):
            optimistic_policy(counts, rewards, successors, carried[PROCESSED] + 1.0, settings[CONFIDENCE], policy)
            fresh[:] = 0.0
        return policy[s]
    best, chosen = -np.inf, 0
    for a in range(actions):
        seen = counts[s, a]
        if learner == THOMPSON:
            won = gamma_variate(1.0 + rewards[s, a], random)
            value = won / (won + gamma_variate(1.0 + seen - rewards[s, a], random))
        else:
            value = np.inf
            if seen > 0.0:
                value = rewards[s, a] / seen + np.sqrt(2.0 * np.log(carried[PROCESSED] + 1.0) / seen)
        if value > best:
            best, chosen = value, a
    return chosen


@kernel
def learn(learner, s, a, reward, s2, settings, quality, draft, counts, fresh, rewards, successors):  # type: ignore[no-untyped-def]
    """Take one transition in."""
    counts[s, a] += 1.0
    fresh[s, a] += 1.0
    rewards[s, a] += reward
    successors[s, a, s2] += 1.0
    if learner == Q_EPSILON:
        step = settings[STEP]
        target = reward + settings[DISCOUNT] * quality[s2].max()
        quality[s, a] += step * (target - quality[s, a])
    elif learner == Q_UCB:
        height, seen = settings[HORIZON_H], counts[s, a]
        step = (height + 1.0) / (height + seen)
        bonus = settings[BONUS] * np.sqrt(height / seen)
        target = reward + (1.0 - 1.0 / height) * quality[s2].max() + bonus
        draft[s, a] += step * (target - draft[s, a])
        quality[s, a] = min(quality[s, a], draft[s, a])


@kernel
def place_in_table(s, k, ring, carried, settings, numbers):  # type: ignore[no-untyped-def]
    """Return the informed agent's place in its table: the state and the numbers of the actions it has in flight.

    The actions in flight were chosen I, 2I, ... frames ago; the first to take effect has the highest place.
    """
    mask = len(ring) - 1
    place = s
    if settings[LAST_IN_ROW] > 0.0:
        place = s * len(numbers) + int(carried[LAST_ACTION])
    base, every = int(settings[NUMBERS]), int(settings[EVERY])
    for j in range(int(settings[WAITING]), 0, -1):
        place *= base
        if k >= j * every:
            place += numbers[ring[(k - j * every) & mask]]
    return place


@kernel(nogil=True)
def play(  # type: ignore[no-untyped-def]
    learner, served, count, first, moves, mean_rewards, gaps, beta, ring, carried, settings, policy, quality, draft,
    counts, fresh, rewards, successors, random, numbers, seen, pairs,
):  # fmt: skip
    """Play a block of frames.

    ``served`` the delays (-1: none), ``moves`` the running sums of the transition rows, shape (S, A, S), ``beta`` the
    running sums of the default behaviour, shape (S, A), ``ring`` the actions chosen lately and ``seen`` the states they
    were chosen for, a power of two of them, ``numbers`` those of the actions, shape (A,), ``pairs`` how often a state
    was that of the observation and another that of the effect, shape (S, S).
    """
    mask = len(ring) - 1
    states = moves.shape[0]
    s = int(carried[STATE])
    for index in range(count):
        k = first + index
        delay = served[index]
        acted = 0 <= delay <= k
        seen[k & mask] = s
        if acted and carried[OPEN_FRAMES] > 0.0:
            chosen_for = seen[(k - delay) & mask]
            learn(
                learner, int(carried[OPEN_STATE]), int(carried[OPEN_ACTION]),
                carried[OPEN_REWARD] / carried[OPEN_FRAMES], chosen_for,
                settings, quality, draft, counts, fresh, rewards, successors,
            )  # fmt: skip
            carried[OPEN_FRAMES] = 0.0
        if learner == INFORMED:
            ring[k & mask] = policy[place_in_table(s, k, ring, carried, settings, numbers)]
        else:
            ring[k & mask] = choose(
                learner, s, carried, settings, policy, quality, counts, fresh, rewards, successors, random
            )
        if acted:
            a = ring[(k - delay) & mask]
        elif settings[REPEATS] > 0.0:
            a = int(carried[LAST_ACTION])
        else:
            draw = uniform(random)
            a = 0
            while a < beta.shape[1] - 1 and draw >= beta[s, a]:
                a += 1
        draw = uniform(random)
        s2 = 0
        while s2 < states - 1 and draw >= moves[s, a, s2]:
            s2 += 1
        reward = mean_rewards[s, a]
        if settings[BERNOULLI] > 0.0:
            reward = 1.0 if uniform(random) < reward else 0.0
        carried[REWARD] += reward
        carried[LAST_ACTION] = a
        if acted:
            carried[AGENT] += gaps[s, a]
            carried[ACTED] += 1.0
            if settings[PAIRS] > 0.0:
                pairs[seen[(k - delay) & mask], s] += 1.0
            carried[CREDIT] += settings[SHARE]
            if carried[CREDIT] >= 1.0:
                carried[CREDIT] -= 1.0
                carried[PROCESSED] += 1.0
                if settings[TO_STATE] > 0.0:
                    learn(learner, s, a, reward, s2, settings, quality, draft, counts, fresh, rewards, successors)
                else:
                    carried[OPEN_FRAMES], carried[OPEN_REWARD] = 1.0, reward
                    carried[OPEN_STATE], carried[OPEN_ACTION] = seen[(k - delay) & mask], a
        else:
            carried[INACTION] += gaps[s, a]
            if settings[REPEATS] > 0.0 and carried[OPEN_FRAMES] > 0.0:
                carried[OPEN_FRAMES] += 1.0
                carried[OPEN_REWARD] += reward
        s = s2
    carried[STATE] = s
