"""What to run: one frozen model that the command line, a TOML file and Python share, checked before anything starts."""

import math
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from ..defaults import PLAYED_FRAMES, POLICY
from ..errors import InputError, first_fault
from ..laws import Law, parse_law
from ..laws.load_law import LoadLaw
from ..policies.learning.settings import LearningSettings
from ..policies.spec import SERVED
from ..rules import SEQUENTIAL, get_rule, known_rules, name_of_rule
from ..rules.cancelling import new_threshold
from ..rules.rule import HoldObjective, StaggeringRule
from ..scenario import Scenario, as_scenario

__all__ = ["MOST_PROCESSES", "RunConfiguration"]

MOST_PROCESSES = 1024
MOST_SIMULATED = 100_000
MOST_IN_BATCH = 32
"""Of the frames that stay in shared memory, so that a batch finds them."""
FRAME_TIMES = (1e-6, 1e6)
"""Worker processes a realtime run may have."""


BEACON = "regretlab/Beacon-v0"
_OUTPUTS = ("chunk", "unused", "age_limit", "cancel_after")
_SHARED = (
    "workers",
    "rule",
    "alignment",
    "hold",
    "gap_default",
    "gap_delay",
    "default_behaviour",
    "replicas",
    *_OUTPUTS,
)
_USES = (*_SHARED, "batch_law", "inference_time", "frame_time", "mode_probability", "symbols", "mode")


class RunConfiguration(BaseModel):
    """A run of staggered inference in an environment.

    Attributes
    ----------
    environment
        Gymnasium id, for example ``regretlab/Beacon-v0``.
    environment_options
        Keyword arguments of the environment (``mode_probability``, ``symbols``, ``rom``, ...).
    policy
        Name of the policy (``impala-k1``, ``oracle``, ...).
    workers
        Number of inference workers.
    rule
        Staggering rule.
    alignment
        "frame" or "uniform"; None for the rule's default.
    hold
        Frames an output is held for at least (rule "frame-hold" only), or "auto", its default: learned while playing,
        the hold of least regret a frame for the inference times seen.
    hold_probability
        Mode probability a frame for hold "auto"; None where the environment reports its own (Beacon does).
    gap_default, gap_delay
        What a frame without an agent action loses, and one with a wrong action, for hold "auto".
    clock
        "real" (the wall clock) or "virtual" (simulated time).
    frames
        Frames to play.
    emulate_latency
        Law (as text) that every inference is padded to. None: inference takes the time it takes; on the virtual clock
        a law is needed.
    tokens_per_second
        Rate at which the policy produces the tokens that it reports: an inference takes tokens / rate seconds, and in
        addition what the law of ``emulate_latency`` says (virtual clock only); None: tokens take no time.
    default_behaviour
        What acts in frames without an agent action: "noop", "repeat" or "random".
    chunk
        Frames of age up to which an output acts, until a fresher one comes (an action chunk), or "inf"; None: an output
        acts in one frame. A policy that chooses one action gives it for every age; ``oracle`` has one for each.
    unused
        What happens to an output that a fresher one overtakes before it acts: "drop", "keep", or "keep:M".
    age_limit
        Frames of age from which the default behaviour acts instead of an output.
    cancel_after
        Seconds after which an inference is cancelled: a network stops at a layer boundary, a worker with a person's own
        policy is replaced by a warm spare, a policy server's answer is no longer waited for, and a late answer is not
        applied. "learned": the threshold of the least lower bound for the times seen so far.
    cancel_worth
        For a threshold that is learned: what an output of age 1, 2, ... frames is worth more than the default
        behaviour, the last number also of all older ones.
    replicas
        Workers that race on each observation: the first to complete counts, the others are cancelled.
    oldest_first
        Whether the oldest kept output acts first: the best order before a deadline, where all useful ages are worth
        the same; chosen from ``Scenario(loss=...)``.
    order_of_use
        Ranks by age from 1 frame on, the last for all later ages: of the kept outputs that of the highest rank acts
        first. Empty: the freshest does, or the oldest. Chosen from ``Scenario(loss=...)``.
    observation_key
        Key under which a policy server is sent the observation; None: what its metadata say, else "observation".
    request_form
        File that says how a policy server is asked by HTTP (``policies.serving.http``).
    batch_law, batch
        "alpha, beta": one worker, the accelerator, infers on all new observations together, ``batch`` at most, and n of
        them take alpha + beta n seconds (rule "sequential"); None for one observation at a time.
    default_action
        The action that does nothing, of an environment that does not say which of its actions does; a list where an
        action is a row of numbers.
    frame_time
        Seconds of a frame (one ``step``); None for what the environment says of itself.
    weights
        Weights of the policy's network, a .safetensors file.
    seed
        Seed of the environment, the policies and the emulated times.
    channels_last
        Memory layout of the network (a speed choice).
    device
        Where the workers' networks run: "cpu" or "cuda" (real clock only, and networks that are not trained meanwhile).
    learners
        Number of learners (processes on the real clock) that train the policy while it plays.
    blocking_learning
        The one worker itself takes a learning step after each inference, and acts only after it.
    learning
        Settings of learning.
    emulate_learning
        Law (as text) that every learning step is padded to; on the virtual clock one is needed to learn.
    backend
        Where networks run and gradients are computed on the real clock: "local" (processes of this machine) or "ray"
        (actors on a cluster).
    ray_address
        Of the cluster; None for one of this machine's own.
    resume
        Folder of a run whose checkpoint is the start; without learners what it learned is played, without exploration.

    Raises
    ------
    InputError
        For any value that is not allowed, named with what is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: str = BEACON
    environment_options: dict[str, Any] = {}
    policy: str = POLICY
    workers: int = int(Scenario.workers)
    rule: Annotated[str, BeforeValidator(name_of_rule)] = Scenario.rule
    alignment: str | None = Scenario.alignment
    hold: int | Literal["auto"] | None = None
    hold_probability: float | None = None
    gap_default: float = Scenario.gap_default
    gap_delay: float = Scenario.gap_delay
    clock: Literal["real", "virtual"] = "real"
    frames: int = PLAYED_FRAMES
    emulate_latency: str | None = None
    tokens_per_second: float | None = None
    default_behaviour: Literal["noop", "repeat", "random"] = Scenario.default_behaviour
    chunk: int | Literal["inf"] | None = None
    unused: str = Scenario.unused
    age_limit: int | None = None
    cancel_after: float | Literal["learned"] | None = None
    cancel_worth: list[float] | None = None
    replicas: int = 1
    oldest_first: bool = False
    order_of_use: tuple[int, ...] = ()
    observation_key: str | None = None
    request_form: str | None = None
    batch_law: str | None = None
    batch: int = 1
    default_action: int | list[float] | None = None
    frame_time: float | None = None
    weights: str | None = None
    seed: int = 0
    channels_last: bool = True
    device: Literal["cpu", "cuda"] = "cpu"
    learners: int = 0
    blocking_learning: bool = False
    learning: LearningSettings = LearningSettings()
    emulate_learning: str | None = None
    backend: Literal["local", "ray"] = "local"
    ray_address: str | None = None
    resume: str | None = None

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            where, said = first_fault(error, type(self).model_fields)
            raise InputError(f"{where or 'configuration'}: {said}") from None
        self._check_races()
        self.staggering_rule.check_workers(self.groups)
        self.staggering_rule.choose_alignment(self.alignment)
        if self.clock == "real" and not self.staggering_rule.is_known_by_name:
            raise InputError(f"rule '{self.rule}' is registered in this process only: play it on the virtual clock")
        most = MOST_PROCESSES if self.clock == "real" else MOST_SIMULATED
        if self.workers > most:
            raise InputError(f"workers must be at most {most} on the {self.clock} clock, not {self.workers}")
        if self.frames < 1:
            raise InputError(f"frames must be at least 1, not {self.frames}")
        if self.seed < 0:
            raise InputError(f"seed must be a whole number of at least 0, not {self.seed}")
        self._check_batches()
        timed = (self.emulate_latency, self.batch_law, self.tokens_per_second)
        if self.clock == "virtual" and all(each is None for each in timed):
            raise InputError("the virtual clock needs an inference time (--emulate-latency): give a law or @samples")
        shortest, longest = FRAME_TIMES
        if self.frame_time is not None and not shortest <= self.frame_time <= longest:
            raise InputError(
                f"frame_time must lie in [{shortest:g}, {longest:g}] seconds in a run, not {self.frame_time}"
            )
        if self.weights is not None and (self.learns or self.resume is not None):
            raise InputError(f"weights '{self.weights}' would not be used: what is learned goes on from --resume")
        self.emulated_law()
        self._check_clock()
        self._check_hold()
        self._check_outputs()
        self._check_backend()
        self._check_learning()
        self._check_device()

    @property
    def groups(self) -> int:
        """Workers that the rule knows: each is as many as race on one observation."""
        return self.workers // self.replicas

    def _check_races(self) -> None:
        if self.replicas == 1:
            return
        if self.replicas < 1 or self.workers % self.replicas:
            raise InputError(f"workers must be a multiple of {self.replicas} replicas, not {self.workers}")
        others = (self.batch_law is not None, self.tokens_per_second is not None, self.learns, self.is_served)
        if any(others) or self.backend != "local":
            raise InputError(
                f"{self.replicas} replicas race with policies of this machine that do not learn: leave replicas, or "
                "batch law, tokens per second, learners, policy server and backend 'ray' out"
            )

    def _check_clock(self) -> None:
        rate = self.tokens_per_second
        if rate is not None and not 0 < rate < math.inf:
            raise InputError(f"tokens_per_second must be a positive number of tokens, not {rate:g}")
        if rate is not None and self.clock == "real":
            raise InputError("tokens_per_second is a clock of its own: leave it or clock 'real' out")
        if rate is not None and self.batch_law is not None:
            raise InputError(f"a batch law says how long inferences take: leave it or tokens_per_second {rate:g} out")
        if self.clock == "real" and self.policy.startswith("object:"):
            raise InputError(
                "on the real clock policies run in processes of their own, which a Python object cannot reach: give "
                "module:FILE.py:NAME, or an inference time for the virtual clock"
            )

    def _check_device(self) -> None:
        if self.device == "cpu":
            return
        if self.clock == "virtual":
            raise InputError(
                f"device '{self.device}' is for the real clock: on the virtual one networks run on the cpu"
            )
        if self.backend != "local":
            raise InputError(f"device '{self.device}' is for backend local: actors on a cluster infer on the cpu")
        if self.learns:
            raise InputError(
                f"device '{self.device}' is for networks that are not trained: learners share theirs on the cpu"
            )

    def _check_hold(self) -> None:
        holds = self.staggering_rule.holds
        if self.hold is not None and not holds:
            raise InputError(f"rule '{self.rule}' has no hold, and hold {self.hold} is given")
        if isinstance(self.hold, int) and not 0 <= self.hold <= 2**22:
            raise InputError(f"hold must lie between 0 and {2**22} frames, not {self.hold}")
        if self.hold_probability is not None and not (holds and self.hold in (None, "auto")):
            raise InputError(f"hold_probability is {self.hold_probability!r}, but no hold is learned")
        for name in ("gap_default", "gap_delay"):
            gap = getattr(self, name)
            if gap != getattr(Scenario, name) and not (holds and self.hold in (None, "auto")):
                raise InputError(
                    f"{name.replace('_', ' ')} {gap:g} has no effect in a run of rule '{self.rule}': "
                    "only a hold that is learned takes it into account"
                )
        if self.hold_probability is not None or self.gap_default != 1.0 or self.gap_delay != 1.0:
            HoldObjective(self.hold_probability or 0.0, self.gap_default, self.gap_delay)

    def _check_outputs(self) -> None:
        served = Scenario(**{name: getattr(self, name) for name in (*_OUTPUTS, "default_behaviour")})
        if served.unused != Scenario.unused and served.service_model != "once":
            raise InputError(f"unused outputs are kept where an output serves one frame, and unused is '{self.unused}'")
        for name in ("oldest_first", "order_of_use"):
            if getattr(self, name) and served.unused == Scenario.unused:
                raise InputError(f"only outputs that are kept have an order: give unused 'keep', or leave {name} out")
        if self.oldest_first and self.order_of_use:
            raise InputError("oldest_first is an order by itself: leave order_of_use out")
        if any(rank < 0 for rank in self.order_of_use):
            raise InputError(f"the ranks of order_of_use must be at least 0, not {min(self.order_of_use)}")
        if self.age_limit is not None and served.service_model == "repeat":
            raise InputError("a repeated action has no age limit: leave age limit or default behaviour out")
        if (self.cancel_after == "learned") != bool(self.cancel_worth):
            raise InputError("cancel after 'learned' needs cancel_worth (worths by age); no other does")
        if self.learns_threshold and self.is_served:
            raise InputError("policy servers are asked with a fixed limit: give cancel after in seconds")
        if self.cancel_after is not None and self.backend != "local":
            raise InputError("actors on a cluster do not cancel inferences: leave cancel after or backend 'ray' out")
        if self.observation_key is not None and not self.is_served:
            raise InputError(
                f"observation key '{self.observation_key}' is for policies on a server, and policy is '{self.policy}'"
            )
        if self.request_form is not None and not self.policy.startswith("http"):
            raise InputError(
                f"request form '{self.request_form}' is for policies on HTTP, and policy is '{self.policy}'"
            )
        if self.chunk is not None and self.learns:
            raise InputError("learners learn from outputs that act in one frame: leave chunk or learners out")

    def _check_batches(self) -> None:
        if self.batch_law is None:
            return
        taken = {"emulate_latency": self.emulate_latency, "cancel_after": self.cancel_after}
        for name, value in taken.items():
            if value is not None:
                raise InputError(f"a batch law already says how long inferences take: leave {name} {value} out")
        if not self.staggering_rule.single_worker or self.workers != 1 or self.learns or self.backend != "local":
            raise InputError("batches are of one worker that infers in sequence, here, and learns nothing meanwhile")
        if not 1 <= self.batch <= MOST_IN_BATCH:
            raise InputError(f"a batch has 1 to {MOST_IN_BATCH} observations, not {self.batch}")

    @property
    def learns_threshold(self) -> bool:
        """Whether it is learned while playing when to cancel."""
        return self.cancel_after == "learned"

    @property
    def given_threshold(self) -> float:
        """Seconds after which an inference is cancelled, as given; ``inf`` where they are learned, or none is."""
        return math.inf if self.cancel_after is None or self.cancel_after == "learned" else self.cancel_after

    def threshold_state(self, frame_time: float, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return the state of a threshold that is learned, before the first inference; empty where none is."""
        if self.cancel_worth is None:
            return np.empty(0)
        served = Scenario(chunk=self.chunk, default_behaviour=self.default_behaviour)
        lasts = served.service_model != "once"
        return new_threshold(self.groups, frame_time, self.cancel_worth, lasts=lasts, out=out)

    def batch_seconds(self, items: int) -> float:
        """Return how long a batch takes."""
        assert self.batch_law is not None
        alpha, beta = (float(part) for part in self.batch_law.split(","))
        return alpha + beta * items

    def _check_backend(self) -> None:
        if self.backend == "local":
            if self.ray_address is not None:
                raise InputError(f"ray_address is '{self.ray_address}', but the backend is local")
            return
        if self.clock == "virtual":
            raise InputError("backend 'ray' plays on the real clock: the virtual clock needs no other machines")
        if self.is_served:
            raise InputError(
                f"backend 'ray' infers on a cluster, and policy '{self.policy}' on its server: leave one out"
            )
        if self.blocking_learning:
            raise InputError("backend 'ray' learns with learners of its own: blocking learning needs backend 'local'")

    def _check_learning(self) -> None:
        if not 0 <= self.learners <= MOST_PROCESSES:
            raise InputError(f"learners must be from 0 to {MOST_PROCESSES}, not {self.learners}")
        if self.blocking_learning and self.learners:
            raise InputError(f"blocking learning has no other learners, and {self.learners} were asked for")
        if self.blocking_learning and not self.staggering_rule.single_worker:
            able = " or ".join(str(rule) for rule in known_rules() if rule.single_worker)
            raise InputError(f"blocking learning goes with rule {able}, not '{self.rule}'")
        if self.emulate_learning is not None and not self.learns:
            raise InputError(f"emulate_learning is '{self.emulate_learning}', but nothing learns: give learners")
        if self.learns and self.clock == "virtual" and self.emulate_learning is None:
            raise InputError(
                "the virtual clock needs the time of a learning step: give --emulate-learning a law or @samples"
            )
        self.learning_law()
        for name in ("recent_actions", "updates_per_frame"):
            if value := getattr(self.learning, name):
                raise InputError(f"{name} is for experiments of the protocol simulated-delay, not for a run ({value})")

    @classmethod
    def of(cls, scenario: Scenario, *, environment: str, **settings: Any) -> "RunConfiguration":
        """Return the run of a scenario.

        Parameters
        ----------
        scenario
            Its law is what inferences are padded to; symbols, mode and mode probability are those of Beacon.
        environment
            Gymnasium id.
        settings
            Further fields.

        Raises
        ------
        InputError
            Also for a field of the scenario that a run does not take into account.

        Examples
        --------
        >>> asked = Scenario(0.04, mode_probability=0.9, workers=3)
        >>> RunConfiguration.of(asked, environment="regretlab/Beacon-v0", clock="virtual").emulate_latency
        '0.04'
        """
        as_scenario(scenario, "run").check("run", uses=_USES)
        if scenario.workers == float("inf"):
            raise InputError("a run needs a finite number of workers, not inf")
        for name in ("age_limit", "cancel_after"):
            if getattr(scenario, name) == "auto":
                raise InputError(f"a run needs a number for {name.replace('_', ' ')}, not 'auto': plan names the best")
        if scenario.batch_law is not None:
            most, scenario = int(scenario.workers), scenario.replace(workers=1, rule=SEQUENTIAL.name)
            settings |= {"batch_law": scenario.batch_law, "batch": most}
        given = scenario.to_json()
        options: dict[str, Any] = dict(settings.pop("environment_options", {}))
        if environment == BEACON:
            options = {name: given[name] for name in ("symbols", "mode_probability") if name in given} | options
            options |= {"rotating": True} if scenario.mode == "moves" else {}
        else:
            for name in ("symbols", "mode"):
                if name in given:
                    raise InputError(f"{name} {given[name]!r} is a choice of beacon's, not of '{environment}'")
            if get_rule(scenario.rule).holds and scenario.hold in (None, "auto"):
                settings.setdefault("hold_probability", scenario.mode_probability)
        served = {name: given[name] for name in _SHARED if name in given}
        told = {"emulate_latency": given.get("inference_time"), "frame_time": scenario.frame_time}
        return cls(environment=environment, environment_options=options, **served, **(told | settings))

    @property
    def is_served(self) -> bool:
        """Whether a policy server answers."""
        return self.policy.startswith(SERVED)

    @property
    def learns(self) -> bool:
        """Whether the policy is trained while it plays."""
        return self.learners > 0 or self.blocking_learning

    def learning_law(self) -> Law | None:
        """Return the law that learning steps are padded to, or None."""
        return None if self.emulate_learning is None else parse_law(self.emulate_learning)

    @property
    def staggering_rule(self) -> StaggeringRule:
        """The rule of that name."""
        return get_rule(self.rule)

    def emulated_law(self) -> Law | None:
        """Return the law that inferences are padded to, or None.

        Of times measured under load it is that of as many requests in flight as there are workers.
        """
        if self.emulate_latency is None:
            return None
        law = parse_law(self.emulate_latency)
        if law.server is not None and self.workers > 1:
            raise InputError(
                f"emulate latency '{self.emulate_latency}': {law.server}, and a run does not emulate its queue: "
                "simulate it, or ask a server (regretlab serve) with --policy ws://HOST:PORT"
            )
        return law.under(self.workers) if isinstance(law, LoadLaw) else law
