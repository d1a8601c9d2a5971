# SPDX-License-Identifier: Apache-2.0
"""One process that uses vineyard: it puts, or it gets what another one has put.

It keeps to what PyPI's vineyard offers too, and runs in a venv of that for a comparison; only `call` is ours alone.
"""

import random

import numpy as np
import timing

import vineyard


class Side:
    """A client. References are object ids, as numbers."""

    def __init__(self, socket):
        self._client = vineyard.connect(socket)
        self._kept = []
        self._copy = None

    # ---- limits of this process

    def call(self, count=200_000):
        """Seconds of an empty call of the extension module."""
        nothing, values = vineyard._core._nothing, range(count)
        return timing.best(timing.TRIES, lambda: timing.per_call(nothing, values))

    def copy(self, nbytes):
        """Seconds of np.copyto between warm arrays."""
        if self._copy is None:
            self._copy = timing.Copy(nbytes)
        return self._copy.seconds()

    # ---- small values

    def put_small(self, count, size=1024):
        """Seconds per put of that many bytes; they stay until `forget`."""
        value, put = random.randbytes(size), self._client.put
        self._kept = ids = []
        return timing.per_call(lambda _: ids.append(put(value)), range(count))

    def put_small_warm(self, count, size=1024):
        """The same, the best of some, each deleted before the next."""

        def put():
            seconds = self.put_small(count, size)
            self.forget()
            return seconds

        return timing.best(timing.TRIES, put)

    def kept(self):
        """References of what was put last."""
        return [int(i) for i in self._kept]

    def forget(self):
        """Deletes what was put last."""
        for begin in range(0, len(self._kept), 1000):
            self._client.delete(self._kept[begin : begin + 1000])
        self._kept = []

    def know(self, references):
        """Makes ids of references, in random order."""
        self._ids = [vineyard.ObjectID(i) for i in references]
        random.Random(3).shuffle(self._ids)

    def get_small(self, count=None):
        """Seconds per get (and drop) of all that are known, in random order."""
        return timing.per_call(self._client.get, self._ids[:count])

    def read_small(self, count=None):
        """The same, and a copy of the bytes."""
        get = self._client.get
        return timing.per_call(lambda i: get(i).tobytes(), self._ids[:count])

    # ---- arrays and tables

    def make_array(self, nbytes):
        """What `put_value` puts."""
        self._value = timing.random_array(nbytes)
        return self._value.nbytes

    def make_table(self, kind="pyarrow"):
        """What `put_value` puts: the flights table."""
        self._value, nbytes = timing.flights_as(kind)
        return nbytes

    def put_value(self):
        """Seconds of a put; what was put before is deleted first."""
        if self._kept:
            self.forget()
        seconds, put = timing.once(self._client.put, self._value)
        self._kept = [put]
        return seconds

    def view(self, reference, count=100):
        """Seconds per get of a large value: a view."""
        return timing.per_call(self._client.get, [vineyard.ObjectID(reference)] * count)

    def build(self, reference, count=100):
        """Seconds that pandas or polars takes for such a frame of ready columns; of Arrow's table polars' import."""
        frame = self._client.get(vineyard.ObjectID(reference))
        if not hasattr(frame, "items"):
            import polars

            newest = {"compat_level": polars.CompatLevel.newest()}  # the layouts that polars itself has
            table = frame.to_arrow(**newest) if hasattr(frame, "to_arrow") else frame
            return timing.per_call(lambda _: polars.from_arrow(table), range(count))
        import pandas

        columns = {name: column.array for name, column in frame.items()}
        return timing.per_call(lambda _: pandas.DataFrame(columns, copy=False), range(count))

    def sums(self, reference, nbytes):
        """Seconds to sum an array the first time, the second time, and a private one."""
        private = timing.random_array(nbytes)
        private.sum()
        array = self._client.get(vineyard.ObjectID(reference))
        first = timing.once(np.sum, array)[0]
        second, own = [], []
        for _ in range(timing.TRIES):
            own.append(timing.once(np.sum, private)[0])
            second.append(timing.once(np.sum, array)[0])
        return first, min(second), min(own)

    def open_table(self, reference):
        """Seconds to open the table, and to open and read it."""
        opened, table = timing.once(self._client.get, vineyard.ObjectID(reference))
        return opened, opened + timing.once(timing.sum_of_table, table)[0]

    # ---- metadata and lists

    def _thing(self):
        meta = vineyard.ObjectMeta()
        meta["typename"] = "bench::Thing"
        return meta

    def metadata(self, count):
        """Seconds to create, and to get, an object of 8 keys and 4 members."""
        self._kept = ids = [self._client.put(b"x" * 64) for _ in range(4)]
        members = [self._client.get_meta(i) for i in ids]

        def create(n):
            meta = self._thing()
            for k in range(8):
                meta[f"key{k}"] = n + k
            for k, member in enumerate(members):
                meta.add_member(f"member{k}", member)
            ids.append(self._client.create_metadata(meta).id)

        made = timing.per_call(create, range(count))
        got = timing.per_call(lambda i: self._client.get_meta(i)["key0"], ids[4:])
        self.forget()
        return made, got

    def fill(self, count):
        """Puts objects for `list_nothing` to look at."""
        self._kept = [self._client.create_metadata(self._thing()).id for _ in range(count)]

    def list_all(self, count):
        """Seconds to list that many objects, with their metadata."""
        seconds, found = timing.once(lambda: self._client.list_metadatas("bench::Thing", limit=count))
        assert len(found) == count
        return seconds

    def list_nothing(self, count):
        """Seconds to list by a type that no object has."""
        return timing.per_call(lambda _: self._client.list_objects("no::such", limit=1000), range(count))
