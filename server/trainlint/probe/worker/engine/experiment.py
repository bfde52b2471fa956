"""Runs an experiment: certificates first, then every group of arms on every task."""

import math
import platform
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .backends import backend as make_backend
from .errors import Cancelled, GraphError
from .graph import Graph, arm_graphs
from .program import Program, parameter_count, program
from .replicas import Data, Replicas, fitting_rows
from .training import Training

VERSION = 1
# Activations and gradients of one compiled call take about this many bytes; some calls run side by side.
CALL_BYTES = 500_000_000


def run(experiment, report, cancelled, backend_name=None):
    """The measurements of ``experiment``.

    ``report`` is called with progress, ``cancelled`` says whether to stop; then ``Cancelled`` is raised.
    ``OutOfDeviceMemory`` is raised where the device has no room.
    What is wrong with one arm is said in its ``error``; the other arms go on.
    """
    if experiment.get("version") != VERSION:
        raise ValueError(
            "this worker runs experiments of version {}, not {}".format(VERSION, experiment.get("version"))
        )
    began = time.perf_counter()
    backend = make_backend(backend_name or experiment.get("backend"))
    device = "gpu" if experiment.get("device") == "gpu" else "cpu"
    backend.use(device)
    notes: list = []
    arms, broken, averages, sizes = _prepared(experiment, backend)
    if cancelled():
        raise Cancelled()
    from .certificates import certificates

    readings = certificates(experiment, backend, arms, averages, sizes, broken, cancelled)
    items = []
    kinds = {graph.task.get("kind", "none") for _, graph in arms}
    tasks = experiment.get("tasks") or []
    if int(experiment.get("steps") or 0) > 0 and kinds != {"none"}:
        threads = backend.threads() if device == "cpu" else 1
        items = _trained(experiment, backend, tasks, arms, averages, sizes, notes, report, cancelled, threads)
        items += [{"name": name, "task": task, "error": error} for task in tasks for name, error in broken.items()]
    order = {name: position for position, (name, _) in enumerate(_named(experiment))}
    items.sort(key=lambda item: (tasks.index(item["task"]), order[item["name"]]))
    return clean(
        {
            "version": VERSION,
            "backend": {
                "name": backend.name,
                "version": backend.version,
                "python": platform.python_version(),
                "mode": "graph",
            },
            "device": {"name": device, "reason": "asked for" if experiment.get("device") == device else "the default"},
            "seconds": time.perf_counter() - began,
            "parameters": {name: parameter_count(graph) for name, graph in arms},
            "certificates": readings,
            "arms": items,
            "notes": sorted(set(notes)),
        }
    )


def _named(experiment):
    return [(arm["name"], arm) for arm in experiment["arms"]]


def _prepared(experiment, backend):
    """Graphs that can be computed, the errors of the others, shapes of moving averages, floats for each row."""
    arms, broken, averages, sizes = [], {}, {}, {}
    batch = int(experiment.get("batch") or 32)
    for name, description in arm_graphs(experiment):
        try:
            graph = Graph(description)
            if graph.loss is None:
                raise GraphError("there is no loss")
            shapes, averages[name] = Program(backend, graph, 1, 1, batch).inspect(batch)
            sizes[name] = sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes.values()) // batch + 1
            arms.append((name, graph))
        except GraphError as error:
            broken[name] = str(error)
        except (ValueError, KeyError, TypeError) as error:
            broken[name] = "the graph of the arm {!r} cannot be read: {}: {}".format(name, type(error).__name__, error)
    return arms, broken, averages, sizes


def _trained(experiment, backend, tasks, arms, averages, sizes, notes, report, cancelled, threads):
    """Items of all arms on all tasks; as many calls run side by side as there are threads."""
    if not arms:
        return []
    seeds = list(experiment["seeds"])
    batch = int(experiment.get("batch") or 32)
    reference = arms[0][1]
    rows, held_out = fitting_rows(reference, int(experiment["rows"]), int(experiment["held_out"]), batch)
    if rows < int(experiment["rows"]):
        notes.append("{} rows instead of {}: more of this size would not fit".format(rows, experiment["rows"]))
    units = []
    for task in tasks:
        data = Data(task, seeds, reference, rows, held_out, cancelled)
        for group in grouped(arms):
            units += [
                (task, data, some_arms, some_seeds) for some_arms, some_seeds in _chunks(group, seeds, sizes, batch)
            ]

    def work(unit, report, cancelled):
        task, data, some_arms, some_seeds = unit
        names = [name for name, _ in some_arms]
        try:
            compiled = program(backend, some_arms[0][1], len(some_arms), len(some_seeds), batch)
            replicas = Replicas(compiled, some_arms, some_seeds, averages[names[0]])
            floats = max(sizes[name] for name in names)
            return Training(replicas, data, task, experiment, floats, report, cancelled).run()
        except GraphError as error:
            return [{"name": name, "task": task, "error": str(error)} for name in names]

    done = side_by_side(work, units, threads, report, cancelled)
    return [
        item
        for task in tasks
        for item in _joined([(unit[3], found) for unit, found in zip(units, done) if unit[0] == task])
    ]


def side_by_side(work, units, threads, report, cancelled):
    """What ``work(unit, report, cancelled)`` gives for each unit, in order; the first failure ends the others."""
    if threads < 2 or len(units) < 2:
        return [work(unit, report, cancelled) for unit in units]
    lock, failed = threading.Lock(), threading.Event()

    def told(event):
        with lock:
            report(event)

    def guarded(unit):
        try:
            return work(unit, told, lambda: failed.is_set() or cancelled())
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(min(threads, len(units))) as executor:
        futures = [executor.submit(guarded, unit) for unit in units]
    errors = [error for error in (future.exception() for future in futures) if error is not None]
    if errors:
        # Those that were ended by the failure of another say nothing of their own.
        raise next((error for error in errors if not isinstance(error, Cancelled)), errors[0])
    return [future.result() for future in futures]


def grouped(arms):
    """Lists of arms that one compiled call can train side by side."""
    groups: dict = {}
    for name, graph in arms:
        groups.setdefault(graph.structure(), []).append((name, graph))
    return list(groups.values())


def _chunks(group, seeds, sizes, batch):
    """(arms, seeds) so that no call needs more memory than allowed; seeds of an arm stay together if they can."""
    floats = max(sizes[name] for name, _ in group) * batch
    most = max(1, CALL_BYTES // (4 * 3 * floats))
    if most >= len(seeds):
        arms_at_once = max(1, most // len(seeds))
        for begin in range(0, len(group), arms_at_once):
            yield group[begin : begin + arms_at_once], seeds
    else:
        for arm in group:
            for begin in range(0, len(seeds), most):
                yield [arm], seeds[begin : begin + most]


BY_SEED = ("skill", "loss", "accuracy", "spread", "curve", "update_ratio", "finite")


def _joined(chunks):
    """One item for each arm of items for parts of its seeds."""
    found = {}
    for seeds, items in chunks:
        for item in items:
            name = item["name"]
            if name not in found:
                found[name] = (dict(item), len(seeds))
                continue
            whole, n = found[name]
            if whole.get("error") or item.get("error"):
                found[name] = (whole if whole.get("error") else item, n)
                continue
            for key in BY_SEED:
                whole[key] = whole[key] + item[key]
            m = len(seeds)
            whole["gradients"] = _mixed(whole["gradients"], item["gradients"], n, m)
            whole["activations"] = _mixed(whole["activations"], item["activations"], n, m)
            found[name] = (whole, n + m)
    return [whole for whole, _ in found.values()]


def _mixed(a, b, n, m):
    """The mean of two nests of numbers that stand for n and m seeds."""
    if isinstance(a, dict):
        return {key: _mixed(a[key], b[key], n, m) for key in a}
    if isinstance(a, list):
        return [_mixed(x, y, n, m) for x, y in zip(a, b)]
    return (a * n + b * m) / (n + m)


def clean(value):
    """``value`` as JSON can hold it: plain numbers, and null for those that are not finite."""
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    if isinstance(value, np.ndarray):
        return clean(value.tolist())
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value
