"""Counts a report of the Autobahn suite and says what is not as it should be.

report.py REPORT-FOLDER base|full

Exit status 0 when every case passed strictly, with its closing handshake; in `full` the cases of permessage-deflate,
which is not offered, may be UNIMPLEMENTED.
"""

import collections
import json
import pathlib
import sys

CASES = {"base": 301, "full": 517}  # of autobahntestsuite 25.10.1
PASSED = {"OK", "INFORMATIONAL"}


def main(folder, selection):
    (results,) = json.loads((pathlib.Path(folder) / "index.json").read_text()).values()
    behaviours = collections.Counter(result["behavior"] for result in results.values())
    compression = {case for case in results if case.startswith(("12.", "13."))}
    skipped = {case for case in compression if results[case]["behavior"] == "UNIMPLEMENTED"}
    wrong = {
        case: f"{result['behavior']}, close {result['behaviorClose']}"
        for case, result in results.items()
        if case not in skipped and not {result["behavior"], result["behaviorClose"]} <= PASSED
    }
    passed = len(results) - len(skipped) - len(wrong)
    print(
        f"{passed} of {CASES[selection]} OK ({behaviours['INFORMATIONAL']} of them informational),"
        f" {behaviours['NON-STRICT']} non-strict, {behaviours['FAILED']} failed, {len(skipped)} not offered"
    )
    for case in sorted(wrong, key=lambda case: [int(part) for part in case.split(".")]):
        print(f"  {case}: {wrong[case]}")
    return 0 if passed + len(skipped) == CASES[selection] and not wrong else 1


sys.exit(main(*sys.argv[1:]))
