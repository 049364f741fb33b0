"""Driving an environment again from a record: the same actions must give the same rewards, frame by frame."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..actions import ActionRow
from ..errors import InputError
from ..files import replacing
from ..games import action_row, make_game
from ..progress import Progress, silent
from ..records import Record
from ..records.schema import action_numbers
from ..trust import refuse_foreign_code, refuse_foreign_files

__all__ = ["Playback", "Replay", "play_back", "recorded_actions"]


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


class Replay:
    """The environment of a record, driven again by its actions.

    Parameters
    ----------
    record
        The record of a run; one cut short will do.
    actions
        Actions of the record that will be played (``recorded_actions``), checked here.
    drawn
        Whether ``picture`` will be asked for.
    trust
        Open the ROM and other files, and import the environment's module, that the record names.

    Raises
    ------
    InputError
        If the record does not state what was played, names files or code and is not trusted, or holds an action that
        the environment does not have.
    """

    def __init__(self, record: Record, actions: NDArray[Any], *, drawn: bool = False, trust: bool = False) -> None:
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
        self._game = make_game(environment, **options, **({"render_mode": "rgb_array"} if drawn else {}))
        try:
            _check(actions, action_row(self._game.action_space, environment), self._game, place)
        except InputError:
            self._game.close()
            raise
        self._over = False
        self._game.reset(seed=seed)

    def step(self, action: Any) -> tuple[float, bool, bool]:
        """Play a frame; return its reward, and whether it ended the episode (terminated, truncated)."""
        _, reward, terminated, truncated, _ = self._game.step(int(action) if np.ndim(action) == 0 else action)
        self._over = bool(terminated or truncated)
        return float(reward), bool(terminated), bool(truncated)

    def begin_episode_if_over(self) -> None:
        """Begin the next episode if the last frame ended one."""
        if self._over:
            self._game.reset()
            self._over = False

    def picture(self) -> NDArray[np.uint8]:
        """Return the screen, shape (height, width, 3); raise ``InputError`` if the environment draws nothing."""
        screen = self._game.render()
        if screen is None:
            raise InputError("this environment draws nothing: there are no pictures to write")
        return np.asarray(screen, dtype=np.uint8)

    def close(self) -> None:
        """Close the environment."""
        self._game.close()


def recorded_actions(record: Record) -> NDArray[Any]:
    """Return the actions of a record's frames, shape (frames,), or (frames, numbers) where each is a row of numbers."""
    numbers = action_numbers(record.meta)
    if not numbers:
        return record.frames["action"].to_numpy()
    return record.frames[[f"action_{place}" for place in range(numbers)]].to_numpy(np.float64)


def _check(actions: NDArray[Any], row: ActionRow | None, game: Any, place: str) -> None:
    """Refuse actions that the environment does not have."""
    if row is None:
        count = int(game.action_space.n)
        wrong = actions[(actions < 0) | (actions >= count)] if actions.ndim == 1 else actions
        if len(wrong):
            raise InputError(f"{place}: action {wrong[0]} does not exist: its environment has {count} discrete actions")
        return
    sound = actions.ndim == 2 and actions.shape[1] == row.count
    if not sound or not ((actions >= row.low) & (actions <= row.high) & np.isfinite(actions)).all():
        raise InputError(f"{place}: its actions do not exist: in its environment an action is {row}")


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
    if gif is not None and (Path(gif).suffix != ".gif" or not Path(gif).parent.is_dir() or Path(gif).is_dir()):
        raise InputError(f"pictures go to a .gif file in a folder that exists, not to '{gif}'")
    table = record.frames
    actions = recorded_actions(record)
    columns = {name: table[name].to_numpy() for name in ("reward", "terminated", "truncated", "frame")}
    pictures: list[NDArray[np.uint8]] = []
    different = np.zeros(len(table), bool)
    total = 0.0
    with closing(Replay(record, actions, drawn=gif is not None, trust=trust)) as replay:
        for index in range(len(table)):
            reward, terminated, truncated = replay.step(actions[index])
            total += reward
            different[index] = (
                np.float32(reward) != columns["reward"][index]
                or terminated != bool(columns["terminated"][index])
                or truncated != bool(columns["truncated"][index])
            )
            if gif is not None and index % every == 0 and len(pictures) < most_pictures:
                pictures.append(replay.picture())
            replay.begin_episode_if_over()
            if (index + 1) % 500 == 0:
                progress(index + 1, len(table), "playing again")
        if gif is not None:
            _write_gif(Path(gif), pictures, every * float(record.meta.get("frame_time", 1 / 60)))
    first = np.flatnonzero(different)
    return Playback(
        frames=len(table),
        differing=int(different.sum()),
        first_difference=int(columns["frame"][first[0]]) if len(first) else None,
        reward=total,
        recorded_reward=float(columns["reward"].astype(float).sum()),
    )


def _write_gif(path: Path, pictures: list[NDArray[np.uint8]], seconds: float) -> None:
    from PIL import Image

    if not pictures:
        raise InputError("the record has no frame: there are no pictures to write")
    first, *rest = (Image.fromarray(picture) for picture in pictures)
    duration = max(20, round(1e3 * seconds))
    with replacing(path) as part:
        first.save(part, format="GIF", save_all=True, append_images=rest, duration=duration, loop=0)
