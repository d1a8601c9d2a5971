#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs a build into an empty folder and builds and runs a project of somebody else's against it.

Usage: run.py --build BUILD_DIR [--cxx COMPILER]

Checks what a user would notice: `find_package(vineyard)` works as C++20, each installed header compiles alone, and what they link
needs nothing but the C and C++ run-time libraries.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLAIN_LIBRARIES = re.compile(r"^(?:libc|libm|libstdc\+\+|libgcc_s|ld-linux.*|libpthread|libdl|libasan|libubsan)\.so")


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    """Runs a command and gives its output; says all of it when the command fails."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=env, timeout=600, check=False)
    if done.returncode != 0:
        print(f"$ {' '.join(str(c) for c in command)}\n{done.stdout}{done.stderr}")
        raise SystemExit(f"failed with status {done.returncode}")
    return done.stdout


def needed_libraries(binary: Path) -> list[str]:
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", binary))


def check_carries_nothing(binary: Path) -> None:
    foreign = [name for name in needed_libraries(binary) if not PLAIN_LIBRARIES.match(name)]
    if foreign:
        raise SystemExit(f"{binary.name} needs {', '.join(foreign)}: only the C and C++ run-time libraries are allowed")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--cxx", default="g++")
    options = parser.parse_args(arguments)

    with tempfile.TemporaryDirectory(prefix="vineyard-consumer-") as folder:
        prefix, build = Path(folder) / "prefix", Path(folder) / "build"
        run("cmake", "--install", options.build, "--prefix", prefix)
        configured = run(
            "cmake", "-S", HERE / "project", "-B", build, "-G", "Ninja",
            f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={options.cxx}",
        )  # fmt: skip
        print(*re.findall(r"installed headers: \d+", configured))
        run("cmake", "--build", build)
        for program in ("ids", "put_get"):
            binary = build / program
            if binary.exists():
                check_carries_nothing(binary)
                path, socket = f"{prefix / 'bin'}:{os.environ['PATH']}", Path(folder) / "vineyard.sock"
                environment = {**os.environ, "PATH": path, "VINEYARD_IPC_SOCKET": str(socket)}
                print(f"{program}: {run(binary, env=environment).strip()}")
        daemon = prefix / "bin" / "vineyardd"
        if daemon.exists():
            check_carries_nothing(daemon)
            worker = list(prefix.glob("lib*/**/vineyard/libvineyard_worker.so"))
            if len(worker) != 1:
                raise SystemExit("libvineyard_worker.so is not installed in lib/vineyard")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
