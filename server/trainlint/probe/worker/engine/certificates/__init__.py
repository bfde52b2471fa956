"""Exact facts about a network at its initial weights, mostly without training."""

from ..errors import Cancelled, GraphError, OutOfDeviceMemory
from . import asked, dependence, modes, starts
from .passes import Passes

CHECKS = {}
CHECKS.update(starts.CHECKS)
CHECKS.update(modes.CHECKS)
CHECKS.update(dependence.CHECKS)
# What asks the framework itself and needs no network.
ASKED = asked.CHECKS


def certificates(experiment, backend, arms, averages, sizes, broken, cancelled):
    """``[{"id", "reading"}]`` in the order of the experiment; a reading that failed holds ``error``, one sentence."""
    passes: dict = {}
    graphs = dict(arms)
    found = []
    for certificate in experiment.get("certificates") or ():
        if cancelled():
            raise Cancelled()
        found.append(
            {
                "id": certificate["id"],
                "reading": _reading(certificate)(
                    certificate, experiment, backend, graphs, averages, sizes, broken, passes, cancelled
                ),
            }
        )
    return found


def _reading(certificate):
    return _asked if certificate["check"] in ASKED else _computed


def _asked(certificate, *_):
    try:
        return ASKED[certificate["check"]](certificate)
    except asked.Missing as error:
        return {"available": False, "reason": str(error)}
    except Exception as error:
        # Versions of frameworks differ in what they raise; an answer that is missing is an answer.
        return {"available": False, "reason": "{}: {}".format(type(error).__name__, _first_line(error))}


def _computed(certificate, experiment, backend, graphs, averages, sizes, broken, passes, cancelled):
    check = CHECKS.get(certificate["check"])
    if check is None:
        return {"error": "the worker does not know the check {!r}".format(certificate["check"])}
    name = certificate.get("arm") or experiment["arms"][0]["name"]
    if name not in graphs:
        return {"error": broken.get(name, "there is no arm {!r}".format(name))}
    try:
        if name not in passes:
            passes[name] = Passes(experiment, backend, name, graphs[name], averages[name], sizes[name], cancelled)
        return check(passes[name], certificate)
    except (Cancelled, OutOfDeviceMemory):
        raise
    except (GraphError, ValueError, KeyError, TypeError) as error:
        return {"error": _first_line(error)}


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
