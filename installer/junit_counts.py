#!/usr/bin/env python3
"""usage: junit_counts.py JUNIT_FILE FAILED_FILE

Prints 'PASSED FAILED' of a JUnit file written by ctest and writes the names of the failed tests to FAILED_FILE, one a
line. Tests that were skipped are named on standard error and count in neither. Ends with 1 when there is no result.
"""
import sys
import xml.etree.ElementTree as ElementTree


def main(junit, failed_file):
    try:
        cases = ElementTree.parse(junit).getroot().iter("testcase")
        status = {case.get("name"): case.get("status") for case in cases}
    except (OSError, ElementTree.ParseError) as error:
        print(f"{junit}: {error}", file=sys.stderr)
        return 1
    if not status:
        print(f"{junit}: no test was run", file=sys.stderr)
        return 1
    skipped = [name for name, what in status.items() if what in ("notrun", "disabled")]
    passed = [name for name, what in status.items() if what == "run"]
    failed = [name for name, what in status.items() if name not in skipped and what != "run"]
    with open(failed_file, "w", encoding="utf-8") as out:
        out.writelines(f"{name}\n" for name in failed)
    if skipped:
        print(f"{len(skipped)} skipped: {', '.join(skipped)}", file=sys.stderr)
    print(len(passed), len(failed))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
