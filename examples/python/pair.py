# SPDX-License-Identifier: Apache-2.0
"""Two arrays as one object: its parts can be looked at, or got as values. Run it with a daemon's socket, or without."""

import sys

import numpy as np

import vineyard

client = vineyard.connect(*sys.argv[1:])
pair_id = client.put((np.zeros(8), np.ones(4)))

pair = client.get_object(pair_id)
for part in (pair.first, pair.second):
    print(part.typename, part.size())

first, second = client.get(pair_id)
print(first.sum(), second.sum())
