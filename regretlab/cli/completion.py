"""The command that teaches a shell to complete the others: ``completion``."""

from typing import Literal

from .options import Json, app
from .output import print_json, write

__all__ = ["completion"]


@app.command
def completion(shell: Literal["bash", "zsh", "fish"], *, json: Json = False) -> int:
    """Print a script that completes commands, options and choices in a shell.

    Example: regretlab completion bash

    To have it in every bash: put the line eval "$(regretlab completion bash)" into ~/.bashrc. In zsh write the script
    to a file named _regretlab in a folder of $fpath, in fish to ~/.config/fish/completions/regretlab.fish.

    Parameters
    ----------
    shell
        The shell that is to complete.
    """
    script = app.generate_completion(shell=shell)
    if json:
        print_json({"shell": shell, "script": script})
        return 0
    write(script if script.endswith("\n") else script + "\n")
    return 0
