"""A mirror on this machine that misbehaves as it is told: a real HTTP server in a thread."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Mirror:
    """What a mirror serves, and how. `requests` notes what it was asked: (path, Range, If-Range).

    files: path -> content. cut_after: close the connection after so many bytes of an answer. ranges: whether Range is
    heeded. statuses: answers to the first requests in place of what was asked for. hang: seconds to wait before
    answering. stall_after: go silent after so many bytes, until the client leaves. length: whether the size is
    announced. answer: replaces the whole of an answer.
    """

    files: dict[str, bytes]
    cut_after: int | None = None
    n_cuts: int = 10**9
    ranges: bool = True
    statuses: list[int] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)
    hang: float = 0.0
    stall_after: int | None = None
    length: bool = True
    announced: int | None = None
    etag: str | None = None
    content_range: str | None = None
    answer: Callable[[BaseHTTPRequestHandler], None] | None = None
    requests: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    url: str = ""

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        asked, known = handler.headers.get("Range"), handler.headers.get("If-Range")
        self.requests.append((handler.path, asked, known))
        time.sleep(self.hang)
        if self.answer is not None:
            return self.answer(handler)
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            return handler.send_error(status)
        if handler.path in self.redirects:
            handler.send_response(302)
            handler.send_header("Location", self.redirects[handler.path])
            return handler.end_headers()
        if handler.path not in self.files:
            return handler.send_error(404)
        content = self.files[handler.path]
        first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and self.ranges else 0  # type: ignore[index]
        if known is not None and known != self.etag:
            first = 0
        if first >= len(content) > 0 and asked:
            return handler.send_error(416)
        self._send(handler, content, first, partial=first > 0)

    def _send(self, handler: BaseHTTPRequestHandler, content: bytes, first: int, partial: bool) -> None:
        handler.send_response(206 if partial else 200)
        if partial:
            fitting = f"bytes {first}-{len(content) - 1}/{len(content)}"
            handler.send_header("Content-Range", self.content_range or fitting)
        if self.length:
            handler.send_header("Content-Length", str(self.announced or len(content) - first))
        if self.etag:
            handler.send_header("ETag", self.etag)
        handler.end_headers()
        body = content[first:]
        if self.stall_after is not None:
            handler.wfile.write(body[: self.stall_after])
            return self._wait_for_leave(handler)
        if self.cut_after is not None and self.n_cuts > 0 and len(body) > self.cut_after:
            self.n_cuts -= 1
            body = body[: self.cut_after]
        handler.wfile.write(body)

    @staticmethod
    def _wait_for_leave(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.settimeout(30)
        handler.rfile.read(1)


class _Handler(BaseHTTPRequestHandler):
    mirror: Mirror

    def do_GET(self) -> None:
        self.mirror.serve(self)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that leaves in mid answer is part of the game


@contextmanager
def serving(mirror: Mirror) -> Iterator[Mirror]:
    """The mirror while its server runs; `mirror.url` is its address."""
    handler = type("Handler", (_Handler,), {"mirror": mirror})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        mirror.url = f"http://127.0.0.1:{server.server_address[1]}/"
        try:
            yield mirror
        finally:
            server.shutdown()
            thread.join()
