"""How the numbers of workers and learners grow: lines through what ``inference_times`` and ``learning_times`` measured.

``python -m paper_figures.measurements.worker_fits`` prints them. N_I* = ceil(mean inference time / frame time), N_L* =
ceil(time of a learning step / frame time): one update for each frame. The line N = a + b x takes the numbers as they
are; its largest network counts most. The exponent is the slope of log time against log x, where each network counts
alike: 1 is linear. Intervals are those of least squares (Student's t), so they trust the scatter about the line.
"""

from typing import NamedTuple

from .provenance import read_results

__all__ = ["WorkerFit", "numbers", "worker_fits"]

FRAME_TIME = 1 / 59.7275


class WorkerFit(NamedTuple):
    """A number of workers against parameters or inference time.

    Attributes
    ----------
    of, against
        "N_I*" or "N_L*"; "million parameters" or "second of inference".
    networks
        How many the fit is through.
    slope, slope_interval
        Workers for one more unit, and half of its 95 % interval.
    exponent, exponent_interval
        Of the power law of the times, and half of its 95 % interval.
    """

    of: str
    against: str
    networks: int
    slope: float
    slope_interval: float
    exponent: float
    exponent_interval: float


def numbers(frame_time: float = FRAME_TIME) -> dict[str, tuple[float, float, int, int | None]]:
    """Return of each network: millions of parameters, seconds of an inference, N_I*, and N_L* where it was measured."""
    import math

    import numpy as np

    learning = {row["policy"]: float(np.mean(row["seconds"])) for row in read_results("learning_times")["networks"]}
    table = {}
    for row in read_results("inference_times")["networks"]:
        seconds, step = float(np.mean(row["seconds"])), learning.get(row["policy"])
        learners = None if step is None else math.ceil(step / frame_time)
        table[row["policy"]] = (row["parameters"] / 1e6, seconds, math.ceil(seconds / frame_time), learners)
    return table


def worker_fits(frame_time: float = FRAME_TIME) -> list[WorkerFit]:
    """Return the four fits.

    Examples
    --------
    >>> fit = worker_fits()[0]
    >>> f"{fit.of}: {fit.slope:.3f} ± {fit.slope_interval:.3f} a {fit.against}"
    'N_I*: 0.305 ± 0.010 a million parameters'
    """
    import numpy as np
    from scipy.stats import linregress, t

    steps = {row["policy"]: float(np.mean(row["seconds"])) for row in read_results("learning_times")["networks"]}
    table, fits = numbers(frame_time), []
    for of in ("N_I*", "N_L*"):
        used = [policy for policy in table if of == "N_I*" or policy in steps]
        times = [table[policy][1] if of == "N_I*" else steps[policy] for policy in used]
        counts = [table[policy][2 if of == "N_I*" else 3] for policy in used]
        quantile = float(t.ppf(0.975, len(used) - 2))
        for against, column in (("million parameters", 0), ("second of inference", 1)):
            x = [table[policy][column] for policy in used]
            line, power = linregress(x, counts), linregress(np.log(x), np.log(times))
            intervals = (quantile * float(line.stderr), quantile * float(power.stderr))
            fits.append(
                WorkerFit(of, against, len(used), float(line.slope), intervals[0], float(power.slope), intervals[1])
            )
    return fits


if __name__ == "__main__":
    for policy, (millions, seconds, workers, learners) in numbers().items():
        print(f"{policy}: {millions:.3g}M, {1e3 * seconds:.3g} ms, N_I* {workers}, N_L* {learners or 'not measured'}")
    for fit in worker_fits():
        print(
            f"{fit.of}, {fit.networks} networks: {fit.slope:.4g} ± {fit.slope_interval:.2g} a {fit.against}; "
            f"exponent {fit.exponent:.3f} ± {fit.exponent_interval:.3f} (95 %)"
        )
