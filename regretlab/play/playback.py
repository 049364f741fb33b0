"""Driving an environment again from a record: the same actions must give the same rewards, frame by frame."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import replacing
from ..games import make_game
from ..progress import Progress, silent
from ..records import Record
from ..trust import refuse_foreign_code, refuse_foreign_files

__all__ = ["Playback", "play_back"]


@dataclass(frozen=True)
class Playback:
    """What came of playing a record again.

    Attributes
    ----------
    frames
        Frames played.
    differing
        Frames whose reward or end of an episode differs from the record's.
    first_difference
        Number of the first of them in the record; None if there is none.
    reward
        Sum of the rewards.
    recorded_reward
        The same of the record.
    """

    frames: int
    differing: int
    first_difference: int | None
    reward: float
    recorded_reward: float


def play_back(
    record: Record,
    *,
    gif: str | Path | None = None,
    every: int = 2,
    most_pictures: int = 1200,
    progress: Progress = silent,
    trust: bool = False,
) -> Playback:
    """Play the actions of a record in a fresh environment of the same settings and seed.

    Parameters
    ----------
    record
        The record of a run; one cut short will do.
    gif
        Also write the screen as an animated GIF.
    every, most_pictures
        A picture every so many frames, at most so many.
    progress
        Called with the frames done and the total.
    trust
        Open the ROM and other files, and import the environment's module, that the record names.

    Returns
    -------
    Playback
        No frame differs if the environment is deterministic by its seed.

    Raises
    ------
    InputError
        If the record does not state what was played, names files or code and is not trusted, holds an action that the
        environment does not have, or the environment draws nothing.
    """
    place = f"'{record.directory}'"
    try:
        config = record.meta["config"]
        environment, seed = str(config["environment"]), int(config["seed"])
        options = dict(config.get("environment_options") or {})
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{place} does not state what was played: it cannot be played again") from None
    if seed < 0:
        raise InputError(f"{place}: seed must be at least 0, not {seed}")
    if not trust:
        refuse_foreign_code({"environment": environment}, place)
        refuse_foreign_files(options, f"{place}: environment_options")
    if gif is not None:
        options = {**options, "render_mode": "rgb_array"}
        if Path(gif).suffix != ".gif" or not Path(gif).parent.is_dir() or Path(gif).is_dir():
            raise InputError(f"pictures go to a .gif file in a folder that exists, not to '{gif}'")
    table = record.frames
    columns = {name: table[name].to_numpy() for name in ("action", "reward", "terminated", "truncated", "frame")}
    game = make_game(environment, **options)
    _check_actions(columns["action"], game, place)
    pictures: list[NDArray[np.uint8]] = []
    different = np.zeros(len(table), bool)
    total = 0.0
    try:
        game.reset(seed=seed)
        for index in range(len(table)):
            _, reward, terminated, truncated, _ = game.step(int(columns["action"][index]))
            total += float(reward)
            different[index] = (
                np.float32(reward) != columns["reward"][index]
                or bool(terminated) != bool(columns["terminated"][index])
                or bool(truncated) != bool(columns["truncated"][index])
            )
            if gif is not None and index % every == 0 and len(pictures) < most_pictures:
                pictures.append(_picture(game))
            if terminated or truncated:
                game.reset()
            if (index + 1) % 500 == 0:
                progress(index + 1, len(table), "playing again")
        if gif is not None:
            _write_gif(Path(gif), pictures, every * float(record.meta.get("frame_time", 1 / 60)))
    finally:
        game.close()
    first = np.flatnonzero(different)
    return Playback(
        frames=len(table),
        differing=int(different.sum()),
        first_difference=int(columns["frame"][first[0]]) if len(first) else None,
        reward=total,
        recorded_reward=float(columns["reward"].astype(float).sum()),
    )


def _check_actions(played: NDArray[np.integer[Any]], game: Any, place: str) -> None:
    """Raise ``InputError`` if the environment does not have an action of the record."""
    actions = int(getattr(game.action_space, "n", 0))
    wrong = played[(played < 0) | (played >= actions)]
    if len(wrong):
        game.close()
        raise InputError(f"{place}: action {wrong[0]} does not exist: its environment has {actions} discrete actions")


def _picture(game: Any) -> NDArray[np.uint8]:
    screen = game.render()
    if screen is None:
        raise InputError("this environment draws nothing: there are no pictures to write")
    return np.asarray(screen, dtype=np.uint8)


def _write_gif(path: Path, pictures: list[NDArray[np.uint8]], seconds: float) -> None:
    from PIL import Image

    if not pictures:
        raise InputError("the record has no frame: there are no pictures to write")
    first, *rest = (Image.fromarray(picture) for picture in pictures)
    duration = max(20, round(1e3 * seconds))
    with replacing(path) as part:
        first.save(part, format="GIF", save_all=True, append_images=rest, duration=duration, loop=0)
