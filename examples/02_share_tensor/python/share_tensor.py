# SPDX-License-Identifier: Apache-2.0
"""One process puts a matrix, others read it in place: share_tensor.py put|get [SOCKET]"""

import sys

import numpy as np

import vineyard

role, *socket = sys.argv[1:]
client = vineyard.connect(*socket)

if role == "put":
    client.put(np.arange(12, dtype=np.float64).reshape(3, 4), name="matrix")
else:
    matrix = client.get(client.get_name("matrix", wait=60))  # no copy: read-only memory of the pool
    print(f"{matrix.shape[0]} x {matrix.shape[1]}, sum {matrix.sum():g}, last {matrix[2, 3]:g}")
    assert not matrix.flags.writeable
