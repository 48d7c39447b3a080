#!/usr/bin/python3
"""Writes the sample documents beside this script; --check compares instead.

Needs Debian's python3-reportlab, fonts-noto-core, fonts-ipafont-mincho and
fonts-ipafont-gothic. The output depends on nothing else: no date, no random
state, no machine name, so that two runs give the same bytes.
"""

import argparse
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from drawings import DRAWINGS  # noqa: E402
from gateway_log import gateway_log  # noqa: E402
from layout import Look, register_fonts  # noqa: E402
from markup import Book  # noqa: E402

HERE = Path(__file__).resolve().parent


def source(name):
    return (HERE / "source" / name).read_text(encoding="utf-8")


def framework_agreement():
    return Book(
        source("framework_agreement.txt"),
        Look("Serif", "Serif-Bold", 10.5, 16.6, 8.2),
        {"title": "Framework Supply Agreement", "author": "Northmoor Pumps Limited",
         "subject": "Supply of centrifugal pumps, spare parts and services",
         "lang": "en-GB"},
        ("Framework Supply Agreement", "CWU/FSA/2025/017"),
        "Northmoor Pumps Limited / Calderbeck Water Utilities plc",
        "Page %d of %d").build()


def supply_agreement_ja():
    return Book(
        source("supply_agreement_ja.txt"),
        Look("Mincho", "Gothic", 10.5, 20.5, 8),
        {"title": "購買基本契約書", "author": "瑞浜化工株式会社",
         "subject": "ポンプ、送液装置及びこれらの部品の購買", "lang": "ja"},
        ("購買基本契約書", "瑞購基第2406号"), "瑞浜化工株式会社・北嶺精機株式会社",
        "%d / %d ページ").build()


def pump_manual():
    return Book(
        source("pump_manual.txt"),
        Look("Serif", "Sans-Bold", 10.5, 16.2, 8, sans="Sans"),
        {"title": "Maintenance Manual NP-100", "author": "Northmoor Pumps Limited",
         "subject": "End-suction centrifugal pump NP-100, document NM-4471, issue C",
         "lang": "en-GB"},
        ("Maintenance Manual NP-100", "NM-4471 issue C"), "Northmoor Pumps Limited",
        "Page %d of %d", drawings=DRAWINGS, chapters_break=True,
        contents_levels=2).build()


DOCUMENTS = {
    "framework-agreement.pdf": framework_agreement,
    "supply-agreement-ja.pdf": supply_agreement_ja,
    "pump-manual.pdf": pump_manual,
    "order-gateway.log": gateway_log,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true",
                        help="compare with the files that are there; write nothing")
    check = parser.parse_args().check
    register_fonts()
    differing = 0
    for name, make in DOCUMENTS.items():
        data, path = make(), HERE / name
        if not check:
            path.write_bytes(data)
            print("wrote %s, %d bytes" % (name, len(data)))
        elif path.is_file() and path.read_bytes() == data:
            print("same   %s" % name)
        else:
            differing += 1
            print("DIFFERS %s" % name)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
