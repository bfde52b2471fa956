import random
import time


class Model:
    """Predicts `weight * x`; reports the mean loss of the epoch, as Keras does."""

    loss = "mean_squared_error"
    losses = ()
    metrics_names = ("loss", "error")

    def __init__(self, rate=0.01, pause=0.0, loss="mean_squared_error"):
        self.weight = random.uniform(-2.0, 2.0)
        self.rate = rate
        self.pause = pause
        self.loss = loss

    def get_weights(self):
        return []

    def _step(self, x, y):
        time.sleep(self.pause)
        error = self.weight * x - y
        self.weight -= self.rate * 2.0 * error * x
        return error * error

    def fit(self, x=None, y=None, epochs=1, callbacks=None, validation_split=0.0, validation_data=None):
        for epoch in range(epochs):
            for callback in callbacks or ():
                callback.on_train_begin()
                callback.on_epoch_begin(epoch)
            total = 0.0
            for number, (one, wanted) in enumerate(zip(x, y)):
                total += self._step(one, wanted)
                logs = {"loss": total / (number + 1), "error": abs(self.weight - 3.0)}
                for callback in callbacks or ():
                    callback.on_train_batch_end(number, logs)
            logs = {"loss": total / len(x)}
            if validation_data is not None:
                logs["val_loss"] = self.evaluate(*validation_data)[0]
            for callback in callbacks or ():
                callback.on_epoch_end(epoch, logs)

    def train_on_batch(self, x, y):
        return [self._step(x, y), abs(self.weight - 3.0)]

    def evaluate(self, x, y, verbose=1, return_dict=False):
        loss = sum((self.weight * one - wanted) ** 2 for one, wanted in zip(x, y)) / len(x)
        return {"loss": loss} if return_dict else [loss, abs(self.weight - 3.0)]
