# SPDX-License-Identifier: Apache-2.0
"""Ray: this process puts, an actor in a process of its own gets. References stay on this side."""

import os
import random
import sys

import ray
import timing


class Getter:
    """The process that gets. A list keeps Ray from resolving references before the call."""

    def get_each(self, references):
        """Seconds per get of values that this process has not seen."""
        return timing.per_call(ray.get, references)

    def view(self, references, count):
        """Seconds per get of one large value."""
        return timing.per_call(ray.get, references * count)

    def first_sum(self, references):
        """Seconds to sum an array."""
        array = ray.get(references[0])
        return timing.once(array.sum)[0]

    def open_table(self, references):
        """Seconds to open the table, and to open and read it."""
        opened, table = timing.once(ray.get, references[0])
        return opened, opened + timing.once(timing.sum_of_table, table)[0]


class Side:
    """The methods of ours.Side; it is both sides."""

    def __init__(self, memory):
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        paths = {"PYTHONPATH": os.pathsep.join(sys.path[:2])}
        ray.init(num_cpus=2, object_store_memory=memory, include_dashboard=False, log_to_driver=False, logging_level="error",
                 runtime_env={"env_vars": paths})  # fmt: skip
        self._actor = ray.remote(num_cpus=1)(Getter).remote()
        self._kept = []

    def put_small(self, count, size=1024):
        self._kept = references = []
        value = random.randbytes(size)
        return timing.per_call(lambda _: references.append(ray.put(value)), range(count))

    def kept(self):
        return []

    def forget(self):
        self._kept = []

    def know(self, references):
        pass

    def get_small(self, count=None):
        """Fresh ones each time: what a process has got once it keeps."""
        references = [ray.put(random.randbytes(1024)) for _ in range(count or 1000)]
        return ray.get(self._actor.get_each.remote(references))

    def make_array(self, nbytes):
        self._value = timing.random_array(nbytes)
        return self._value.nbytes

    def make_table(self, kind="pyarrow"):
        self._value, nbytes = timing.flights_as(kind)
        return nbytes

    def put_value(self):
        self._kept = []
        seconds, reference = timing.once(ray.put, self._value)
        self._kept = [reference]
        return seconds

    def view(self, reference, count=20):
        return ray.get(self._actor.view.remote(self._kept, count))

    def sums(self, reference, nbytes):
        return ray.get(self._actor.first_sum.remote(self._kept))

    def open_table(self, reference):
        return ray.get(self._actor.open_table.remote(self._kept))

    def close(self):
        ray.shutdown()
