#!/usr/bin/env python3
"""kvasir-cli: questions that go on from answers, and the conversations they are kept in.

usage: conversations_test.py KVASIR_CLI [unittest arguments]
"""
import json
import sys
import unittest

import cli_test
from cli_test import MODEL, CliTest, needs_model


class Conversations(CliTest):
    @needs_model
    def test_questions_go_on_from_answers(self):
        first = self.ask(self.lease, "What is the fee of item 3?")
        self.assertIsNone(first["after"])
        self.assertEqual(first["turns"], {"given": 0, "taken": 0, "tokens": 0, "shortened": False, "limit": "none"})
        second = self.ask("--after", first["answer_id"], self.lease, "And of item 4?")
        self.assertEqual(second["after"], first["answer_id"])
        self.assertEqual((second["turns"]["given"], second["turns"]["taken"]), (1, 1))
        self.assertGreater(second["turns"]["tokens"], 0)
        third = self.ask("--after", second["answer_id"], "--mode", "quick", self.lease, "And of item 5?")
        self.assertEqual(third["turns"]["given"], 2, "with what that one went on from")
        alone = self.ask(self.lease, "Who is the tenant?")
        trace = self.json("inspect", third["answer_id"], "--json")
        self.assertEqual((trace["after"], trace["turns"]), (second["answer_id"], third["turns"]))
        document, = self.json("sessions", "--json")["documents"]
        answers = {a["answer_id"]: a for a in document["answers"]}
        talks = document["conversations"]
        self.assertEqual([t["title"] for t in talks], ["What is the fee of item 3?", "Who is the tenant?"])
        self.assertEqual([t["answers"] for t in talks], [3, 1])
        self.assertEqual([answers[a["answer_id"]]["conversation"] for a in (first, second, third, alone)],
                         [talks[0]["conversation"]] * 3 + [talks[1]["conversation"]])
        self.assertEqual(answers[third["answer_id"]]["after"], second["answer_id"])
        done = self.run_cli("ask", "--model", MODEL, "--max-tokens", 20, "--after", first["answer_id"], self.lease, "Why?")
        self.assertIn(f"Went on from {first['answer_id']}: 1 earlier answer,", done.stdout.decode())

    @needs_model
    def test_what_a_question_cannot_go_on_from(self):
        first = self.ask("--mode", "quick", self.lease, "Who is the tenant?")
        other = self.file("other.txt", "The ship sails at nine.\n")
        self.refused("ask", "--after", "A99", self.lease, "And then?", says=("no answer A99", "sessions"))
        self.refused("ask", "--after", "12", self.lease, "And then?", says=("not an answer's id",))
        self.refused("ask", "--after", first["answer_id"], other, "And then?", says=("is an answer about 'lease.txt'",))
        error = json.loads(self.run_cli("ask", "--json", "--after", "A99", self.lease, "And then?").stdout)["error"]
        self.assertEqual((error["code"], error["where"]), ("not_found", "--after"))
        self.assertEqual(self.run_cli("ask", "--after", "", self.lease, "And then?").returncode, 2)


if __name__ == "__main__":
    cli_test.CLI = sys.argv.pop(1)
    unittest.main()
