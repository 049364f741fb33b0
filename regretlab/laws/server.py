"""One server that answers all workers: what its answers to several requests in flight have to do with each other.

``serial``: it answers one request after the other, in the order of their arrival. ``batch``: it answers all requests
that wait together; those that arrive meanwhile wait for the next batch. A batch of n takes 1 + growth (n - 1) times as
long as a batch of one. What an answer needs besides the server (``network``) passes next to the work for others.

A law with a server is the law of a lone request. With several workers it is not that of an answer: they wait for each
other, as in a closed queueing network, and a simulation plays the queue.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..errors import InputError
from .constant_law import ConstantLaw, constant
from .law import Law
from .sample_law import SampleLaw, law_from_samples
from .scipy_law import ScipyLaw

__all__ = ["DISCIPLINES", "Server", "own_time", "with_server"]

Discipline = Literal["serial", "batch"]
DISCIPLINES: tuple[Discipline, ...] = ("serial", "batch")


@dataclass(frozen=True)
class Server:
    """How one server treats requests that come while it works.

    Attributes
    ----------
    discipline
        "serial" or "batch".
    growth
        By which share of its time each further request lengthens a batch, at least 0.
    network
        Seconds of a lone request that the server does not work, at least 0.
    """

    discipline: Discipline
    growth: float = 0.0
    network: float = 0.0

    def scaled(self, factor: float) -> "Server":
        """Return the server with all its times ``factor`` times as long."""
        return replace(self, network=factor * self.network)

    def __str__(self) -> str:
        if self.discipline == "serial":
            return "one server answers one request after the other"
        grows = f", and each further request of a batch takes {self.growth:.3g} of the first's time" * (self.growth > 0)
        return f"one server answers all requests that wait together{grows}"


def with_server(law: Law, server: Server, *, text: str | None = None) -> Law:
    """Return the law of a lone request to a server.

    Parameters
    ----------
    law
        Of a lone request, ``server.network`` included.
    server
        How it treats others.
    text
        What the law is called; its own text if not given.

    Raises
    ------
    InputError
        For a growth or a network time that is negative or not finite, or a network time that no answer is as short as.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> parse_law("serial(0.05)").server.discipline, parse_law("batch(0.05, growth=0.1, network=0.01)").mean()
    ('serial', 0.06...)
    """
    for name in ("growth", "network"):
        value = getattr(server, name)
        if not (np.isfinite(value) and value >= 0):
            raise InputError(f"{name} of a server must be a finite number of at least 0, not {value:g}")
    if law.quantile(0.0) < server.network:
        raise InputError(
            f"network of a server must be at most its shortest answer, {law.quantile(0.0):g} s, not "
            f"{server.network:g} s"
        )
    return replace(law, text=law.text if text is None else text, server=server)


def own_time(law: Law) -> Law:
    """Return the law of the time that the server works on a lone request."""
    assert law.server is not None
    network = law.server.network
    if not network:
        return replace(law, server=None)
    text = f"{law.text} less {network:g} s"
    if isinstance(law, SampleLaw):
        return law_from_samples(law.seconds - network, text=text)
    if isinstance(law, ConstantLaw):
        return constant(law.seconds - network)
    assert isinstance(law, ScipyLaw)
    return ScipyLaw(text, law.distribution, law.shapes, law.loc - network, law.scale)
