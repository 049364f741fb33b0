"""Save and load finite MDPs as ``.npz`` files, without pickle.

Arrays of a file: ``indptr``, ``indices``, ``probabilities`` (compressed rows, row ``s * A + a``), ``rewards`` (S, A),
``labels`` (S,), ``name``, and for an asynchronous MDP ``frame_time`` and ``beta`` ((S, A), or the text "repeat"; absent
if there is none). Files made by hand may hold a dense ``transitions`` of shape (A, S, S) in place of the first three,
and need nothing else but ``rewards``.
"""

from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from ..errors import InputError
from ..files import replacing
from ..inputs import read_arrays
from .model import AsynchronousMDP, FiniteMDP

__all__ = ["load_mdp", "save_mdp"]


def save_mdp(process: FiniteMDP | AsynchronousMDP, path: str | Path) -> Path:
    """Write a process to an ``.npz`` file; the file appears whole or not at all.

    Parameters
    ----------
    process
        An MDP or an asynchronous MDP.
    path
        Where to; must end in ``.npz``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save_mdp(FiniteMDP([np.eye(2)], [[0.0], [1.0]]), Path(folder) / "two.npz")
    ...     load_mdp(path)
    FiniteMDP(states=2, actions=1, transitions=2)
    """
    target = Path(path)
    if target.suffix != ".npz":
        raise InputError(f"the file {target} does not end in .npz")
    mdp = process.mdp if isinstance(process, AsynchronousMDP) else process
    rows = mdp.transitions
    labels = np.asarray(mdp.labels)
    if labels.dtype.kind == "O":
        raise InputError(f"labels of type {labels.dtype} cannot be saved without pickle: use numbers or text")
    arrays: dict[str, Any] = {
        "indptr": rows.indptr,
        "indices": rows.indices,
        "probabilities": rows.data,
        "rewards": mdp.rewards,
        "labels": labels,
        "name": np.array(mdp.name),
    }
    if isinstance(process, AsynchronousMDP):
        arrays["frame_time"] = np.array(process.frame_time)
        if process.beta is not None:
            arrays["beta"] = np.array(process.beta)
    with replacing(target) as partial, partial.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)
    return target


def load_mdp(path: str | Path) -> FiniteMDP | AsynchronousMDP:
    """Read a process from an ``.npz`` file; asynchronous if the file holds a frame time or a default behaviour.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    InputError
        If the file cannot be read, lacks an array, or does not hold an MDP.
    """
    source = Path(path)
    arrays = read_arrays(source, "the file")
    sparse_form = {"indptr", "indices", "probabilities"} <= set(arrays)
    if "rewards" not in arrays or not (sparse_form or "transitions" in arrays):
        raise InputError(
            f"the file {source} holds {', '.join(sorted(arrays)) or 'nothing'}: an MDP needs rewards, and transitions "
            "(actions, states, states) or indptr, indices and probabilities"
        )
    for name in ("indptr", "indices", "probabilities", "transitions", "rewards", "frame_time"):
        if name in arrays and arrays[name].dtype.kind not in "biuf":
            raise InputError(f"{name} in {source} are of type {arrays[name].dtype}: real numbers are needed")
    if "frame_time" in arrays and arrays["frame_time"].ndim:
        raise InputError(f"frame_time in {source} has shape {arrays['frame_time'].shape}: one number is needed")
    rewards = arrays["rewards"]
    if rewards.ndim != 2:
        raise InputError(f"rewards in {source} have shape {rewards.shape}: (states, actions) is needed")
    transitions: Any = arrays.get("transitions")
    if sparse_form:
        states, actions = rewards.shape
        indptr, indices, data = arrays["indptr"], arrays["indices"], arrays["probabilities"]
        try:
            transitions = sparse.csr_array((data, indices, indptr), shape=(states * actions, states))
            transitions.check_format(full_check=True)
        except (ValueError, TypeError, IndexError) as error:
            raise InputError(f"the rows in {source} do not fit {states} states, {actions} actions: {error}") from None
    mdp = FiniteMDP(transitions, rewards, arrays.get("labels"), str(arrays.get("name", source.name)))
    if "frame_time" not in arrays and "beta" not in arrays:
        return mdp
    beta: Any = arrays.get("beta")
    if beta is not None and beta.dtype.kind == "U":
        beta = str(beta)
    return AsynchronousMDP(mdp, beta, float(arrays.get("frame_time", 1.0)))
