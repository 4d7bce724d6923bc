"""One attempt to bring one file here, over HTTP or from a folder, to be continued by the next one.

Standard library only. What has arrived lies in a `.part` file, which outlives the process.
"""

import hashlib
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from pipeline_lib.runtime.atomic import NO_SPACE, out_of_space

CHUNK = 1 << 16
HEADERS = {"User-Agent": "pipeline_lib", "Accept-Encoding": "identity"}
# Of the client errors, those that pass; all server errors may.
PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")

Report = Callable[[int], None]


class TransferError(Exception):
    """An attempt failed: what was found and what is expected. `again`: whether the same mirror may yet do better."""

    def __init__(self, what: str, again: bool) -> None:
        super().__init__(what)
        self.again = again


class Part:
    """What has arrived of a file: bytes on the disk, from earlier attempts and processes too, and their digest."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_bytes = 0
        self.etag_of: dict[str, str] = {}  # address -> what its server called the version that has arrived
        self._digest = hashlib.sha256()
        self._file = open(path, "ab+", buffering=0)
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            self._count(chunk)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def append(self, chunk: bytes) -> None:
        """Put more behind what is there. Raises OSError that names the file, for a full disk above all."""
        left = memoryview(chunk)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            if error.errno in NO_SPACE:
                raise out_of_space(error, self.path) from error
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._count(chunk)

    def clear(self) -> None:
        """Begin anew."""
        self._file.truncate(0)
        self.n_bytes, self._digest, self.etag_of = 0, hashlib.sha256(), {}

    def _count(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self.n_bytes += len(chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if self.n_bytes == 0:
            self.path.unlink(missing_ok=True)


def copy_into(part: Part, path: Path, report: Report) -> None:
    """Copy a file of this machine, from its beginning, whatever the part holds."""
    try:
        file = open(path, "rb")
    except FileNotFoundError:
        raise TransferError("there is no such file", again=False) from None
    except OSError as error:
        raise TransferError(f"cannot be read: {error.strerror}", again=False) from None
    with file:
        part.clear()
        while chunk := _from_disk(file):
            part.append(chunk)
            report(part.n_bytes)


def _from_disk(file: IO[bytes]) -> bytes:
    try:
        return file.read(CHUNK)
    except OSError as error:
        raise TransferError(f"cannot be read: {error.strerror}", again=False) from None


def fetch_into(part: Part, address: str, n_bytes: int | None, timeout: float, report: Report) -> int:
    """Have a server go on where the part ends; the number of bytes that were there before and still are.

    n_bytes: size of the whole file, if known. timeout: longest wait for the connection and for each next byte [s].
    Raises TransferError; the part then keeps what has arrived, unless the server has shown that it is of no use.
    """
    headers = dict(HEADERS)
    if part.n_bytes:
        headers["Range"] = f"bytes={part.n_bytes}-"
        if address in part.etag_of:
            headers["If-Range"] = part.etag_of[address]
    with _explained(part, timeout):
        response = _opener().open(Request(address, headers=headers), timeout=timeout)
    with response:
        announced = _begin(response, part, address, n_bytes)
        n_before, left = part.n_bytes, _length(response)
        # A server that keeps the connection open is not waited for: the length says when all is here.
        while left != 0 and (chunk := _next(response, part, timeout, left)):
            if n_bytes is not None and part.n_bytes + len(chunk) > n_bytes:
                part.clear()
                raise TransferError(f"goes on after {n_bytes} bytes, the size that is expected", again=False)
            part.append(chunk)
            report(part.n_bytes)
            left = None if left is None else left - len(chunk)
    expected = announced if n_bytes is None else n_bytes
    if expected is not None and part.n_bytes < expected:
        raise TransferError(f"the connection was cut after {part.n_bytes} of {expected} bytes", again=True)
    return n_before


def _begin(response: HTTPResponse, part: Part, address: str, n_bytes: int | None) -> int | None:
    """Look at what a server has answered before taking any of it; the size that it announces for the whole file."""
    if response.status == HTTPStatus.PARTIAL_CONTENT and part.n_bytes:
        return _check_range(response.headers.get("Content-Range", "none"), part, n_bytes)
    if response.status != HTTPStatus.OK:
        raise TransferError(f"status {response.status} ({response.reason}), expected 200", again=False)
    # It knows no ranges, or another version of the file.
    part.clear()
    announced = _length(response)
    if announced is not None and n_bytes is not None and announced != n_bytes:
        raise TransferError(f"announces {announced} bytes, expected are {n_bytes}: it is another file", again=False)
    etag = response.headers.get("ETag", "")
    if etag.startswith('"'):  # weak ones, W/"…", do not vouch for bytes
        part.etag_of = {address: etag}
    return announced


def _check_range(content_range: str, part: Part, n_bytes: int | None) -> int | None:
    found = CONTENT_RANGE.fullmatch(content_range.strip())
    if found is None or int(found[1]) != part.n_bytes:
        asked = f"bytes {part.n_bytes}-…"
        part.clear()  # so that the next attempt asks for no range
        raise TransferError(f"answers with another range ({content_range}) than was asked for ({asked})", again=True)
    if found[3] == "*":
        return n_bytes
    if n_bytes is not None and int(found[3]) != n_bytes:
        raise TransferError(f"has a file of {found[3]} bytes, expected are {n_bytes}: it is another file", again=False)
    return int(found[3])


def _length(response: HTTPResponse) -> int | None:
    """Bytes that this answer has."""
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _next(response: HTTPResponse, part: Part, timeout: float, left: int | None) -> bytes:
    with _explained(part, timeout):
        return response.read1(CHUNK if left is None else min(CHUNK, left))


@contextmanager
def _explained(part: Part, timeout: float) -> Iterator[None]:
    """Turn what can go wrong between two machines into TransferErrors."""
    silence = f"no answer for {timeout:g} s after {part.n_bytes} bytes"
    try:
        yield
    except HTTPError as error:
        with error:
            if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                what = f"has nothing after byte {part.n_bytes}, where this download was to go on"
                part.clear()
                raise TransferError(what, again=True) from None
            reason = str(error.reason).splitlines()[0] if error.reason else "no reason given"
            again = error.code >= 500 or error.code in PASSING
            raise TransferError(f"status {error.code} ({reason}), expected 200", again) from None
    except TimeoutError:
        raise TransferError(silence, again=True) from None
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise TransferError(silence, again=True) from None
        again = not isinstance(error.reason, ssl.SSLCertVerificationError)
        raise TransferError(f"cannot be reached: {error.reason}", again) from None
    except (OSError, HTTPException) as error:
        what = f"the connection broke after {part.n_bytes} bytes ({type(error).__name__}: {error})"
        raise TransferError(what, again=True) from None


class _HttpOnly(HTTPRedirectHandler):
    """Follows redirects, but never from the web into files or to other services."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise TransferError(f"redirects to {newurl}, which is neither http nor https", again=False)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> OpenerDirector:
    """What opens addresses, with the proxies of the environment, and without handlers for anything but HTTP."""
    opener = OpenerDirector()
    for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler(), HTTPDefaultErrorHandler(), HTTPErrorProcessor()):
        opener.add_handler(handler)
    opener.add_handler(_HttpOnly())
    return opener
