#!/usr/bin/env python3
"""Tests of check_layering.py: a good small tree passes, and each fault put into it is found at its place."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import check_layering  # noqa: E402  (after the line above, which keeps the tree free of caches)

GOOD = {
    "CMakeLists.txt": "", "CMakePresets.json": "{}", "README.md": "", "CHANGELOG.md": "", "LICENSE": "",
    "resources/icon.svg": "", "installer/run": "#!/bin/sh\n", "docs/cli.md": "",
    "kernels/cpu/a.cpp": '#include "kernels/cpu/a.h"\n\n#include <vector>\n\n#include <immintrin.h>\n',
    "kernels/cpu/a.h": "#include <cstdint>\n",
    "kernels/cuda/b.cu": "#include <cuda_runtime.h>\n#include <cublasLt.h>\n",
    "engine/e.h": '#include <sys/mman.h>\n#include <xxhash.h>\n#include <spdlog/spdlog.h>\n#include <tl/expected.hpp>\n#include "kernels/cpu/a.h"\n',
    "app/store.cpp": '#include <SQLiteCpp/SQLiteCpp.h>\n#include <QString>\n#include "engine/e.h"\n',
    "app/reader/main.cpp": "#include <poppler/cpp/poppler-document.h>\n#include <seccomp.h>\n",
    "ui/window.cpp": '#include <QWidget>\n#include "app/store.h"\n#include "engine/e.h"\n#include "window.moc"\n',
    "tests/engine/e_test.cpp": '#include <gtest/gtest.h>\n#include <unistd.h>\n#include "engine/e.h"\n#include "tests/engine/help.h"\n',
}
GOOD_GRAPH = """kernels|kvasir_kernels|STATIC_LIBRARY|Threads::Threads;kvasir_flags
engine|kvasir_engine|STATIC_LIBRARY|kvasir_kernels;$<LINK_ONLY:spdlog::spdlog>;tl::expected;kvasir_flags
app|kvasir_app|STATIC_LIBRARY|kvasir_engine;Qt6::Core;SQLiteCpp
app/reader|kvasir-reader|EXECUTABLE|PkgConfig::POPPLER;PkgConfig::QPDF;kvasir_flags
app|kvasir-cli|EXECUTABLE|kvasir_app
ui|kvasir_ui|STATIC_LIBRARY|kvasir_app;Qt6::Widgets
ui|kvasir|EXECUTABLE|kvasir_ui;::@(0x5581)
tests/app|reader_test|EXECUTABLE|PkgConfig::POPPLER;GTest::gtest_main
tests/engine|e_test|EXECUTABLE|kvasir_engine;GTest::gtest_main;kvasir_flags
"""


class LayeringTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = pathlib.Path(holder.name)
        for name, text in GOOD.items():
            self.write(name, text)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def violations(self, graph=GOOD_GRAPH):
        return check_layering.Checker(self.root.resolve()).run(graph)

    def assert_one(self, begin, graph=GOOD_GRAPH):
        found = self.violations(graph)
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(begin), found[0])

    def test_good_tree(self):
        self.assertEqual(self.violations(), [])

    def test_forbidden_includes(self):
        cases = [
            ("kernels/x.h", '"engine/e.h"'), ("kernels/x.h", "<spdlog/spdlog.h>"), ("kernels/x.h", "<sys/mman.h>"),
            ("kernels/cpu/x.h", "<cuda_runtime.h>"), ("kernels/x.h", "<QString>"),
            ("engine/x.cpp", '"app/store.h"'), ("engine/x.cpp", "<QString>"), ("engine/x.cpp", "<sqlite3.h>"),
            ("engine/x.cpp", "<poppler-document.h>"), ("engine/x.cpp", "<CLI/CLI.hpp>"),
            ("app/x.cpp", '"ui/window.h"'), ("app/x.cpp", "<QWidget>"), ("app/x.cpp", "<QtWidgets/QWidget>"),
            ("app/x.cpp", "<poppler/cpp/poppler-document.h>"), ("app/x.cpp", "<qpdf/QPDF.hh>"), ("app/x.cpp", "<cuda_runtime.h>"),
            ("ui/x.cpp", '"kernels/cpu/a.h"'), ("ui/x.cpp", "<sqlite3.h>"), ("ui/x.cpp", "<SQLiteCpp/Database.h>"),
            ("ui/x.cpp", "<poppler/cpp/poppler-page.h>"), ("ui/x.cpp", "<cublasLt.h>"),
            ("tests/kernels/x.cpp", '"engine/e.h"'), ("tests/engine/x.cpp", '"app/store.h"'),
            ("tests/app/x.cpp", '"ui/window.h"'), ("tests/ui/x.cpp", "<sqlite3.h>"),
            ("engine/x.cpp", '"e.h"'), ("engine/x.cpp", '"../kernels/cpu/a.h"'), ("app/x.cpp", '"tests/app/help.h"'),
        ]
        for name, include in cases:
            with self.subTest(f"{name} {include}"):
                self.write(name, f"// first line\n#  include {include}\n")
                self.assert_one(f"{name}:2: include: ")
                (self.root / name).unlink()

    def test_forbidden_links(self):
        cases = [
            ("kernels", "kernels|k2|STATIC_LIBRARY|kvasir_engine"),
            ("kernels", "kernels|k2|STATIC_LIBRARY|Qt6::Core"),
            ("engine", "engine|e2|STATIC_LIBRARY|kvasir_app"),
            ("engine", "engine|e2|STATIC_LIBRARY|SQLiteCpp"),
            ("app", "app|a2|STATIC_LIBRARY|kvasir_ui"),
            ("app", "app|a2|STATIC_LIBRARY|kvasir_engine;$<LINK_ONLY:Qt6::Widgets>"),
            ("app", "app|a2|EXECUTABLE|PkgConfig::POPPLER"),
            ("ui", "ui|u2|STATIC_LIBRARY|kvasir_kernels"),
            ("ui", "ui|u2|STATIC_LIBRARY|SQLite::SQLite3"),
            ("tests/engine", "tests/engine|t2|EXECUTABLE|kvasir_app"),
        ]
        for place, line in cases:
            with self.subTest(line):
                self.assert_one(f"{place}/CMakeLists.txt:1: link: ", GOOD_GRAPH + line + "\n")

    def test_poppler_through_a_library(self):
        graph = GOOD_GRAPH + "app/reader|parsers|STATIC_LIBRARY|poppler-cpp\napp|a2|EXECUTABLE|parsers\n"
        self.assert_one("app/CMakeLists.txt:1: link: a2 links poppler-cpp; only kvasir-reader may", graph)

    def test_top_level(self):
        self.write("notes.txt", "")
        self.assert_one("notes.txt:1: top-level: does not belong")
        (self.root / "notes.txt").unlink()
        self.write(".hidden", "")
        self.assertEqual(self.violations(), [])
        (self.root / "LICENSE").unlink()
        self.assert_one("LICENSE:1: top-level: is missing")

    def test_long_file(self):
        self.write("engine/long.cpp", "\n" * 500)
        self.assertEqual(self.violations(), [])
        self.write("engine/long.cpp", "\n" * 501)
        self.assert_one("engine/long.cpp:501: length: ")

    def test_unfinished(self):
        for word in ("TO" + "DO", "FIX" + "ME"):
            with self.subTest(word):
                self.write("docs/x.md", f"\n{word}: later\n")
                self.assert_one("docs/x.md:2: unfinished: ")

    def test_folders_of_one_machine(self):
        for folder in ("ro" + "ot", "wo" + "rk", "t" + "mp"):
            for text in (f'"/{folder}/x"', f"cd /{folder}", f"PATH=/{folder}/bin"):
                with self.subTest(text):
                    self.write("installer/x.sh", f"{text}\n")
                    self.assert_one("installer/x.sh:1: machine: ")
        work, temporary = "wo" + "rk", "t" + "mp"
        self.write("installer/x.sh", f'cd "$root/{work}/x" && ls build/{temporary} /{temporary}/.X11-unix ./{work}\n')
        self.assertEqual(self.violations(), [])

    def test_exceptions_need_a_reason_and_a_use(self):
        self.write("engine/long.cpp", "\n" * 501)
        exceptions = "tests/layering/exceptions.txt"
        self.write(exceptions, "# why\nlength engine/long.cpp one table\n")
        self.assertEqual(self.violations(), [])
        self.write(exceptions, "length engine/long.cpp\n")
        self.assert_one(f"{exceptions}:1: exception: length engine/long.cpp has no reason")
        self.write(exceptions, "length engine/long.cpp one table\nlength engine/e.h none\n")
        self.assert_one(f"{exceptions}:1: exception: length engine/e.h excepts nothing")

    def test_builds_and_binary_files_are_passed_over(self):
        self.write("build/x.cpp", '#include "ui/window.h"\n' + "TO" + "DO\n")
        (self.root / "resources/picture.png").write_bytes(b"\x89PNG\xff\xfe")
        self.assertEqual(self.violations(), [])


if __name__ == "__main__":
    unittest.main()
