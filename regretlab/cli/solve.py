"""The command on finite MDPs: ``solve``."""

from .options import Json, Whole, app
from .output import print_facts, print_json

__all__ = ["solve"]


@app.command
def solve(*, mdp: str, delay: Whole = 0, every: Whole = 1, json: Json = False) -> int:
    """Solve a finite MDP exactly, with old observations and rare actions, against the optimum without either.

    Example: regretlab solve --mdp "shift-register(p=0.8, n=3)" --delay 3

    Parameters
    ----------
    mdp
        A family with its parameters, such as "ring(p=0.9, symbols=4)", "trap(p=0.9, length=3)", "lazy-walk(states=51)"
        or "riverswim(6)", or FILE.npz.
    delay
        Frames from observation to effect.
    every
        Frames between the agent's actions; the default behaviour of the MDP acts in those between.
    """
    from ..mdp import closed_form_regret, parse_mdp, solve_delayed

    process = parse_mdp(mdp)
    solution = solve_delayed(process, delay, every=every)
    closed_form = None if mdp.strip().endswith(".npz") else closed_form_regret(mdp, delay, every=every)
    if json:
        print_json(
            {
                **solution.to_json(),
                "closed_form_regret": closed_form,
                "states": process.mdp.states,
                "actions": process.mdp.actions,
            }
        )
        return 0
    formula = "" if closed_form is None else f" (closed form {closed_form:.9g})"
    (name, regret), *others = solution.facts()
    print_facts(f"{mdp}, {solution.title}", [(name, regret + formula), *others])
    return 0
