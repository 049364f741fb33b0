"""Policies that misbehave, for ``tests/play/test_bad_day.py``."""

import subprocess
import sys

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
DAEMON = f"import subprocess; subprocess.Popen({SLEEPER!r}, start_new_session=True)"


def start_processes():
    """Start a process, and another one in a session of its own, whose parent ends at once."""
    subprocess.Popen(SLEEPER)
    subprocess.run([sys.executable, "-c", DAEMON], check=True)
    print("started 2 processes", file=sys.stderr)


def policy(fault):
    """Return the factory of a policy that misbehaves in its thirtieth call (``module:...:NAME``)."""

    def factory(shape, actions):
        if fault == "factory":
            sys.exit(0)
        if fault == "start":
            start_processes()
        calls = 0

        def act(observation):
            nonlocal calls
            calls += 1
            if fault == "print":
                print("the policy prints")
            if calls >= 30 and fault == "exit":
                sys.exit(0)
            if calls >= 30 and fault == "raise":
                raise ArithmeticError("the network fell over")
            return "left" if calls >= 30 and fault == "answer" else 1

        return act

    return factory


exits, exits_at_once, raises, answers, prints, starts = map(
    policy, ("exit", "factory", "raise", "answer", "print", "start")
)
