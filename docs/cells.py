"""Each page's kernel runs this before its cells: ``!regretlab ...`` is a call in the kernel, not a process of its own.

A process would import everything again, three seconds for each of some twenty commands, and IPython gives it a
terminal, so that the page would show its progress bar.
"""


def _calls_itself() -> None:
    import os
    import shlex

    shell = get_ipython()  # type: ignore[name-defined]  # noqa: F821
    elsewhere = shell.system
    os.environ["COLUMNS"] = "74"  # a page with a table of contents shows lines of 76 letters on a desktop

    def system(line: str) -> None:
        words = shlex.split(shell.var_expand(line, depth=1))
        if words[:1] != ["regretlab"] or set(line) & set(";|&<>$"):  # a shell's own
            elsewhere(line)
            return
        import rich.console

        from regretlab.cli import main

        rich.console._is_jupyter = lambda: False  # the text that a file would get, not HTML
        if main(words[1:]) != 0:
            raise RuntimeError(f"this command failed: {line}")

    shell.system = system


_calls_itself()
