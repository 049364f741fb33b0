"""The simulated-delay protocol against closed forms on beacon, and against traces written out by hand."""

import numpy as np
import pytest

from regretlab.experiments.simulated_delay import play_delayed
from regretlab.games import make_game
from regretlab.games.players import BeaconScript, DuelScript, FixedPlayer, StackerScript


class _Counter:
    """Three-frame episodes whose observation and reward are the number of the frame; terminated or truncated."""

    unwrapped = None

    def __init__(self, terminates):
        self._terminates, self._frame = terminates, 0

    def reset(self, seed=None):
        self._episode = 0
        return np.array([self._frame]), {}

    def step(self, action):
        self._frame += 1
        self._episode += 1
        over = self._episode == 7
        return (
            np.array([self._frame]),
            float(self._frame),
            over and self._terminates,
            over and not self._terminates,
            {},
        )


class _Noted(FixedPlayer):
    """Plays 10 plus what it saw and notes what it is told."""

    def __init__(self):
        self.told, self.since = [], []

    def see(self, observation):
        return int(observation[0])

    def act(self, seen, since, frame):
        self.since.append((frame, seen, list(since)))
        return 10 + seen

    def learn(self, seen, action, reward, discount, *, last):
        self.told.append((seen, action, reward, discount, last))


def _play(player, frames, **settings):
    play = play_delayed(
        _Counter(settings.pop("terminates", True)), player, default_action=0, discount=0.5, seed=0, **settings
    )
    return [next(play) for _ in range(frames)]


def test_an_action_in_every_frame_from_what_was_seen_two_frames_before():
    player = _Noted()
    frames = _play(player, 7, delay=2, sequential=False)
    assert [frame.acted for frame in frames] == [False, False, True, True, True, True, True]
    assert player.since[:3] == [(2, 0, [0, 0]), (3, 1, [0, 10]), (4, 2, [10, 11])]
    assert player.told[:2] == [(0, 10, 3.0, 0.5, False), (1, 11, 4.0, 0.5, False)]
    assert player.told[-1] == (4, 14, 7.0, 0.0, True)


def test_after_each_action_as_many_frames_without_one_as_the_delay():
    player = _Noted()
    frames = _play(player, 7, delay=2, sequential=True)
    assert [frame.acted for frame in frames] == [False, False, True, False, False, True, False]
    assert player.since == [(2, 0, [0, 0]), (5, 3, [0, 0])]
    # reward 3 of its own frame, then 4 and 5 of those without an action, discounted by the frame; then the end
    assert player.told == [(0, 10, 3 + 4 / 2 + 5 / 4, 0.125, False), (3, 13, 6 + 7 / 2, 0.0, True)]


def test_an_episode_that_is_cut_off_has_no_end():
    player = _Noted()
    _play(player, 7, delay=2, sequential=True, terminates=False)
    assert player.told[-1] == (3, 13, 6 + 7 / 2, 0.25, True)


@pytest.mark.thorough
@pytest.mark.parametrize("delay", [0, 1, 3])
@pytest.mark.parametrize("sequential", [False, True])
def test_the_oracle_earns_what_the_ring_says(delay, sequential):
    """1/K + (1 - 1/K) lambda^d a frame with an action, and one action a frame or in d + 1 frames.

    z-bound 4; the effective sample size counts the correlation time of successes, at most (1 + lambda)/(1 - lambda)
    frames.
    """
    symbols, probability, frames = 4, 0.9, 20_000
    rate = 1 - (1 - probability) * symbols / (symbols - 1)
    game = make_game("regretlab/Beacon-v0", symbols=symbols, mode_probability=probability, pixels=False)
    play = play_delayed(
        game, BeaconScript(), delay=delay, sequential=sequential, default_action=0, discount=1.0, seed=3
    )
    played = [next(play) for _ in range(frames)]
    game.close()
    rewards = np.array([frame.reward for frame in played if frame.acted])
    expected = 1 / symbols + (1 - 1 / symbols) * rate**delay
    assert len(rewards) == len(range(delay, frames, delay + 1 if sequential else 1))
    assert sum(frame.reward for frame in played if not frame.acted) == 0
    effective = len(rewards) * (1 - rate) / (1 + rate)
    error = np.sqrt(max(expected * (1 - expected), 1e-9) / effective)
    assert abs(rewards.mean() - expected) <= (4 * error if delay else 0)


def test_the_planner_of_stacker_counts_in_what_it_did():
    """Five frames late it keeps at least half its score (without counting it loses nearly all: see the games' page)."""
    scores = []
    for delay in (0, 5):
        game = make_game("regretlab/Stacker-v0", pixels=False)
        play = play_delayed(
            game, StackerScript(), delay=delay, sequential=False, default_action=0, discount=1.0, seed=1
        )
        scores.append(sum(next(play).reward for _ in range(6000)))
        game.close()
    assert scores[0] > 1000
    assert scores[1] > scores[0] / 2


@pytest.mark.thorough
@pytest.mark.parametrize("setting", ["battle", "catch"])
def test_the_script_of_duel_earns_the_same_in_each_encounter_however_late(setting):
    """With an action in every frame and with pauses; only the encounters get longer."""
    game = make_game("regretlab/Duel-v0", setting=setting, encounter=5, advance=True, pixels=False)
    earned, lengths = [], []
    for delay, sequential in ((0, False), (7, False), (7, True), (40, False)):
        play = play_delayed(
            game, DuelScript(), delay=delay, sequential=sequential, default_action=0, discount=1.0, seed=2
        )
        episodes, frames = [0.0], 0
        while len(episodes) <= 6:
            frame = next(play)
            frames += 1
            episodes[-1] += frame.reward
            if frame.ended:
                episodes.append(0.0)
        earned.append(episodes)
        lengths.append(frames)
    game.close()
    assert 1.0 in earned[0]
    assert all(episodes == earned[0] for episodes in earned)
    assert lengths[0] < lengths[1] <= lengths[2] < lengths[3]
