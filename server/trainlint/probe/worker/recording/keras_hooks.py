"""Counts the steps of `fit`, `fit_generator` and `train_on_batch`, in Keras 2 and 3 on every backend."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

from .steps import Recorder, number_of, weights_of

_MOST_ROWS_OF_VALIDATION = 4096
_MOST_BATCHES_OF_VALIDATION = 50


class Models:
    """The hooks of Keras models."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def patch(self, module: Any) -> None:
        """Puts a callback into every call of `fit`, and counts every call of `train_on_batch`."""
        model = module.Model
        raw_losses = module.__name__.endswith("training_v1")
        callbacks = module.__name__.rpartition(".models.")[0] or module.__name__.rpartition(".engine.")[0]
        for name in ("fit", "fit_generator"):
            if hasattr(model, name):
                setattr(model, name, self._fit(getattr(model, name), callbacks + ".callbacks", raw_losses))
        model.train_on_batch = self._train_on_batch(model.train_on_batch)
        model.evaluate = self._evaluate(model.evaluate)

    def _fit(self, original: Callable[..., Any], callbacks: str, raw_losses: bool) -> Callable[..., Any]:
        recorder = self._recorder
        signature = inspect.signature(original)

        @functools.wraps(original)
        def fit(*arguments: Any, **keywords: Any) -> Any:
            if recorder.quiet:
                return original(*arguments, **keywords)
            try:
                bound = signature.bind_partial(*arguments, **keywords)
            except TypeError:
                return original(*arguments, **keywords)
            # What is a keyword for us may hide in the keywords of a decorated function.
            given: Dict[str, Any] = dict(bound.arguments)
            given.update(given.pop("kwargs", {}))
            model = given.pop("self")
            watcher = _watcher(sys.modules[callbacks].Callback)(recorder, model, raw_losses, given)
            given["callbacks"] = _with(given.get("callbacks"), watcher)
            with recorder:
                return original(model, **given)

        return fit

    def _train_on_batch(self, original: Callable[..., Any]) -> Callable[..., Any]:
        recorder = self._recorder

        @functools.wraps(original)
        def train_on_batch(model: Any, *arguments: Any, **keywords: Any) -> Any:
            if recorder.quiet:
                return original(model, *arguments, **keywords)
            _describe(recorder, model)
            before = _tracked(model)
            with recorder:
                result = original(model, *arguments, **keywords)
            names = list(getattr(model, "metrics_names", None) or [])
            values = result if isinstance(result, dict) else dict(zip(names or ["loss"], _listed(result)))
            loss = _since(before, _tracked(model), _rows(arguments[0] if arguments else keywords.get("x")))
            recorder.step(
                id(model),
                number_of(_listed(result)[0] if not isinstance(result, dict) else _loss(values))
                if loss is None
                else loss,
                {name: value for name, value in values.items() if name != "loss"},
            )
            return result

        return train_on_batch

    def _evaluate(self, original: Callable[..., Any]) -> Callable[..., Any]:
        recorder = self._recorder

        @functools.wraps(original)
        def evaluate(model: Any, *arguments: Any, **keywords: Any) -> Any:
            if recorder.quiet or not recorder.steps:
                return original(model, *arguments, **keywords)
            with recorder:
                result = original(model, *arguments, **keywords)
            names = list(getattr(model, "metrics_names", None) or ["loss"])
            values = result if isinstance(result, dict) else dict(zip(names, _listed(result)))
            recorder.metrics({"evaluate " + name: value for name, value in values.items()})
            return result

        return evaluate


def _listed(value: Any) -> List[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _with(callbacks: Any, watcher: Any) -> Any:
    """The user's callbacks with one more behind them, in the form that they have."""
    if callbacks is None:
        return [watcher]
    if isinstance(callbacks, (list, tuple)):
        return list(callbacks) + [watcher]
    if hasattr(callbacks, "append"):
        watcher.set_model(watcher.watched)
        callbacks.append(watcher)
        return callbacks
    return [callbacks, watcher]


def _describe(recorder: Recorder, model: Any) -> None:
    """Tells the loss and the weights that a model begins with."""
    key = id(model)
    if recorder.described(key, "loss"):
        return
    recorder.describe(key, "loss", _loss_function(model))
    recorder.describe(key, "optimizer", type(getattr(model, "optimizer", None)).__name__)
    # Weights of a model that was not built yet can't be asked for.
    with contextlib.suppress(Exception):
        recorder.describe(key, "weights", weights_of(model.get_weights()))


def _loss_function(model: Any) -> Optional[str]:
    """A text that two models share when they are compiled with the same loss."""
    try:
        return _named(model.loss)[:300] + _regularized(model)
    except Exception:
        return None


def _named(loss: Any) -> str:
    if isinstance(loss, str):
        return loss.replace("_", "").lower()
    if isinstance(loss, dict):
        return "{%s}" % ", ".join("{}: {}".format(key, _named(loss[key])) for key in sorted(loss, key=str))
    if isinstance(loss, (list, tuple)):
        return "[%s]" % ", ".join(_named(each) for each in loss)
    if inspect.isfunction(loss):
        return loss.__name__.replace("_", "").lower()
    if hasattr(loss, "get_config"):
        settings = {key: value for key, value in loss.get_config().items() if key not in _NOT_OF_THE_LOSS}
        chosen = [
            "{}={!r}".format(key, settings[key]) for key in sorted(settings) if settings[key] not in (None, False)
        ]
        return (
            "{}({})".format(type(loss).__name__.lower(), ", ".join(chosen)) if chosen else type(loss).__name__.lower()
        )
    return type(loss).__name__.lower() if loss is not None else ""


# A class and the string for it differ in these alone.
_NOT_OF_THE_LOSS = ("name", "reduction", "dtype", "axis", "ignore_class", "fn", "label_smoothing", "delta")


def _regularized(model: Any) -> str:
    number = len(model.losses)
    return " + {} added".format(number) if number else ""


def _tracked(model: Any) -> Optional[Tuple[float, float]]:
    """Sum and number of the losses that Keras averages over the batches since it was last reset."""
    tracker = getattr(model, "_loss_tracker", None)
    if tracker is None:
        # In Keras 2.
        tracker = getattr(getattr(model, "compiled_loss", None), "_loss_metric", None)
    total, count = number_of(getattr(tracker, "total", None)), number_of(getattr(tracker, "count", None))
    return (total, count) if total is not None and count is not None else None


def _since(
    before: Optional[Tuple[float, float]], after: Optional[Tuple[float, float]], rows: Optional[int]
) -> Optional[float]:
    """The loss of one batch: some versions reset before each, others go on with the sum."""
    if after is None or not after[1]:
        return None
    if before is not None and rows and after[1] - before[1] == rows:
        return (after[0] - before[0]) / rows
    return after[0] / after[1]


def _rows(batch: Any) -> Optional[int]:
    """The size of a batch, of the first of several inputs."""
    while isinstance(batch, (list, tuple, dict)) and batch:
        batch = next(iter(batch.values() if isinstance(batch, dict) else batch))
    try:
        return len(batch)
    except TypeError:
        return None


def _loss(logs: Dict[str, Any]) -> Any:
    """The loss among what a batch reports; models with a step of their own give it names of their own."""
    if "loss" in logs:
        return logs["loss"]
    return next((value for name, value in logs.items() if "loss" in str(name)), None)


@functools.lru_cache(maxsize=None)
def _watcher(base: Any) -> Any:
    """The callback that counts, of the callbacks' own base class."""

    class Watcher(base):
        def __init__(self, recorder: Recorder, model: Any, raw_losses: bool, given: Dict[str, Any]) -> None:
            super().__init__()
            self.recorder = recorder
            self.watched = model
            self.raw_losses = raw_losses
            self.given = given
            self.seen = 0
            self.sum = 0.0
            self.tracked: Tuple[float, float] = (0.0, 0.0)

        def on_train_begin(self, logs: Any = None) -> None:
            _describe(self.recorder, self.watched)

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._forget()

        def _forget(self) -> None:
            self.seen, self.sum, self.tracked = 0, 0.0, (0.0, 0.0)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            logs = dict(logs or {})
            reported = _loss(logs)
            count = batch + 1
            if count <= self.seen:
                self._forget()
            span = count - self.seen
            loss = number_of(reported)
            if loss is not None and not self.raw_losses:
                # Keras reports the mean of the epoch until here, weighed by the sizes of batches.
                tracked = _tracked(self.watched) or self.tracked
                mean, loss = loss, (loss * count - self.sum) / span
                self.sum = mean * count
                if tracked[1] > self.tracked[1]:
                    # On JAX the model's own variables are behind while it trains.
                    loss = (tracked[0] - self.tracked[0]) / (tracked[1] - self.tracked[1])
                self.tracked = tracked
            self.seen = count
            self.recorder.finishing[:] = [self.validate]
            metrics = {name: value for name, value in logs.items() if name not in ("loss", "batch", "size")}
            self.recorder.step(id(self.watched), loss, metrics, span)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.recorder.metrics({key: value for key, value in (logs or {}).items() if str(key).startswith("val_")})

        def validate(self) -> Dict[str, Any]:
            """What the model is worth on the program's own validation data, or on the beginning of them."""
            chosen = _validation(self.given)
            if chosen is None:
                return {}
            getattr(self.watched, "jax_state_sync", lambda: None)()
            if self.raw_losses:
                values = dict(zip(self.watched.metrics_names, _listed(self.watched.evaluate(verbose=0, **chosen))))
            else:
                values = self.watched.evaluate(verbose=0, return_dict=True, **chosen)
            return {"val_" + name: value for name, value in values.items()}

    return Watcher


def _validation(given: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """Arguments for `evaluate` from those of `fit`; None without validation data."""
    data = given.get("validation_data")
    split = given.get("validation_split") or 0.0
    batch = given.get("validation_batch_size") or given.get("batch_size")
    if data is None and split:
        x, y = given.get("x"), given.get("y")
        if not hasattr(x, "shape") or not hasattr(y, "shape"):
            return None
        # Keras takes the last part.
        first = int(len(x) * (1.0 - split))  # type: ignore[arg-type]
        data = (x[first:], y[first:])  # type: ignore[index]
    if data is None:
        return None
    if isinstance(data, (list, tuple)):
        names = ("x", "y", "sample_weight")
        cut = {name: _first_rows(part) for name, part in zip(names, data)}
        if batch is not None:
            cut["batch_size"] = batch
        return cut
    return {"x": data, "steps": min(_MOST_BATCHES_OF_VALIDATION, given.get("validation_steps") or _batches(data))}


def _first_rows(part: Any) -> Any:
    if hasattr(part, "shape"):
        return part[:_MOST_ROWS_OF_VALIDATION]
    return part


def _batches(data: Any) -> int:
    try:
        return max(1, len(data))
    except Exception:
        return _MOST_BATCHES_OF_VALIDATION
