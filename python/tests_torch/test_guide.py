# SPDX-License-Identifier: Apache-2.0
"""The blocks of the guide that need PyTorch, in the order they stand."""

import re
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[2] / "docs/guides/sharing.md"


def test_the_guide_runs(client, run_python):
    blocks = re.findall(r"^```py\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    run_python("\n".join(blocks).replace("vineyard.connect()", "client"))
