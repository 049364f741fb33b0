"""Stacker's boards without the emulator: values against the script's, screens against the cartridge's."""

import numpy as np
import pytest

from regretlab.games.stacker import Stacker
from regretlab.games.stacker_boards import FIRST_COLUMN, PLACES, TURNS, draw_boards, draw_pieces, tile_pictures
from regretlab.games.stacker_planner import StackerPlanner, StackerWatcher
from regretlab.games.stacker_player import _landing, best_landing, piece_cells


@pytest.fixture(scope="module")
def boards():
    return draw_boards(3000, np.random.default_rng(3))


@pytest.mark.thorough
def test_a_landing_is_worth_what_the_script_says(boards):
    for number in range(100, 3000, 290):
        board = boards.tiles[number] > 0
        for piece, turns in enumerate(TURNS):
            for turn in range(turns):
                for place in range(PLACES):
                    expected = _landing(board, piece, turn, place + FIRST_COLUMN, 0)
                    found = boards.values[number, piece, turn, place]
                    assert found == pytest.approx(-np.inf if expected is None else expected)
            if np.isfinite(boards.values[number, piece]).any():
                turn, column = best_landing(board, piece, 0)
                assert boards.values[number, piece].max() == _landing(board, piece, turn, column, 0)


def test_the_row_of_a_landing_is_the_last_that_is_free(boards):
    for number in range(50, 3000, 590):
        board = boards.tiles[number] > 0
        for piece, turn, place in zip(*np.nonzero(np.isfinite(boards.values[number])), strict=True):
            cells = np.add(piece_cells(int(piece), int(turn)), (0, place + FIRST_COLUMN))
            row = boards.rows[number, piece, turn, place]
            assert not board[cells[:, 0] + row, cells[:, 1]].any()
            below = cells[:, 0] + row + 1
            assert (below == 18).any() or board[below, cells[:, 1]].any()


def test_boards_follow_one_another_by_one_piece_and_its_full_rows(boards):
    filled = (boards.tiles > 0).sum((1, 2))
    change = np.diff(filled)[filled[1:] > 0]  # without the ends of games
    assert set(change.tolist()) <= {4, -6, -16, -26, -36}
    assert (change == -6).any()
    assert not (boards.tiles > 0).all(axis=2).any()


@pytest.mark.thorough
def test_pieces_stand_where_the_label_says(boards):
    screens, places = draw_pieces(boards, np.random.default_rng(4), none=0.1)
    falls = places < 6048
    assert 0.85 < falls.mean() < 0.95
    for number in range(0, 3000, 97):
        new = (screens[number, :, 2:12] > 0) & (boards.tiles[number] == 0)
        assert new.sum() == 4 * falls[number]
        if falls[number]:
            piece, turn, row, place = np.unravel_index(places[number], (7, 4, 18, PLACES))
            cells = np.add(piece_cells(int(piece), int(turn)), (row, place + FIRST_COLUMN))
            assert (screens[number][cells[:, 0], 2 + cells[:, 1]] == 1 + piece).all()


def test_screens_are_the_cartridges_to_the_byte():
    game, watcher, player, pictures = Stacker(), StackerWatcher(), StackerPlanner(), tile_pictures()
    game.reset(seed=5)
    before, compared = None, 0
    for _ in range(1200):
        state = watcher.state(game)
        still = before is not None and (state.piece, state.pieces, state.falling) == before and state.falling
        before = (state.piece, state.pieces, state.falling)
        if still:  # the screen is a frame behind
            piece, turn, column, row = state.piece
            tiles = np.zeros((18, 12), np.uint8)
            tiles[:, [0, 11]] = 8
            tiles[:, 1:11] = game.board
            for down, across in piece_cells(piece, turn):
                tiles[down + row, 1 + across + column] = 1 + piece
            drawn = pictures[tiles].transpose(0, 2, 1, 3).reshape(144, 96)
            if compared % 20 == 0:
                np.testing.assert_array_equal(drawn, game._emulator.screen()[:, 8:104])
            compared += 1
        game.step(player.action(state, []))
    game.close()
    assert compared > 300
