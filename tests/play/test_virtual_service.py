"""The virtual clock against the simulator: every rule with every service model, default behaviour, alignment and law.

Two independent programs: a play of the cartridge, row by row, and compiled events on a witness. The cells cover every
pair of values of two factors; each compares regret and inaction fraction at |z| < 4.5 with fixed seeds. Where a figure
has no error (constant times), the two differ by less than a cycle at the ends of the run.

Left out: free-running workers for a constant time keep the phases that one run begins with, and the simulator means
over all phases. A rule that learns tau_max gets laws with an upper end, known from the start in the simulator and soon
in a run; without one it would learn more in the longer of the two. Commensurate times are simulated for no more than
20,000 frames at a time: the rounding of a learned time adds up, and moves the phases of longer runs off the boundaries.
Runs of quantile-time are longer, because it begins without a hold until it has learned one.
"""

import itertools
import math

import numpy as np
import pytest

import regretlab as rl
from regretlab.rules import get_rule, known_rules

FRAME = 1 / 59.7275
FRAMES = 4000
SYMBOLS = 4
LAWS = {
    "constant": f"{3.2 * FRAME!r}",
    "commensurate": f"{2 * FRAME!r}",
    "gamma": f"gamma(4, scale={0.8 * FRAME!r})",
    "exponential": f"expon(scale={2.5 * FRAME!r})",
    "lognormal": f"lognorm(0.8, scale={2 * FRAME!r})",
}
BOUNDED = {
    "gamma": f"beta(3, 1, scale={4.4 * FRAME!r})",
    "exponential": f"truncexpon(2, scale={2.5 * FRAME!r})",
    "lognormal": f"uniform({0.5 * FRAME!r}, {4.3 * FRAME!r})",
}
SERVICES = {
    "once": {},
    "kept": {"unused": "keep"},
    "one kept": {"unused": "keep:1"},
    "repeated": {"default_behaviour": "repeat"},
    "random": {"default_behaviour": "random"},
    "chunk of 4": {"chunk": 4},
    "chunk": {"chunk": math.inf},
    "chunk, moving mode": {"chunk": 6, "mode": "moves"},
    "cancelled": {"cancel_after": 3.5 * FRAME},
    "kept, cancelled": {"unused": "keep", "cancel_after": 3.5 * FRAME},
    "kept, young": {"unused": "keep", "age_limit": 5},
    "repeated, cancelled": {"default_behaviour": "repeat", "cancel_after": 3.5 * FRAME},
}
WAYS = [(rule.name, aligned) for rule in known_rules() for aligned in rule.alignments]
FACTORS = (WAYS, list(SERVICES), list(LAWS), [1, 2, 3, 5])


def possible(way, service, law, workers):
    """Return whether two programs can be asked the same: see the module's docstring."""
    rule = get_rule(way[0])
    if rule.single_worker and workers != 1:
        return False
    return not (law in ("constant", "commensurate") and rule.independent)


def pairs(cell):
    return {(a, cell[a], b, cell[b]) for a, b in itertools.combinations(range(len(FACTORS)), 2)}


def covering():
    """Return cells that cover each possible pair of values: greedily, the cell with most new pairs first."""
    cells = [cell for cell in itertools.product(*FACTORS) if possible(*cell)]
    wanted, chosen = set().union(*map(pairs, cells)), []
    while wanted:
        chosen.append(max(cells, key=lambda cell: len(pairs(cell) & wanted)))
        wanted -= pairs(chosen[-1])
    return chosen


CELLS = covering()


def scenario(way, service, law, workers):
    rule, alignment = way
    bounded = BOUNDED.get(law) if get_rule(rule).takes_maximum_time else None
    return rl.Scenario(
        bounded or LAWS[law], frame_time="gameboy", mode_probability=0.9, symbols=SYMBOLS, workers=workers, rule=rule,
        alignment=alignment, hold=3 if get_rule(rule).holds else None, **SERVICES[service],
    )  # fmt: skip


def compared(asked, folder, seed):
    """Return regret and inaction fraction of a run and of a simulation, each with its error."""
    played = FRAMES * (4 if asked.rule == "quantile-time" else 1)
    record = rl.run(asked, policy="oracle", clock="virtual", frames=played, seed=seed, out=folder)
    if asked.default_behaviour == "random":  # of all the cartridge's actions, the no-op among them
        asked = asked.replace(actions=SYMBOLS + 1)
    long = {"frames": 20_000, "replications": 20} if asked.inference_time.kind == "constant" else {"frames": 200_000}
    found = rl.simulate(asked, **{"replications": 2, **long}, seed=seed, threads=1)
    played, simulated = record.regret.estimate(), found.regret.estimate()
    return (
        (played.value, simulated.value, played.standard_error, simulated.standard_error),
        (
            record.summary.inaction_fraction,
            found.inaction_fraction,
            record.summary.standard_error["inaction_fraction"],
            found.standard_errors["inaction_fraction"],
        ),
    )


def agree(played, simulated, error, other):
    combined = math.hypot(0.0 if error is None or np.isnan(error) else error, other or 0.0)
    return abs(played - simulated) < 4.5 * combined + 8 / FRAMES


def test_the_cells_cover_every_pair():
    seen = set().union(*map(pairs, CELLS))
    for a, b in itertools.combinations(range(len(FACTORS)), 2):
        for one, other in itertools.product(FACTORS[a], FACTORS[b]):
            cells = [cell for cell in itertools.product(*FACTORS) if possible(*cell)]
            if any(cell[a] == one and cell[b] == other for cell in cells):
                assert (a, one, b, other) in seen
    assert 60 <= len(CELLS) <= 150


@pytest.mark.parametrize(("frames", "workers", "delays"), [(2, 2, {2}), (2.5, 3, {3, 4})])
def test_commensurate_times_keep_their_phases(frames, workers, delays, tmp_path):
    """Of 0.04 s in frames of 0.02 s with 2 workers, and 0.05 s with 3: see tests/simulation/test_matrix.py."""
    asked = rl.Scenario(
        frames * FRAME, frame_time="gameboy", mode_probability=0.9, symbols=SYMBOLS, workers=workers, rule="max-time"
    )
    record = rl.run(asked, policy="oracle", clock="virtual", frames=1000, out=tmp_path / "record")
    acted = record.frames.delay_frames[20:]
    assert set(acted) == delays
    if len(delays) == 2:
        assert (acted == 4).mean() == pytest.approx(0.2, abs=1e-3)


@pytest.mark.thorough
def test_whole_frames_stay_whole_in_a_long_run(tmp_path):
    """Seconds that are added up drift by more than the tolerance after some 100,000 frames."""
    asked = rl.Scenario(0.04, frame_time=0.02, mode_probability=0.9, symbols=SYMBOLS, workers=2, rule="max-time")
    record = rl.run(asked, policy="oracle", clock="virtual", frames=300_000, out=tmp_path / "record")
    acted = record.frames.delay_frames.to_numpy()
    assert (acted[100:] == 2).all()


def test_a_threshold_of_whole_frames_keeps_the_phases(tmp_path):
    """Every inference is over after two frames: two workers start on boundaries, as on the virtual clock."""
    asked = rl.Scenario(
        "lognorm(1, scale=0.05)", frame_time="gameboy", mode_probability=0.9, symbols=SYMBOLS, workers=2,
        rule="max-time", cancel_after=2 * FRAME,
    )  # fmt: skip
    found = rl.simulate(asked, frames=20_000, replications=2)
    record = rl.run(asked, policy="oracle", clock="virtual", frames=20_000, out=tmp_path / "record", seed=3)
    assert set(np.flatnonzero(found.service.delay_law)) == {2}
    assert (record.frames.delay_frames[200:] > 0).mean() == pytest.approx(1 - found.inaction_fraction, abs=0.02)


@pytest.mark.parametrize(("fields", "warns"), [({}, True), ({"chunk": 8}, False), ({"mode": "stays"}, False)])
def test_a_run_whose_mode_moves_on_says_whose_regret_is_predicted(fields, warns, tmp_path):
    """The oracle acts for the frame it sees, which is wrong as soon as the mode has moved on."""
    fields = {"mode": "moves", **fields}
    asked = rl.Scenario("uniform(0.5, 2)", frame_time=1.0, mode_probability=0.95, symbols=SYMBOLS, workers=2, **fields)
    summary = rl.run(asked, policy="oracle", clock="virtual", frames=3_000, out=tmp_path).summary
    assert any("the mode moves on" in note for note in summary.warnings) == warns
    gap = summary.regret.total - summary.predicted["regret_per_frame"]["total"]
    assert (gap > 0.1) == warns


@pytest.mark.one_in(24)
@pytest.mark.parametrize("number", range(len(CELLS)))
def test_a_run_is_its_simulation(number, tmp_path):
    asked = scenario(*CELLS[number])
    for what, figures in zip(("regret", "inaction"), compared(asked, tmp_path / "record", number), strict=True):
        assert agree(*figures), (CELLS[number], what, figures)
