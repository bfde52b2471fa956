"""The numbers of a group of replicas: initial values, data, hyperparameters; arm by arm, seed by seed."""

import json

import numpy as np

from .data import Sample, fed_values
from .data.sample import without_rows
from .errors import Cancelled
from .initial import generator, initial_value
from .optimizers import numbers as optimizer_numbers
from .program import read_sources

# Canonical features of one seed take at most this many bytes; large images get fewer rows.
SAMPLE_BYTES = 24_000_000


class Data:
    """Samples of one task for all seeds, and what the sources of arms show of them."""

    def __init__(self, task, seeds, graph, rows, held_out, cancelled=lambda: False):
        self.rows = rows
        self.held_out = held_out
        self.samples = {}
        for seed in seeds:
            if cancelled():
                raise Cancelled()
            self.samples[seed] = Sample(task, seed, graph, rows + held_out)
        self._shown = {}

    def shown(self, graph, name, seed):
        """[rows + held_out, *shape of a row] of a source of an arm."""
        source = graph.sources[name]
        key = (
            name,
            seed,
            json.dumps([source, graph.sources if source.get("encoding") == "features" else None], sort_keys=True),
        )
        if key not in self._shown:
            self._shown[key] = fed_values(graph, name, self.samples[seed], slice(None))
        return self._shown[key]


def fitting_rows(graph, rows, held_out, batch):
    """Rows of the training and the held-out set that fit into memory."""
    size = 1
    for name in graph.source_of("features"):
        size = max(size, int(np.prod(without_rows(graph.sources[name]["shape"])[0], dtype=np.int64)))
    total = max(SAMPLE_BYTES // (4 * size), 192)
    held = min(held_out, max(total // 4, 64))
    return max(min(rows, total - held), batch), held


class Replicas:
    """Arms of one structure x seeds: what is fed to their program."""

    def __init__(self, program, arms, seeds, averages):
        self.program = program
        self.backend = program.backend
        self.arms = arms
        self.seeds = list(seeds)
        self.graph = arms[0][1]
        self.averages = averages

    @property
    def count(self):
        return len(self.arms) * len(self.seeds)

    def _stacked(self, make):
        """[replicas, ...] of ``make(graph, seed)``."""
        return np.stack([make(graph, seed) for _, graph in self.arms for seed in self.seeds])

    def initial_state(self):
        """Weights, slots, moving averages and the last gradient at the start, as tensors."""
        backend = self.backend
        program = self.program
        made = {}

        def value(name):
            def make(graph, seed):
                node = graph.nodes[name]
                key = (name, seed, json.dumps(node.get("initial"), sort_keys=True))
                if key not in made:
                    made[key] = initial_value(name, node, seed)
                return made[key]

            return make

        values = {name: self._stacked(value(name)) for name in self.graph.variables()}
        self.frozen = {name: backend.array(values[name]) for name in values if name not in program.trained}
        weights = np.concatenate([values[name].reshape(self.count, -1) for name in program.trained], 1)
        hyper = self.numbers()
        slots = {}
        for slot, start in program.optimizer.slots().items():
            numbers = hyper["optimizer/" + start] if isinstance(start, str) else np.full(self.count, start, np.float32)
            slots[slot] = backend.array(np.repeat(numbers[:, None], weights.shape[1], 1))
        averages = {
            name: {
                "mean": backend.array(np.zeros((self.count,) + shape, np.float32)),
                "variance": backend.array(np.ones((self.count,) + shape, np.float32)),
            }
            for name, shape in self.averages.items()
        }
        return {
            "weights": backend.array(weights),
            "slots": slots,
            "averages": averages,
            "gradient": backend.array(np.zeros_like(weights)),
        }

    def numbers(self):
        """[replicas] for every number that arms may differ in."""
        each = []
        for _, graph in self.arms:
            found = graph.lifted()
            found.update(optimizer_numbers(graph.optimizer))
            each += [found] * len(self.seeds)
        return {key: np.array([one[key] for one in each], np.float32) for key in each[0]}

    def fixed(self):
        """What stays the same during training; call it after ``initial_state``."""
        backend = self.backend
        return {
            "frozen": self.frozen,
            "numbers": {key: backend.array(values) for key, values in self.numbers().items()},
            "seeds": backend.array(np.array([int(seed) % 32003 for seed in self.seeds], np.int32)),
            "constants": self._constants("training"),
            "constants_evaluation": self._constants("evaluation"),
        }

    def _constants(self, mode):
        fed = {}
        for name in read_sources(self.graph):
            if self.graph.sources[name].get("role") != "constant":
                continue

            def make(graph, seed, name=name):
                source = graph.sources[name]
                shape = tuple(self.program.batch if size == "N" else int(size) for size in source.get("shape") or ())
                dtype = source.get("dtype") or "float32"
                kind = bool if dtype == "bool" else np.int32 if "int" in dtype else np.float32
                value = (source.get("values") or {}).get(mode, 0)
                return np.broadcast_to(np.asarray(value), shape).astype(kind)

            fed[name] = self.backend.array(self._stacked(make))
        return fed

    def fed_names(self):
        return [name for name in read_sources(self.graph) if self.graph.sources[name].get("role") != "constant"]

    def batches(self, data, first, count):
        """Tensors [steps, replicas, *shape] for ``count`` steps from step ``first`` on."""
        order = {seed: batch_rows(seed, data.rows, self.program.batch, first, count) for seed in self.seeds}
        fed = {}
        for name in self.fed_names():
            if self.graph.sources[name].get("role") == "noise":
                fed[name] = self.masks(name, first, count)
                continue
            made: dict = {}
            parts = []
            for _, graph in self.arms:
                for seed in self.seeds:
                    shown = data.shown(graph, name, seed)
                    key = id(shown)
                    if key not in made:
                        made[key] = shown[order[seed]]
                    parts.append(made[key])
            stacked = np.stack(parts, 1)
            fed[name] = self.backend.array(self._rows_in_place(name, stacked, 2))
        return fed

    def held_out(self, data, start, stop):
        """Tensors [replicas, *shape] of held-out rows."""
        places = slice(data.rows + start, data.rows + stop)
        fed = {}
        for name in self.fed_names():
            if self.graph.sources[name].get("role") == "noise":
                # What people feed when they evaluate: nothing is dropped.
                shape = [stop - start if size == "N" else size for size in self.graph.sources[name]["shape"]]
                fed[name] = self.backend.array(np.ones([self.count] + shape, np.float32))
                continue
            stacked = self._stacked(lambda graph, seed, name=name: data.shown(graph, name, seed)[places])
            fed[name] = self.backend.array(self._rows_in_place(name, stacked, 1))
        return fed

    def masks(self, name, first, count):
        """A tensor [steps, replicas, *shape] of fed masks, drawn anew for each step."""

        def drawn(graph, seed):
            source = graph.sources[name]
            values = source.get("values") or {}
            shape = [self.program.batch if size == "N" else int(size) for size in source["shape"]]
            steps = []
            for step in range(first, first + count):
                share = generator(seed, "mask", name, str(step)).random(shape, np.float32)
                steps.append((share < values.get("keep", 0.5)) * np.float32(values.get("value", 1.0)))
            return np.stack(steps)

        return self.backend.array(np.moveaxis(self._stacked(drawn), 0, 1))

    def _rows_in_place(self, name, stacked, axis):
        """Rows moved from ``axis`` to where the shape of the source has them."""
        place = without_rows(self.graph.sources[name]["shape"])[1]
        return np.moveaxis(stacked, axis, axis + place) if place else stacked


def batch_rows(seed, rows, batch, first, count):
    """[count, batch] of row numbers: each epoch is a new permutation, its incomplete last batch is left out."""
    per_epoch = max(1, rows // batch)
    found = []
    orders = {}
    for step in range(first, first + count):
        epoch = step // per_epoch
        if epoch not in orders:
            orders[epoch] = generator(seed, "batches", str(epoch)).permutation(rows)
        start = (step % per_epoch) * batch
        found.append(orders[epoch][start : start + batch])
    return np.stack(found)
