"""Runs the user's own program until it has trained for some steps, and records the losses on the way.

It is started by the path of `start.py` and knows the rest of the package only by the protocol of `channel.py`.
"""
