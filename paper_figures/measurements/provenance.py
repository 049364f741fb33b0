"""What every results file says about itself."""

import json
import os
import platform
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["RESULTS", "provenance", "read_results", "write_results"]

RESULTS = Path(__file__).parents[1] / "results"


def provenance(command: str) -> dict[str, str]:
    """Return the command, the time, the machine and the versions."""
    import numpy as np
    import torch

    from regretlab import __version__

    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return {
        "command": command,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{found[1] if found else platform.machine()}, {os.cpu_count()} cores, {platform.platform()}",
        "versions": f"regretlab {__version__}, Python {platform.python_version()}, NumPy {np.__version__}, "
        f"PyTorch {torch.__version__}",
    }


def write_results(name: str, content: Mapping[str, Any], folder: Path = RESULTS) -> Path:
    """Write ``NAME.json`` into the results folder in one step."""
    from regretlab.files import write_atomically

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    write_atomically(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    return path


def read_results(name: str, folder: Path = RESULTS) -> dict[str, Any]:
    """Return the content of a results file; without ``folder`` of a committed one."""
    content = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content
