"""The yardsticks of the simulator's speed: a plain C program, compiled on the fly, and a plain Numba loop."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np

SOURCE = Path(__file__).with_name("frame_pool.c")
KEPT = SOURCE.with_name("kept_outputs.c")
"""Free-running workers whose unused outputs are kept."""


@dataclass
class Played:
    """What a yardstick measured."""

    seconds: float
    inaction_fraction: float
    reward_per_frame: float
    delay_law: np.ndarray


def compile_c(folder: Path, source: Path = SOURCE) -> Path:
    """Compile a C program into a folder; return the executable."""
    compiler = shutil.which("gcc")
    if compiler is None:
        raise FileNotFoundError("the C yardstick needs gcc")
    program = folder / source.stem
    subprocess.run([compiler, "-O3", "-march=native", "-o", program, source, "-lm"], check=True)
    return program


def run_c(program: Path, frames: int, seed: int, mean: float, p: float, symbols: int, *more: int) -> Played:
    """Run it: exponential times of that mean (in frames) on the ring, in the unlimited pool or for so many workers."""
    command = [program, frames, seed, mean, p, symbols, *more]
    output = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout
    seconds, inaction, reward, *delays = map(float, output.split())
    return Played(seconds, inaction, reward, np.array([0.0, *delays]))


@numba.njit
def plain_pool(frames, seed, mean, p, symbols):
    """The C program's loop, as one would first write it for Numba."""
    np.random.seed(seed)  # noqa: NPY002
    ring = 1024
    due = np.full(ring, -1, np.int64)
    history = np.zeros(ring, np.int64)
    delays = np.zeros(ring, np.int64)
    symbol = inaction = reward = 0
    for k in range(frames):
        if np.random.random() >= p:  # noqa: NPY002
            symbol = (symbol + 1 + np.random.randint(symbols - 1)) % symbols  # noqa: NPY002
        history[k % ring] = symbol
        delay = min(max(1, int(np.ceil(np.random.exponential(mean)))), ring - 1)  # noqa: NPY002
        due[(k + delay) % ring] = k
        observed = due[k % ring]
        if observed < 0:
            inaction += 1
        else:
            delays[k - observed] += 1
            reward += history[observed % ring] == symbol
            due[k % ring] = -1
    return inaction, reward, delays
