# SPDX-License-Identifier: Apache-2.0
"""A process that measures: side.py MODULE ARGUMENTS, started by harness.Side, which talks JSON lines with it."""

import importlib.util
import json
import os
import sys
import traceback
from pathlib import Path


def main(path, arguments):
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer

    def answer(**what):
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    try:
        sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(path).resolve().parent)]
        spec = importlib.util.spec_from_file_location(Path(path).stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        side = module.Side(**json.loads(arguments))
    except Exception as e:
        traceback.print_exc()
        return answer(error=f"{Path(path).stem}: {type(e).__name__}: {e}")
    answer(value=None)
    for line in sys.stdin:
        name, values = json.loads(line)
        try:
            answer(value=getattr(side, name)(*values))
        except Exception as e:
            traceback.print_exc()
            answer(error=f"{Path(path).stem}.{name}: {type(e).__name__}: {e}")
    if hasattr(side, "close"):
        side.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
