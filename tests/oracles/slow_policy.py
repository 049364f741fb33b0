"""The source of a policy that is slow at every so many calls."""

SOURCE = """
import time

class Slow:
    def __init__(self, shape, actions):
        self.calls = 0

    def __call__(self, observation):
        self.calls += 1
        time.sleep({slow} if self.calls % {every} == 0 else {usual})
        return 1
"""


def slow_policy(every: int, slow: float, usual: float) -> str:
    """Return the source: ``slow`` seconds at every so many calls, ``usual`` seconds at the others."""
    return SOURCE.format(every=every, slow=slow, usual=usual)
