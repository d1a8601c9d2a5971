# SPDX-License-Identifier: Apache-2.0
"""Values under paths of a volume that a daemon serves: `vineyard.sock` stands in one of the parent folders."""

from __future__ import annotations

import os

from .client import connect


def _socket_of(path):
    folder = os.path.dirname(os.path.abspath(path))
    while True:
        socket = os.path.join(folder, "vineyard.sock")
        if os.path.exists(socket):
            return socket
        if folder == os.path.dirname(folder):
            raise FileNotFoundError(f"no vineyard.sock in any folder above {path}")
        folder = os.path.dirname(folder)


def write(value, path):
    """Puts a value under the name `path`."""
    with connect(_socket_of(path)) as client:
        client.put(value, name=path)


def read(path):
    """Gets the value under the name `path`."""
    with connect(_socket_of(path)) as client:
        return client.get(name=path)
