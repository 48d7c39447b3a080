#!/usr/bin/env python3
"""Tests of what installer/test and .ci/run are made of: the sum of its steps, the count of ctest's results, the lint cache."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Folder(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="kvasir steps ")
        self.addCleanup(holder.cleanup)
        self.base = pathlib.Path(holder.name).resolve()
        self.root = self.base / "a clone"
        (self.root / "installer").mkdir(parents=True)
        for name in ("lib.sh", "steps.sh", "lint", "junit_counts.py", "packages.txt"):
            shutil.copy(ROOT / "installer" / name, self.root / "installer")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def program(self, name, text):
        path = self.base / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/usr/bin/env bash\n" + text)
        path.chmod(0o755)

    def start(self, *command):
        settings = {**os.environ, "PATH": f"{self.base}/bin:{os.environ['PATH']}", "XDG_CACHE_HOME": str(self.base / "cache"),
                    "FAKE": str(self.base)}
        return subprocess.run(command, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


class StepsTest(Folder):
    def steps(self, text):
        script = self.write("installer/try", 'set -euo pipefail\n. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"\n'
                            f'. "$(dirname "${{BASH_SOURCE[0]}}")/steps.sh"\n{text}\n')
        done = self.start("bash", str(script))
        return done.returncode, done.stdout.splitlines()[-1], done.stdout

    def ctest(self, cases):
        """A ctest that leaves these cases as its result: (name, status, skipped message)."""
        xml = "".join(f'<testcase name="{name}" status="{status}">' + (f'<skipped message="{note}"/>' if note else "") +
                      "</testcase>" for name, status, note in cases)
        self.write("result.xml", f"<testsuite>{xml}</testsuite>")
        self.program("ctest", 'while [ "$1" != --output-junit ]; do shift; done\n'
                     f'mkdir -p "$(dirname "$2")"; cp "{self.root}/result.xml" "$2"; exit 8\n')

    def test_all_pass(self):
        self.assertEqual(self.steps("step one true\nstep two true")[:2], (0, "2 passed, 0 failed"))

    def test_steps_after_a_failure_run(self):
        status, last, out = self.steps("step one false || true\nstep two echo second\nnot_run three 'no build'")
        self.assertEqual((status, last), (1, "1 passed, 2 failed"))
        self.assertIn("second", out)
        self.assertIn("Failed:\n  one\n  three (not run: no build)\n", out)

    def test_fetch_beside_the_steps(self):
        fetch = self.write("installer/fetch-model", "#!/usr/bin/env bash\n[ $1 = small ] || { echo no $1 >&2; exit 1; }\n"
                           "echo half >&2; sleep 0.3; echo whole >&2; echo path\n")
        fetch.chmod(0o755)
        status, last, out = self.steps("fetch_start small\nstep build true\nstep models fetch_wait")
        self.assertEqual((status, last), (0, "2 passed, 0 failed"))
        self.assertIn("half\nwhole\n", out)
        status, last, out = self.steps("fetch_start big\nstep models fetch_wait || true")
        self.assertEqual((status, last), (1, "0 passed, 1 failed"))
        self.assertIn("no big\n", out)

    def test_sum_of_another_script_is_added(self):
        for text, expected in (("echo 7 passed, 0 failed", (0, "8 passed, 0 failed")),
                               ("echo 7 passed, 2 failed; exit 1", (1, "8 passed, 2 failed")),
                               ("echo killed; exit 137", (1, "1 passed, 1 failed")),
                               ("exit 0", (1, "1 passed, 1 failed"))):
            self.write("installer/other", text)
            self.assertEqual(self.steps(f'summed_step other bash "{self.root}/installer/other"\nstep one true')[:2], expected)

    def test_early_end_is_a_failure(self):
        status, last, out = self.steps("fail 'no network'")
        self.assertEqual((status, last), (1, "0 passed, 1 failed"))
        self.assertIn("installing packages", out)

    def test_each_ctest_case_counts(self):
        self.ctest([("a", "run", ""), ("b", "run", ""), ("c", "fail", ""), ("gpu", "notrun", "SKIP_REGULAR_EXPRESSION_MATCHED"),
                    ("gone", "notrun", "Unable to find executable"), ("off", "disabled", "")])
        status, last, out = self.steps("step build true\nctest_step tests ci || true")
        self.assertEqual((status, last), (1, "3 passed, 2 failed"))
        self.assertIn("Failed:\n  c\n  gone\n", out)

    def test_ctest_without_result_is_a_failure(self):
        self.ctest([])
        self.assertEqual(self.steps("ctest_step tests ci || true")[:2], (1, "0 passed, 1 failed"))
        self.program("ctest", "exit 1\n")
        self.assertEqual(self.steps("ctest_step tests ci || true")[:2], (1, "0 passed, 1 failed"))


class LintTest(Folder):
    def setUp(self):
        super().setUp()
        self.write(".clang-tidy", "Checks: '-*'\n")
        self.write("engine/a.cpp", '#include "engine/a.h"\n')
        self.write("engine/b.cpp", "int b;\n")
        self.write("engine/a.h", '#include "engine/deep.h"\n')
        self.write("engine/deep.h", "int deep();\n")
        self.write("build/ci/generated.cpp", "BAD\n")
        self.commands("-O2")
        # Complains of a source that holds BAD; leaves the names of the sources it was given.
        self.program("clang-tidy-19", """
if [ "$1" = --version ]; then cat "$FAKE/version"; exit 0; fi
printf '%s\\n' "${!#}" >>"$FAKE/checked"
if grep -q BAD "${!#}"; then echo "bad word"; exit 1; fi
""")
        (self.base / "version").write_text("19.1\n")

    def commands(self, flags):
        entries = [{"directory": f"{self.root}/build/ci", "file": f"{self.root}/{name}",
                    "command": f"c++ '-I{self.root}' {flags} -o {name}.o -c '{self.root}/{name}'"}
                   for name in ("engine/a.cpp", "engine/b.cpp", "build/ci/generated.cpp")]
        self.write("build/ci/compile_commands.json", json.dumps(entries))

    def lint(self):
        """Returns the exit status, the names of the sources that clang-tidy saw, and the output."""
        checked = self.base / "checked"
        checked.write_text("")
        done = self.start(sys.executable, str(self.root / "installer/lint"), str(self.root / "build/ci"))
        names = sorted(pathlib.Path(line).name for line in checked.read_text().splitlines())
        return done.returncode, names, done.stdout + done.stderr

    def test_only_what_changed_is_checked_again(self):
        self.assertEqual(self.lint()[:2], (0, ["a.cpp", "b.cpp"]))
        self.assertEqual(self.lint()[:2], (0, []))
        self.write("engine/deep.h", "int deeper();\n")
        self.assertEqual(self.lint()[:2], (0, ["a.cpp"]))
        self.write("engine/b.cpp", "int c;\n")
        self.assertEqual(self.lint()[:2], (0, ["b.cpp"]))
        self.commands("-O3")
        self.assertEqual(self.lint()[:2], (0, ["a.cpp", "b.cpp"]))
        self.write(".clang-tidy", "Checks: '*'\n")
        self.assertEqual(self.lint()[:2], (0, ["a.cpp", "b.cpp"]))
        (self.base / "version").write_text("19.2\n")
        self.assertEqual(self.lint()[:2], (0, ["a.cpp", "b.cpp"]))

    def test_findings_are_shown_each_time(self):
        self.write("engine/b.cpp", "BAD\n")
        for checked in (["a.cpp", "b.cpp"], ["b.cpp"]):
            status, names, text = self.lint()
            self.assertEqual((status, names), (1, checked))
            self.assertIn("engine/b.cpp:\nbad word", text)
        self.assertIn("2 sources, 1 checked, 1 unchanged since they were clean, 1 with findings", text)

    def test_another_clone_uses_the_same_results(self):
        self.lint()
        self.root = self.root.rename(self.base / "another clone")
        self.commands("-O2")
        self.assertEqual(self.lint()[:2], (0, []))

    def test_what_is_missing_is_named(self):
        (self.root / "build/ci/compile_commands.json").unlink()
        status, _names, text = self.lint()
        self.assertEqual(status, 1)
        self.assertIn("compile_commands.json is missing. Build first", text)


if __name__ == "__main__":
    unittest.main()
