"""The order of use of unused outputs by dynamic programming: workers back to back, whole-frame times, small stores."""

from itertools import combinations_with_replacement, product

import numpy as np


def gains(chances, workers, worth, most, order=None):
    """Return bounds on the worth per frame of an order, or (None) of the best choice in every state.

    Each worker starts again at once, not on a boundary, so that an inference of D frames has age D + 1 when it may
    first act. ``chances[d - 1]`` = P(D = d); ``worth[j - 1]`` = v_j, 0 past its end, where outputs are dropped. At most
    ``most`` outputs stay, the freshest. ``order(ages)`` is the place of the age that is used; the best choice may also
    use none.
    """
    chances, worth = np.asarray(chances, float), np.append(np.asarray(worth, float), 0.0)
    longest, limit = len(chances), len(worth)
    after = np.array([chances[x:].sum() for x in range(longest)])
    hazard = chances / after  # of completing with x whole frames behind it
    stores = [s for n in range(most + 1) for s in combinations_with_replacement(range(1, limit), n)]
    place = {store: index for index, store in enumerate(stores)}
    states = list(combinations_with_replacement(range(longest), workers))
    where = {state: index for index, state in enumerate(states)}
    tables, outcomes = {}, []
    for state in states:
        found = {}
        for ended in product((False, True), repeat=workers):
            chance = np.prod([hazard[x] if done else 1.0 - hazard[x] for x, done in zip(state, ended, strict=True)])
            if chance <= 0.0:
                continue
            come = tuple(sorted(x + 2 for x, done in zip(state, ended, strict=True) if done))
            following = where[tuple(sorted(0 if done else x + 1 for x, done in zip(state, ended, strict=True)))]
            found[come, following] = found.get((come, following), 0.0) + chance
        outcomes.append([(chance, *key) for key, chance in found.items()])
    for come in {key[1] for rows in outcomes for key in rows}:
        tables[come] = _choices(come, stores, place, worth, limit, most, order)
    values = np.zeros((len(states), len(stores)))
    for _ in range(20_000):
        new = np.zeros_like(values)
        for index, rows in enumerate(outcomes):
            for chance, come, following in rows:
                earned, to = tables[come]
                new[index] += chance * (earned + values[following][to]).max(axis=1)
        change = new - values
        low, high = change.min(), change.max()
        values = 0.5 * (values + new)  # half a step: periodic chains settle too
        if high - low < 1e-9:
            break
    return low, high


def _choices(come, stores, place, worth, limit, most, order):
    """Return what each choice of each store earns when outputs of these ages come, and the store after it."""
    earned, to = (
        np.full((len(stores), most + len(come) + 1), -np.inf),
        np.zeros((len(stores), most + len(come) + 1), int),
    )
    for index, store in enumerate(stores):
        ages = sorted(age for age in (*(age + 1 for age in store), *come) if age < limit)
        uses = range(-1, len(ages)) if order is None or not ages else [order(ages)]
        for column, used in enumerate(uses):
            left = tuple(age for place_, age in enumerate(ages) if place_ != used)[:most]
            earned[index, column] = worth[ages[used] - 1] if used >= 0 else 0.0
            to[index, column] = place[left]
    return earned, to
