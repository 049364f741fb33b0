"""The harness: staggered inference played against a clock that does not wait.

``configuration`` (what to run), ``local`` (real clock, one process for the environment and one a worker),
``virtual`` (the same rules, environment and network on a simulated clock, one process). The pieces: ``arena``
(shared memory), ``synchronisation`` (semaphores and the rule's lock), ``clock``, ``board`` (frames out, actions in),
``environment_process``, ``worker_process``, ``processes`` (starting and ending them).
"""

from ..needs import need

need("play", "a run")
