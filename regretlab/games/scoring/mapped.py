"""Scoring by a memory map."""

import numpy as np

from ...errors import InputError, RunError
from ..emulator import Emulator
from ..memory_map.model import MemoryMap, Step, held

__all__ = ["Mapped"]

_LARGEST_RANDOM = 2**62
_TAP = (2, 8)  # frames a button is held and released while something is waited for


class Mapped:
    """The rewards, ends and starts that a memory map says.

    Parameters
    ----------
    machine
        The emulator.
    rules
        The map.
    states
        States to start from; the boot if there are none.
    name
        The map's file, for messages.
    """

    def __init__(self, machine: Emulator, rules: MemoryMap, states: tuple[bytes, ...] = (), name: str = "") -> None:
        self._machine, self._rules, self._states = machine, rules, states
        self._name = name or rules.game
        self.actions = tuple(rules.actions)
        self._sum = None if rules.reward is None else rules.reward.sum
        self._increase = rules.reward is not None and rules.reward.count == "increase"
        self.source = (
            "none (the memory map defines no reward)"
            if rules.reward is None
            else f"{'increase' if self._increase else 'value'} of {rules.reward.of} (memory map)"
        )
        self._before = 0
        self._values: dict[str, int] = {}
        first_random = next((index for index, step in enumerate(rules.start) if step.is_random), len(rules.start))
        self._fixed, self._seeded = rules.start[:first_random], rules.start[first_random:]
        self._starts: dict[int, bytes] = {}  # the machine after the fixed steps, for each state to start from

    def begin(self, rng: np.random.Generator) -> None:
        """Play the steps of the map's start; those before the first random one are played once and kept."""
        which = int(rng.integers(len(self._states))) if len(self._states) > 1 else 0
        if which in self._starts:
            self._machine.load(self._starts[which])
        else:
            if self._states:
                self._machine.load(self._states[which])
            else:
                self._machine.restart()
            for step in self._fixed:
                self._take(step, rng)
            if not self._seeded:
                self._machine.tick()  # the picture of the state that is kept
            self._starts[which] = self._machine.save()
        for step in self._seeded:
            self._take(step, rng)
        self._machine.hold(())
        try:
            self._look()
        except InputError as error:
            raise InputError(f"memory map '{self._name}': {error}") from None
        self._before = 0 if self._sum is None else self._sum.of(self._values)

    def frame(self) -> tuple[float, bool]:
        """Return the reward of the frame just played and whether it ended the episode."""
        try:
            self._look()
        except InputError as error:
            raise RunError(f"memory map '{self._name}': {error}") from None
        reward = 0
        if self._sum is not None:
            now = self._sum.of(self._values)
            reward, self._before = (now - self._before if self._increase else now), now
        end = self._rules.end
        return float(reward), end is not None and end.holds(self._values[end.value])

    def facts(self) -> dict[str, int]:
        """Return all values."""
        return dict(self._values)

    def _look(self) -> None:
        self._values = {name: value.read(self._machine) for name, value in self._rules.values.items()}

    def _take(self, step: Step, rng: np.random.Generator) -> None:
        machine = self._machine
        if step.write is not None:
            value = self._rules.values[step.write]
            number = int(rng.integers(1, min(value.largest, _LARGEST_RANDOM) + 1)) if step.random else step.to
            value.write(machine, number or 0)
        elif step.until is not None:
            self._wait_until(step)
        elif step.press is not None:
            machine.hold(held(step.press))
            self._play(step.frames)
            machine.hold(())
        elif step.wait is not None:
            self._play(step.wait)
        else:
            self._play(int(rng.integers(0, (step.wait_random or 0) + 1)))

    def _wait_until(self, step: Step) -> None:
        assert step.until is not None
        value, buttons = self._rules.values[step.until.value], held(step.press or "")
        for frame in range(step.at_most):
            self._machine.hold(buttons if frame % sum(_TAP) < _TAP[0] else ())
            self._machine.tick()
            if step.until.holds(value.read(self._machine)):
                self._machine.hold(())
                return
        raise InputError(
            f"memory map '{self._name}': the game did not get to '{step.until}' within {step.at_most} frames"
        )

    def _play(self, frames: int) -> None:
        for _ in range(frames):
            self._machine.tick()
