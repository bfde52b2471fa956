"""Benchmarks: `make bench` prints ratios measured in one run, `bench/corpus.py` what is found in public code."""
