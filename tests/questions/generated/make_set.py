#!/usr/bin/env python3
"""Writes the documents and questions.tsv beside this script; --check compares instead.

usage: make_set.py [--check]

A document is a text in source/ with values drawn from SEED; source/questions.tsv holds the questions with the same
values. The output depends on these files alone: no date, no random state, no version of Python.

In the sources {name} or {name:form} stands for a value. Forms: long, short and us for dates, w for a number in words,
ka for the spellings of a number of months in Japanese, else Python's own. {#id} marks a line that holds an answer to
question id, and leaves nothing behind.
"""

import argparse
import csv
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import values_annexes  # noqa: E402
import values_en  # noqa: E402
import values_en_tables  # noqa: E402
import values_ja  # noqa: E402
from draw import Draw  # noqa: E402

HERE = Path(__file__).resolve().parent
SEED = 20270401
COLUMNS = ("id", "document", "language", "kind", "question", "expected", "pages")
DOCUMENTS = {
    "staff-handbook.md": (values_en.staff_handbook, values_annexes.staff_handbook),
    "studio-lease.txt": (values_en.studio_lease, values_annexes.studio_lease),
    "instrument-insurance.md": (values_en.instrument_insurance, values_annexes.instrument_insurance),
    "footbridge-report.md": (values_en_tables.footbridge_report, values_annexes.footbridge_report),
    "phosphorus-protocol.md": (values_en_tables.phosphorus_protocol, values_annexes.phosphorus_protocol),
    "coop-minutes.txt": (values_en.coop_minutes, values_annexes.coop_minutes),
    "energy-fund-rules.md": (values_en.energy_fund_rules, values_annexes.energy_fund_rules),
    "funicular-schedule.md": (values_en_tables.funicular_schedule, values_annexes.funicular_schedule),
    "school-meals-tender.md": (values_en_tables.school_meals_tender, values_annexes.school_meals_tender),
    "travel-rules-ja.md": (values_ja.travel_rules, values_annexes.travel_rules),
    "privacy-notice-ja.txt": (values_ja.privacy_notice, values_annexes.privacy_notice),
    "condominium-rules-ja.md": (values_ja.condominium_rules, values_annexes.condominium_rules),
    "shopping-street-minutes-ja.txt": (values_ja.shopping_street_minutes, values_annexes.shopping_street_minutes),
    "miso-hygiene-ja.md": (values_ja.miso_hygiene, values_annexes.miso_hygiene),
}
WORDS = ("no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
         "seventeen eighteen nineteen twenty").split()
MONTHS = ("January February March April May June July August September October November December").split()
FORMS = {
    "long": lambda d: "%d %s %d" % (d.day, MONTHS[d.month - 1], d.year),
    "short": lambda d: "%d %s" % (d.day, MONTHS[d.month - 1]),
    "us": lambda d: "%s %d" % (MONTHS[d.month - 1], d.day),
    "w": lambda n: WORDS[n],
    "ka": lambda n: " | ".join("%d%s" % (n, k) for k in ("か月", "ヶ月", "カ月", "ヵ月", "箇月", "ケ月")),
}


def filled(text, values):
    """The text with its values, which may hold marks but no further values."""
    def one(match):
        name, form = match.group(1), match.group(2)
        value = values[name]
        if form in FORMS:
            return FORMS[form](value)
        return format(value, form or "")
    return re.sub(r"\{([a-z_0-9]+)(?::([^{}]*))?\}", one, text)


def without_marks(text):
    """-> (text without {#id}, {id: [line number, ...]})"""
    lines, marked = [], {}
    for number, line in enumerate(text.split("\n"), 1):
        for mark in re.findall(r"\{#(\w+)\}", line):
            marked.setdefault(mark, []).append(number)
        lines.append(re.sub(r"\{#\w+\}", "", line))
    return "\n".join(lines), marked


def source_rows():
    with open(HERE / "source" / "questions.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def question_rows(rows, values, lines):
    made = []
    for row in rows:
        facts = filled(row["expected"], values[row["document"]])
        made.append({**row, "expected": facts, "pages": ",".join(map(str, lines[row["document"]].pop(row["id"], [])))})
    unused = {mark for marks in lines.values() for mark in marks}
    if unused:
        raise SystemExit("marks of no question: %s" % ", ".join(sorted(unused)))
    return made


def made_set():
    """-> {file name: text}, the documents and questions.tsv"""
    files, values, lines = {}, {}, {}
    for name, (body, annexes) in DOCUMENTS.items():
        values[name] = body(Draw(SEED, name))
        values[name].update(annexes(Draw(SEED, name + "/annexes"), values[name]))
        text = (HERE / "source" / name).read_text(encoding="utf-8")
        files["documents/" + name], lines[name] = without_marks(filled(text, values[name]))
    rows = question_rows(source_rows(), values, lines)
    table = ["\t".join(COLUMNS)] + ["\t".join(row[c] for c in COLUMNS) for row in rows]
    files["questions.tsv"] = "\n".join(table) + "\n"
    return files


def differing():
    """Names of the files that are not, byte for byte, what this script makes; of files that it does not make too."""
    made = made_set()
    there = {"documents/" + path.name for path in (HERE / "documents").glob("*")}
    return sorted({name for name, text in made.items()
                   if not (HERE / name).is_file() or (HERE / name).read_bytes() != text.encode()}
                  | there - set(made))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the files that are there; write nothing")
    if parser.parse_args().check:
        names = differing()
        for name in names:
            print("differs: %s" % name)
        return 1 if names else 0
    (HERE / "documents").mkdir(exist_ok=True)
    for name, text in made_set().items():
        (HERE / name).write_bytes(text.encode())
        print("wrote %s, %d bytes" % (name, len(text.encode())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
