"""Hypothesis profiles: new inputs at a developer's desk, the same ones every time where ``CI`` is set."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("desk", deadline=None, suppress_health_check=_SLOW)
settings.register_profile("ci", deadline=None, suppress_health_check=_SLOW, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")
