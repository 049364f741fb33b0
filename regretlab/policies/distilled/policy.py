"""The policy ``distilled:FILE.safetensors``: one picture in, an action for each age out."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import InputError
from ..spec import PolicySpec
from .files import load_distilled, shipped
from .landing import LandingNetwork, Planner

__all__ = ["DistilledPolicy"]


class DistilledPolicy:
    """Plays what a distilled network predicts.

    Parameters
    ----------
    spec
        ``distilled:FILE.safetensors``, or ``distilled:stacker`` for the included file.

    Raises
    ------
    InputError
        If the file is not a distilled network, or is one for other actions or observations.
    """

    def __init__(self, spec: PolicySpec) -> None:
        self.spec = spec
        self._network, what = load_distilled(shipped(spec.name.partition(":")[2]))
        if (what.actions, what.frame_shape) != (spec.actions, spec.frame_shape):
            raise InputError(
                f"policy {spec.name!r} is for {what.actions} actions and observations of shape {what.frame_shape}, not "
                f"for {spec.actions} and {spec.frame_shape}"
            )
        self.ages, self._bytes = what.ages, what.frame_dtype == "uint8"
        self._planner = Planner(self._network) if isinstance(self._network, LandingNetwork) else None

    def chunk(self, observation: NDArray[np.generic]) -> NDArray[np.int16]:
        """Return the actions for ages 0 to ``ages`` - 1, from the observation alone."""
        if self._planner is not None:
            return self._planner.chunk(cast(NDArray[np.uint8], observation), self.ages)
        with torch.inference_mode():
            seen = torch.from_numpy(np.asarray(observation, np.float32))[None, None]
            values = self._network(seen / 255 if self._bytes else seen)[0]
        return values.view(self.ages, self.spec.actions).argmax(1).numpy().astype(np.int16)

    def act(self, observation: NDArray[np.generic]) -> "int | NDArray[np.int16]":
        """Return the chunk, or its only action."""
        chunk = self.chunk(observation)
        return chunk if self.ages > 1 else int(chunk[0])

    def late_action(self, observation: NDArray[np.generic], since: Sequence[int], delay: int) -> int:
        """Return the action for ``delay`` frames after an observation.

        Parameters
        ----------
        observation
            What was seen.
        since
            The actions of the frames since and of the one before it; the rules for stacker's buttons count them, heads
            do not look at them.
        delay
            Frames since; of heads, the last one acts beyond their number.
        """
        if self._planner is not None:
            return self._planner.action(cast(NDArray[np.uint8], observation), list(since)[-delay - 1 :])
        return int(self.chunk(observation)[min(delay, self.ages - 1)])
