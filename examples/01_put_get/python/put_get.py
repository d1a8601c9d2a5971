# SPDX-License-Identifier: Apache-2.0
"""Puts values under names, and gets them back: put_get.py [SOCKET]"""

import sys

import vineyard

# Without a socket: the daemon that is running, or a private one that is started and ends with this program.
client = vineyard.connect(*sys.argv[1:2])

client.put("Hello, World!", name="greeting")
print(client.get(name="greeting"))

settings = client.put({"colour": "red", "sizes": [1, 2.5, None]})
print(client.get(settings))
