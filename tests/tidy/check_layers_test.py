# SPDX-License-Identifier: Apache-2.0
"""check_layers finds each kind of violation, and nothing else."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import check_layers

TABLE = """
[third_party]
fmt = { headers = ["fmt/"], targets = ["fmt::fmt"] }
kernel = { headers = ["sys/", "unistd.h"], targets = [] }
json = { headers = ["boost/json"], targets = ["Boost::json"] }
nanobind = { headers = ["nanobind/"], targets = [] }

[folder.""]
may_include = ["base", "client"]
[folder.base]
may_include = []
third_party = { fmt = ["*"] }
[folder.os]
may_include = ["base"]
third_party = { kernel = ["*"] }
[folder.meta]
may_include = ["base"]
third_party = { json = ["json.cc"] }
[folder.shm]
may_include = ["base", "os"]
[folder."shm/worker"]
may_include = ["base", "os", "shm"]
[folder.client]
may_include = ["base", "os", "shm"]

[outside."python/ext"]
may_include = ["base", "client"]
third_party = { nanobind = ["*"] }
"""


class CheckLayers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write("layers.toml", TABLE)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def found(self):
        return check_layers.check(self.root)

    def assert_one(self, fragment):
        found = self.found()
        self.assertEqual(len(found), 1, found)
        self.assertIn(fragment, found[0])

    def test_a_listed_include_passes(self):
        self.write("src/vineyard/shm/entry.h", '#include <atomic>\n#include "vineyard/os/memfd.h"\n')
        self.assertEqual(self.found(), [])

    def test_a_folder_may_include_itself(self):
        self.write("src/vineyard/shm/entry.h", '#include "vineyard/shm/layout.h"\n')
        self.assertEqual(self.found(), [])

    def test_an_include_upwards_is_found_with_its_line(self):
        self.write("src/vineyard/base/ids.h", '#pragma once\n#include "vineyard/os/memfd.h"\n')
        self.assert_one("src/vineyard/base/ids.h:2: base may not include os")

    def test_the_longest_matching_folder_wins(self):
        self.write("src/vineyard/client/put.cc", '#include "vineyard/shm/worker/pool.h"\n')
        self.assert_one("client may not include shm/worker")

    def test_a_library_in_the_wrong_file_is_found(self):
        self.write("src/vineyard/meta/json.cc", "#include <boost/json.hpp>\n")
        self.write("src/vineyard/meta/document.cc", "#include <boost/json.hpp>\n")
        self.assert_one("meta/document.cc:1: <boost/json.hpp>: json may not be used here")

    def test_an_unknown_library_is_found(self):
        self.write("src/vineyard/os/memfd.cc", "#include <zlib.h>\n")
        self.assert_one("<zlib.h> belongs to no library")

    def test_the_kernel_is_behind_one_door(self):
        self.write("src/vineyard/os/memfd.cc", "#include <sys/mman.h>\n")
        self.write("src/vineyard/shm/arena.cc", "#include <sys/mman.h>\n")
        self.assert_one("src/vineyard/shm/arena.cc:1: <sys/mman.h>: kernel")

    def test_a_test_may_include_anything(self):
        self.write("src/vineyard/base/ids_test.cc", '#include "vineyard/client/put.h"\n#include <zlib.h>\n')
        self.assertEqual(self.found(), [])

    def test_fakes_are_for_tests_only(self):
        self.write("src/vineyard/os/fakes/clock.h", '#include "vineyard/os/fakes/base.h"\n')
        self.write("src/vineyard/os/clock_test.cc", '#include "vineyard/os/fakes/clock.h"\n')
        self.write("src/vineyard/shm/arena.cc", '#include "vineyard/os/fakes/clock.h"\n')
        self.assert_one("fakes and test helpers are for tests only")

    def test_a_folder_without_a_row_is_found(self):
        self.write("src/vineyard/util/misc.cc", "int x;\n")
        self.assert_one("has no row")

    def test_a_quoted_path_must_start_at_the_source_folder(self):
        self.write("src/vineyard/shm/entry.cc", '#include "entry.h"\n')
        self.assert_one('"entry.h" is not a path from src/')

    def test_the_extension_may_not_reach_below_the_client(self):
        self.write("python/ext/bind.cc", '#include <nanobind/nanobind.h>\n#include "vineyard/shm/entry.h"\n')
        self.assert_one("may not include shm")

    def test_a_link_dependency_upwards_is_found(self):
        self.write("src/vineyard/os/CMakeLists.txt", "vineyard_module(NAME os SRCS a.cc)\n")
        self.write("src/vineyard/base/CMakeLists.txt", "# why\nvineyard_module(NAME base SRCS a.cc DEPS os)\n")
        self.assert_one("src/vineyard/base/CMakeLists.txt:2: base may not depend on os")

    def test_a_module_of_a_nested_folder_is_known_by_its_name(self):
        self.write("src/vineyard/shm/CMakeLists.txt", "vineyard_module(NAME shm DEPS shm_worker)\n")
        self.write("src/vineyard/shm/worker/CMakeLists.txt", "vineyard_module(NAME shm_worker DEPS shm)\n")
        self.assert_one("shm may not depend on shm_worker")

    def test_a_dependency_on_nothing_is_found(self):
        self.write("src/vineyard/os/CMakeLists.txt", "vineyard_module(NAME os DEPS bass)\n")
        self.assert_one("DEPS bass is no module")

    def test_a_library_linked_in_the_wrong_folder_is_found(self):
        self.write("src/vineyard/os/CMakeLists.txt", "vineyard_module(NAME os LIBS Boost::json)\n")
        self.assert_one("os may not link Boost::json")

    def test_a_row_that_names_no_folder_is_refused(self):
        self.write("layers.toml", TABLE.replace('["base", "os", "shm"]', '["bsae"]'))
        with self.assertRaisesRegex(ValueError, "bsae"):
            self.found()

    def test_the_exit_status_says_whether_something_was_found(self):
        self.assertEqual(check_layers.main(["--root", str(self.root)]), 0)
        self.write("src/vineyard/base/ids.h", "#include <unistd.h>\n")
        self.assertEqual(check_layers.main(["--root", str(self.root)]), 1)


if __name__ == "__main__":
    unittest.main()
