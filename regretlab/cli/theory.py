"""The commands that compute: ``bound`` and ``simulate``."""

import sys
from contextlib import nullcontext
from pathlib import Path

from ..defaults import REPLICATIONS, SIMULATED_FRAMES
from ..errors import InputError
from ..progress import silent
from ..rules import DEFAULT_RULE
from .learning import Learning
from .options import Json, Whole, app
from .output import print_result, show_progress
from .scenario import ScenarioOptions

__all__ = ["bound", "simulate"]

_LONG = 5 * 10**7
"""Frames of a simulation, from which on its progress is shown."""


@app.command
def bound(scenario: ScenarioOptions | None = None, learning: Learning | None = None, *, json: Json = False) -> int:
    """Compute the regret of a staggering rule, and the lower bound over all rules (alone with --rule any).

    Example: regretlab bound --inference-time "gamma(4, scale=0.02)" --mode-probability 0.95 --workers 8
    """
    scenario = scenario or ScenarioOptions()
    if scenario.given()["rule"] == "any":
        from ..theory.any_rule import lower_bound

        if learning is not None and learning.part() != type(learning.part())():
            raise InputError("the lower bound over all rules has no learning part: leave its options out")
        return print_result(lower_bound(scenario.scenario(rule=DEFAULT_RULE)), json)
    from ..planning.valuing import bound as compute

    report = compute(scenario.scenario(), learning=None if learning is None else learning.part())
    return print_result(report, json)


@app.command
def simulate(
    scenario: ScenarioOptions | None = None,
    *,
    frames: Whole = SIMULATED_FRAMES,
    replications: Whole = REPLICATIONS,
    warmup: Whole | None = None,
    seed: Whole = 0,
    threads: Whole | None = None,
    record: Path | None = None,
    json: Json = False,
) -> int:
    """Simulate a staggering rule on the witness of the bound: the same figures, with standard errors.

    Example: regretlab simulate --inference-time "gamma(4, scale=0.02)" --mode-probability 0.95 --workers 8

    Parameters
    ----------
    frames
        Frames of a replication, after its warm-up.
    replications
        Replications, each with random numbers of its own.
    warmup
        Frames to play before counting; enough for the rule and the law if not given.
    seed
        The same seed gives the same figures on any number of threads.
    threads
        Threads to use; all cores if not given.
    record
        Also write one run of so many frames, from an idle start, as a record into this folder: every frame and every
        inference, to be read like a run on the emulator.
    """
    from ..simulation import record_simulation
    from ..simulation import simulate as play
    from ..simulation.recorded import check_recordable

    if threads is not None and threads < 1:
        raise InputError(f"threads must be at least 1, not {threads}")
    asked = (scenario or ScenarioOptions()).scenario()
    if record is not None:  # known before anything is played
        check_recordable(record, asked)
    long = frames * replications >= _LONG
    with show_progress() if long else nullcontext(silent) as progress:
        result = play(
            asked,
            frames=frames,
            replications=replications,
            warmup=warmup,
            seed=seed,
            threads=threads,
            progress=progress,
        )
    if record is not None:
        record_simulation(asked, record, frames=frames, seed=seed)
        print(f"record: {record}", file=sys.stderr)
    return print_result(result, json)
