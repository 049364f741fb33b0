"""The command that serves a policy to others: ``serve``."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from ..defaults import POLICY
from ..errors import InputError
from .environments import Weights, environment_id, environment_options
from .options import Json, Whole, app
from .output import print_facts, print_json, show_progress

if TYPE_CHECKING:
    from ..policies.serving.server import PolicyServer

__all__ = ["serve"]


@app.command
def serve(
    *,
    policy: str = POLICY,
    port: Whole = 8000,
    host: str = "127.0.0.1",
    env: str = "beacon",
    symbols: Whole | None = None,
    mode: Annotated[Literal["stays", "moves"] | None, Parameter(negative="")] = None,
    weights: Weights = None,
    chunk: Whole = 1,
    requests: Literal["serial", "batch", "independent"] = "serial",
    emulate_latency: str | None = None,
    observation_key: str = "observation",
    seed: Whole = 0,
    json: Json = False,
) -> int:
    """Serve a policy through the openpi protocol (websocket and msgpack) until Ctrl-C.

    Example: regretlab serve --policy impala-k1 --port 8000

    Parameters
    ----------
    policy
        nature, impala-kN, impala2x-kN, mlp, random, noop, oracle (which is asked for a symbol), sb3:FILE.zip, or
        module:FILE.py:NAME, whose answers may be chunks of actions.
    port
        Port; 0 takes a free one, and the first line of output names it.
    host
        Address to listen on. Any but this machine's own needs the environment variable REGRETLAB_API_KEY, which
        clients then must send.
    env
        The environment whose observations and actions are the policy's.
    symbols
        Symbols of the environment beacon.
    mode
        Of the environment beacon; where its mode moves, the oracle's chunks move on with it.
    chunk
        Actions of an answer: entry i is meant for i frames after the observation.
    requests
        Requests that come together are answered one after the other (serial), in one inference (batch), or each at
        once (independent).
    emulate_latency
        Pad every inference to a law, such as 0.1 or "gamma(4, scale=0.02)".
    observation_key
        Key of the observation in a request.
    seed
        Seed of the policy and of the emulated times.
    """
    from ..laws import parse_law
    from ..play.configuration import BEACON, RunConfiguration
    from ..play.latencies import LatencyStream
    from ..play.preparation import policy_of_worker, prepare
    from ..policies.policy import Policy, build_policy
    from ..policies.serving.server import PolicyServer, ServerOptions
    from ..policies.serving.wire import api_key

    law = None if emulate_latency is None else parse_law(emulate_latency)
    environment = environment_id(env)
    own = environment_options(symbols=symbols, rotating=True if mode == "moves" else None)
    options = ServerOptions(host, port, observation_key, chunk, requests, turns=0, api_key=api_key())
    with show_progress() as tell:
        prepared = prepare(
            RunConfiguration(
                environment=environment,
                environment_options=own,
                policy=policy,
                weights=None if weights is None else str(weights),
                default_behaviour="repeat",  # nothing is played here: no action has to do nothing
                seed=seed,
            ),
            lambda text: tell(0, 1, text),
        )
    if chunk not in (1, own_chunk := prepared.policy.horizon) and own_chunk > 1:
        raise InputError(f"policy '{policy}' answers {own_chunk} actions by itself, and chunk {chunk} is asked for")
    if environment == BEACON and mode == "moves" and prepared.policy.observes_symbol:
        options = ServerOptions(
            host, port, observation_key, chunk, requests, prepared.policy.actions - 1, options.api_key
        )
    stream = LatencyStream.of(law, seed, 0)

    def make(number: int) -> Policy:
        return build_policy(policy_of_worker(prepared.policy, number))

    server = PolicyServer(make, prepared.policy, options, None if stream is None else stream.next)
    _announce(server, json)
    server.serve()
    return 0


def _announce(server: "PolicyServer", json: bool) -> None:
    facts = {"url": server.url, "port": server.port, **server.metadata}
    if json:
        print_json(facts)
        return
    listed = [("policy", str(facts["policy"])), ("actions of an answer", str(facts["action_horizon"]))]
    listed += [("requests", str(facts["requests"])), ("end it with", "Ctrl-C")]
    print_facts(f"serving at {server.url}", listed)
