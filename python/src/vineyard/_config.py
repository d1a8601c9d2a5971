# SPDX-License-Identifier: Apache-2.0
"""The configuration file of existing programs, as far as it says which socket to connect to.

    Vineyard:
      IPCSocket: vineyard.sock

It is YAML; of that, what such a file consists of is read: one mapping with texts in it.
"""

from __future__ import annotations

import os

_NAMES = ("vineyard-config.yaml", os.path.join("vineyard", "vineyard-config.yaml"))
_DEFAULT_FOLDER = "/var/run"


def _file_of(place):
    if not os.path.isdir(place):
        return place
    return next((f for f in (os.path.join(place, name) for name in _NAMES) if os.path.isfile(f)), None)


def _settings(file):
    settings, is_ours = {}, False
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            text = line.split(" #")[0].rstrip()
            if not text or text.lstrip().startswith("#"):
                continue
            key, _, value = text.partition(":")
            if not text[0].isspace():
                is_ours = key == "Vineyard" and not value.strip()
            elif is_ours:
                settings[key.strip()] = value.strip().strip("\"'")
    return settings


def socket_of(place=None):
    """The socket that a file, or the one in a folder, names; None if nothing is configured.

    Without `place`: the file or folder of $VINEYARD_CONFIG, else /var/run. Raises OSError for a file that cannot be read.
    """
    wanted = place if place is not None else os.environ.get("VINEYARD_CONFIG") or _DEFAULT_FOLDER
    file = _file_of(os.fsdecode(wanted))
    if file is None:
        return None
    socket = _settings(file).get("IPCSocket")
    return os.path.join(os.path.dirname(os.path.abspath(file)), socket) if socket else None
