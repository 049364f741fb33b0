"""Errors that a referee found in the theory as first built: the correct values, each by a second method."""

import math

import numpy as np
import pytest

from regretlab.laws import parse_law
from regretlab.mdp.delayed import solve_delayed
from regretlab.mdp.families import parse_mdp
from regretlab.rules.service.service import service_law
from regretlab.scenario import Scenario
from regretlab.theory.loss import FrameLoss
from regretlab.theory.many import regret_parts
from regretlab.theory.realtime import bound

GAMMA = parse_law("gamma(4, scale=0.8)")


# 1. The agent may choose the default action too: a frame served at age j loses min(g, l_j).


def test_a_frame_never_loses_more_than_the_default_behaviour():
    report = bound(
        Scenario(
            "3", frame_time=1.0, mode_probability=0.5, workers=3, rule="max-time", alignment="frame", gap_default=0.2
        )
    )
    assert report.regret.total == pytest.approx(0.2, abs=1e-15)
    solved = solve_delayed(parse_mdp("shift-register(p=0.5, n=3, noop_gap=0.2)"), 3)
    assert report.regret.total == pytest.approx(solved.regret_per_frame, abs=1e-9)
    pool = bound(
        Scenario(GAMMA, frame_time=1.0, mode_probability=0.9, workers=math.inf, gap_default=0.2, rule="frame-pool")
    )
    assert pool.regret.total == pytest.approx(0.1942, abs=5e-5)
    assert pool.symbolic is None  # phi g + Delta (1 - phi - S) would be .2532


@pytest.mark.parametrize("symbols", [None, 3])
def test_every_way_to_the_regret_knows_it(symbols):
    p, g, gap = np.array([0.5, 0.8, 0.95, 1.0]), 0.3, 0.9
    for text in ("2.4", "expon(scale=2.4)", "gamma(3, scale=0.8)"):
        law = parse_law(text)
        service = service_law(law, 1.0, rule="sequential")
        by_hand = [
            service.inaction_fraction * g
            + sum(a * min(g, FrameLoss(q, symbols, g, gap).of_delay(j)) for j, a in enumerate(service.delay_law))
            for q in p
        ]
        reports = [
            bound(
                Scenario(
                    law,
                    frame_time=1.0,
                    mode_probability=q,
                    rule="sequential",
                    symbols=symbols,
                    gap_default=g,
                    gap_delay=gap,
                )
            ).regret.total
            for q in p
        ]
        inaction, delay, _ = regret_parts(service, p, symbols=symbols, gap_default=g, gap_delay=gap)
        assert reports == pytest.approx(by_hand, abs=1e-12)
        assert inaction + delay == pytest.approx(by_hand, abs=1e-12)
