"""The frame pool on the K-symbol ring as a SimPy model: resources, processes and timeouts, no code of the package."""

import random
from collections import Counter
from dataclasses import dataclass, field

import simpy


@dataclass
class PoolModel:
    """N workers; at each frame boundary an idle one observes the ring's symbol and thinks for an exponential time."""

    workers: int
    mean: float
    p: float
    symbols: int
    seed: int
    delays: Counter = field(default_factory=Counter)
    frames: int = 0
    rewards: int = 0

    def run(self, frames: int) -> "PoolModel":
        self.random = random.Random(self.seed)
        self.environment = simpy.Environment()
        self.pool = simpy.Resource(self.environment, capacity=self.workers)
        self.outputs: list[tuple[int, int]] = []
        self.environment.process(self.play(frames))
        self.environment.run()
        return self

    def play(self, frames):
        symbol = 0
        for frame in range(frames):
            if self.random.random() >= self.p:
                symbol = (symbol + 1 + self.random.randrange(self.symbols - 1)) % self.symbols
            if self.outputs:
                observed, seen = max(self.outputs)
                self.outputs.clear()
                self.delays[frame - observed] += 1
                self.rewards += seen == symbol
            if self.pool.count < self.workers:
                self.environment.process(self.infer(frame, symbol))
            yield self.environment.timeout(1)
        self.frames = frames

    def infer(self, frame, symbol):
        with self.pool.request() as worker:
            yield worker
            yield self.environment.timeout(self.random.expovariate(1 / self.mean))
            self.outputs.append((frame, symbol))
