"""Staggering rules: who starts an inference when, and when its output is released.

One file a rule in ``rules/`` (compiled, pure transition functions), ``rule.py`` for the registry, ``service.py`` for
their closed forms. The simulator, the virtual harness and the realtime harness run the same functions; each brings its
own clock.
"""
