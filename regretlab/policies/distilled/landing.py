"""The network that sees stacker as its script does: where the piece is, and what each of its landings is worth.

The picture is averaged over the Game Boy's 20 x 18 tiles. A detector slides over the field's tiles and gives one number
for each piece, turn, row and column of its box, and "no piece falls". A second branch looks at whole columns, which
share their weights, and gives the value of each landing of all seven pieces and the row where it ends. 49,268 weights.

From there on nothing is learned: the piece with its turn and column, the landing of largest value less a little for
each press, and a rule that presses the buttons, which no press outlasts that has been seen to take effect.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ...games.stacker_boards import PLACES, TURNS
from ...games.stacker_planner import planned_press

__all__ = ["FRAME_SHAPE", "NOTHING", "LandingNetwork", "Plan", "Planner", "averaging_matrix"]

FRAME_SHAPE = (84, 84)
NOTHING = 7 * 4 * 18 * PLACES
"""Number of "no piece falls" among the detector's outputs."""
_PRESS_COST = 0.3
_A, _B, _LEFT, _RIGHT, _DOWN = 1, 2, 3, 5, 6


def averaging_matrix(size: int, target: int) -> NDArray[np.float32]:
    """Return the matrix, shape (target, size), that averages a side over areas.

    Examples
    --------
    >>> averaging_matrix(3, 2).tolist()
    [[0.6666666865348816, 0.3333333432674408, 0.0], [0.0, 0.3333333432674408, 0.6666666865348816]]
    """
    edges = np.arange(target + 1) * size / target
    pixels = np.arange(size)
    shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.clip(shared, 0, None) * target / size).astype(np.float32)


class LandingNetwork(nn.Module):
    """Pictures to landings and places."""

    down: Tensor
    across: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Conv1d(18, 64, 1)
        self.column = nn.Conv1d(64, 48, 1)
        self.all = nn.Linear(48, 64)
        self.near = nn.Conv1d(48, 64, 5, padding=2)
        self.far = nn.Conv1d(64, 64, 5, padding=2)
        self.value = nn.Conv1d(64, 28, 1)
        self.row = nn.Conv1d(64, 28, 1)
        self.window = nn.Conv2d(1, 24, 6)
        self.mixed = nn.Conv2d(24, 24, 1)
        self.place = nn.Conv2d(24, 28, 1)
        self.register_buffer("down", torch.from_numpy(averaging_matrix(FRAME_SHAPE[0], 18)), persistent=False)
        across = torch.from_numpy(averaging_matrix(FRAME_SHAPE[1], 20)).T.contiguous()
        self.register_buffer("across", across, persistent=False)

    def from_tiles(self, tiles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the outputs for mean grays of tiles in [0, 1], shape (batch, 18, 20).

        Returns
        -------
        tuple
            Values of landings and their rows (divided by 18), both (batch, 7, 4, 12); logits of the piece's place,
            (batch, ``NOTHING`` + 1).
        """
        field = 1 - tiles[:, :, 1:13]  # from wall to wall
        columns = functional.relu(self.column(functional.relu(self.cell(field))))
        seen = functional.relu(self.near(columns) + self.all(columns.mean(2))[:, :, None])
        seen = functional.relu(self.far(seen))
        around = functional.pad(field[:, None], (2, 4, 1, 4))
        places = self.place(functional.relu(self.mixed(functional.relu(self.window(around)))))[..., :PLACES]
        nothing = torch.zeros(len(tiles), 1)
        shape = (-1, 7, 4, PLACES)
        return (
            self.value(seen).view(shape),
            self.row(seen).view(shape),
            torch.cat([places.flatten(1), nothing], 1),
        )

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the outputs for frames in [0, 1], shape (batch, 84, 84)."""
        return self.from_tiles(self.down @ frames @ self.across)


@dataclass(frozen=True)
class Plan:
    """What the network says of a picture.

    Attributes
    ----------
    piece, turn, place, row
        The falling piece and its box.
    wanted_turn, wanted_place, lowest
        The landing.
    """

    piece: int
    turn: int
    place: int
    row: int
    wanted_turn: int
    wanted_place: int
    lowest: int


class Planner:
    """Chooses actions from the network's outputs; keeps its landing until another piece appears.

    Parameters
    ----------
    network
        With its weights.
    """

    def __init__(self, network: LandingNetwork) -> None:
        self._network = network
        self._before: Plan | None = None

    def plan(self, frame: NDArray[np.uint8]) -> Plan | None:
        """Return the plan for a frame; None where no piece falls."""
        with torch.inference_mode():
            values, rows, places = self._network(torch.from_numpy(frame.astype(np.float32) / 255)[None])
        number = int(places[0].argmax())
        if number == NOTHING:
            return None
        piece, turn, row, place = (int(index) for index in np.unravel_index(number, (7, 4, 18, PLACES)))
        before = self._before
        if before is not None and before.piece == piece and row >= before.row:
            wanted = before.wanted_turn, before.wanted_place
        else:
            worth = values[0, piece, : TURNS[piece]].numpy().copy()
            turns = np.abs(np.arange(TURNS[piece]) - turn)
            presses = np.minimum(turns, 4 - turns)[:, None] + np.abs(np.arange(PLACES) - place)
            wanted = divmod(int((worth - _PRESS_COST * presses).argmax()), PLACES)
        lowest = round(18 * float(rows[0, piece, wanted[0], wanted[1]]))
        self._before = Plan(piece, turn, place, row, *wanted, lowest)
        return self._before

    def chunk(self, frame: NDArray[np.uint8], horizon: int) -> NDArray[np.int16]:
        """Return an action for each age from 0 on, from the picture alone.

        A press lasts until a picture shows what it did; the next one is of another button, as turns and moves take
        turns by the parity of what is missing. So no memory of buttons is needed, and no press counts twice. Down ends
        when the piece has landed.
        """
        plan = self.plan(frame)
        actions = np.zeros(horizon, np.int16)
        if plan is None:
            return actions
        turns, columns = (plan.wanted_turn - plan.turn) % 4, plan.wanted_place - plan.place
        if not turns and not columns:
            actions[: 3 * (max(plan.lowest - plan.row, 0) + 1) + 2] = _DOWN
        elif turns and (turns + columns) % 2 == 0:
            actions[:] = _A if turns <= 2 else _B
        else:  # with nothing to move, a step aside lets go of the button that turned
            actions[:] = _RIGHT if columns > 0 or (not columns and plan.place < PLACES // 2) else _LEFT
        return actions

    def action(self, frame: NDArray[np.uint8], under_way: Sequence[int]) -> int:
        """Return an action by what is seen and by the actions since, as the script does (``StackerPlanner``).

        Parameters
        ----------
        frame
            What was seen, which is what the game held a frame before.
        under_way
            Actions from the frame before it to the one that this action is for; at least one.
        """
        plan = self.plan(frame)
        if plan is None:
            return 0
        missing = plan.wanted_turn - plan.turn, plan.wanted_place - plan.place
        return planned_press(*missing, plan.lowest - plan.row, list(under_way), under_way[-1])
