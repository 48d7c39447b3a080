#!/usr/bin/env python3
"""usage: junit_counts.py JUNIT_FILE FAILED_FILE

Prints 'PASSED FAILED' of a JUnit file written by ctest and writes the names of the failed tests to FAILED_FILE, one a
line. Tests that were skipped (by themselves, or disabled) are named on standard error and count in neither; a test whose
program is missing has failed. Ends with 1 when there is no result.
"""
import sys
import xml.etree.ElementTree as ElementTree


def status_of(case):
    if case.get("status") == "run":
        return "passed"
    note = case.find("skipped")
    by_itself = note is not None and note.get("message", "").startswith("SKIP_")
    return "skipped" if by_itself or case.get("status") == "disabled" else "failed"


def main(junit, failed_file):
    try:
        status = {case.get("name"): status_of(case) for case in ElementTree.parse(junit).getroot().iter("testcase")}
    except (OSError, ElementTree.ParseError) as error:
        print(f"{junit}: {error}", file=sys.stderr)
        return 1
    if not status:
        print(f"{junit}: no test was run", file=sys.stderr)
        return 1
    skipped, passed, failed = ([name for name, what in status.items() if what == wanted]
                               for wanted in ("skipped", "passed", "failed"))
    with open(failed_file, "w", encoding="utf-8") as out:
        out.writelines(f"{name}\n" for name in failed)
    if skipped:
        print(f"{len(skipped)} skipped: {', '.join(skipped)}", file=sys.stderr)
    print(len(passed), len(failed))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
