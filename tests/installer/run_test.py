#!/usr/bin/env python3
"""Tests of installer/run: what it says and does, with stand-ins for the system's package tools and for the build."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ("bash env awk grep sed cat dirname mkdir rm tail nproc sleep printf chmod touch tr cut kill ls").split()
DEBIAN = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'

FAKES = {
    "dpkg-query": """
shift 3
status=0
for name in "$@"; do
    if grep -qxF "$name" "$FAKE/installed"; then printf 'ii  %s\\n' "$name"; else status=1; fi
done
exit $status
""",
    "id": 'cat "$FAKE/uid"\n',
    "sudo": """
printf 'sudo %s\\n' "$*" >>"$FAKE/calls"
case "$*" in
    "-n true") exit "$(cat "$FAKE/sudo_status")" ;;
    "-v") exit 1 ;;
esac
exec "$@"
""",
    "apt-get": """
printf 'apt-get %s\\n' "$*" >>"$FAKE/calls"
case "$*" in
    *install*)
        if [ -s "$FAKE/apt_error" ]; then cat "$FAKE/apt_error"; exit 100; fi
        for word in "$@"; do printf '%s\\n' "$word" >>"$FAKE/installed"; done ;;
esac
""",
    "cmake": """
printf 'cmake %s (in %s)\\n' "$*" "$PWD" >>"$FAKE/calls"
if [ -s "$FAKE/cmake_error" ]; then cat "$FAKE/cmake_error" >&2; exit 1; fi
mkdir -p build/release/bin
printf 'CMAKE_HOME_DIRECTORY:INTERNAL=%s\\n' "$PWD" >build/release/CMakeCache.txt
for name in kvasir kvasir-cli; do
    printf '#!/usr/bin/env bash\\nprintf "%%s|" %s "$@"; exit "$(cat "$FAKE/answer_status")"\\n' $name >build/release/bin/$name
    chmod +x build/release/bin/$name
done
""",
}
FETCH = """#!/usr/bin/env bash
if [ -s "$FAKE/fetch_error" ]; then cat "$FAKE/fetch_error" >&2; exit 1; fi
echo "fetching $*" >&2
echo "$FAKE/$1.gguf"
"""


class RunTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="kvasir run ")
        self.addCleanup(holder.cleanup)
        base = pathlib.Path(holder.name).resolve()
        self.clone, self.fake, self.elsewhere = base / "a clone", base / "fake", base / "else where"
        for folder in (self.clone / "installer", self.clone / "resources/samples", self.fake / "bin", self.elsewhere):
            folder.mkdir(parents=True)
        for name in ("run", "lib.sh", "packages.txt"):
            shutil.copy(ROOT / "installer" / name, self.clone / "installer")
        library = self.clone / "installer/lib.sh"
        library.write_text(library.read_text().replace("os_release=/etc/os-release", f"os_release='{base}/os-release'"))
        self.os_release = base / "os-release"
        self.os_release.write_text(DEBIAN)
        self.program(self.clone / "installer/fetch-model", FETCH)
        self.sample = self.clone / "resources/samples/framework-agreement.pdf"
        self.sample.write_bytes(b"%PDF-1.7")
        self.document = self.elsewhere / "my paper.pdf"
        self.document.write_bytes(b"%PDF-1.7")
        for tool in TOOLS:
            (self.fake / "bin" / tool).symlink_to(shutil.which(tool))
        (self.fake / "bin/python3").symlink_to(sys.executable)
        for name, text in FAKES.items():
            self.program(self.fake / "bin" / name, "#!/usr/bin/env bash\n" + text)
        self.packages = [line.split()[1] for line in (ROOT / "installer/packages.txt").read_text().splitlines()
                         if line.split()[0] in ("build", "run")]
        self.set("installed", "\n".join(self.packages) + "\n")
        self.set("uid", "0\n")
        self.set("answer_status", "0\n")
        self.set("sudo_status", "0\n")
        self.model = f"{self.fake}/qwen2.5-coder-0.5b.gguf"

    def program(self, path, text):
        path.write_text(text)
        path.chmod(0o755)

    def set(self, name, text):
        (self.fake / name).write_text(text)

    def calls(self):
        path = self.fake / "calls"
        return path.read_text() if path.exists() else ""

    def run_it(self, *arguments, **environment):
        settings = {"PATH": str(self.fake / "bin"), "FAKE": str(self.fake), "HOME": str(self.fake), **environment}
        return subprocess.run([str(self.clone / "installer/run"), *arguments], cwd=self.elsewhere, env=settings,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)

    def assert_stopped(self, done, *words, status=1):
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertNotIn("kvasir-cli ask", self.calls())

    def test_answers_twice_from_another_folder(self):
        for _ in range(2):
            done = self.run_it("my paper.pdf", "How  much?")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout, f"kvasir-cli|ask|--model|{self.model}|--|my paper.pdf|How  much?|")
        self.assertNotIn("apt-get", self.calls())
        self.assertIn(f"--preset release (in {self.clone})", self.calls())
        self.assertIn("--target kvasir kvasir-cli kvasir-reader", self.calls())

    def test_several_documents_and_a_question_like_an_option(self):
        done = self.run_it("my paper.pdf", str(self.sample), "-5 or less?")
        self.assertEqual(done.stdout, f"kvasir-cli|ask|--model|{self.model}|--|my paper.pdf|{self.sample}|-5 or less?|")

    def test_status_of_the_answer_is_passed_on(self):
        self.set("answer_status", "1\n")
        self.assertEqual(self.run_it("my paper.pdf", "Why?").returncode, 1)

    def test_question_is_answered_in_the_terminal_even_with_a_display(self):
        self.assertIn("kvasir-cli|ask", self.run_it("my paper.pdf", "Why?", WAYLAND_DISPLAY="wayland-0").stdout)

    def test_without_display_the_sample_is_asked(self):
        done = self.run_it()
        self.assertIn(f"kvasir-cli|ask|--model|{self.model}|--|{self.sample}|How much notice", done.stdout)
        self.assertIn("There is no display", done.stderr)

    def test_dead_display_counts_as_none(self):
        for display in (":4711", "127.0.0.1:4711", "nonsense"):
            with self.subTest(display):
                self.assertIn("kvasir-cli|ask", self.run_it(DISPLAY=display).stdout)

    def test_window_opens_on_a_display(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            display = f"127.0.0.1:{listener.getsockname()[1] - 6000}.0"
            self.assertEqual(self.run_it(DISPLAY=display).stdout, f"kvasir|{self.sample}|")
            self.assertEqual(self.run_it("my paper.pdf", DISPLAY=display).stdout, "kvasir|my paper.pdf|")
        self.assertEqual(self.run_it(WAYLAND_DISPLAY="wayland-0").stdout, f"kvasir|{self.sample}|")

    def test_wrong_arguments_stop_before_anything_is_installed(self):
        self.set("installed", "")
        self.assert_stopped(self.run_it("none.pdf", "Why?"), "There is no file none.pdf")
        self.assert_stopped(self.run_it(str(self.elsewhere), "Why?"), "is not a file")
        self.assert_stopped(self.run_it("my paper.pdf", " \t"), "The question is empty")
        self.assert_stopped(self.run_it("my paper.pdf"), "There is no display", "add a question", status=2)
        self.assert_stopped(self.run_it("--fast"), "usage:", status=2)
        self.assertEqual(self.calls(), "")
        self.assertEqual(self.run_it("--help").returncode, 0)

    def test_root_installs_what_is_missing_and_says_it_first(self):
        self.set("installed", "\n".join(name for name in self.packages if name not in ("g++", "ninja-build")))
        done = self.run_it("my paper.pdf", "Why?")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"will be installed:\n  g\+\+ +C\+\+20 compiler\n  ninja-build +runs the build\n")
        self.assertRegex(self.calls(), r"apt-get .*update\napt-get .*install -y --no-install-recommends g\+\+ ninja-build\n")
        self.assertNotIn("sudo", self.calls())

    def test_sudo_without_password(self):
        self.set("uid", "1000\n")
        self.set("installed", "")
        self.assertEqual(self.run_it("my paper.pdf", "Why?").returncode, 0)
        self.assertRegex(self.calls(), r"sudo env DEBIAN_FRONTEND=noninteractive apt-get .*install")

    def test_no_root(self):
        self.set("uid", "1000\n")
        self.set("installed", "\n".join(name for name in self.packages if name != "g++"))
        self.set("sudo_status", "1\n")
        advice = "  apt-get install --no-install-recommends g++\n"
        self.assert_stopped(self.run_it("my paper.pdf", "Why?"), "there is no terminal to type it", advice)
        (self.fake / "bin/sudo").unlink()
        self.assert_stopped(self.run_it("my paper.pdf", "Why?"), "there is no sudo here", advice)
        self.assertNotIn("apt-get", self.calls())

    def test_no_root_is_needed_when_all_is_there(self):
        self.set("uid", "1000\n")
        (self.fake / "bin/sudo").unlink()
        self.assertEqual(self.run_it("my paper.pdf", "Why?").returncode, 0)

    def test_another_distribution(self):
        self.set("installed", "g++\n")
        self.os_release.write_text('ID=fedora\nVERSION_ID=40\nPRETTY_NAME="Fedora Linux 40"\n')
        for change in (lambda: None, (self.fake / "bin/dpkg-query").unlink, self.os_release.unlink):
            change()
            name = "Fedora Linux 40" if self.os_release.exists() else "an unknown system"
            self.assert_stopped(self.run_it("my paper.pdf", "Why?"), f"This is {name}; Kvasir's installer knows",
                                "ninja-build", "cmake --build --preset release", "installer/fetch-model")
        self.assertNotIn("apt-get", self.calls())

    def test_another_release_with_everything_there_goes_on(self):
        self.os_release.write_text('ID=debian\nVERSION_ID="13"\n')
        self.assertEqual(self.run_it("my paper.pdf", "Why?").returncode, 0)

    def test_packages_that_cannot_be_installed(self):
        self.set("installed", "")
        cases = [("E: Failed to fetch http://x  Temporary failure resolving 'x'", "The package server cannot be reached"),
                 ("E: Unable to locate package ninja-build", "Debian 12 'main' must be among them"),
                 ("E: You don't have enough free space in /var/cache/apt/archives/.", "The disk is full"),
                 ("E: Could not get lock /var/lib/dpkg/lock-frontend", "Another program"),
                 ("E: dpkg was interrupted", "Mend what it says")]
        for text, words in cases:
            with self.subTest(text):
                self.set("apt_error", text + "\n")
                self.assert_stopped(self.run_it("my paper.pdf", "Why?"), text, words, "build/log/packages.log")
        self.assertNotIn("cmake --preset", self.calls())

    def test_failed_build(self):
        self.set("cmake_error", "no such preset\n")
        self.assert_stopped(self.run_it("my paper.pdf", "Why?"), "no such preset", "could not be configured")

    def test_failed_fetch(self):
        self.set("fetch_error", "qwen2.5-coder-0.5b could not be fetched\n")
        self.assert_stopped(self.run_it("my paper.pdf", "Why?"), "qwen2.5-coder-0.5b could not be fetched")

    def test_moved_clone_is_configured_afresh(self):
        self.run_it("my paper.pdf", "Why?")
        (self.clone / "build/release/stale").touch()
        self.run_it("my paper.pdf", "Why?")
        self.assertTrue((self.clone / "build/release/stale").exists())
        self.clone = self.clone.rename(self.clone.with_name("moved clone"))
        self.assertEqual(self.run_it("my paper.pdf", "Why?").returncode, 0)
        self.assertFalse((self.clone / "build/release/stale").exists())


if __name__ == "__main__":
    unittest.main()
