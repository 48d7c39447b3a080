#!/usr/bin/env python3
"""usage: install_test.py BUILD_FOLDER

Tests of what 'cmake --install' leaves: the programs start, and the desktop's tools accept what is meant for them.
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(sys.argv.pop()).resolve()
PROGRAMS = ("kvasir", "kvasir-cli", "kvasir-reader")


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory(prefix="kvasir install ")
        cls.addClassCleanup(cls.holder.cleanup)
        cls.prefix = pathlib.Path(cls.holder.name)
        done = run("cmake", "--install", str(BUILD), "--prefix", str(cls.prefix))
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr)

    def path(self, name):
        path = self.prefix / name
        self.assertTrue(path.is_file(), f"{name} was not installed")
        return str(path)

    def assert_accepted(self, *command):
        done = run(*command)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_programs(self):
        for name in PROGRAMS:
            self.path(f"bin/{name}")
        self.assert_accepted(self.path("bin/kvasir-cli"), "--help")

    def test_man_pages(self):
        for name in PROGRAMS:
            page = self.path(f"share/man/man1/{name}.1")
            self.assertEqual(self.assert_accepted("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page)
                             .count("warning"), 0)

    def test_desktop_entry(self):
        self.assert_accepted("desktop-file-validate", self.path("share/applications/org.kvasir.Kvasir.desktop"))

    def test_metainfo(self):
        self.assert_accepted("appstreamcli", "validate", "--no-net",
                             self.path("share/metainfo/org.kvasir.Kvasir.metainfo.xml"))

    def test_data(self):
        for name in ("icons/hicolor/scalable/apps/org.kvasir.Kvasir.svg", "kvasir/samples/framework-agreement.pdf",
                     "kvasir/samples/order-gateway.log"):
            self.path(f"share/{name}")


if __name__ == "__main__":
    unittest.main()
