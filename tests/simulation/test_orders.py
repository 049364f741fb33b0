"""In which order unused outputs are used: against the best choice in every state, by dynamic programming."""

import numpy as np
import pytest

import regretlab as rl
from regretlab.laws import law_from_samples
from regretlab.rules.store import NO_LIMIT
from regretlab.simulation.setting import resolve
from regretlab.theory.loss import FrameLoss, MeasuredLoss
from regretlab.theory.orders import is_convex, orders_of_use
from tests.oracles.order_optimum import gains

MOST = 3
SHORT, LONG = [0.2, 0.5, 0.3], [0.5, 0.0, 0.0, 0.0, 0.5]  # P(D = 1, 2, ...)
TWO_CLIFFS = [1.0, 0.95, 0.95, 0.95, 0.2, 0.2, 0.2, 0.2, 0.2]
SHOULDER = [1.0, 1.0, 0.98, 0.9, 0.7, 0.4, 0.15, 0.05]


def loss_of_worth(worth):
    return MeasuredLoss(tuple(range(1, len(worth) + 2)), (*(1.0 - value for value in worth), 1.0), 1.0)


def place_in(order):
    """The choice of an order among rising ages."""
    if order.oldest_first:
        return lambda ages: len(ages) - 1
    if not order.ranks:
        return lambda ages: 0
    ranks = order.ranks
    return lambda ages: max(range(len(ages)), key=lambda place: (ranks[min(ages[place], len(ranks)) - 1], ages[place]))


def scenario(chances, workers, worth):
    law = law_from_samples(np.repeat(np.arange(1.0, len(chances) + 1), np.rint(10 * np.array(chances)).astype(int)))
    loss = loss_of_worth(worth)
    return rl.Scenario(law, frame_time=1, workers=workers, loss=loss, unused=f"keep:{MOST}"), law, loss


@pytest.mark.parametrize("worth", [0.8 ** np.arange(1, 6) - 0.8**6, np.maximum(0, 0.75 ** np.arange(1, 8) - 0.25)])
def test_the_freshest_first_is_the_best_choice_for_a_convex_curve(worth):
    (order,) = orders_of_use(loss_of_worth(worth))
    assert order.ranks == ()
    assert not order.oldest_first
    best, own = gains(SHORT, 2, worth, MOST), gains(SHORT, 2, worth, MOST, place_in(order))
    assert own[0] == pytest.approx(best[1], abs=2e-8)
    assert gains(SHORT, 2, worth, MOST, lambda ages: len(ages) - 1)[1] < best[0] - 1e-3


def test_the_oldest_first_is_the_best_choice_before_a_deadline():
    worth = np.ones(5)
    (order,) = orders_of_use(loss_of_worth(worth))
    assert order.oldest_first
    best, own = gains(LONG, 2, worth, MOST), gains(LONG, 2, worth, MOST, place_in(order))
    assert own[0] == pytest.approx(best[1], abs=2e-8)
    assert gains(LONG, 2, worth, MOST, lambda ages: 0)[1] < best[0] - 0.005


@pytest.mark.parametrize(
    ("chances", "worth", "gained", "missed"),
    [(SHORT, TWO_CLIFFS, 0.07, 1e-4), (SHORT, SHOULDER, 0.02, 0.003), (LONG, TWO_CLIFFS, 0.008, 0.005)],
)
def test_the_order_in_use_beats_the_freshest_first_and_is_near_the_optimum(chances, worth, gained, missed):
    """Two workers back to back: the simulator plays the order, and its figure is that of the dynamic program."""
    asked, law, loss = scenario(chances, 2, worth)
    assert len(orders_of_use(loss)) > 2
    outputs = resolve(asked, law, frames=1, warmup=0, loss=loss).outputs
    used = next(o for o in orders_of_use(loss) if (o.oldest_first, o.ranks) == (outputs.oldest_first, outputs.ranks))
    own, _ = gains(chances, 2, worth, MOST, place_in(used))
    freshest, _ = gains(chances, 2, worth, MOST, lambda ages: 0)
    _, optimum = gains(chances, 2, worth, MOST)
    assert own > freshest + gained
    assert own > optimum - missed
    found = rl.simulate(asked, frames=150_000, seed=3, threads=1)
    assert abs(1.0 - found.regret.total - own) < 4.5 * found.standard_errors["regret_per_frame"]["total"]
    assert any("orders as played" in said for said in found.assumptions)


def test_all_orders_of_the_family_are_played_right():
    """Each order of the family: simulated by hand with its own output, against its dynamic program."""
    from dataclasses import replace

    from regretlab.simulation.orders import with_order
    from regretlab.simulation.replication import no_environment, play_replications

    asked, law, loss = scenario(SHORT, 2, SHOULDER)
    setting = replace(resolve(asked, law, frames=200_000, warmup=1_000, loss=loss), batches=1, batch_frames=200_000)
    for order in orders_of_use(loss):
        played = with_order(replace(setting, outputs=replace(setting.outputs, limit=NO_LIMIT)), loss, order)
        (found,) = play_replications(played, no_environment, rate=loss.worth, seed=5, replications=1, threads=1)
        value = float(found.values.sum()) / 200_000
        # the freshest first needs no age limit, and so keeps outputs of no worth; they lose to all others
        assert value == pytest.approx(gains(SHORT, 2, SHOULDER, MOST, place_in(order))[0], abs=0.006), order.name


@pytest.mark.parametrize(
    "loss", [FrameLoss(0.9), FrameLoss(0.99, 4, gap_default=0.3), FrameLoss(1.0), FrameLoss(0.5, 2), FrameLoss(0.9999)]
)
def test_every_witness_uses_the_freshest_first(loss):
    assert is_convex(loss)
    assert [order.ranks for order in orders_of_use(loss, 5)] == [()]


def test_a_curve_longer_than_the_tables_has_an_order():
    ages = tuple(range(0, 9_000, 100))
    loss = MeasuredLoss(ages, tuple(min(1.0, (age / 8_000) ** 2) for age in ages), 1.0)
    assert all(len(order.ranks) < 9_000 for order in orders_of_use(loss))
    found = rl.simulate(
        rl.Scenario("gamma(4, scale=0.8)", frame_time=1, workers=3, loss=loss, unused="keep:8"), frames=5_000
    )
    assert 0.0 <= found.regret.total < 1.0
