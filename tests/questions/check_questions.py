#!/usr/bin/env python3
"""Checks questions.tsv against the text of the sample documents.

Every expected fact of an answerable question must stand on a stated page (for
the log: line), every stated page must hold one, a paraphrased question must
share no content word with the passage that answers it, and the subject of an
unanswerable question must not occur. Exits 1 and names what is wrong.
"""

import collections
import csv
import functools
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parents[1] / "resources" / "samples"
UNANSWERABLE = "NOT IN DOCUMENT"
# The program that installer/run built, or the tests did: the newer one.
CLI = max((HERE.parents[1] / "build" / preset / "bin" / "kvasir-cli" for preset in ("release", "ci")),
          key=lambda path: path.stat().st_mtime if path.exists() else 0)

KINDS = {"paraphrase": 8, "number": 8, "two-places": 4, "plain": 4,
         "unanswerable": 12}
DOCUMENTS = {"framework-agreement.pdf": 10, "supply-agreement-ja.pdf": 9,
             "pump-manual.pdf": 10, "order-gateway.log": 7}

# What a document would have to speak of to answer an unanswerable question.
ABSENT = {
    "en08": r"parent company|guarantee", "en09": r"training",
    "en10": r"seal, NS|seal.{0,40}NS-200", "ja07": r"保証金", "ja08": r"真空",
    "ja09": r"安全教育|教育", "ma07": r"decibel|\bdB\b|noise level|sound level",
    "ma08": r"warrant|guarantee period", "ma09": r"£|price|\bcost",
    "ma10": r"converter|inverter|variable speed",
    "lo06": r"complain", "lo07": r"memory|heap|\brss\b",
}

# Words that carry no content; names that cannot be avoided.
STOP = set("""about after again ahead already before been being between both
does done down each either else ever every from have having here how into
just like long many might more most much must need needs never often once only
other over same shall should since some such than that their them then there
these they this those through under until very were what when where which while
will with without would""".split())
NAMES = {"瑞浜", "浜化", "化工", "北嶺", "嶺精", "精機"}


@functools.lru_cache(maxsize=None)
def normalised(text):
    """One spelling for widths, case, thousands separators and white space."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])", "", text)
    text = re.sub(r"(?<=\d) (?=%)", "", text)
    return re.sub(r"\s+", " ", text).strip()


def contains_fact(text, fact):
    """Whether a text holds a fact, not as a part of a longer number or word."""
    fact = normalised(fact)
    before = r"(?<![\d])(?<!\d[.,:])" if fact[0].isdigit() else r"(?<![a-z])"
    after = r"(?!\d|[.,:]\d)" if fact[-1].isdigit() else r"(?![a-z])"
    # A time may go on with its fraction of a second.
    if re.fullmatch(r"\d+:\d+:\d+", fact):
        after = r"(?!\d|:)"
    return re.search(before + re.escape(fact) + after, normalised(text)) is not None


def facts_of(expected):
    """[[spelling, ...], ...]: a right answer holds one spelling of each."""
    return [[s.strip() for s in fact.split(" | ")] for fact in expected.split(" & ")]


def answer_is_right(answer, expected):
    return all(any(contains_fact(answer, s) for s in spellings)
               for spellings in facts_of(expected))


def read_rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def pages_of(document, folder=SAMPLES):
    """Pages of a PDF file, lines of any other."""
    path = folder / document
    if path.suffix != ".pdf":
        return path.read_text(encoding="utf-8").splitlines()
    done = subprocess.run(["pdftotext", "-enc", "UTF-8", str(path), "-"],
                          check=True, capture_output=True)
    return done.stdout.decode("utf-8").split("\f")[:-1]


def content_words(text, language):
    if language == "ja":
        runs = re.findall(r"[\u4e00-\u9fff]{2,}|[\u30a1-\u30fa\u30fc]{2,}",
                          re.sub(r"\s", "", text))
        return {r[i:i + 2] for r in runs for i in range(len(r) - 1)} - NAMES
    words = set(re.findall(r"[a-z]{4,}", text.casefold())) - STOP
    return {re.sub(r"(ations?|ments?|ings?|ers?|ed|es|ly|s)$", "", w)
            if len(w) > 5 else w.rstrip("s") for w in words}


def shared_words(question, passage, language):
    ours, theirs = (content_words(t, language) for t in (question, passage))
    if language == "ja":
        return ours & theirs
    return {a for a in ours for b in theirs
            if min(len(a), len(b)) >= 4 and (a.startswith(b) or b.startswith(a))}


def check_answerable(row, pages):
    numbers = [int(n) for n in row["pages"].split(",")]
    if not all(1 <= n <= len(pages) for n in numbers):
        return ["page does not exist"]
    problems, facts = [], facts_of(row["expected"])

    def holds(number, spellings):
        return any(contains_fact(pages[number - 1], s) for s in spellings)

    for spellings in facts:
        if not any(holds(n, spellings) for n in numbers):
            problems.append("not on its page: %s" % spellings[0])
    for number in numbers:
        if not any(holds(number, spellings) for spellings in facts):
            problems.append("page %d holds no fact" % number)
    if row["kind"] == "two-places" and (len(facts) < 2 or len(numbers) < 2):
        problems.append("does not need two places")
    if row["kind"] == "number" and not re.search(r"\d", row["expected"]):
        problems.append("needs no number")
    if row["kind"] == "paraphrase":
        passages = [p for n in numbers for p in re.split(r"\n\s*\n", pages[n - 1])
                    if answer_is_right(p, row["expected"])]
        if not passages:
            problems.append("no single passage holds the answer")
        for passage in passages:
            shared = shared_words(row["question"], passage, row["language"])
            if shared:
                problems.append("shares words with its passage: %s" % sorted(shared))
    return problems


def check_unanswerable(row, pages, absent):
    if row["expected"] != UNANSWERABLE or row["pages"]:
        return ["an unanswerable question expects %r and no page" % UNANSWERABLE]
    text = re.sub(r"\s+", "" if row["language"] == "ja" else " ", " ".join(pages))
    found = re.search(absent[row["id"]], text, re.IGNORECASE)
    return ["the document speaks of %r" % found.group()] if found else []


def check_rows(rows, pages, absent):
    """What is wrong with the questions; pages and absent patterns by document and by id."""
    problems = []
    if len({r["id"] for r in rows}) != len(rows):
        problems.append("an id occurs twice")
    for row in rows:
        found = (check_unanswerable(row, pages[row["document"]], absent) if row["kind"] == "unanswerable"
                 else check_answerable(row, pages[row["document"]]))
        problems += ["%s: %s" % (row["id"], p) for p in found]
    return problems


def check_counts(rows, column, wanted):
    counted = collections.Counter(r[column] for r in rows)
    return [] if counted == wanted else ["%s: %r instead of %r" % (column, dict(counted), wanted)]


def report(rows, problems):
    """Prints what is wrong and how much; -> the exit status"""
    for problem in problems:
        print(problem)
    print("%d questions, %d problems" % (len(rows), len(problems)))
    return 1 if problems else 0


def main():
    rows = read_rows(HERE / "questions.tsv")
    problems = check_counts(rows, "kind", KINDS) + check_counts(rows, "document", DOCUMENTS)
    pages = {document: pages_of(document) for document in DOCUMENTS}
    return report(rows, problems + check_rows(rows, pages, ABSENT))


if __name__ == "__main__":
    sys.exit(main())
