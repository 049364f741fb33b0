"""The settings of learning, checked before anything starts.

The defaults learn our games within some ten thousand frames; ``preset="paper"`` stands for those of arXiv 2412.14355,
which need millions.
"""

import math
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ...errors import InputError, first_fault

__all__ = ["LearningSettings"]

_POSITIVE = ("learning_rate", "batch", "replay", "target_every", "gradient_clip", "steps", "checkpoint_every")


class LearningSettings(BaseModel):
    """How a network learns.

    Attributes
    ----------
    preset
        Where settings that are not given come from: "small" (those below) or "paper".
    learning_rate
        Step size of Adam.
    discount
        Of the reward of the next *frame* (not of the next action), in [0, 1].
    batch
        Transitions in a batch.
    replay
        Frames that the replay store holds; the transitions among them can be drawn.
    minimum
        Transitions in the store before the first batch is drawn; None for one batch.
    target_every
        Updates between two copies of the weights to the target network.
    gradient_clip
        Largest Euclidean norm of a gradient; a longer one is scaled down to it.
    steps
        Successive transitions that a drawn one spans (n of n-step returns).
    prioritisation
        alpha of prioritised replay, in [0, 1]; 0 draws uniformly.
    importance
        beta of prioritised replay, in [0, 1]: how far the loss corrects for it.
    double
        The online network chooses the next action and the target network values it (van Hasselt et al. 2016).
    reward_scale
        Factor of every reward in what is learned from; results are not scaled.
    reward_clip
        Largest size of a scaled reward in what is learned from; None for any. (It is the sum of the frames that an
        action answers for that is clipped.)
    recent_actions
        Last actions before the decision that are part of the input: with as many as the delay it is the augmented
        state of a delayed MDP (Katsikopoulos & Engelbrecht 2003). Protocol simulated-delay only.
    updates_per_frame
        Updates for each frame played once learning has begun, however few of the frames had an action, so that an agent
        that pauses learns as often as one that does not; None: by ``replay_ratio``. Protocol simulated-delay only.
    exploration_hold
        Decisions that a random action is kept for on average, at least 1; the number is geometric.
    exploration_start, exploration_end
        Probability of a random action in the first frame, and from frame ``exploration_frames`` on; linear between.
    exploration_frames
        See there.
    replay_ratio
        How often a transition is drawn at most on average; learners wait when they are ahead of it. None: ``batch``,
        which is an update for each action of the agent.
    checkpoint_every
        Seconds between two checkpoints of a realtime run. (There is one at the end of every run.)

    Raises
    ------
    InputError
        For a value out of range, named with what is allowed.

    Examples
    --------
    >>> LearningSettings(exploration_frames=1000).exploration(500)
    0.51
    >>> LearningSettings(preset="paper").target_every, LearningSettings(preset="paper", target_every=9).target_every
    (10000, 9)
    >>> LearningSettings(batch=64, replay=32)
    Traceback (most recent call last):
    regretlab.errors.InputError: a batch of 64 transitions does not fit in a replay store of 32 frames
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {},
        "paper": {
            "learning_rate": 1e-3,
            "replay": 1_000_000,
            "target_every": 10_000,
            "steps": 1,
            "exploration_end": 0.05,
            "exploration_frames": 100_000,
        },
    }
    """What each preset puts in place of the defaults."""

    preset: str = "small"
    learning_rate: float = 5e-4
    discount: float = 0.99
    batch: int = 32
    replay: int = 50_000
    minimum: int | None = None
    target_every: int = 500
    gradient_clip: float = 10.0
    steps: int = 3
    prioritisation: float = 0.0
    importance: float = 0.4
    double: bool = False
    reward_scale: float = 1.0
    reward_clip: float | None = None
    recent_actions: int = 0
    updates_per_frame: float | None = None
    exploration_hold: float = 1.0
    exploration_start: float = 1.0
    exploration_end: float = 0.02
    exploration_frames: int = 25_000
    replay_ratio: float | None = None
    checkpoint_every: float = 60.0

    def __init__(self, **values: Any) -> None:
        preset = values.get("preset", "small")
        if preset not in self.PRESETS:
            raise InputError(f"preset must be {' or '.join(self.PRESETS)}, not {preset!r}")
        try:
            super().__init__(**{**self.PRESETS[preset], **values})
        except ValidationError as error:
            where, said = first_fault(error, type(self).model_fields)
            raise InputError(f"{where or 'learning settings'}: {said}") from None
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("discount", "prioritisation", "importance", "exploration_start", "exploration_end"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must lie in [0, 1], not {getattr(self, name)}")
        if self.exploration_frames < 0:
            raise InputError(f"exploration_frames must not be negative, not {self.exploration_frames}")
        if not 1 <= self.exploration_hold < math.inf:
            raise InputError(f"exploration_hold must be at least 1 and finite, not {self.exploration_hold}")
        if not 0 < self.reward_scale < math.inf:
            raise InputError(f"reward_scale must be positive and finite, not {self.reward_scale}")
        if self.reward_clip is not None and not self.reward_clip > 0:
            raise InputError(f"reward_clip must be positive, not {self.reward_clip}")
        if not 0 <= self.recent_actions <= 1000:
            raise InputError(f"recent_actions must be from 0 to 1000, not {self.recent_actions}")
        if self.updates_per_frame is not None and not 0 < self.updates_per_frame < math.inf:
            raise InputError(f"updates_per_frame must be positive and finite, not {self.updates_per_frame}")
        if self.replay_ratio is not None and not 0 < self.replay_ratio < math.inf:
            raise InputError(f"replay_ratio must be positive and finite, not {self.replay_ratio}")
        if self.batch > self.replay:
            raise InputError(
                f"a batch of {self.batch} transitions does not fit in a replay store of {self.replay} frames"
            )
        if self.minimum is not None and not 1 <= self.minimum <= self.replay:
            raise InputError(f"minimum must be from 1 to the store's {self.replay} frames, not {self.minimum}")
        if self.steps >= self.replay:
            raise InputError(f"steps must be below the store's {self.replay} frames, not {self.steps}")

    @property
    def first_batch(self) -> int:
        """Transitions in the store before the first batch is drawn."""
        return self.batch + self.steps - 1 if self.minimum is None else max(self.minimum, self.steps)

    def counted(self, written: int) -> int:
        """Return how many of the transitions written so far count towards the replay ratio."""
        return max(0, written - self.first_batch + 1)

    @property
    def draws_per_transition(self) -> float:
        """How often a transition is drawn at most on average."""
        return float(self.batch) if self.replay_ratio is None else self.replay_ratio

    def learned_reward(self, reward: float) -> float:
        """Return a transition's reward as it is learned from: scaled, then clipped.

        Examples
        --------
        >>> LearningSettings(reward_scale=0.1, reward_clip=1.0).learned_reward(-30.0)
        -1.0
        """
        scaled = self.reward_scale * reward
        return scaled if self.reward_clip is None else max(-self.reward_clip, min(self.reward_clip, scaled))

    def exploration(self, frame: int) -> float:
        """Return the probability of a random action in a frame."""
        if frame >= self.exploration_frames:
            return self.exploration_end
        return (
            self.exploration_start + (self.exploration_end - self.exploration_start) * frame / self.exploration_frames
        )
