#!/usr/bin/env python3
"""Checks that kernels <- engine <- app <- ui stays true, by includes and by the link graph, and a few house rules.

usage: check_layering.py ROOT [LINK_GRAPH]

LINK_GRAPH is written by CMake (see CMakeLists.txt here): a line for each target, FOLDER|TARGET|TYPE|LIBRARY;LIBRARY;...
Exceptions stand in tests/layering/exceptions.txt, each with its reason: RULE PATH REASON. One that excepts nothing is
reported too. Prints each violation as PATH:LINE: RULE: what is wrong, and ends with 1 when there are any.
"""
import pathlib
import re
import subprocess
import sys

ORDER = {"kernels": 0, "engine": 1, "app": 2, "ui": 3}
TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "README.md", "CHANGELOG.md", "LICENSE", "app", "ui", "engine",
             "kernels", "resources", "installer", "tests"}
TOP_LEVEL_OPTIONAL = {"docs"}
MAX_LINES = 500

CPP = (".cpp", ".h", ".cu", ".cuh")
SCRIPTS = (".py", ".sh", ".cmake")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')
STANDARD = re.compile(r"[a-z0-9_]+$")
POSIX = r"(unistd|fcntl|pthread|sched|dlfcn|poll|signal|(sys|linux)/\w+)\.h$"
INTRINSICS = r"(immintrin|x86intrin|cpuid|arm_neon|arm_acle|arm_sve)\.h$"
CUDA = r"(cuda\w*\.h(pp)?|cublas\w*\.h|mma\.h|cooperative_groups\.h|cooperative_groups/.+|cuda/.+|nvtx3/.+)$"
# What parses untrusted documents stays in the confined program.
PARSERS = r"poppler/|poppler-\w+\.h$|qpdf/"
SQLITE = r"sqlite3\.h$|SQLiteCpp/"
WIDGETS = r"QtWidgets|QtPrintSupport|Q(Application|Widget|MainWindow|Dialog|MessageBox|Style|Layout)$"

# What a folder may include besides the standard library and our own headers; for app and ui what they may not.
MAY_INCLUDE = {
    "kernels": INTRINSICS,
    "kernels/cuda": f"{INTRINSICS}|{CUDA}",
    "engine": rf"xxhash\.h$|sha2\.h$|tl/expected\.hpp$|nlohmann/json\.hpp$|spdlog/|{POSIX}",
}
MUST_NOT_INCLUDE = {
    "app": f"{WIDGETS}|{CUDA}",
    "ui": f"{SQLITE}|{PARSERS}|{CUDA}",
}
# The same for what targets link.
MAY_LINK = {
    "kernels": r"Threads::Threads$|CUDA::\w+$|\$?\{?CMAKE_DL_LIBS|dl$",
    "engine": r"spdlog::spdlog(_header_only)?$|tl::expected$|nlohmann_json::nlohmann_json$|Threads::Threads$|dl$|"
              r"/.*/libmd\.(so|a)$",
}
MUST_NOT_LINK = {
    "app": r"Qt6::(Widgets|PrintSupport)|CUDA::",
    "ui": r"(?i).*(sqlite|poppler|qpdf|cuda)",
}
PARSER_LIBRARY = re.compile(r"(?i).*(poppler|qpdf)")
READER_PROGRAM = "kvasir-reader"
READER_FOLDER = "app/reader/"

# The letters in brackets keep these patterns from finding themselves.
UNFINISHED = re.compile(r"\b(T[O]DO|F[I]XME)\b")
MACHINE = re.compile(r"(?<![\w.$}~/-])/(ro[o]t|wo[r]k|t[m]p)(?=[/\"'\s):;,]|$)(?!/\.X11-unix)")


class Checker:
    def __init__(self, root):
        self.root = root
        self.files = project_files(root)
        self.violations = []
        self.exceptions = {}
        path = root / "tests/layering/exceptions.txt"
        for line in path.read_text().splitlines() if path.exists() else []:
            if line.strip() and not line.startswith("#"):
                rule, name, *reason = line.split(None, 2)
                self.exceptions[rule, name] = False
                if not reason:
                    self.report(f"{path.relative_to(root)}", 1, "exception", f"{rule} {name} has no reason")

    def report(self, path, line, rule, text):
        if (rule, path) in self.exceptions:
            self.exceptions[rule, path] = True
        else:
            self.violations.append(f"{path}:{line}: {rule}: {text}")

    def run(self, link_graph):
        self.check_top_level()
        for path in self.files:
            try:
                lines = (self.root / path).read_text(encoding="utf-8").splitlines()
            except (UnicodeDecodeError, OSError):
                continue  # pictures, PDF files, and files that are deleted but not yet committed
            self.check_text(path, lines)
            if path.endswith(CPP):
                self.check_includes(path, lines)
        if link_graph is not None:
            self.check_links([line.split("|") for line in link_graph.splitlines() if line])
        for (rule, path), used in self.exceptions.items():
            if not used:
                self.violations.append(f"tests/layering/exceptions.txt:1: exception: {rule} {path} excepts nothing")
        return self.violations

    def check_top_level(self):
        there = {path.split("/")[0] for path in self.files if not path.startswith(".")}
        for name in sorted(there - TOP_LEVEL - TOP_LEVEL_OPTIONAL):
            self.report(name, 1, "top-level", "does not belong at the top level")
        for name in sorted(TOP_LEVEL - there):
            self.report(name, 1, "top-level", "is missing")

    def check_text(self, path, lines):
        source = path.endswith(CPP + SCRIPTS) or path.endswith("CMakeLists.txt") or (lines and lines[0].startswith("#!"))
        if source and len(lines) > MAX_LINES:
            self.report(path, len(lines), "length", f"has {len(lines)} lines, more than {MAX_LINES}")
        for number, line in enumerate(lines, 1):
            if UNFINISHED.search(line):
                self.report(path, number, "unfinished", "has a mark of unfinished work")
            if source and (found := MACHINE.search(line)):
                self.report(path, number, "machine", f"names a folder of one machine: {found[0]}")

    def check_includes(self, path, lines):
        parts = path.split("/")
        is_test = parts[0] == "tests"
        folder = parts[1] if is_test else parts[0]
        if folder not in ORDER:
            return
        for number, line in enumerate(lines, 1):
            if not (found := INCLUDE.match(line)):
                continue
            system, own = found.groups()
            text = self.own_include(folder, is_test, own) if own else self.system_include(path, folder, is_test, system)
            if text:
                self.report(path, number, "include", text)

    def own_include(self, folder, is_test, name):
        first = name.split("/")[0]
        if first in ORDER and "/" in name:
            if ORDER[first] > ORDER[folder]:
                return f"{folder} must not include {first} ({name})"
            if folder == "ui" and first == "kernels":
                return f"ui must not include kernels ({name})"
        elif first == "tests":
            return None if is_test else f"only tests include tests ({name})"
        elif not re.search(r"\.moc$|(^|/)ui_\w+\.h$|(^|/)moc_\w+\.cpp$", name):
            return f"'{name}' is not named from the repository's root"
        return None

    def system_include(self, path, folder, is_test, name):
        if re.match(PARSERS, name) and not path.startswith((READER_FOLDER, "tests/" + READER_FOLDER)):
            return f"only {READER_FOLDER} includes parsers of documents ({name})"
        if STANDARD.match(name):
            return None
        if not is_test:
            allowed = MAY_INCLUDE.get("/".join(path.split("/")[:2]), MAY_INCLUDE.get(folder))
            if allowed and not re.match(allowed, name):
                return f"{folder} must not include <{name}>"
        if folder in MUST_NOT_INCLUDE and re.match(MUST_NOT_INCLUDE[folder], name):
            return f"{folder} must not include <{name}>"
        return None

    def check_links(self, graph):
        folders = {target: place for place, target, _type, _libraries in graph}
        links = {target: [plain(name) for name in libraries.split(";") if plain(name)]
                 for _place, target, _type, libraries in graph}
        for place, target, kind, _libraries in graph:
            parts = place.split("/")
            is_test = parts[0] == "tests"
            folder = parts[1] if is_test and len(parts) > 1 else parts[0]
            if folder not in ORDER:
                continue
            for name in links[target]:
                if text := link_fault(folder, is_test, name, folders):
                    self.report(f"{place}/CMakeLists.txt", 1, "link", f"{target}: {text}")
            parsers = sorted(name for name in closure(target, links) if PARSER_LIBRARY.match(name))
            if parsers and kind == "EXECUTABLE" and target != READER_PROGRAM and not is_test:
                self.report(f"{place}/CMakeLists.txt", 1, "link",
                            f"{target} links {parsers[0]}; only {READER_PROGRAM} may")


def plain(name):
    """A linked name without the generator expression around it; '' for CMake's own marks."""
    if name.startswith("::@"):
        return ""
    return re.sub(r"^\$<[A-Z_]+:(.*)>$", r"\1", name)


def link_fault(folder, is_test, name, folders):
    if name in folders:
        other = folders[name].split("/")[0]
        if other in ORDER and ORDER[other] > ORDER[folder]:
            return f"{folder} must not link {other} ({name})"
        if folder == "ui" and other == "kernels":
            return f"ui must not link kernels ({name})"
        return None
    if name == "kvasir_flags" or name.startswith("GTest::"):
        return None
    if not is_test and folder in MAY_LINK and not re.match(MAY_LINK[folder], name):
        return f"{folder} must not link {name}"
    if folder in MUST_NOT_LINK and re.match(MUST_NOT_LINK[folder], name):
        return f"{folder} must not link {name}"
    return None


def closure(target, links):
    found, todo = set(), [target]
    while todo:
        for name in links.get(todo.pop(), []):
            if name not in found:
                found.add(name)
                todo.append(name)
    return found


def project_files(root):
    """Paths of the project's files. Without git (a copy of the tree) everything counts but builds and caches."""
    try:
        done = subprocess.run(["git", "-c", f"safe.directory={root}", "-C", str(root), "ls-files", "-z", "--cached",
                               "--others", "--exclude-standard"], capture_output=True, check=True)
        if (root / ".git").exists():
            return sorted(set(done.stdout.decode().split("\0")) - {""})
    except (OSError, subprocess.CalledProcessError):
        pass
    paths = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(str(path) for path in paths if path.parts[0] not in ("build", ".git", ".cache")
                  and "__pycache__" not in path.parts)


def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    graph = pathlib.Path(arguments[1]).read_text() if len(arguments) == 2 else None
    violations = Checker(pathlib.Path(arguments[0]).resolve()).run(graph)
    print("\n".join(violations) if violations else "the layers and house rules hold")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
