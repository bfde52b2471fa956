"""Certificates of rules about sessions of TensorFlow 1: the same mistake in a small graph, in the installed version."""

from __future__ import annotations

from trainlint.probe.certificates.request import Checks, Decision, Readings, Request, certifies, computed, follows

_UNINITIALIZED = (
    ("takes the address", "target-is-operation"),
    ("optimizer makes its own", "slots-too-late"),
    ("before some variables", "initializer-too-early"),
    ("local variables only", "local-initializer"),
    ("another session", "other-session"),
)


@certifies("variables-not-initialized", network=False)
def _uninitialized(r: Request) -> Checks | Decision:
    text = r.finding.message
    if "in no particular order" in text:
        return follows(
            "an initial value reads another variable, and nothing says which of the two is initialised first"
        )
    fact = next((fact for part, fact in _UNINITIALIZED if part in text), "without-initializer")

    def decide(readings: Readings) -> Decision:
        error, library = readings[0]["error"], readings[0]["library"]
        return computed(bool(error), f"in {library} such a run ends with {error}", f"in {library} such a run goes on")

    return Checks(({"check": "session", "fact": fact},), decide, follows(text.split(", so ")[0]))


@certifies("unfed-placeholder", network=False)
def _unfed(r: Request) -> Checks:
    def decide(readings: Readings) -> Decision:
        error, library = readings[0]["error"], readings[0]["library"]
        text = f"in {library} a run that needs a placeholder and does not feed it ends with {error}"
        return computed(bool(error), text, f"{library} runs without the feed")

    instead = follows("what is run depends on the placeholder, and the run does not feed it")
    return Checks(({"check": "session", "fact": "unfed"},), decide, instead)


@certifies("queue-runners-not-started", network=False)
def _queue(r: Request) -> Checks:
    def decide(readings: Readings) -> Decision:
        error, library = readings[0]["error"], readings[0]["library"]
        waits = "DeadlineExceeded" in error
        text = f"in {library} a run that needs a queue whose runners do not run waits until it is ended ({error})"
        return computed(waits, text, f"in {library} such a run does not wait")

    return Checks(
        ({"check": "session", "fact": "queue"},), decide, follows("nothing fills the queue before it is read")
    )


@certifies("initializer-rerun", network=False)
def _rerun(r: Request) -> Checks | Decision:
    text = r.finding.message
    if "graph is finalized" in text:
        return follows("the initializer is made after the session has finalized its graph, which takes nothing more")
    restored = "restored" in text or "checkpoint" in text
    fact = "restored-then-initialized" if restored else "initialized-again"

    def decide(readings: Readings) -> Decision | str:
        if readings[0]["error"]:
            return f"the check ends with {readings[0]['error']}"
        library, same = readings[0]["library"], readings[0]["same"]
        kept = f"in {library} the weights keep what they learned"
        if restored:
            return computed(same, f"in {library} weights that had values are 0 after the initializer has run", kept)
        return computed(same, f"in {library} the weights after three such rounds are those after one", kept)

    return Checks(({"check": "session", "fact": fact},), decide)


@certifies("graph-grows-in-loop", network=False)
def _growth(r: Request) -> Checks:
    def decide(readings: Readings) -> Decision | str:
        found = readings[0]
        if found["error"]:
            return f"the check ends with {found['error']}"
        text = (
            f"in {found['library']} a call in such a loop adds {found['growth']} operations to the graph in each "
            "round; no number changes, but each round is slower than the one before"
        )
        return computed(found["growth"] > 0, text, f"in {found['library']} the graph does not grow")

    return Checks(({"check": "session", "fact": "operations-in-a-loop"},), decide)


@certifies("train-op-never-run", network=False)
def _never_run(r: Request) -> Decision | None:
    """No fetch of any run leads to a training step, so nothing assigns to a weight."""
    steps = {event.op for event in r.program.minimized}
    for run in r.program.runs:
        for value in run.fetches:
            operation = r.program.operation(value)
            behind = r.program.ancestors(operation.id) if operation is not None else ()
            if operation is not None and (operation.id in steps or steps.intersection(behind)):
                return None
    count = sum(1 for _ in r.program.runs)
    return follows(f"none of the {count} runs of the program takes the step, so no weight ever changes")
