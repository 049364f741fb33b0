"""Policies that misbehave, for ``tests/play/test_bad_day.py``."""

import sys


def policy(fault):
    """Return the factory of a policy that misbehaves in its thirtieth call (``module:...:NAME``)."""

    def factory(shape, actions):
        if fault == "factory":
            sys.exit(0)
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


exits, exits_at_once, raises, answers, prints = map(policy, ("exit", "factory", "raise", "answer", "print"))
