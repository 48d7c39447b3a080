#!/usr/bin/env python3
"""Checks the generated questions against their documents, and the files against what make_set.py makes.

The rules are those of ../check_questions.py. Beyond them: no line that a question does not name holds all of its facts,
so that an answer from a wrong place is not right by chance; and a 'near' unanswerable question asks about something of
which the document mentions the neighbour. Pairs of follow-up questions have their own rules (check_followups). Exits 1
and names what is wrong.
"""

import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import make_set  # noqa: E402
from check_questions import (answer_is_right, check_counts, check_rows, pages_of, read_rows,  # noqa: E402
                             report)

KINDS = {"plain": 6, "number": 18, "table": 21, "paraphrase": 15, "two-places": 15, "negation": 15, "unanswerable": 42}
NEAR = 21
FOLLOWUPS = 20
LANGUAGES = {"en": 83, "ja": 49}
MAX_BYTES = 500_000


def check_elsewhere(row, pages):
    named = {int(n) for n in row["pages"].split(",")}
    return ["%s: line %d, which is not named, holds the answer too" % (row["id"], number)
            for number, line in enumerate(pages, 1) if number not in named and answer_is_right(line, row["expected"])]


def check_near(row, pattern, pages):
    text = re.sub(r"\s+", "" if row["language"] == "ja" else " ", " ".join(pages))
    return [] if re.search(pattern, text, re.IGNORECASE) else ["%s: no word about %s" % (row["id"], pattern)]


def check_followups(rows, pages):
    """Pairs of rows: a question, and one that goes on from it, has another answer, and is no row of the set."""
    problems = []
    for first, follow in zip(rows[::2], rows[1::2]):
        for row in (first, follow):
            named = "\n".join(pages[row["document"]][int(n) - 1] for n in row["pages"].split(","))
            if not answer_is_right(named, row["expected"]):
                problems.append("%s: its lines do not hold the answer" % row["id"])
        if first["after"] or follow["after"] != first["id"] or follow["document"] != first["document"]:
            problems.append("%s: does not go on from the row above" % follow["id"])
        if answer_is_right(first["expected"].replace(" | ", ", "), follow["expected"]):
            problems.append("%s: the answer before is right for it" % follow["id"])
    return problems


def main():
    rows, sources = read_rows(HERE / "questions.tsv"), make_set.source_rows()
    absent = {r["id"]: r["absent"] for r in sources}
    near = {r["id"]: r["near"] for r in sources if r["near"]}
    pages = {name: pages_of(name, HERE / "documents") for name in make_set.DOCUMENTS}
    problems = ["not what make_set.py makes: %s" % name for name in make_set.differing()]
    problems += check_counts(rows, "kind", KINDS) + check_counts(rows, "language", LANGUAGES)
    if len(near) != NEAR:
        problems.append("%d near questions instead of %d" % (len(near), NEAR))
    if sum(path.stat().st_size for path in (HERE / "documents").iterdir()) > MAX_BYTES:
        problems.append("the documents are larger than %d bytes" % MAX_BYTES)
    problems += check_rows(rows, pages, absent)
    for row in rows:
        if row["kind"] != "unanswerable":
            problems += check_elsewhere(row, pages[row["document"]])
        elif row["id"] in near:
            problems += check_near(row, near[row["id"]], pages[row["document"]])
    followups = read_rows(HERE / "followups.tsv")
    if len(followups) != 2 * FOLLOWUPS:
        problems.append("%d rows of follow-ups instead of %d pairs" % (len(followups), FOLLOWUPS))
    problems += check_followups(followups, pages)
    return report(rows, problems)


if __name__ == "__main__":
    sys.exit(main())
