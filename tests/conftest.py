"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# The default finds most mistakes in seconds; the nightly run takes its time.
settings.register_profile("default", deadline=None)
settings.register_profile("nightly", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
