"""Closed form against simulator: rule x service model x default behaviour x mode x alignment x five laws.

Every cell for which the theory has a figure is a test with a fixed seed: regret and inaction fraction agree to 4.5
standard errors. A covering subset, in which every pair of settings occurs that occurs at all, is quick; the rest is
``thorough`` (every eighth) and ``long`` (all others). Kept outputs, cancelled inferences and other frame times have no
closed form: there a plain Python loop with times of its own is the second method.
"""

import itertools
import math

import numpy as np
import pytest

import regretlab as rl
from regretlab.laws import law_from_samples
from regretlab.rules import known_rules
from regretlab.rules.service.service import NoClosedForm
from regretlab.rules.store import MOST_KEPT
from regretlab.simulation.setting import resolve
from regretlab.theory.loss import FrameLoss, by_age
from regretlab.theory.realtime import bound as closed_form
from tests.oracles.event_loop import run_rule
from tests.oracles.plain_outputs import served as plain_ages

LAWS = {
    "gamma": "gamma(4, scale=0.8)",
    "expon": "expon(scale=2.5)",
    "constant": "3.2",
    "whole": law_from_samples([1.0] * 2 + [2.0] * 5 + [3.0] * 3),
    "uniform": "uniform(0.4, 3)",
}
BOUNDED = {"gamma": "beta(3, 1, scale=4.4)", "expon": "truncexpon(2, scale=2.5)"}
"""Under a rule that learns tau_max: the simulator would learn more in a longer run."""
OUTPUTS = {
    "once": {},
    "chunk 4": {"chunk": 4},
    "chunk inf": {"chunk": "inf"},
    "age limit 5": {"age_limit": 5},
    "replicas 2": {"replicas": 2},
}
DEFAULTS = {
    "noop": {"gap_default": 0.6},
    "random": {"default_behaviour": "random", "actions": 4},
    "repeat": {"default_behaviour": "repeat"},
}
MODES = {
    "stays": {},
    "ring": {"symbols": 5},
    "moves": {"mode": "moves", "symbols": 3, "gap_delay": 0.8},
}
FRAMES = 20_000


def cells():
    """All combinations that go together, each as a tuple of names."""
    found = []
    for rule in known_rules():
        for alignment, law, outputs, default, mode in itertools.product(
            rule.alignments, LAWS, OUTPUTS, DEFAULTS, MODES
        ):
            if default == "repeat" and outputs not in ("once", "replicas 2"):
                continue
            if rule.single_worker and outputs == "replicas 2" and default != "noop":
                continue  # a race of two workers, once
            found.append((rule.name, alignment, law, outputs, default, mode))
    return found


def covering(all_cells):
    """A greedy choice of cells in which every pair of settings occurs that occurs in any."""
    left = {pair for cell in all_cells for pair in itertools.combinations(enumerate(cell), 2)}
    chosen = []
    pairs = {cell: set(itertools.combinations(enumerate(cell), 2)) for cell in all_cells}
    while left:
        best = max(all_cells, key=lambda cell: len(pairs[cell] & left))
        chosen.append(best)
        left -= pairs[best]
    return set(chosen)


CELLS = cells()
QUICK = covering(CELLS)


def asked(rule, alignment, law, outputs, default, mode):
    """The scenario of a cell: three workers, or as many as race."""
    known = next(known for known in known_rules() if known.name == rule)
    workers = (1 if known.single_worker else 3) * (2 if outputs == "replicas 2" else 1)
    fields = OUTPUTS[outputs] | DEFAULTS[default] | MODES[mode]
    hold = {"hold": 3} if known.holds else {}
    times = LAWS | (BOUNDED if known.takes_maximum_time else {})
    return rl.Scenario(
        times[law], frame_time=1, mode_probability=0.85, workers=workers, rule=rule, alignment=alignment,
        **hold, **fields,
    )  # fmt: skip


def agrees(value, measured, error):
    """4.5 standard errors, and rounding where nothing is random."""
    return abs(value - measured) <= 4.5 * (error or 0.0) + 1e-9


def marks(place, cell):
    """Return the marks of a cell: the purpose for which it is played."""
    return [] if cell in QUICK else [pytest.mark.long if place % 8 else pytest.mark.thorough]


def aimed(assumptions):
    """The delay for which actions are made, in a world whose mode moves."""
    return [said for said in assumptions if "the mode moves" in said]


@pytest.mark.parametrize(
    ("seconds", "workers", "regret"), [(0.04, 2, 0.19), (0.05, 3, 1 - 0.8 * 0.9**3 - 0.2 * 0.9**4)]
)
def test_commensurate_times_keep_their_phases(seconds, workers, regret):
    """Starts of max-time begin on a boundary: 2 frames are 2 old with 2 workers, 5/2 frames are 3 and 4 with 3."""
    law = rl.Scenario(seconds, frame_time=0.02, mode_probability=0.9, workers=workers, rule="max-time")
    found = rl.simulate(law, frames=FRAMES, seed=3, threads=1)
    assert rl.bound(law).regret.total == pytest.approx(regret, abs=1e-12)
    assert found.inaction_fraction == 0.0
    assert agrees(regret, found.regret.total, found.standard_errors["regret_per_frame"]["total"])


@pytest.mark.parametrize("rule", known_rules(), ids=str)
def test_an_alignment_that_a_rule_does_not_have_is_refused(rule):
    """Not a missing number: free-running workers start where they end, so no start of theirs lies on a frame."""
    for alignment in {"frame", "uniform"} - set(rule.alignments):
        for fields in ({}, *OUTPUTS.values(), *KEPT.values(), DEFAULTS["repeat"]):
            workers = fields.get("replicas", 1) if rule.single_worker else 4
            asked = rl.Scenario(
                LAWS["gamma"], frame_time=1, mode_probability=0.85, workers=workers, rule=rule.name,
                alignment=alignment, **fields,
            )  # fmt: skip
            with pytest.raises(rl.InputError, match=f"rule '{rule.name}' takes alignment"):
                rl.bound(asked)


@pytest.mark.parametrize(
    "cell",
    [pytest.param(cell, id="-".join(cell), marks=marks(place, cell)) for place, cell in enumerate(CELLS)],
)
def test_closed_form_is_simulator(cell):
    scenario = asked(*cell)
    try:
        expected = closed_form(scenario)
    except NoClosedForm:
        pytest.skip("no closed form")
    found = rl.simulate(scenario, frames=FRAMES, seed=7, threads=1)
    errors = found.standard_errors
    assert agrees(expected.regret.total, found.regret.total, errors["regret_per_frame"]["total"])
    assert agrees(expected.inaction_fraction, found.inaction_fraction, errors["inaction_fraction"])
    if aimed(expected.assumptions) == aimed(found.service.assumptions):  # two aims of equal worth share it differently
        assert agrees(expected.regret.inaction, found.regret.inaction, errors["regret_per_frame"]["inaction"])
    assert expected.regret.total >= expected.lower_bound.regret_per_frame - 1e-9


KEPT = {
    "keep": {"unused": "keep"},
    "keep 1": {"unused": "keep:1"},
    "keep to age 5": {"unused": "keep", "age_limit": 5},
    "cancel": {"cancel_after": 2.5},
    "cancel at 3, keep": {"cancel_after": 3.0, "unused": "keep"},
}
FRAME_TIMES = {"0.02 s": 0.02, "gameboy": 1 / 59.7275, "1 s": 1.0}
STEPPED = [
    (rule.name, alignment, law, outputs, frame)
    for rule in known_rules()
    for alignment, law, outputs, frame in itertools.product(
        rule.alignments, ("gamma", "expon", "uniform"), KEPT, FRAME_TIMES
    )
]
QUICK_STEPPED = sorted(covering(STEPPED))
RUNS, WARM_UP, COUNTED = 24, 400, 1_000


@pytest.mark.one_in(8)
@pytest.mark.parametrize("cell", QUICK_STEPPED, ids="-".join)
def test_kept_and_cancelled_outputs_are_those_of_a_plain_loop(cell):
    """Both play the same frames after the same start, with times of their own: rules that never settle too."""
    name, alignment, law, outputs, frame = cell
    each = FRAME_TIMES[frame]
    rule = next(rule for rule in known_rules() if rule.name == name)
    fields = {field: value * each if field == "cancel_after" else value for field, value in KEPT[outputs].items()}
    times = (LAWS | (BOUNDED if rule.takes_maximum_time else {}))[law]
    loss, hold = FrameLoss(0.85), {"hold": 3} if rule.holds else {}
    scenario = rl.Scenario(
        rl.parse_law(times).scaled(each), frame_time=each, mode_probability=0.85,
        workers=1 if rule.single_worker else 3, rule=name, alignment=alignment, **hold, **fields,
    )  # fmt: skip
    found = rl.simulate(
        by_age(scenario, loss), frames=COUNTED, warmup=WARM_UP, replications=400, seed=5, threads=1, batches=1
    )
    setting = resolve(scenario, scenario.inference_time, frames=COUNTED, warmup=WARM_UP, loss=loss)
    most = {"drop": 0, "keep": MOST_KEPT, "keep:1": 1}[scenario.unused]
    rng, figures = np.random.default_rng(11), []
    for _ in range(RUNS):
        draws = iter(scenario.inference_time.sample(rng, 8 * (WARM_UP + COUNTED)).tolist())
        timeline = run_rule(
            name, int(scenario.workers), draws.__next__, WARM_UP + COUNTED, each, alignment, hold.get("hold", 0),
            setting.first_estimate, scenario.cancel_after or math.inf,
            0.0 if alignment == "frame" or rng.random() < setting.keeps_phases else rng.random() * each,
        )  # fmt: skip
        ages = np.array(plain_ages(timeline, WARM_UP + COUNTED, most=most, limit=scenario.age_limit))[WARM_UP:]
        figures.append((np.mean(ages == 0), np.mean(np.where(ages == 0, 1.0, loss.curve(ages)))))
    (idle, lost), errors = np.mean(figures, axis=0), np.std(figures, axis=0, ddof=1) / math.sqrt(RUNS)
    own = found.standard_errors
    assert agrees(idle, found.inaction_fraction, math.hypot(errors[0], own["inaction_fraction"] or 0.0))
    assert agrees(lost, found.regret.total, math.hypot(errors[1], own["regret_per_frame"]["total"] or 0.0))
    least = rl.lower_bound(scenario, sharper=False).regret_per_frame
    assert found.regret.total >= least - 4.5 * own["regret_per_frame"]["total"]


@pytest.mark.parametrize(("text", "workers", "cut"), [("gamma(4, scale=0.8)", 2, 4.0), ("expon(scale=2.5)", 3, 3.0)])
def test_a_threshold_of_whole_frames_starts_as_a_run_does(text, workers, cut):
    """The rule begins with the longest of one time per worker: the first cancelled inference then sets the phases."""
    asked = rl.Scenario(text, frame_time=1, mode_probability=0.9, workers=workers, rule="max-time", cancel_after=cut)
    loss, rng, lost = FrameLoss(0.9), np.random.default_rng(4), []
    for _ in range(150):
        draws = iter(asked.inference_time.sample(rng, 8 * 600).tolist())
        warm_up = max(next(draws) for _ in range(workers))
        timeline = run_rule("max-time", workers, draws.__next__, 600, 1.0, "uniform", 0, min(cut, warm_up), cut, 0.0)
        ages = np.array(plain_ages(timeline, 600, most=0, limit=None))[100:]
        lost.append(np.mean(np.where(ages == 0, 1.0, loss.curve(ages))))
    found = rl.simulate(by_age(asked, loss), frames=500, warmup=100, replications=2_000, seed=5, threads=1, batches=1)
    error = math.hypot(found.standard_errors["regret_per_frame"]["total"], np.std(lost, ddof=1) / math.sqrt(len(lost)))
    assert agrees(np.mean(lost), found.regret.total, error)
    known = rl.simulate(
        by_age(asked.replace(maximum_time=cut), loss), frames=500, warmup=100, replications=500, seed=5, threads=1,
        batches=1,
    )  # fmt: skip
    assert not agrees(known.regret.total, found.regret.total, error)  # whole phases, where tau_max is given
