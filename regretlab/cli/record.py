"""The commands on records: ``record info``, ``record export`` and ``record replay``."""

from pathlib import Path
from typing import Any

from cyclopts import App

from .options import Flag, Json, app
from .output import print_facts, print_json, show_progress

__all__ = ["export", "info", "replay"]

record = App(name="record", help="Look at the record of a run, export it, or play it again.")
app.command(record)


@record.command
def info(directory: Path, *, json: Json = False) -> int:
    """Summarise a record.

    Example: regretlab record info my-run

    Parameters
    ----------
    directory
        Folder of the record.
    """
    from ..prediction import with_prediction
    from ..records import Record, summarise

    opened = Record.open(directory)
    summary, said = summarise(opened), opened.meta
    if said.get("clock") != "simulated":  # what was simulated is the prediction itself
        summary = with_prediction(opened, summary)
    if json:
        print_json({**dict(summary), "complete": bool(said.get("complete")), "clock": said.get("clock")})
        return 0
    config = said.get("config", {})
    reward, phi = summary.reward_per_frame, summary.inaction_fraction
    played = f"{config.get('environment', '?')}, {config.get('policy', '?')}"
    if said.get("clock") == "simulated":  # rules and times alone: no action and no reward
        played, reward = "nothing: simulated times under a rule", None
    facts = [
        ("played", played),
        ("workers", f"{config.get('workers', '?')}, {config.get('rule', '?')}, {said.get('clock', '?')} clock"),
        ("frames", f"{summary.frames:,} ({summary.warmup_frames} before the first action, not counted below)"),
        ("reward per frame", "-" if reward is None else f"{reward:.6g}"),
        ("frames without an action", "-" if phi is None else f"{100 * phi:.4g} %"),
        *([("  predicted", f"{100 * summary.predicted['inaction_fraction']:.4g} %")] if summary.predicted else []),
        *_entries(opened.frames["entry"]),
        ("inferences", f"{len(opened.inferences):,}"),
        ("workers restarted", f"{summary.restarts}"),
        ("reached its end", "yes" if said.get("complete") else "no: it was cut short"),
        *[("warning", sentence) for sentence in summary.warnings],
    ]
    print_facts(str(directory), facts)
    return 0


def _entries(entries: Any) -> list[tuple[str, str]]:
    """Return in words which entries of chunks acted; nothing where only single actions did."""
    acted = entries[entries >= 0]
    if not (acted > 0).any():
        return []
    return [("entry of the chunk that acted", f"{acted.mean():.4g} on average, {acted.min()} to {acted.max()}")]


@record.command
def export(directory: Path, *, out: Path, json: Json = False) -> int:
    """Write the frames and the inferences of a record as CSV files, and the learning steps of one that learned.

    Example: regretlab record export my-run --out tables

    Parameters
    ----------
    directory
        Folder of the record.
    out
        Folder for frames.csv, inferences.csv and learning.csv; made if missing.
    """
    from ..errors import InputError
    from ..files import new_folder, write_atomically
    from ..records import Record

    opened = Record.open(directory)
    tables = {"frames": opened.frames, "inferences": opened.inferences}
    if len(opened.learning_steps):
        tables["learning"] = opened.learning_steps
    paths = [out / f"{name}.csv" for name in tables]
    for path in paths:
        if path.exists():
            raise InputError(f"'{path}' is already there: choose another folder or delete it")
    with new_folder(out):
        for path, table in zip(paths, tables.values(), strict=True):
            write_atomically(path, table.to_csv(index=False))
    if json:
        print_json({"files": [str(path) for path in paths]})
        return 0
    print_facts(
        str(directory), [(str(path), f"{len(t):,} rows") for path, t in zip(paths, tables.values(), strict=True)]
    )
    return 0


@record.command
def replay(directory: Path, *, gif: Path | None = None, trust: Flag = False, json: Json = False) -> int:
    """Drive the environment again with the recorded actions and compare every frame; exit code 1 if one differs.

    Example: regretlab record replay my-run --gif my-run.gif

    Parameters
    ----------
    directory
        Folder of the record.
    gif
        Also write the screen as an animated GIF (every second frame, at most 1200 pictures).
    trust
        Open the ROM and other files that the record names. Only for a record of your own.
    """
    from ..play.playback import play_back
    from ..records import Record

    opened = Record.open(directory)
    with show_progress() as tell:
        again = play_back(opened, gif=gif, trust=trust, progress=tell)
    if json:
        print_json(
            {
                "frames": again.frames,
                "differing": again.differing,
                "first_difference": again.first_difference,
                "reward": again.reward,
                "recorded_reward": again.recorded_reward,
                "gif": None if gif is None else str(gif),
            }
        )
    else:
        verdict = "none" if not again.differing else f"{again.differing:,}, the first is frame {again.first_difference}"
        facts = [
            ("frames", f"{again.frames:,}"),
            ("frames that differ", verdict),
            ("reward", f"{again.reward:g}, recorded {again.recorded_reward:g}"),
        ]
        print_facts(str(directory), facts + ([] if gif is None else [("pictures", str(gif))]))
    return 1 if again.differing else 0
