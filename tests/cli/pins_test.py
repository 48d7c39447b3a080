#!/usr/bin/env python3
"""Pins on the command line: ask --pin, --pin-lines, those of the window, and what inspect tells of them.

usage: pins_test.py KVASIR_CLI [unittest arguments]
"""
import contextlib
import json
import sqlite3
import sys
import unittest

import cli_test


class Pins(cli_test.CliTest):
    @cli_test.needs_model
    def test_pins_are_carried_and_told(self):
        def ask(*pins):
            return self.ask("--mode", "quick", "--carried", 1, *pins, self.lease, "Who is the tenant?")

        def inspected(answer):
            return self.json("inspect", answer["answer_id"], "--json")

        plain = ask()
        self.assertEqual(plain["pins"], [])
        trace = inspected(plain)
        self.assertEqual((trace["pinned"], trace["policy"]["pins"]), ([], []))
        self.assertEqual(trace["policy"]["decision"]["pinned"], 0)
        answer = ask("--pin", "  The fee of item 7\n is 149 ", "--pin-lines", "12-13")
        self.assertEqual([(pin["document"], pin["page"], pin["line"]) for pin in answer["pins"]],
                         [("lease.txt", 1, 10), ("lease.txt", 1, 12)])
        self.assertEqual(answer["pins"][0]["quote"], "The fee of item 7 is 149")
        trace = inspected(answer)
        texts = [pin["text"] for pin in trace["pinned"]]
        self.assertEqual(texts, ["The fee of item 7 is 149", "\n".join(cli_test.LEASE.splitlines()[11:13])])
        for pin in trace["pinned"]:
            self.assertEqual(cli_test.LEASE.encode()[pin["begin"]:pin["end"]].decode(), pin["text"])
            self.assertEqual(pin["page"], 1)
            self.assertTrue(any(run["begin"] <= pin["begin"] and run["end"] >= pin["end"]
                                for run in trace["carried"]), pin)
        decision = trace["policy"]["decision"]
        self.assertGreater(decision["pinned"], 20)
        self.assertEqual(decision["carried"], decision["always"] + decision["pinned"])
        self.assertEqual(sum(last - first for first, last in trace["policy"]["pins"]), decision["pinned"])
        self.assertNotIn("pinned", trace["policy"])
        page = self.folder / "trace.html"
        self.json("inspect", answer["answer_id"], "--json", "--html", page)
        self.assertIn(" p\">", page.read_text())
        self.assertEqual(ask()["pins"], [], "they count for one question")
        # Nothing is left out of a full reading; nobody says that a pin did something.
        done = self.run_cli("ask", "--json", "--model", cli_test.MODEL, "--max-tokens", 8, "--mode", "full", "--pin",
                            "Okafor Bakery", self.lease, "Who is the tenant?")
        self.assertIn("pins change nothing", done.stderr.decode())
        full = json.loads(done.stdout)
        self.assertEqual(full["carried_tokens"], full["prompt_tokens"])
        trace = inspected(full)
        self.assertEqual([pin["text"] for pin in trace["pinned"]], ["Okafor Bakery."])
        self.assertEqual(trace["policy"]["decision"]["pinned"], 0)

    @cli_test.needs_model
    def test_pins_of_the_window_count(self):
        self.json("ingest", "--json", self.lease)
        with contextlib.closing(sqlite3.connect(self.data / "kvasir.sqlite")) as store:
            begin = cli_test.LEASE.index("The tenant")
            store.execute("INSERT INTO pins (document_id, text_begin, text_end, created_at) VALUES (1, ?, ?, 1)",
                          (begin, begin + 27))
            store.commit()
        answer = self.ask("--mode", "quick", self.lease, "Who is the tenant?")
        self.assertEqual([pin["quote"] for pin in answer["pins"]], ["The tenant is Okafor Bakery"])

    @cli_test.needs_model
    def test_pins_over_several_documents(self):
        other = self.file("garden.txt", "The gardener is called Ottoline Marsh.\nThe greenhouse holds ninety pots.\n")
        answer = self.ask("--pin", "holds ninety pots", self.lease, other, "Who is the tenant?")
        self.assertEqual([(pin["document"], pin["line"]) for pin in answer["pins"]], [("garden.txt", 2)])
        own = {row["document"]: self.json("inspect", row["answer_id"], "--json") for row in answer["documents"]}
        self.assertEqual(own["lease.txt"]["pinned"], [])
        self.assertEqual([pin["text"] for pin in own["garden.txt"]["pinned"]], ["holds ninety pots."])

    def test_pins_that_cannot_be_found(self):
        ask = ("ask", "--model", self.folder / "none.gguf")
        self.refused(*ask, "--pin", "the moon", self.lease, "Who?", says=["'the moon' stands nowhere"])
        many = self.refused(*ask, "--pin", "The fee of item", self.lease, "Who?",
                            says=["stands in 11 places", "line 4; line 5; line 6", "--pin-lines"])
        self.assertIn("...", many)
        self.refused(*ask, "--pin", "Bakery. Clause", self.lease, "Who?", says=["none.gguf"])  # found: goes on
        self.refused(*ask, "--pin-lines", "99", self.lease, "Who?", says=["no line 99"])
        self.refused(*ask, "--pin-lines", "2:1", self.lease, "Who?", says=["no page 2"])
        self.refused(*ask, "--pin-lines", "2", self.lease, "Who?", says=["no words"])
        done = self.run_cli("ask", "--json", "--pin", "the moon", self.lease, "Who?")
        self.assertEqual(json.loads(done.stdout)["error"]["code"], "not_found")
        for wrong in (("--pin", " "), ("--pin-lines", "x"), ("--pin-lines", "5-3"), ("--pin-lines", "0")):
            self.refused("ask", *wrong, self.lease, "Who?", status=2)
        self.refused("ask", "--pin-lines", "1", self.lease, self.file("b.txt", "b"), "Who?", status=2,
                     says=["several"])


if __name__ == "__main__":
    cli_test.CLI = sys.argv.pop(1)
    unittest.main()
