# SPDX-License-Identifier: Apache-2.0
"""The message table is read as the C++ compiler reads it, and a document that lags behind is found."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
import gen_protocol_doc as doc

TABLE = """// VY_MESSAGE(opcode, Name, ...) in a comment is no message
VY_MESSAGE(1, Join, kCall,
  "Makes, as said (R9), "
  "a \\"client\\".",
  VY_FIELD(U32, version) VY_FIELD(Text, program),
  VY_FIELD(U64, serial))
VY_MESSAGE(7, TopUp, kOneWay,
  "More.",
  , )
"""


class Table(unittest.TestCase):
    def test_messages_and_their_members_are_read(self):
        join, top_up = doc.parse(TABLE)
        self.assertEqual((join.opcode, join.name, join.direction), (1, "Join", "kCall"))
        self.assertEqual(join.request, (("U32", "version"), ("Text", "program")))
        self.assertEqual(join.reply, (("U64", "serial"),))
        self.assertEqual((top_up.request, top_up.reply), ((), ()))

    def test_commas_and_parentheses_in_the_text_are_text(self):
        self.assertIn("Makes, as said (R9), a", doc.parse(TABLE)[0].text)

    def test_what_is_no_field_is_an_error_that_names_the_message(self):
        with self.assertRaisesRegex(doc.TableError, "Join"):
            doc.parse(TABLE.replace("VY_FIELD(U32, version)", "VY_FIELD(Bool, version)"))

    def test_a_message_without_an_end_is_an_error(self):
        with self.assertRaises(doc.TableError):
            doc.parse("VY_MESSAGE(1, Join, kCall, \"text\", , ")

    def test_an_empty_table_is_an_error(self):
        with self.assertRaises(doc.TableError):
            doc.parse("// nothing")


class Document(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        (self.root / doc.TABLE).parent.mkdir(parents=True)
        (self.root / doc.TABLE).write_text(TABLE)
        (self.root / doc.DOCUMENT).write_text(f"by hand\n{doc.BEGIN}\nold\n{doc.END}\nalso by hand\n")

    def run_tool(self, *options):
        command = [sys.executable, "-B", TOOLS / "gen_protocol_doc.py", "--root", self.root, *options]
        return subprocess.run(command, capture_output=True, check=False).returncode

    def test_a_document_that_lags_behind_is_found_and_brought_up_to_date(self):
        self.assertEqual(self.run_tool("--check"), 1)
        self.assertEqual(self.run_tool(), 0)
        self.assertEqual(self.run_tool("--check"), 0)
        text = (self.root / doc.DOCUMENT).read_text()
        self.assertIn("| 7 | TopUp | - | none (one-way) |", text)
        self.assertTrue(text.startswith("by hand\n") and text.endswith("\nalso by hand\n"))
        self.assertNotIn("old", text)

    def test_checking_writes_nothing(self):
        before = (self.root / doc.DOCUMENT).read_text()
        self.run_tool("--check")
        self.assertEqual((self.root / doc.DOCUMENT).read_text(), before)

    def test_a_document_without_markers_is_an_error(self):
        (self.root / doc.DOCUMENT).write_text("no markers")
        self.assertEqual(self.run_tool(), 1)


if __name__ == "__main__":
    unittest.main()
