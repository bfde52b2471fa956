"""Trains a group of replicas in segments and measures it at the checkpoints."""

import time

import numpy as np

from . import scores
from .data.sample import without_rows
from .errors import Cancelled

# A segment of training takes about this long, so that a cancellation is seen in time.
SEGMENT_SECONDS = 0.25
# Batches of a segment take at most this many bytes.
SEGMENT_BYTES = 64_000_000
# Evaluation of held-out rows takes at most this many bytes for the tensors of one call.
EVALUATION_BYTES = 256_000_000
CURVE_POINTS = 100
# The relative change of weights is read after as many steps as in facts about too small and too large rates.
UPDATE_STEP = 25


class Training:
    """One run of a group; ``measurements`` gives one item for each arm."""

    def __init__(self, replicas, data, task, experiment, floats_per_row, report, cancelled):
        self.replicas = replicas
        self.program = replicas.program
        self.data = data
        self.task = task
        self.steps = int(experiment["steps"])
        self.checkpoints = sorted({int(one) for one in experiment["checkpoints"]} | {self.steps})
        self.floats_per_row = floats_per_row
        self.report = report
        self.cancelled = cancelled
        self.losses = []
        self.evaluations = []
        self.first_norms: dict = {}
        self.update_ratio = np.zeros(0)
        self.activations: list = [None, None]

    def check(self):
        if self.cancelled():
            raise Cancelled()

    def run(self):
        self.check()
        state = self.replicas.initial_state()
        self.fixed = self.replicas.fixed()
        start = self._weights(state)
        self.activations[0] = self.evaluate(state)["activations"]
        stops = sorted({1, min(UPDATE_STEP, self.steps)} | set(self.checkpoints))
        done, seconds = 0, None
        for stop in stops:
            while done < stop:
                self.check()
                count = min(stop - done, self._segment(seconds))
                began = time.perf_counter()
                batches = self.replicas.batches(self.data, done, count)
                state, losses = self.program.train(state, self.fixed, batches, done)
                # The first call compiles.
                seconds = (time.perf_counter() - began) / count if done else None
                self.losses.append(np.asarray(losses))
                done += count
                self._progress(done)
            if done == 1:
                self.first_norms = self._norms(state)
            if done == min(UPDATE_STEP, self.steps):
                self.update_ratio = _largest_change(start, self._weights(state))
            if done in self.checkpoints:
                self.check()
                self.evaluations.append(self.evaluate(state))
        self.last_norms = self._norms(state)
        self.activations[1] = self.evaluations[-1]["activations"]
        return self.measurements()

    def _segment(self, seconds):
        """Steps that the next call may take."""
        floats = sum(int(np.prod(values.shape)) for values in self._one_batch().values())
        by_memory = max(1, SEGMENT_BYTES // (4 * max(1, floats)))
        by_time = 8 if seconds is None else max(1, int(SEGMENT_SECONDS / max(seconds, 1e-6)))
        return min(by_memory, by_time, self.steps)

    def _one_batch(self):
        if not hasattr(self, "_batch"):
            self._batch = {
                name: np.empty((self.replicas.count, self.program.batch) + self._shown_shape(name))
                for name in self.replicas.fed_names()
            }
        return self._batch

    def _shown_shape(self, name):
        source = self.replicas.graph.sources[name]
        if source.get("role") == "noise":
            return without_rows(source["shape"])[0]
        return self.data.shown(self.replicas.graph, name, self.replicas.seeds[0]).shape[1:]

    def _weights(self, state):
        return self.program.by_variable(self.program.backend.numpy(state["weights"]))

    def _norms(self, state):
        """[replicas] of norms of the last gradient by variable."""
        gradient = self.program.by_variable(self.program.backend.numpy(state["gradient"]).astype(np.float64))
        with np.errstate(over="ignore", invalid="ignore"):
            return {name: np.sqrt((value**2).sum(1)) for name, value in gradient.items()}

    def _progress(self, done):
        names = ", ".join(name for name, _ in self.replicas.arms)
        self.report({"kind": "progress", "arm": names, "task": self.task, "done": done, "of": self.steps})

    # Measures

    def evaluate(self, state):
        """Losses, scores and activations on the held-out rows, in evaluation mode."""
        replicas = self.replicas
        rows = self.data.held_out
        most = max(1, min(rows, EVALUATION_BYTES // (4 * max(1, self.floats_per_row) * replicas.count)))
        # Equal parts: each other number of rows would be compiled anew.
        chunk = rows // -(-rows // most)
        predictions, losses, activations = [], [], None
        for begin in range(0, rows - chunk + 1, chunk):
            self.check()
            fed = replicas.held_out(self.data, begin, begin + chunk)
            found = self.program.evaluate({k: state[k] for k in ("weights", "averages")}, self.fixed, fed, chunk)
            predictions.append(found["predictions"])
            losses.append(found["losses"])
            activations = activations or found["activations"]
        used = chunk * len(predictions)
        scored = []
        for replica in range(replicas.count):
            scored.append(self._score(replica, [one[replica] for one in predictions], used))
        return {"losses": np.mean(losses, 0), "scores": scored, "activations": activations}

    def _score(self, replica, predictions, used):
        replicas = self.replicas
        graph = replicas.arms[replica // len(replicas.seeds)][1]
        seed = replicas.seeds[replica % len(replicas.seeds)]
        sample = self.data.samples[seed]
        truth = scores.truth_of(graph, sample, slice(self.data.rows, self.data.rows + used))
        whole = predictions[0] if len(predictions) == 1 else np.concatenate(predictions)
        try:
            return scores.score(sample.kind, graph.head, whole, truth)
        except ValueError as error:
            return {"skill": None, "accuracy": None, "spread": None, "error": str(error)}

    def measurements(self):
        losses = np.concatenate(self.losses)
        return [self._item(position, losses) for position in range(len(self.replicas.arms))]

    def _item(self, position, losses):
        replicas = self.replicas
        n = len(replicas.seeds)
        places = range(position * n, (position + 1) * n)
        name = replicas.arms[position][0]
        curve_steps = _curve_steps(self.steps)

        def scored(key):
            return [[one["scores"][place][key] for one in self.evaluations] for place in places]

        errors = [one["scores"][place].get("error") for one in self.evaluations for place in places]
        return {
            "name": name,
            "task": self.task,
            "checkpoints": self.checkpoints,
            "skill": scored("skill"),
            "loss": [[one["losses"][place] for one in self.evaluations] for place in places],
            "accuracy": scored("accuracy"),
            "spread": scored("spread"),
            "curve_steps": curve_steps,
            "curve": [_curve(losses[:, place], curve_steps) for place in places],
            "gradients": {
                variable: [
                    np.mean([norms[variable][place] for place in places])
                    for norms in (self.first_norms, self.last_norms)
                ]
                for variable in self.program.trained
            },
            "activations": {
                node: [self._activation(moment, node, places) for moment in self.activations]
                for node in self.program.watched
            },
            "update_ratio": [self.update_ratio[place] for place in places],
            "finite": [bool(np.all(np.isfinite(losses[:, place]))) for place in places],
            "error": next((error for error in errors if error), None),
        }

    def _activation(self, found, node, places):
        values = found[node]
        mean = np.mean([values[place if len(values) > 1 else 0] for place in places], 0)
        return dict(zip(("rms", "zeros", "saturated", "dead"), [float(one) for one in mean]))


def _curve_steps(steps):
    """At most 100 steps, the last one included."""
    count = min(steps, CURVE_POINTS)
    return sorted({round((i + 1) * steps / count) for i in range(count)})


def _curve(losses, curve_steps):
    """Mean loss of the steps since the point before."""
    means, begin = [], 0
    for stop in curve_steps:
        means.append(losses[begin:stop].mean())
        begin = stop
    return means


def _largest_change(before, after):
    """[replicas] of the largest |change| / |weights| of a variable; biases that begin at 0 have no measure."""
    largest = None
    for name, old in before.items():
        axes = tuple(range(1, old.ndim))
        with np.errstate(all="ignore"):
            size = np.sqrt((old.astype(np.float64) ** 2).sum(axes))
            change = np.sqrt(((after[name].astype(np.float64) - old) ** 2).sum(axes))
            ratio = np.where(size > 0, change / np.maximum(size, 1e-30), 0.0)
        largest = ratio if largest is None else np.maximum(largest, ratio)
    return np.zeros(1) if largest is None else largest
