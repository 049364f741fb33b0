"""What learning sends through a cluster, piece by piece: gradients, versions of weights, seats."""

import os
import threading

import numpy as np
import pytest

from regretlab.cluster import open_cluster
from regretlab.errors import RunError
from regretlab.play.cluster.actors import FrameStore, InferenceActor
from regretlab.play.cluster.gradients import GradientActor, GradientSeats, WeightShelf
from regretlab.play.cluster.placement import MOST_LOSSES, ActorLost, Placement, keep_filled, meaning
from regretlab.play.cluster.weights import NodeWeights, WeightSender, WeightStore
from regretlab.play.learning.state import WeightSnapshots, snapshot_fields
from regretlab.play.system.arena import Arena
from regretlab.policies import PolicySpec
from regretlab.policies.learning.updates import Batch, GradientComputer
from regretlab.policies.parameters import random_parameters

pytest.importorskip("ray")


def _batch(generator, size, weighted):
    def frames():
        return generator.integers(0, 256, (size, 84, 84)).astype(np.uint8)

    return Batch(
        observations=frames(),
        actions=generator.integers(0, 5, size),
        rewards=generator.normal(0, 1, size).astype(np.float32),
        discounts=np.full(size, 0.9, np.float32),
        next_observations=frames(),
        rows=np.arange(size),
        weights=generator.random(size).astype(np.float32) if weighted else None,
    )


@pytest.mark.cluster
@pytest.mark.filterwarnings("ignore")
def test_an_actor_computes_the_gradient_of_this_process_bit_for_bit(monkeypatch):
    """Three batches in turn, two networks, and the weights that a version named before had."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")]))
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # as in the actor and in a local learner: sums depend on it
    with open_cluster(None) as ray:
        for name, channels_last in (("nature", True), ("impala-k1/16", False)):
            spec, generator = PolicySpec(name, actions=5, channels_last=channels_last), np.random.default_rng(1)
            here, there = GradientComputer(spec, 10.0), GradientSeats(ray, spec, 10.0, 1).take(0)
            for version in range(3):
                for computer in (here, there):
                    computer.weights[:] = random_parameters(PolicySpec(name, actions=5, seed=version))
                    computer.target[:] = random_parameters(PolicySpec(name, actions=5, seed=9))
                    computer.version = version, 0
                batch = _batch(generator, 8, weighted=version == 1)
                here.compute(batch)
                there.compute(batch)
                assert np.abs(here.gradient).max() > 0
                np.testing.assert_array_equal(there.gradient, here.gradient)
                np.testing.assert_array_equal(there.differences, here.differences)
            assert there._shelf.puts == 3 + 1  # three versions of the weights, one of the target
            there.weights[:] = np.nan
            there.version = 3, 0
            with pytest.raises(RuntimeError, match="learning diverged: a gradient is not finite"):
                there.compute(batch)
            there.leave()
            with pytest.raises(ActorLost):
                there.compute(batch)


def test_a_gradient_without_a_cluster_is_the_same_too(monkeypatch):
    """The actor's class called here, with read-only arrays as they come out of an object store."""
    monkeypatch.setattr(os, "nice", lambda by: 0)
    spec, generator = PolicySpec("nature", actions=5), np.random.default_rng(2)
    batch = _batch(generator, 4, weighted=True)
    weights, target = (random_parameters(PolicySpec("nature", actions=5, seed=seed)) for seed in (1, 2))
    for array in (*(value for value in vars(batch).values()), weights, target):
        array.flags.writeable = False
    gradient, differences, seconds, used = GradientActor(spec, 0.5, False).compute(batch, weights, target)
    here = GradientComputer(spec, 0.5)
    here.weights[:], here.target[:] = weights, target
    here.compute(Batch(**{name: value.copy() for name, value in vars(batch).items()}))
    np.testing.assert_array_equal(gradient, here.gradient)
    np.testing.assert_array_equal(differences, here.differences)
    assert np.linalg.norm(gradient) == pytest.approx(0.5, rel=1e-5)  # it was clipped there
    assert seconds > 0
    assert used > 0


class _Ray:
    """Stands for the module: an object store that counts, calls that are done at once."""

    class exceptions:  # noqa: N801 - the module's name
        class RayError(Exception):
            pass

    def __init__(self):
        self.store, self.holding = [], False

    def put(self, value):
        self.store.append(np.array(value))
        return len(self.store) - 1

    def wait(self, pending, timeout):
        return ([], pending) if self.holding else (pending, [])

    def get(self, pending):
        return pending()


class _Remote:
    """An actor whose ``put`` runs when its answer is asked for."""

    def __init__(self, ray, store):
        self.put = self
        self._ray, self._store = ray, store

    def remote(self, reference):
        return lambda: self._store.put(self._ray.store[reference])


def test_a_version_is_put_once_however_many_ask():
    ray = _Ray()
    shelf = WeightShelf(ray, most=3)
    weights = np.arange(4, dtype=np.float32)
    threads = [threading.Thread(target=shelf.get, args=("weights", 1, weights)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shelf.puts == 1
    assert shelf.get("target", 1, weights) != shelf.get("weights", 1, weights)
    for version in range(2, 6):
        shelf.get("weights", version, weights)
        shelf.get("target", 1, weights)
    assert shelf.puts == 6  # the target stayed in use and was not put again
    assert len(shelf._there) == 3


def test_nodes_are_sent_the_newest_version_once_and_none_between():
    ray = _Ray()
    arena = Arena(snapshot_fields(1, 4))
    snapshots = WeightSnapshots(arena)
    snapshots.prepare(np.zeros(4, np.float32))
    stores = [WeightStore(1, np.zeros(4, np.float32), patience=0.01) for _ in range(2)]
    nodes = [NodeWeights(ray, _Remote(ray, store), store.place()) for store in stores]
    sender = WeightSender(ray, snapshots)
    sender.send(nodes)
    assert ray.store == []  # nothing new
    snapshots.publish(np.full(4, 1, np.float32))
    sender.send(nodes)
    sender.send(nodes)
    assert len(ray.store) == 1  # one object for both nodes
    ray.holding = True
    for version in (2, 3, 4):
        assert snapshots.publish(np.full(4, version, np.float32))
        sender.send(nodes)
    assert len(ray.store) == 2  # the nodes are still at the first of these
    ray.holding = False
    sender.send(nodes)
    sender.send(nodes)
    assert [array[0] for array in ray.store] == [1, 2, 4]
    assert [store.received() for store in stores] == [3, 3]
    for store in stores:
        there = WeightSnapshots(Arena.at(store.place()))
        assert (there.copies[there.begin(0)] == 4).all()


def test_a_reader_that_is_gone_holds_new_weights_up_until_it_is_freed():
    store = WeightStore(2, np.zeros(3, np.float32), patience=0.01)
    WeightSnapshots(Arena.at(store.place())).begin(1)
    assert store.put(np.ones(3, np.float32))  # the other copy
    assert not store.put(np.full(3, 2, np.float32))  # the copy that is being read
    store.free(1)
    assert store.put(np.full(3, 2, np.float32))
    assert store.received() == 2


def test_a_worker_that_comes_late_warms_up_beside_a_ring_that_is_far_ahead():
    store = FrameStore((84, 84), np.uint8)
    for index in range(100):
        store.put(index, np.full((84, 84), index, np.uint8))
    actor = InferenceActor(PolicySpec("oracle", actions=5), np.zeros(0, np.float32), store.place(), None, 0)
    assert actor.look(np.zeros((84, 84), np.uint8), 2)[0] == 3
    assert actor.act(99, 1)[0] == 2
    with pytest.raises(RuntimeError, match="frame 30 was replaced"):
        actor.act(30, 1)
    assert store.received() == 100


class _Nodes:
    """Stands for the module: nodes with cores."""

    def __init__(self, **cores):
        self.cores, self.dead = cores, set()

    def nodes(self):
        return [
            {"NodeID": name, "NodeManagerAddress": name, "Resources": {"CPU": cores}, "Alive": name not in self.dead}
            for name, cores in self.cores.items()
        ]


def test_seats_follow_the_cores_and_avoid_the_node_that_was_lost():
    ray = _Nodes(a=1.0, b=3.0, head=0.0)
    placement = Placement(ray)
    assert sorted(placement.choose(slot) for slot in range(8)) == ["a"] * 2 + ["b"] * 6
    assert placement.choose(0, avoid="b") == "a"
    ray.dead.add("a")
    assert placement.choose(0, avoid="b") == "b"  # there is no other with cores
    ray.dead.add("b")
    assert placement.choose(1) == "head"
    ray.dead.add("head")
    with pytest.raises(ActorLost, match="no node is left"):
        placement.choose(1)
    assert Placement(_Nodes(a=1.0, b=1.0)).choose(0) == "a"
    assert Placement(_Nodes(a=1.0, b=1.0), backwards=True).choose(0) == "b"


def test_an_actor_whose_class_raises_is_a_failure_and_not_a_loss():
    exceptions = pytest.importorskip("ray").exceptions
    raised = exceptions.RayTaskError("__init__", "Traceback\nValueError: 7 is not a layer", ValueError("7"))
    failure = meaning(exceptions.ActorDiedError(raised))
    assert type(failure) is RuntimeError
    assert str(failure) == "it cannot be started there: ValueError: 7 is not a layer"
    lost = exceptions.RayTaskError("__init__", "Traceback\nray.exceptions.OwnerDiedError: gone", ValueError("7"))
    assert isinstance(meaning(exceptions.ActorDiedError(lost)), ActorLost)
    assert isinstance(meaning(exceptions.ActorDiedError()), ActorLost)
    assert isinstance(meaning(exceptions.GetTimeoutError("late")), ActorLost)


class _Clock:
    """A clock that only sleeping moves."""

    now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_a_slot_is_filled_again_until_it_is_lost_too_often(monkeypatch):
    seen, clock = [], _Clock()
    monkeypatch.setattr("regretlab.play.cluster.placement.time", clock)

    def fill(attempt, avoid):
        seen.append((attempt, avoid))
        raise ActorLost("gone")

    with pytest.raises(RunError, match=rf"learner 2 was lost {MOST_LOSSES + 1} times.*because of gone"):
        keep_filled("learner 2", lambda: False, fill, lambda loss: "there")
    assert 10 < clock.now < 30  # a cluster gets time to notice what it lost
    assert seen == [(0, None), *((attempt, "there") for attempt in range(1, MOST_LOSSES + 1))]
    keep_filled("learner 2", lambda: len(seen) > 11, fill, lambda loss: "there")  # lost as the run ends: no matter
    assert len(seen) == 12
    keep_filled("learner 2", lambda: True, fill, lambda loss: None)
    assert len(seen) == 12

    def fail(attempt, avoid):
        raise ArithmeticError("it fell over")

    with pytest.raises(RunError, match=r"\Alearner 2: it fell over"):
        keep_filled("learner 2", lambda: False, fail, lambda loss: None)
