"""Certificates of rules about names and arguments: the installed framework is asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

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
from trainlint.program.dropouts import number
from trainlint.program.events import MissingArgument, SurplusArgument
from trainlint.program.values import ApiObject, Const

if TYPE_CHECKING:
    from trainlint.program.operations import Operation


def _installed(name: str, path: str = "") -> str:
    """A name as trainlint writes it, as one that Python can look up."""
    if path:
        return path
    return f"tensorflow.{name[3:]}" if name.startswith("tf.") else name


@certifies("removed-api", network=False)
def _removed(r: Request) -> Checks | None:
    named = re.match(r"`([\w.]+)`", r.finding.message)
    if named is None:
        return None
    name = named.group(1)
    if name == "nb_epoch":
        checks = ({"check": "takes", "function": "keras.Model.fit", "argument": name},)

        def takes(readings: Readings) -> Decision | str:
            found = readings[0]
            if found.get("takes") is None:
                return f"whether the installed `fit` takes `{name}` is not known before it is called"
            text = f"`fit` of {found['library']} takes no `{name}`"
            return computed(not found["takes"], text, f"`fit` of {found['library']} takes `{name}`")

        return Checks(checks, takes)
    full = f"keras.Model.{name}" if "." not in name else _installed(name)

    def decide(readings: Readings) -> Decision:
        found = readings[0]
        return computed(
            not found["exists"], f"{found['library']} has no `{name}`", f"{found['library']} still has `{name}`"
        )

    return Checks(({"check": "exists", "name": full},), decide)


@certifies("unknown-argument", network=False)
def _surplus(r: Request) -> Checks | None:
    event = next((e for e in r.program.events_of(SurplusArgument) if e.place == r.finding.place), None)
    if event is None:
        return None
    arguments = _made_with(r)
    check = {
        "check": "takes", "function": _function(r, event.function), "argument": event.name,
        "arguments": {key: value for key, value in arguments.items() if key != event.name},
    }  # fmt: skip

    def decide(readings: Readings) -> Decision | str:
        found, name = readings[0], event.name
        if found.get("takes") is None:
            return f"whether the installed `{event.function}` takes `{name}` is not known before it is called"
        if found["takes"]:
            return harmless(f"`{event.function}` of {found['library']} takes `{name}`")
        said = f" ({found['error'].rstrip('.')})" if found.get("error") else ""
        return confirmed(f"`{event.function}` of {found['library']} refuses `{name}`{said}")

    return Checks((check,), decide)


@certifies("missing-argument", network=False)
def _missing(r: Request) -> Checks | None:
    event = next((e for e in r.program.events_of(MissingArgument) if e.place == r.finding.place), None)
    if event is None:
        return None
    check = {"check": "takes", "function": _function(r, event.function)}

    def decide(readings: Readings) -> Decision | str:
        found = readings[0]
        lacking = [name for name in event.names if name in found["required"]]
        unknown = [name for name in event.names if name not in found["required"] and name not in found["names"]]
        if lacking:
            names = " and ".join(f"`{name}`" for name in lacking)
            return confirmed(f"`{event.function}` of {found['library']} requires {names}")
        if unknown:
            return f"the installed `{event.function}` has other arguments"
        return harmless(f"`{event.function}` of {found['library']} does without")

    return Checks((check,), decide)


def _function(r: Request, name: str) -> str:
    """Where Python finds a function: what only TensorFlow 1 had under its name is in `compat.v1`."""
    found = next((o.symbol.path for o in r.operations if o.symbol is not None), None)
    record = next((o for _, o in r.program.objects if o.place == r.finding.place), None)
    if record is not None:
        found = record.symbol.path
    if found is not None and found.rsplit(".", 1)[-1] == name.rsplit(".", 1)[-1]:
        path = found
    else:
        path = _installed(name)
    from trainlint import tfapi

    if path.startswith("tensorflow.") and not path.startswith(("tensorflow.compat", "tensorflow.keras")):
        symbol = next((o.symbol for o in (record, *r.operations) if o is not None and o.symbol is not None), None)
        old = symbol is not None and tfapi.availability(symbol) == ("1.x",)
        if old or path.startswith(("tensorflow.train.", "tensorflow.get_variable", "tensorflow.placeholder")):
            path = "tensorflow.compat.v1." + path.removeprefix("tensorflow.")
    return path


def _made_with(r: Request) -> dict[str, Any]:
    """The plain arguments of the object or call at the finding."""
    found: dict[str, Any] = {}
    subjects: list[ApiObject | Operation] = [o for _, o in r.program.objects if o.place == r.finding.place]
    for each in subjects or r.operations:
        for key, argument in each.arguments.items():
            value = argument.value
            if argument.given and isinstance(value, Const) and isinstance(value.value, (int, float, str, bool)):
                found.setdefault(key, value.value)
    return found


@certifies("positional-dropout-flip", network=False)
def _flip(r: Request) -> Checks | str:
    operation = r.of_kind("dropout")
    if operation is None:
        return "the call was not found"
    name = next(
        (n for n in ("rate", "keep_prob") if (a := operation.arguments.get(n)) is not None and a.positional), ""
    )
    argument = operation.arguments.get(name)
    value = number(r.program, argument.value, {}) if argument is not None else None
    if value is None or not 0 < value < 1:
        # Any number but a half tells the two meanings apart.
        value = 0.2
    # What the name says is the other share than the one that the position means.
    meant = value if name == "keep_prob" else 1 - value

    def decide(readings: Readings) -> Decision:
        share, library = readings[0]["zero_share"], readings[0]["library"]
        text = f"with {value:g} there, {library} drops {share:.0%} of the units"
        if abs(meant - 0.5) <= 0.01:
            return harmless(f"{text}, which is the same under either meaning")
        return computed(abs(share - meant) > 0.03, f"{text}, not {meant:.0%}", f"{text}, as the name says")

    return Checks(({"check": "dropped", "v1": name == "keep_prob", "value": value},), decide)


_LAYERS = {
    "tensorflow.keras": "tensorflow.keras.layers.Layer", "keras": "keras.layers.Layer",
    "tf_keras": "tf_keras.layers.Layer", "tensorflow.python.keras": "tensorflow.python.keras.layers.Layer",
}  # fmt: skip


@certifies("mixed-keras-namespaces", network=False)
def _mixed(r: Request) -> Checks | None:
    named = [name for name in re.findall(r"`([\w.]+)`", r.finding.message) if name in _LAYERS]
    if len(named) != 2:
        return None

    def decide(readings: Readings) -> Decision:
        same, library = readings[0]["same"], readings[0]["library"]
        return computed(
            not same,
            f"`{named[0]}` and `{named[1]}` of this environment are different libraries ({library})",
            f"`{named[0]}` and `{named[1]}` are one library in this environment ({library})",
        )

    return Checks(({"check": "same-library", "names": [_LAYERS[name] for name in named]},), decide)
