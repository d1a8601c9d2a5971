# SPDX-License-Identifier: Apache-2.0
"""The flags that launchers of 0.24 give to `python -m vineyard`, as those of `vineyardd`.

They are written `--flag value`, `--flag=value`, `--flag` and `--noflag`, with one dash or two. Flags of `vineyardd` itself
pass as they are. What asks for the only thing that there is, or for nothing, is taken out.
"""

from __future__ import annotations

from .errors import not_yet

_TRUE, _FALSE = frozenset(("true", "t", "yes", "y", "1")), frozenset(("false", "f", "no", "n", "0", ""))
_SWITCHES = frozenset(("rpc", "compression", "reserve_memory", "skip_launch_etcd", "sync_crds", "prometheus", "metrics"))
# Flags with a value, and what it may be; nothing: any, since nothing follows from it without what it belongs to.
_VALUES = {
    "deployment": ("local",),
    "meta": ("local",),
    "spill_path": ("",),
    "rdma_endpoint": ("",),
    "htpasswd": ("",),
    "rpc_socket_port": None,
    "etcd_endpoint": None,
    "etcd_prefix": None,
    "etcd_cmd": None,
    "etcd_data_dir": None,
    "redis_endpoint": None,
    "redis_prefix": None,
    "meta_timeout": None,
    "allocator": None,
    "stream_threshold": None,
    "spill_lower_rate": None,
    "spill_upper_rate": None,
}
_MISSING = {
    "deployment": "a deployment other than local",
    "meta": "metadata in a service other than the daemon itself",
    "spill_path": "spilling to disk",
    "rdma_endpoint": "RDMA",
    "htpasswd": "passwords",
    "rpc": "TCP",
    "prometheus": "the page of metrics",
    "metrics": "the page of metrics",
}


def _split(argument):
    """(name as 0.24 writes it, value or None) of a flag; None for what is none."""
    if not argument.startswith("-") or argument in ("-", "--"):
        return None
    name, equals, value = argument.lstrip("-").partition("=")
    return name.replace("-", "_"), value if equals else None


def _switch(name, value):
    """Whether a switch is on; None if that flag is no switch."""
    is_no = name.startswith("no") and name[2:] in _SWITCHES and value is None
    if not is_no and name not in _SWITCHES:
        return None
    if is_no or value is None:
        return not is_no
    if value.lower() not in _TRUE | _FALSE:
        raise ValueError(f"--{name}={value}: true or false")
    return value.lower() in _TRUE


def translated(arguments):
    """(arguments of vineyardd, notes for the user). NotImplementedException for what cannot be done without."""
    left, ours, notes = list(arguments), [], []
    while left:
        argument = left.pop(0)
        name, value = _split(argument) or ("", None)
        on = _switch(name, value)
        if on is not None:
            name = name if name in _SWITCHES else name[2:]
            if name == "reserve_memory":
                ours.append("--reserve" if on else "--no-reserve")
            elif on and name in _MISSING:
                notes.append(f"--{name}: {_MISSING[name]} is not there yet; programs of this host are served")
        elif name in _VALUES:
            value = (left.pop(0) if left else "") if value is None else value
            allowed = _VALUES[name]
            if allowed is not None and value not in allowed:
                raise not_yet(f"--{name} {value}: {_MISSING[name]}", f"leave it out, or say --{name}={allowed[0]}")
        elif name:
            # One dash is enough for a long flag of 0.24.
            ours.append("-" + argument if argument[1:2] != "-" and len(name) > 1 else argument)
        else:
            ours.append(argument)
    return ours, notes
