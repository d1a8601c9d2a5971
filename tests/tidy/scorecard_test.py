# SPDX-License-Identifier: Apache-2.0
"""Each measure of the scorecard finds what it is there to find; an exception covers it; a stale exception is found."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tools"))
import scorecard
from tree import Tree

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
HEADER = SPDX + "#pragma once\n"
FOUR = "/// A thing.\n///\n/// Owner:   you.\n/// Threads: one.\n/// Always:  there.\n"
LAYERS = """# SPDX-License-Identifier: Apache-2.0
[third_party]
[folder.""]
may_include = ["base"]
[folder.base]
may_include = []
[folder.os]
may_include = ["base"]
[folder.supervisor]
may_include = ["base"]
[folder."server/compat"]
may_include = []
[folder.server]
may_include = ["server/compat"]
"""
LONG_FUNCTION = "int f() {\n" + "  g();\n" * 99 + "}\n"

# (a sentence, the rule, the file, its text): the tree with this file breaks this rule.
BROKEN = [
    ("a long file", "file-size", "src/vineyard/base/a.cc", SPDX + "int a;\n" * 801),
    ("a long header", "header-size", "src/vineyard/base/a.h", HEADER + "int a;\n" * 250),
    ("a long function", "function-size", "src/vineyard/base/a.cc", SPDX + LONG_FUNCTION),
    ("a long Python function", "function-size", "python/src/vineyard/a.py", "def f():\n" + "    g()\n" * 101),
    ("a class without comment", "class-comment", "src/vineyard/base/a.h", HEADER + "class A {};\n"),
    ("a class that does not say its threads", "class-comment", "src/vineyard/base/a.h",
     HEADER + FOUR.replace("Threads", "Who") + "class A {};\n"),
    ("a Python function without docstring", "docstring", "python/src/vineyard/a.py", "def f():\n    pass\n"),
    ("a second error type", "error-type", "src/vineyard/base/a.h", HEADER + FOUR + "class IoError {};\n"),
    ("a macro that returns", "returning-macro", "src/vineyard/base/a.h", HEADER + "#define VY_OR(x) \\\n  if (x) return\n"),
    ("a boolean parameter", "bool-parameter", "src/vineyard/base/a.h", HEADER + "void f(bool now);\n"),
    ("a shared pointer without reason", "shared-ptr", "src/vineyard/base/a.h", HEADER + "std::shared_ptr<int> a;\n"),
    ("a raw descriptor", "raw-descriptor", "src/vineyard/base/a.h", HEADER + "void f(int log_fd);\n"),
    ("a throw", "banned", "src/vineyard/base/a.cc", SPDX + "void f() {\n  throw 1;\n}\n"),
    ("a sleep in a test", "banned", "src/vineyard/base/a_test.cc", SPDX + "void f() {\n  usleep(1);\n}\n"),
    ("a naked new", "banned", "src/vineyard/base/a.cc", SPDX + "auto* a = new Thing(1);\n"),
    ("a naked delete", "banned", "src/vineyard/base/a.cc", SPDX + "void f() { delete a; }\n"),
    ("a system call outside os", "banned", "src/vineyard/base/a.cc", SPDX + "int a = ::close(3);\n"),
    ("a public header that includes a private one", "public-header", "src/vineyard/a.h", HEADER + '#include "vineyard/base/check.h"\n'),
    ("a public header with a language switch", "public-header", "src/vineyard/a.h", HEADER + "#if __cplusplus > 1\n#endif\n"),
    ("a public header with one of our macros", "public-header", "src/vineyard/a.h", HEADER + "inline int a = VY_TRY(f());\n"),
    ("a large supervisor", "supervisor", "src/vineyard/supervisor/a.cc", SPDX + "int a;\n" * 600),
    ("a file without SPDX line", "licence", "src/vineyard/base/a.cc", "int a;\n"),
    ("a header without pragma once", "pragma-once", "src/vineyard/base/a.h", SPDX),
    ("a bare TODO", "todo", "src/vineyard/base/a.cc", SPDX + "// " + "TO" + "DO: later\n"),
    ("a file that no target lists", "unlisted", "src/vineyard/base/other.cc", SPDX),
    ("a dead link", "dead-link", "docs/a.md", "See [there](nowhere.md).\n"),
    ("an ADR that is not there", "dead-link", "docs/a.md", "See ADR 0099.\n"),
    ("a folder without README", "readme", "src/vineyard/os/a.cc", SPDX),
    ("an include upwards", "layers", "src/vineyard/base/a.cc", SPDX + '#include "vineyard/os/memfd.h"\n'),
    ("a data path with a file that is gone", "data-path", "tests/tidy/data_paths.toml",
     "# SPDX-License-Identifier: Apache-2.0\n[limits]\nfiles = 2\nlines = 9\n[[path]]\nname = 'put'\nfiles = ['gone.cc']\n"),
    ("a data path that is too long", "data-path", "tests/tidy/data_paths.toml",
     "# SPDX-License-Identifier: Apache-2.0\n[limits]\nfiles = 2\nlines = 9\n[[path]]\nname = 'put'\nfiles = ['layers.toml']\n"),
    ("a long Makefile", "build-files", "Makefile", "# SPDX-License-Identifier: Apache-2.0\n" + "a:\n" * 60),
]  # fmt: skip


class Scorecard(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        comment = "# SPDX-License-Identifier: Apache-2.0\n"
        for name, text in {
            "layers.toml": LAYERS,
            "CMakeLists.txt": comment,
            "tests/tidy/banned.toml": (HERE / "banned.toml").read_text(),
            "tests/tidy/exceptions.toml": comment,
            "tests/tidy/data_paths.toml": comment + "path = []\n[limits]\n",
            "src/vineyard/CMakeLists.txt": comment + "a.h\n",
            "src/vineyard/base/CMakeLists.txt": comment + "a.cc a.h a_test.cc check.h\n",
            "src/vineyard/os/CMakeLists.txt": comment + "a.cc\n",
            "src/vineyard/supervisor/CMakeLists.txt": comment + "a.cc\n",
            "src/vineyard/base/check.h": HEADER,
            "src/vineyard/base/README.md": "",
            "src/vineyard/supervisor/README.md": "",
            "tests/CMakeLists.txt": comment + "big_test.cc\n",
            "tests/big_test.cc": SPDX + "int a;\n" * 1000,
        }.items():
            self.write(name, text)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def rules(self):
        return [violation.rule for violation in scorecard.measure(Tree(self.root))[1]]

    def test_a_clean_tree_breaks_nothing(self):
        self.assertEqual(scorecard.measure(Tree(self.root))[1], [])

    def test_finds_each_kind_of_violation(self):
        for sentence, rule, name, text in BROKEN:
            with self.subTest(sentence):
                path = self.root / name
                before = path.read_text() if path.exists() else None
                self.write(name, text)
                self.assertIn(rule, self.rules())
                path.unlink() if before is None else path.write_text(before)
        self.assertEqual(self.rules(), [])

    def test_few_tests_are_found(self):
        self.write("tests/big_test.cc", SPDX)
        self.write("src/vineyard/base/a.cc", SPDX + "int a;\n" * 10)
        self.assertEqual(self.rules(), ["test-ratio"])

    def test_a_class_with_the_four_answers_and_a_commented_struct_pass(self):
        self.write("src/vineyard/base/a.h", HEADER + FOUR + "class A {};\n/// A value.\nstruct B {};\n")
        self.assertEqual(self.rules(), [])

    def test_words_in_comments_and_strings_do_no_harm(self):
        self.write("src/vineyard/base/a.cc", SPDX + '// throw it, new Thing(1)\nconst char* a = "goto sleep_for(";\n')
        self.assertEqual(self.rules(), [])

    def test_a_shared_pointer_with_its_reason_passes(self):
        self.write("src/vineyard/base/a.h", HEADER + "// Shared: a view may outlive it.\nstd::shared_ptr<int> a;\n")
        self.assertEqual(self.rules(), [])

    def test_an_exception_covers_one_rule_in_one_file(self):
        self.write("src/vineyard/base/a.h", HEADER + "void f(bool now);\nvoid g(int fd);\n")
        reason = "a value that is stored, which no enum would say better"
        entry = f"[[exception]]\nrule = 'bool-parameter'\nfile = 'src/vineyard/base/a.h'\nreason = '{reason}'\n"
        self.write("tests/tidy/exceptions.toml", "# SPDX-License-Identifier: Apache-2.0\n" + entry)
        self.assertEqual(self.rules(), ["raw-descriptor"])

    def test_a_stale_exception_is_found(self):
        entry = "[[exception]]\nrule = 'banned'\nfile = 'x.cc'\nreason = 'it was needed there once upon a time'\n"
        self.write("tests/tidy/exceptions.toml", "# SPDX-License-Identifier: Apache-2.0\n" + entry)
        self.assertEqual(self.rules(), ["exceptions"])

    def test_an_exception_needs_a_reason_in_words(self):
        entry = "[[exception]]\nrule = 'banned'\nfile = 'x.cc'\nreason = 'ok'\n"
        self.write("tests/tidy/exceptions.toml", "# SPDX-License-Identifier: Apache-2.0\n" + entry)
        with self.assertRaisesRegex(ValueError, "reason"):
            self.rules()

    def test_the_readme_gets_the_table_between_its_markers(self):
        begin, end = scorecard.README_MARKERS
        self.write("README.md", f"before\n{begin}\nstale table\n{end}\nafter\n")
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(scorecard.main(["--root", str(self.root), "--update-readme"]), 0)
        readme = (self.root / "README.md").read_text()
        self.assertIn("| header max (lines) |", readme)
        self.assertNotIn("stale table", readme)
        self.assertTrue(readme.startswith("before\n") and readme.endswith("\nafter\n"))

    def test_percentiles_are_by_nearest_rank(self):
        self.assertEqual([scorecard.percentile(range(1, 11), p) for p in (90, 99)], [9, 10])
        self.assertEqual(scorecard.percentile([], 90), 0)


if __name__ == "__main__":
    unittest.main()
