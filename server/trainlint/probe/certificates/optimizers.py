"""Certificates of rules about optimizers."""

from __future__ import annotations

from trainlint.probe.certificates.request import (
    Checks,
    Decision,
    Readings,
    Request,
    certifies,
    computed,
    confirmed,
    harmless,
)
from trainlint.program.values import Const


@certifies("ignored-optimizer-argument", network=False)
def _read_back(r: Request) -> Checks | str:
    optimizer = next((o for _, o in r.program.objects if o.kind == "optimizer" and r.is_at(o)), None)
    if optimizer is None:
        return "the optimizer was not found"
    given = {
        name: argument.value.value for name, argument in optimizer.arguments.items()
        if argument.given and isinstance(argument.value, Const) and isinstance(argument.value.value, (int, float))
    }  # fmt: skip
    meant = given.get("lr")
    if meant is None and "decay" not in given:
        return "what the argument is given is unknown"
    check = {"check": "optimizer-rate", "name": optimizer.name.rsplit(".", 1)[-1], "arguments": given}

    def decide(readings: Readings) -> Decision | str:
        rate, said = readings[0].get("learning_rate"), readings[0].get("error", "")
        if rate is None:
            return confirmed(f"this version refuses the argument ({said.rstrip('.')})")
        if meant is None:
            later = readings[0].get("later")
            if later is None:
                return "the rate of the installed optimizer after some steps cannot be read"
            text = f"after 1000 steps the optimizer still trains with {later:g}"
            return computed(abs(later - rate) <= 1e-6 * rate, text, f"after 1000 steps the rate is {later:g}")
        if abs(rate - meant) > 1e-6 * abs(meant):
            return confirmed(f"the optimizer trains with {rate:g}, not with {meant:g}")
        return harmless(f"the optimizer trains with {rate:g}, as it is told")

    return Checks((check,), decide)


@certifies("learning-rate-out-of-range")
def _no_step(r: Request) -> Checks | str:
    """A rate of 0 moves nothing; of every other one a training tells."""
    if r.written.graph["optimizer"].get("learning_rate") != 0:
        return "what a rate does is a matter of training"

    def decide(readings: Readings) -> Decision:
        moved = [value for values in readings[0]["change"].values() for value in values if value is not None]
        return computed(
            all(value == 0 for value in moved),
            "after 25 steps every weight is what it was",
            "the weights move",
        )

    return Checks(({"check": "moves"},), decide)
