"""What all tests share."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

from hypothesis import HealthCheck, settings

# The default finds most mistakes in seconds; the nightly run takes its time.
settings.register_profile("default", deadline=None)
settings.register_profile("nightly", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# What is found and measured here is not kept for the user, nor taken from what was.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="trainlint-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)
