"""trainlint reads TensorFlow and Keras training code and finds the mistakes that make a network train badly."""

__version__ = "0.1.0"
