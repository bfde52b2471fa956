"""The probe: measures by a short training, or by an exact check without one, which findings matter in a program.

A program and its findings become an experiment (docs/probe-format.md), which a worker in the user's interpreter runs;
what it measures becomes a verdict for each finding.
"""
