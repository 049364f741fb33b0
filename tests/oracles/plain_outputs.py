"""What becomes of outputs, in plain Python: lists of outputs, one frame after the other."""


def served(timeline, frames, *, most=0, limit=None, oldest_first=False, ranks=(), lasts=False):
    """Return the age of the action of each frame, 0 for none.

    ``timeline`` is that of ``event_loop.run_rule``. At most ``most`` outputs stay unused; none acts from the age
    ``limit`` on; with ``ranks`` by age (the last for all later ones) the highest acts first, among equal
    ones the oldest; with ``lasts`` the freshest acts until a fresher one comes.
    """
    due = {}
    rows = zip(timeline.effect, timeline.observed, timeline.starts, timeline.workers, timeline.kept, strict=True)
    for effect, observed, start, worker, kept in rows:
        if kept:
            due.setdefault(effect, []).append((observed, start, worker))
    ages, unused, freshest = [], [], None
    for frame in range(frames):
        unused += due.get(frame, [])
        if limit is not None:
            unused = [output for output in unused if frame - output[0] < limit]
        age = 0
        if lasts:
            freshest = max([*unused, *([freshest] if freshest else [])], default=None)
            unused = []
            if freshest is not None and (limit is None or frame - freshest[0] < limit):
                age = frame - freshest[0]
        elif unused:
            unused.sort(reverse=not oldest_first and not ranks)
            if ranks:  # a stable sort
                unused.sort(key=lambda output: -ranks[min(frame - output[0], len(ranks)) - 1])
            age = frame - unused.pop(0)[0]
            unused = sorted(unused)[max(0, len(unused) - most) :]
        ages.append(age)
    return ages
