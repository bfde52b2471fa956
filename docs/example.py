import numpy as np
import tensorflow as tf

colours = np.random.uniform(0, 255, size=(10000, 3))
is_dark = (colours.mean(axis=1) < 127).astype("float32")

model = tf.keras.Sequential(
    [
        tf.keras.layers.Dense(16, activation="relu"),
        tf.keras.layers.Dense(1),
    ]
)
model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(colours, is_dark, batch_size=128, epochs=10)
