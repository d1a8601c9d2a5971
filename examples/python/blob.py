# SPDX-License-Identifier: Apache-2.0
"""Bytes in shared memory. Run it with a daemon's socket, or without: then a private daemon is started."""

import sys

import vineyard

client = vineyard.connect(*sys.argv[1:])
blob_id = client.put(b"Hello, World!")
blob = client.get(blob_id)
print(blob.typename, blob.length, blob)
