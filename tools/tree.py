# SPDX-License-Identifier: Apache-2.0
"""The files of the repository, read once, for the tools that measure them."""

from __future__ import annotations

import subprocess
from functools import cached_property, lru_cache
from pathlib import Path

CPP_SUFFIXES = (".h", ".cc")
SKIPPED_FOLDERS = {"build", "__pycache__", "node_modules"}


class Tree:
    """The files under `root` that git knows or would add (all files, where there is no git)."""

    def __init__(self, root: Path):
        self.root = root

    @cached_property
    def files(self) -> list[str]:
        listing = subprocess.run(
            ["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True,
            check=False,
        )
        if listing.returncode == 0 and (self.root / ".git").exists():
            names = {name for name in listing.stdout.decode().split("\0") if name}
        else:
            names = {path.relative_to(self.root).as_posix() for path in self.root.rglob("*")}
        return sorted(name for name in names if self._is_ours(name))

    def _is_ours(self, name: str) -> bool:
        path = self.root / name
        return path.is_file() and not path.is_symlink() and SKIPPED_FOLDERS.isdisjoint(name.split("/"))

    @lru_cache(maxsize=None)  # noqa: B019 - one tree per run of a tool
    def text(self, name: str) -> str:
        return (self.root / name).read_text(errors="replace")

    def lines(self, name: str) -> list[str]:
        return self.text(name).splitlines()

    def has(self, name: str) -> bool:
        return (self.root / name).exists()

    @cached_property
    def cpp_sources(self) -> list[str]:
        """C++ of the product: neither tests nor fakes nor generated."""
        return [
            name
            for name in self.files
            if name.endswith(CPP_SUFFIXES) and name.startswith(("src/", "python/ext/")) and not is_test(name)
        ]

    @cached_property
    def cpp_headers(self) -> list[str]:
        return [name for name in self.cpp_sources if name.endswith(".h")]

    @cached_property
    def cpp_all(self) -> list[str]:
        return [name for name in self.files if name.endswith(CPP_SUFFIXES)]

    @cached_property
    def python_sources(self) -> list[str]:
        return [name for name in self.files if name.endswith(".py") and name.startswith("python/src/") and not is_test(name)]

    @cached_property
    def tests(self) -> list[str]:
        """Test code of the product in C++ and Python."""
        return [
            name
            for name in self.files
            if name.endswith((*CPP_SUFFIXES, ".py", ".pml")) and is_test(name) and not name.startswith("tests/tidy/")
        ]


def is_test(name: str) -> bool:
    """Whether a file belongs to the tests (fakes are test code that lies beside the interface it stands in for)."""
    stem = name.rpartition("/")[2].rpartition(".")[0]
    parts = name.split("/")
    if stem.endswith(("_test", "_test_support")) or stem.startswith(("test_", "fake_")):
        return True
    return "tests" in parts or "fakes" in parts or parts[0] == "bench" or "generated" in parts
