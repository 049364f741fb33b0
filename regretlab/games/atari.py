"""Atari games frame by frame, through the Arcade Learning Environment: the three that Riemer et al. (2024) play.

Needs the extra ``atari`` (ale-py, whose package holds the games' ROMs). One step is one frame of 1/60 s: no frames are
skipped and no action sticks unless asked for (Machado et al., 2018, section 5, on sticky actions).
"""

from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..needs import need
from ._kernels import area_average
from .emulator import OBSERVATION_SHAPE

__all__ = ["ATARI_FRAME_RATE", "LONGEST_EPISODE", "Atari", "keep_ale_quiet"]

ATARI_FRAME_RATE = 60.0
"""Frames a second, as in the paper (an NTSC console draws 59.92)."""
LONGEST_EPISODE = 108_000
"""Frames after which an episode is cut off: half an hour."""


def keep_ale_quiet() -> None:
    """Keep the Arcade Learning Environment from greeting on standard error; ImportError without it."""
    from ale_py import ALEInterface, LoggerMode

    ALEInterface.setLoggerMode(LoggerMode.Error)


class Atari(gymnasium.Env[NDArray[np.uint8], np.int64]):
    """An Atari game.

    Actions are those the game reads, of which the first does nothing: 18 in Boxing and Krull, 6 in Name This Game. An
    observation is the screen in grayscale, averaged over areas to 84x84.

    Parameters
    ----------
    game
        The game's name in ale-py ("boxing", "krull", "name_this_game", ...).
    sticky
        How likely a frame takes the action of the frame before instead of its own.
    render_mode
        None, or "rgb_array" for the whole screen.

    Raises
    ------
    InputError
        Without ale-py, for a game that it does not have, and for settings out of range.

    Notes
    -----
    Without sticky actions a game is deterministic: its course depends on the actions and not on the seed.

    Examples
    --------
    >>> game = Atari("boxing")
    >>> int(game.action_space.n), game.reset(seed=0)[0].shape
    (18, (84, 84))
    >>> game.close()
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": ATARI_FRAME_RATE}
    default_action = 0
    frame_time = 1 / ATARI_FRAME_RATE

    def __init__(self, game: str, sticky: float = 0.0, render_mode: str | None = None) -> None:
        if not 0 <= sticky <= 1:
            raise InputError(f"sticky must lie in [0, 1], not {sticky}")
        if render_mode not in (None, "rgb_array"):
            raise InputError(f"render_mode must be None or 'rgb_array', not '{render_mode}'")
        need("atari", f"Atari game '{game}'")
        from ale_py import Action, roms
        from ale_py.env import AtariEnv

        keep_ale_quiet()
        if game not in roms.get_all_rom_ids():
            raise InputError(f"'{game}' is not a game of ale-py, such as boxing, krull or name_this_game")
        self.sticky, self.render_mode = float(sticky), render_mode
        self._game = AtariEnv(
            game,
            obs_type="grayscale",
            frameskip=1,
            repeat_action_probability=self.sticky,
            full_action_space=False,
            max_num_frames_per_episode=LONGEST_EPISODE,
            render_mode=render_mode,
        )
        actions = self._game.ale.getMinimalActionSet()
        assert actions[0] == Action.NOOP
        self.observation_space = gymnasium.spaces.Box(0, 255, OBSERVATION_SHAPE, np.uint8)
        self.action_space = gymnasium.spaces.Discrete(len(actions))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Start an episode; a seed is one for the sticky actions."""
        super().reset(seed=seed)
        screen, info = self._game.reset(seed=seed)
        return self._observation(screen), self._facts(info)

    def step(self, action: np.int64 | int) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Hold the action for one frame."""
        screen, reward, terminated, truncated, info = self._game.step(int(action))
        return self._observation(screen), float(reward), bool(terminated), bool(truncated), self._facts(info)

    def memory(self) -> NDArray[np.uint8]:
        """Return the console's RAM, shape (128,)."""
        return np.asarray(self._game.ale.getRAM(), np.uint8)

    def render(self) -> NDArray[np.uint8] | None:
        """Return the screen, shape (210, 160, 3), in render mode "rgb_array"."""
        return None if self.render_mode is None else np.asarray(self._game.render())

    def close(self) -> None:
        """End the game."""
        self._game.close()

    @staticmethod
    def _observation(screen: Any) -> NDArray[np.uint8]:
        return np.asarray(area_average(np.ascontiguousarray(screen), *OBSERVATION_SHAPE))

    @staticmethod
    def _facts(info: Any) -> dict[str, Any]:
        return {"lives": int(info["lives"]), "episode_frame": int(info["episode_frame_number"])}
