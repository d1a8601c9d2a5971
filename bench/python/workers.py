# SPDX-License-Identifier: Apache-2.0
"""Worker processes that read samples of one data set: from the store, and from an array that they inherit by fork."""

import multiprocessing
import time

import numpy as np

import vineyard

COUNT = 8
_ROW = 512  # float64 of a sample
_inherited = None


def _memory():
    """Bytes that this process holds, its share of what it shares, without the memory of the daemon."""
    with open("/proc/self/smaps_rollup") as lines:
        held = {line.split()[0]: int(line.split()[1]) * 1024 for line in lines if line.rstrip().endswith("kB")}
    return held["Pss:"] - held["Pss_Shmem:"]


def _read(rows, samples, seed):
    """Seconds to read samples at random: a sum of each."""
    chosen = np.random.default_rng(seed).integers(0, len(rows), samples).tolist()
    start = time.perf_counter()
    for index in chosen:
        rows[index].sum()
    return time.perf_counter() - start


def _worker(seed, socket, reference, samples, rounds, barrier, results):
    barrier.wait()  # all are there, so that what was inherited is shared by as many from now on
    before = _memory()
    barrier.wait()
    own = _inherited.reshape(-1, _ROW)
    view = vineyard.connect(socket).get(vineyard.ObjectID(reference)).reshape(-1, _ROW)
    view.sum()  # all of it is mapped by now
    barrier.wait()
    held = _memory() - before
    barrier.wait()
    own.sum()
    times = []
    for n in range(rounds):
        for rows in (view, own):
            barrier.wait()
            times.append(_read(rows, samples, seed + COUNT * n))
    results.put((held, times))


def _holder(nbytes, seed, barrier, results):
    before = _memory()
    own = np.random.default_rng(seed).random(nbytes // 8)
    barrier.wait()
    results.put(_memory() - before)
    del own  # held until it was counted


def memory_of_own(nbytes):
    """Bytes that all hold when each worker has the data set as its own."""
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(COUNT), context.SimpleQueue()
    processes = [context.Process(target=_holder, args=(nbytes, n, barrier, results), daemon=True) for n in range(COUNT)]
    for process in processes:
        process.start()
    held = sum(results.get() for _ in processes)
    for process in processes:
        process.join()
    return held


def run(socket, reference, nbytes, samples, rounds):
    """(seconds of rounds from the store, from the inherited array, [bytes that all hold, with the data set])."""
    global _inherited
    _inherited = np.random.default_rng(7).random(nbytes // 8)
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(COUNT), context.SimpleQueue()
    processes = [
        context.Process(target=_worker, args=(n, socket, reference, samples, rounds, barrier, results), daemon=True)
        for n in range(COUNT)
    ]
    for process in processes:
        process.start()
    found = [results.get() for _ in processes]
    for process in processes:
        process.join()
    _inherited = None
    slowest = [max(times[n] for _, times in found) for n in range(2 * rounds)]
    return slowest[::2], slowest[1::2], [nbytes + sum(held for held, _ in found)]
