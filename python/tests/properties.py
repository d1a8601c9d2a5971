# SPDX-License-Identifier: Apache-2.0
"""What the property tests share: one hypothesis profile, fixed so that a run is the same everywhere."""

from hypothesis import HealthCheck, settings

_CHECKS = [
    HealthCheck.function_scoped_fixture,
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
]


def examples(count):
    """Settings of a property test: that many examples, always the same ones."""
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        print_blob=True,
        suppress_health_check=_CHECKS,
    )


def back(client, value):
    """What comes back for a value."""
    return client.get(client.put(value))
