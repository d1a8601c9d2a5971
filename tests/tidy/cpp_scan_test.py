# SPDX-License-Identifier: Apache-2.0
"""cpp_scan sees functions and classes as a reader would."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import cpp_scan


def functions(text):
    return [(f.name, f.line, f.lines) for f in cpp_scan.scan(text).functions]


def classes(text):
    return [(c.name, c.keyword, c.line) for c in cpp_scan.scan(text).classes]


class Blanking(unittest.TestCase):
    def test_keeps_length_and_lines(self):
        text = 'int a; // "x\n/* {\n */ const char* s = "}\\"";\nauto r = R"(")}")";\n'
        blanked = cpp_scan.blank_comments_and_strings(text)
        self.assertEqual(len(blanked), len(text))
        self.assertEqual(blanked.count("\n"), text.count("\n"))
        self.assertNotIn("{", blanked)
        self.assertNotIn("}", blanked)

    def test_knows_digit_separators_from_characters(self):
        self.assertEqual(cpp_scan.blank_comments_and_strings("int a = 1'000'000; f('{');"), "int a = 1'000'000; f(' ');")


class Functions(unittest.TestCase):
    def test_counts_from_the_signature_to_the_closing_brace(self):
        self.assertEqual(functions("int f(int a,\n      int b) {\n  return a;\n}\n"), [("f", 1, 4)])

    def test_looks_into_namespaces_and_classes(self):
        text = "namespace a {\nclass B {\n public:\n  int c() const { return 1; }\n};\n}\nint d() { return 2; }\n"
        self.assertEqual(functions(text), [("c", 4, 1), ("d", 7, 1)])

    def test_passes_over_member_lists_with_braces(self):
        text = "A::A(int x)\n    : a_{x}, b_(x), c_{std::vector<int>{1}} {\n  f();\n}\nint g() { return 1; }\n"
        self.assertEqual(functions(text), [("A::A", 1, 4), ("g", 5, 1)])

    def test_passes_over_variables_with_braces(self):
        text = "constexpr int kA[] = {1, 2};\nstd::atomic<int> b{0};\nauto c = [](int x) { return x; };\nint d() { return 1; }\n"
        self.assertEqual(functions(text), [("d", 4, 1)])

    def test_does_not_count_lambdas_and_blocks_inside(self):
        text = "void f() {\n  if (true) {\n    g([](int x) {\n      return x;\n    });\n  }\n}\n"
        self.assertEqual(functions(text), [("f", 1, 7)])

    def test_knows_operators_templates_and_default_arguments(self):
        text = (
            "template <class T>\nT& A<T>::operator=(const A& o) {\n  return *this;\n}\n"
            "int f(int a = 1, S s = {}) { return 1; }\nbool operator==(A a, A b) { return true; }\n"
        )
        self.assertEqual([f[2] for f in functions(text)], [4, 1, 1])

    def test_reads_trailing_words(self):
        text = "int f() const noexcept {\n}\nauto g() -> std::vector<int> {\n}\nA::~A() {\n}\n"
        self.assertEqual([f[0] for f in functions(text)], ["f", "g", "A::~A"])

    def test_is_not_misled_by_directives(self):
        text = "#define X(a) \\\n  { a }\n#include <a>\nint f() {\n  return 1;\n}\n"
        self.assertEqual(functions(text), [("f", 4, 3)])


class Classes(unittest.TestCase):
    def test_finds_outer_classes_only(self):
        text = "struct A { int x; };\nclass B final : public C<int> {\n  struct D { int y; };\n};\nclass E;\nenum class F { kA };\n"
        self.assertEqual(classes(text), [("A", "struct", 1), ("B", "class", 2)])

    def test_sees_attributes_and_templates(self):
        text = "template <class T>\nclass [[nodiscard]] Result {\n};\nclass alignas(64) Slot {\n};\n"
        self.assertEqual([c[0] for c in classes(text)], ["Result", "Slot"])

    def test_hands_out_the_comment_above(self):
        lines = ["int x;", "/// A thing.", "///", "/// Owner:   you.", "class A {"]
        self.assertEqual(cpp_scan.comment_above(lines, 5), "A thing.\n\nOwner:   you.")


class BoolParameters(unittest.TestCase):
    def test_are_found(self):
        self.assertEqual(cpp_scan.bool_parameters("void f(int a,\n       bool b);\nvoid g(const bool c = true);\n"), [2, 3])

    def test_are_not_results_members_templates_or_conditions(self):
        text = "using V = std::variant<int, bool, long, std::vector<int>>;\nbool f();\nbool x;\nvoid g(std::map<int, bool> m, bool& out);\nexplicit operator bool() const;\nif (bool ok = h) {}\n"
        self.assertEqual(cpp_scan.bool_parameters(text), [])


if __name__ == "__main__":
    unittest.main()
