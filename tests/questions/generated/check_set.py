#!/usr/bin/env python3
"""Checks the generated questions against their documents, and the files against what make_set.py makes.

The rules are those of ../check_questions.py. Beyond them: no line that a question does not name holds all of its facts,
so that an answer from a wrong place is not right by chance; and a 'near' unanswerable question asks about something of
which the document mentions the neighbour. Exits 1 and names what is wrong.
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
LANGUAGES = {"en": 83, "ja": 49}
MAX_BYTES = 500_000


def check_elsewhere(row, pages):
    named = {int(n) for n in row["pages"].split(",")}
    return ["%s: line %d, which is not named, holds the answer too" % (row["id"], number)
            for number, line in enumerate(pages, 1) if number not in named and answer_is_right(line, row["expected"])]


def check_near(row, pattern, pages):
    text = re.sub(r"\s+", "" if row["language"] == "ja" else " ", " ".join(pages))
    return [] if re.search(pattern, text, re.IGNORECASE) else ["%s: no word about %s" % (row["id"], pattern)]


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
    return report(rows, problems)


if __name__ == "__main__":
    sys.exit(main())
