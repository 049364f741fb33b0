"""Sweeps: a grid over the parameters of ``bound``, ``simulate``, ``solve`` or ``run`` as one labelled dataset.

``configuration`` reads and checks the TOML file, ``commands`` says what each command takes and gives, ``chunks``
keeps what is done so that nothing is lost, ``engines`` spreads the rest over cores or a cluster, ``dataset`` puts it
together.
"""

from ..needs import need
from .configuration import Axis, SweepConfiguration, read_configuration
from .sweep import Sweep, run_sweep

need("play", "a sweep")

__all__ = ["Axis", "Sweep", "SweepConfiguration", "read_configuration", "run_sweep"]
