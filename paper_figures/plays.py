"""Runs on the bundled cartridge ``beacon`` that figures measure: the virtual clock, an oracle that acts at once."""

import tempfile
from pathlib import Path
from typing import Any

from regretlab.results import interval_quantile

__all__ = ["FRAME_TIME", "MODE_PROBABILITY_UNIT", "QUANTILE", "cartridge_probability", "play_beacon"]

FRAME_TIME = 1.0 / 59.7275
"""Seconds of a Game Boy frame."""
QUANTILE = interval_quantile(0.99)
"""Of the normal law, for 99 % intervals."""
MODE_PROBABILITY_UNIT = 1.0 / 65536.0
"""The cartridge draws with 16 bits: its mode probabilities are whole multiples of this."""


def cartridge_probability(p: float, symbols: int) -> float:
    """Return the mode probability that the cartridge has when asked for ``p``."""
    from regretlab.games.beacon import Beacon

    game = Beacon(symbols=symbols, mode_probability=p, pixels=False)
    value = game.mode_probability
    game.close()
    return value


def play_beacon(
    *,
    rule: str,
    workers: int,
    latency: str,
    frames: int,
    seed: int,
    symbols: int,
    mode_probability: float,
    hold: int | None = None,
    alignment: str | None = None,
    with_record: bool = False,
) -> dict[str, Any]:
    """Play the oracle on the virtual clock and return what was measured.

    Parameters
    ----------
    rule, workers, latency, hold, alignment
        The staggering rule, its workers, and the law of the inference time as text (seconds).
    frames, seed
        Length and seed of the run.
    symbols, mode_probability
        The cartridge's settings.
    with_record
        Also return the record's tables, as pandas frames.

    Returns
    -------
    dict
        ``regret``, ``inaction``, ``delay_law`` and their standard errors ``regret_error``, ``inaction_error``,
        ``delay_law_error``; with ``with_record`` also ``inferences`` and ``frames_table``.
    """
    from regretlab.play.configuration import RunConfiguration
    from regretlab.play.run import run
    from regretlab.records import Record, batch_means

    configuration = RunConfiguration(
        environment_options={"symbols": symbols, "mode_probability": mode_probability, "pixels": False},
        policy="oracle",
        rule=rule,
        workers=workers,
        hold=hold,
        alignment=alignment,
        clock="virtual",
        frames=frames,
        emulate_latency=latency,
        seed=seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        summary = run(configuration, Path(folder) / "record")
        record = Record.open(Path(folder) / "record")
        played = record.frames.iloc[summary.warmup_frames :]
        tables = {"inferences": record.inferences, "frames_table": record.frames} if with_record else {}
    if summary.reward_per_frame is None:
        raise ValueError(f"a run of {frames} frames ended before its first action")
    return {
        "regret": 1.0 - summary.reward_per_frame,
        # By batch means also where the summary of a short run calls its frames too correlated for an interval.
        "regret_error": batch_means(played["reward"]).standard_error,
        "inaction": summary.inaction_fraction,
        "inaction_error": batch_means(played["served_by"] < 0).standard_error,
        "delay_law": summary.delay_law,
        "delay_law_error": summary.standard_error["delay_law"],
        **tables,
    }
