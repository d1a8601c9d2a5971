# SPDX-License-Identifier: Apache-2.0
"""The kernel keeps published bytes as they are (C8): every technique, as three identities, against an innocent reader.

The attacker has what the daemon gives to any client of its: a read-only descriptor of each arena, of the index region and
of the victim's outbox, and its own mapping of each. It tries from a process of the same user, of another user who got the
descriptors from a careless one, and of root. The reader is a process that looks at its bytes again and again: SIGBUS or a
changed byte ends it with a status that says so.

Out of scope (the threat model): same-uid `ptrace`, with which a process may be made to map something else; what root does
to a process or the kernel; and the creator itself, which writes through its own mapping while that is there. What uses
the rights of `ptrace` without running code in the reader, /proc/PID/mem and process_vm_writev, is tried all the same.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import mmap
import os
import socket
import struct

import numpy as np
import pytest

import vineyard
import vineyard.data.tensor  # now, while this process may read it
from vineyard.deploy.local import Daemon

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
libc.syscall.restype = ctypes.c_long
FAILED = ctypes.c_void_p(-1).value
READ, WRITE = mmap.PROT_READ, mmap.PROT_WRITE
PAGE = mmap.PAGESIZE
SAME, OTHER, ROOT = "same user", "other user", "root"
VICTIM_UID, OTHER_UID = 65534, 65533
AM_ROOT = os.geteuid() == 0


# ---- what the daemon gives to any client


class RawClient:
    """Speaks the protocol by hand, and keeps the descriptors that an honest client closes once it has mapped them."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(path)
        self.requests = 0
        body, self.joined = self.call(1, struct.pack("<IQI", 1, os.getpid(), 3) + b"raw")
        serial, _, pin_table = struct.unpack_from("<QIQ", body)
        self.call(2, struct.pack("<IQ", 2, pin_table))  # mapped, as far as the daemon knows
        self.call(2, struct.pack("<IQ", 1, serial))

    def call(self, opcode, body):
        self.requests += 1
        self.socket.send(struct.pack("<4sHHBBHIQII", b"VYN1", 1, opcode, 1, 0, 0, len(body), self.requests, 20_000, 0) + body)
        while True:
            packet, fds, _, _ = socket.recv_fds(self.socket, 65536, 8)
            if packet[8] == 2:
                return (packet[32:] if packet[9] == 0 else None), fds

    def descriptor(self, kind, number):
        body, fds = self.call(6, struct.pack("<IQ", kind, number))
        return fds[0] if body is not None else None


def descriptors_of_clients(path, victim_serial):
    """Read-only descriptors of all that is shared: the region, every arena, the victim's outbox."""
    raw = RawClient(path)
    found = {"region": raw.joined[0], "outbox": raw.descriptor(1, victim_serial)}
    for number in range(1, 40):
        fd = raw.descriptor(2, number)
        if fd is not None:
            found[f"arena {number}"] = fd
    return raw, found


# ---- the techniques: each gives None where the kernel refused, else what it achieved


def call(name, *arguments):
    return getattr(libc, name)(*arguments)


def map_shared(fd, size, protection):
    at = libc.mmap(None, ctypes.c_size_t(size), protection, mmap.MAP_SHARED, fd, ctypes.c_long(0))
    return None if at == FAILED else at


def reopened(fd, flags=os.O_RDWR):
    try:
        return os.open(f"/proc/self/fd/{fd}", flags)
    except OSError:
        return None


def attempt(function, *arguments):
    try:
        return function(*arguments) if function(*arguments) not in (None, -1) else None
    except OSError:
        return None


class Target:
    def __init__(self, fd, reader):
        self.fd, self.reader = fd, reader  # reader: (pid, address of its view, its size)
        self.size = os.fstat(fd).st_size
        self.part = min(self.size, 1 << 20)
        self.at = map_shared(fd, self.part, READ)
        assert self.at is not None


def map_writable(t):
    return map_shared(t.fd, t.part, READ | WRITE)


def reopen_and_map_writable(t):
    fd = reopened(t.fd)
    return fd and map_shared(fd, t.part, READ | WRITE)


def make_mapping_writable(t):
    return "mprotect" if call("mprotect", ctypes.c_void_p(t.at), ctypes.c_size_t(PAGE), READ | WRITE) == 0 else None


def make_mapping_of_reopened_writable(t):
    fd = reopened(t.fd)
    at = fd and map_shared(fd, PAGE, READ)
    return "mprotect" if at and call("mprotect", ctypes.c_void_p(at), ctypes.c_size_t(PAGE), READ | WRITE) == 0 else None


def write_with_a_call(t):
    fd = reopened(t.fd) or t.fd
    done = [attempt(os.pwrite, fd, b"x", 0), attempt(os.write, fd, b"x"), attempt(os.pwritev, fd, [b"x", b"y"], 64)]
    source = os.open("/dev/zero", os.O_RDONLY)
    reader, writer = os.pipe()
    os.write(writer, b"x" * 100)
    done += [attempt(os.splice, reader, fd, 10), attempt(os.sendfile, fd, source, 0, 10), attempt(os.copy_file_range, source, fd, 10)]
    return [d for d in done if d] or None


def shrink(t):
    fd = reopened(t.fd) or t.fd
    return "truncated" if call("ftruncate", fd, ctypes.c_long(0)) == 0 or os.fstat(fd).st_size != t.size else None


def shrink_by_opening(t):
    reopened(t.fd, os.O_RDWR | os.O_TRUNC)
    return "truncated" if os.fstat(t.fd).st_size != t.size else None


def grow(t):
    fd = reopened(t.fd) or t.fd
    call("ftruncate", fd, ctypes.c_long(t.size + PAGE))
    call("fallocate", fd, 0, ctypes.c_long(t.size), ctypes.c_long(PAGE))
    return "grown" if os.fstat(fd).st_size != t.size else None


def punch(t):
    fd = reopened(t.fd) or t.fd
    keep_size, punch_hole, collapse, zero, insert = 1, 2, 8, 16, 32
    modes = (punch_hole | keep_size, zero, zero | keep_size, collapse, insert)
    return [m for m in modes if call("fallocate", fd, m, ctypes.c_long(0), ctypes.c_long(PAGE)) == 0] or None


def advise(t):
    dontneed, free, remove = 4, 8, 9
    done = [a for a in (dontneed, free, remove) if call("madvise", ctypes.c_void_p(t.at), ctypes.c_size_t(PAGE), a) == 0]
    return [a for a in done if a == remove] or None  # dontneed only drops this process's own page table entries


def own_memory_file(t):
    """/proc/self/mem writes also where a debugger may, through a mapping that is read-only."""
    with contextlib.suppress(OSError), open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(t.at)
        return memory.write(b"x")
    return None


def write_privately(t):
    """A private mapping may be written: it is a copy, also after it was thrown away, moved, or forked."""
    at = libc.mmap(None, ctypes.c_size_t(t.part), READ | WRITE, mmap.MAP_PRIVATE, t.fd, ctypes.c_long(0))
    if at == FAILED:
        return None
    ctypes.memset(at, 0x58, PAGE)
    for advice in (4, 8, 9):
        call("madvise", ctypes.c_void_p(at), ctypes.c_size_t(PAGE), advice)
    ctypes.memset(at, 0x59, PAGE)
    call("msync", ctypes.c_void_p(at), ctypes.c_size_t(PAGE), 4)
    shared = (ctypes.c_char * PAGE).from_address(t.at).raw
    return "written through" if shared in (b"\x58" * PAGE, b"\x59" * PAGE) else None


def remap(t):
    moved = libc.mremap(ctypes.c_void_p(t.at), ctypes.c_size_t(PAGE), ctypes.c_size_t(PAGE), 1)
    t.at = moved if moved != FAILED else t.at
    pages = libc.syscall(216, ctypes.c_void_p(t.at), ctypes.c_size_t(PAGE), 0, ctypes.c_size_t(1), 0)  # remap_file_pages
    writable = call("mprotect", ctypes.c_void_p(t.at), ctypes.c_size_t(PAGE), READ | WRITE) == 0
    twin = libc.mremap(ctypes.c_void_p(t.at), ctypes.c_size_t(0), ctypes.c_size_t(PAGE), 1)  # a second mapping of the same
    writable = writable or (twin != FAILED and call("mprotect", ctypes.c_void_p(twin), ctypes.c_size_t(PAGE), READ | WRITE) == 0)
    return (pages, "writable") if writable else None


def change_seals(t):
    fd = reopened(t.fd) or t.fd
    before = fcntl.fcntl(fd, 1034)
    for seal in (1, 2, 4, 8, 16, 32, 0):
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, 1033, seal)
    return "changed" if fcntl.fcntl(fd, 1034) != before else None


def fill_holes(t):
    """userfaultfd puts pages into files; registering needs the right to write them."""
    fd = libc.syscall(323, os.O_CLOEXEC | os.O_NONBLOCK | 1)
    if fd < 0:
        return None
    api = struct.pack("<QQQ", 0xAA, 0, 0)
    try:
        fcntl.ioctl(fd, 0xC018AA3F, api)
        fcntl.ioctl(fd, 0xC020AA00, struct.pack("<QQQQ", t.at, PAGE, 1, 0))
        return "registered"
    except OSError:
        return None
    finally:
        os.close(fd)


def write_into_the_reader(t):
    pid, address, _ = t.reader
    done = []
    with contextlib.suppress(OSError), open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(address)
        done.append(memory.write(b"x"))
    text = ctypes.create_string_buffer(b"x" * 8)
    local, remote = struct.pack("@PN", ctypes.addressof(text), 8), struct.pack("@PN", address, 8)
    written = libc.process_vm_writev(pid, local, 1, remote, 1, 0)
    return done + [written] if done or written > 0 else None


def steal_from_processes(t):
    """Descriptors that the daemon's processes and the reader hold, by /proc: the daemon's own are writable ones."""
    got = []
    for pid in DAEMON_PIDS + [t.reader[0]]:
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):
                path = f"/proc/{pid}/fd/{number}"
                with contextlib.suppress(OSError):
                    if "vineyard-" not in os.readlink(path):
                        continue
                    fd = os.open(path, os.O_RDWR)
                    if fcntl.fcntl(fd, 1034) & 0x11 != 0x11:
                        continue  # not handed to its writer yet: nothing is published there
                    if map_shared(fd, PAGE, READ | WRITE) or attempt(os.pwrite, fd, b"x", 0):
                        got.append(os.readlink(path))
    return got or None


DAEMON_PIDS = []
TECHNIQUES = (
    map_writable,
    reopen_and_map_writable,
    make_mapping_writable,
    make_mapping_of_reopened_writable,
    write_with_a_call,
    shrink,
    shrink_by_opening,
    grow,
    punch,
    advise,
    own_memory_file,
    write_privately,
    remap,
    change_seals,
    fill_holes,
    write_into_the_reader,
    steal_from_processes,
)


# ---- the innocent reader

def read_again_and_again(path, object_ids, asked, answer):
    client = vineyard.connect(path)
    views = [client.get(object_id) for object_id in object_ids]

    def digests():
        return [hashlib.sha256(repr(v).encode() if isinstance(v, tuple) else memoryview(v).cast("B")).hexdigest() for v in views]

    before = digests()
    os.write(answer, b"%d %d\n" % (views[0].__array_interface__["data"][0], views[0].nbytes))
    while os.read(asked, 1):
        again = [client.get(object_id) for object_id in object_ids]
        same = digests() == before and all(repr(a) == repr(v) for a, v in zip(again, views))
        os.write(answer, b"as before\n" if same else b"changed\n")


class Reader:
    """The innocent process. It is forked, not started: the user that it runs as may not see Python's own files."""

    def __init__(self, uid, path, object_ids):
        asked, self.ask = os.pipe()
        answer, tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.close(self.ask)
                become(uid)
                read_again_and_again(path, object_ids, asked, tell)
                status = 0
            finally:
                os._exit(status)
        os.close(asked)
        os.close(tell)
        self.answer = open(answer)
        address, size = map(int, self.answer.readline().split())
        self.view = (self.pid, address, size)

    def is_well(self):
        os.write(self.ask, b"?")
        answer = self.answer.readline().strip()
        assert answer == "as before", f"the reader: {answer or os.waitpid(self.pid, 0)}"

    def end(self):
        os.close(self.ask)
        self.answer.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def become(uid):
    if AM_ROOT:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def run_as(uid, function):
    """What `function` gives in a forked child of that user, as text; how the child ended."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            become(uid)
            os.write(writer, repr(function()).encode())
            os._exit(0)
        except BaseException:
            import traceback

            os.write(writer, traceback.format_exc().encode())
            os._exit(1)
    os.close(writer)
    with open(reader) as answer:
        text = answer.read()
    return text, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture(scope="module")
def scene():
    """A daemon, a writer and a reader of one user, and the descriptors that the daemon gives to its clients."""
    uid = VICTIM_UID if AM_ROOT else os.geteuid()
    with contextlib.ExitStack() as stack:
        if AM_ROOT:  # as the user of daemon and clients, with the way back to root
            os.setresgid(uid, uid, 0)
            os.setresuid(uid, uid, 0)
        try:
            daemon = stack.enter_context(Daemon(size="128Mi", arguments=("--prefault", "none")))
            client = vineyard.connect(daemon.socket)
            values = [np.arange(2_000_000) % 251, np.arange(5000.0), b"bytes" * 1000, ("a", 1, "text")]
            object_ids = [client.put(value) for value in values]
            client.sync_meta()
            DAEMON_PIDS[:] = [pid for pid in client.status.pids.values() if pid]
            raw, descriptors = descriptors_of_clients(daemon.socket, client._connection()[3])
        finally:
            if AM_ROOT:
                os.setresuid(0, 0, 0)
                os.setresgid(0, 0, 0)
        stack.callback(client.close)
        stack.callback(raw.socket.close)
        reader = Reader(uid, daemon.socket, object_ids)
        stack.callback(reader.end)
        yield descriptors, reader, uid, client


@pytest.mark.parametrize("who", [SAME, OTHER, ROOT])
@pytest.mark.parametrize("technique", TECHNIQUES, ids=lambda t: t.__name__)
def test_nothing_that_is_published_can_be_changed(scene, technique, who):
    descriptors, reader, uid, _ = scene
    if who != SAME and not AM_ROOT:
        pytest.skip(f"needs root, to try as {who}")
    before = {name: digest_of(fd) for name, fd in descriptors.items() if name != "region"}
    for name, fd in descriptors.items():
        attacker = {SAME: uid, OTHER: OTHER_UID, ROOT: 0}[who] if AM_ROOT else uid
        achieved, status = run_as(attacker, lambda fd=fd: technique(Target(fd, reader.view)))
        assert (achieved, status) == ("None", 0), f"{technique.__name__} on {name} as {who}"
        reader.is_well()
    assert {name: digest_of(fd) for name, fd in descriptors.items() if name != "region"} == before


def test_deletion_reuse_and_the_end_of_the_writer_change_nothing(scene):
    """S5: delete, close and fill under live views of another process."""
    _, reader, _, client = scene
    array = client.get(client.put(np.arange(10_000)))
    for n in range(60):
        client.delete(client.put(np.full(500_000, n % 250, dtype=np.uint8)))
    reader.is_well()
    assert (array == np.arange(10_000)).all()


def test_what_is_not_sealed_is_changed_by_the_same_techniques():
    """So this test can fail. The others need more than a descriptor, or never work."""
    work = (map_writable, reopen_and_map_writable, make_mapping_writable, make_mapping_of_reopened_writable)
    work += (write_with_a_call, shrink, shrink_by_opening, grow, punch, remap, change_seals)
    reader = (os.getpid(), ctypes.addressof(ctypes.create_string_buffer(64)), 64)
    for technique in work:
        fd = os.memfd_create("vineyard-open", os.MFD_ALLOW_SEALING)
        os.truncate(fd, 1 << 20)
        assert technique(Target(fd, reader)) is not None, technique.__name__
        os.close(fd)


def digest_of(fd):
    return hashlib.sha256(os.pread(fd, min(os.fstat(fd).st_size, 4 << 20), 0)).hexdigest()
