#!/usr/bin/env python3
"""Writes engine/unicode_tables.cpp: letters, numbers and white space of Unicode as ranges.

Usage: unicode_tables.py FOLDER > unicode_tables.cpp
FOLDER holds UnicodeData.txt, PropList.txt and ReadMe.txt of the Unicode Character Database
(/usr/share/unicode of Debian's package unicode-data; Debian 12 has version 15.0.0).
"""
import re
import sys
from pathlib import Path

COLUMNS = 110


def categories(folder: Path) -> dict[int, str]:
    result, first = {}, None
    for line in (folder / "UnicodeData.txt").read_text(encoding="utf-8").splitlines():
        code, name, category = line.split(";")[:3]
        value = int(code, 16)
        if name.endswith(", First>"):
            first = value
        for c in range(first if name.endswith(", Last>") else value, value + 1):
            result[c] = category
    return result


def white_space(folder: Path) -> set[int]:
    result = set()
    for line in (folder / "PropList.txt").read_text(encoding="utf-8").splitlines():
        match = re.match(r"([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*; White_Space\b", line)
        if match:
            result.update(range(int(match[1], 16), int(match[2] or match[1], 16) + 1))
    return result


def ranges(classes: dict[int, str]) -> list[tuple[int, int, str]]:
    result = []
    for code in sorted(classes):
        if result and result[-1][1] == code - 1 and result[-1][2] == classes[code]:
            result[-1] = (result[-1][0], code, classes[code])
        else:
            result.append((code, code, classes[code]))
    return result


def main() -> None:
    folder = Path(sys.argv[1])
    version = re.search(r"Version (\d+\.\d+\.\d+)", (folder / "ReadMe.txt").read_text(encoding="utf-8"))[1]
    classes = {c: {"L": "Letter", "N": "Number"}[k[0]] for c, k in categories(folder).items() if k[0] in "LN"}
    classes.update({c: "Space" for c in white_space(folder)})
    print(f"// Unicode {version}. Written by engine/unicode_tables.py from UnicodeData.txt and PropList.txt; do not edit.")
    print('#include "engine/unicode.h"\n\nnamespace kvasir {\nnamespace {\n')
    print("using enum CharClass;\n\n// clang-format off\nconstexpr CharRange kRanges[]{")
    line = "   "
    for begin, end, kind in ranges(classes):
        item = f" {{0x{begin:X}, 0x{end:X}, {kind}}},"
        if len(line) + len(item) > COLUMNS:
            print(line)
            line = "   "
        line += item
    print(line)
    print("};\n// clang-format on\n\n}  // namespace\n\nstd::span<const CharRange> charRanges() { return kRanges; }\n")
    print("}  // namespace kvasir")


main()
