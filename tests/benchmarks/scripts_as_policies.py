"""Scripted players as policies, ``module:THIS FILE:NAME``: each call looks at one observation and keeps nothing."""

from types import SimpleNamespace

import numpy as np


def _moment(seen):
    from tests.benchmarks.games_of_scripts import _MOMENTS

    return _MOMENTS.get(int(seen[0]))


def stacker(shape, actions):
    """Best landing of the piece; a button in every other frame."""
    from regretlab.games.stacker_player import _A, _DOWN, _LEFT, _NOOP, _RIGHT, best_landing

    targets = {}

    def act(seen):
        moment = _moment(seen)
        if moment is None or not moment[0].falling:
            return _NOOP
        (piece, turn, column, row), board = moment[0].piece, moment[0].board
        key = moment[0].pieces, piece, board.tobytes()
        if key not in targets:
            targets.clear()
            targets[key] = best_landing(board, piece, row)
        wanted_turn, wanted_column = targets[key]
        if (turn, column) == (wanted_turn, wanted_column):
            return _DOWN
        if moment[1] % 2:
            return _NOOP
        if turn != wanted_turn:
            return _A
        return _LEFT if column > wanted_column else _RIGHT

    return act


def duel(shape, actions):
    """The wanted button, in every other frame."""
    from regretlab.games.duel_player import wanted_button

    def act(seen):
        moment = _moment(seen)
        return 0 if moment is None or moment[1] % 2 else int(wanted_button(moment[0]))

    return act


def pong(shape, actions):
    """Pong from the memory of the Atari: the middle of the paddle to the height of the ball."""
    noop, up, down = 0, 2, 3

    def act(memory):
        across, ball, paddle = (int(memory[place]) for place in (49, 54, 51))
        above = ball - 6 - paddle
        if not (across and ball) or abs(above) <= 3:
            return noop
        return down if above > 0 else up

    return act


def lander(shape, actions):
    """The script that Gymnasium has for LunarLander."""
    from gymnasium.envs.box2d.lunar_lander import heuristic

    discrete = SimpleNamespace(unwrapped=SimpleNamespace(continuous=False))
    return lambda seen: int(heuristic(discrete, seen))


def obstacles(shape, actions):
    """MiniGrid-Dynamic-Obstacles: to the goal once it is in view, else on; never into what is in front."""
    left, right, forward = 0, 1, 2

    def act(seen):
        kinds = np.asarray(seen)[..., 0]
        ahead = kinds[3, 5]
        goal = np.argwhere(kinds == 8)
        free = ahead in (1, 8)
        if len(goal):
            across, along = goal[0][0] - 3, 6 - goal[0][1]
            if along > 0 and free:
                return forward
            if across:
                return right if across > 0 else left
        return forward if free else right

    return act
