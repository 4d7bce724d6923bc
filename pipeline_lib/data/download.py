"""Raw files from their mirrors to their folder: checked by their sums, all of them or none.

A file arrives as `<name>.part`. When every file of the source has arrived and has its sum, all take their names. So
what stands under a final name is whole and right, and what has arrived is kept, however a download ends: the next one
goes on from there, on another mirror too if need be.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from pipeline_lib.config.raw import MIRROR_VARIABLE, RawFile, RawSource, is_address
from pipeline_lib.data.raw_files import check_present, missing_files
from pipeline_lib.data.transfer import Part, TransferError, copy_into, fetch_into
from pipeline_lib.runtime.atomic import publish
from pipeline_lib.runtime.locks import lease_one

# Bytes after which an attempt that is then cut off counts as a success: a mirror that cuts every so often, but goes on
# each time, is a good one.
WORTHWHILE = 1 << 20


@dataclass(frozen=True)
class Patience:
    """How long a mirror is given. timeout: longest silence [s]. tries: in a row without success. Pauses between tries
    double from the first to the longest [s], give or take half."""

    timeout: float = 30.0
    tries: int = 4
    first_pause: float = 1.0
    longest_pause: float = 30.0

    def pause(self, n_failed: int) -> float:
        """Seconds to wait after so many failures in a row."""
        return min(self.longest_pause, self.first_pause * 2 ** (n_failed - 1)) * random.uniform(0.5, 1.5)


def download(
    source: RawSource,
    folder: Path,
    mirrors: Sequence[str],
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda line: None,
    patience: Patience | None = None,
) -> None:
    """Bring the files of a source that are not in the folder yet, from the first mirror that gives the right ones.

    mirrors: addresses (https, http, file) or folders in which the files lie, in the order in which they are tried.
    progress: called with bytes that have arrived and bytes in all, where sizes are known. say: takes lines on what
    goes wrong meanwhile.
    Raises ValueError where a file is there that is another one (it is left alone), or where a file cannot be had: with
    every mirror's reason, and how to put the files in place by hand.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _, lock = lease_one(folder, [".download"], wait_seconds=float("inf"))
    try:
        check_present(source, folder)
        wanted = missing_files(source, folder)
        attempt = _Attempt(mirrors, wanted, progress, say, patience or Patience())
        failures = {}
        for file in wanted:
            if reasons := attempt.bring(file, part_of(folder, file)):
                failures[file] = reasons
        if failures:
            raise ValueError(_by_hand(source, folder, failures, len(wanted) - len(failures)))
        for file in wanted:
            publish(part_of(folder, file), folder / file.name)
    finally:
        lock.release()


def part_of(folder: Path, file: RawFile) -> Path:
    """Where a file is while it arrives."""
    return folder / f"{file.name}.part"


class _Attempt:
    """One download of several files. A mirror that one file has found dead is not tried for the next ones."""

    def __init__(
        self,
        mirrors: Sequence[str],
        wanted: Sequence[RawFile],
        progress: Callable[[int, int], None] | None,
        say: Callable[[str], None],
        patience: Patience,
    ) -> None:
        self._mirrors = mirrors
        self._dead: dict[str, str] = {}
        self._say = say
        self._patience = patience
        self._n_done, self._n_all = 0, sum(file.n_bytes or 0 for file in wanted)
        self._progress = progress if self._n_all else None

    def bring(self, file: RawFile, path: Path) -> list[str]:
        """Have a file arrive whole in its part; why no mirror could give it, or nothing at all."""
        with Part(path) as part:
            # What an earlier download has left may be complete, or of no use.
            reasons = [] if part.n_bytes and part.sha256 == file.sha256 else self._reasons(file, part)
        if not reasons:
            self._n_done += file.n_bytes or 0
            self._report(0)
        return reasons

    def _reasons(self, file: RawFile, part: Part) -> list[str]:
        """Try mirror after mirror; the reasons of all, or nothing as soon as one has given the file."""
        if file.n_bytes is not None and part.n_bytes >= file.n_bytes:
            part.clear()
        reasons = []
        for mirror in self._mirrors:
            address = f"{mirror.rstrip('/')}/{quote(file.name) if is_address(mirror) else file.name}"
            if mirror in self._dead:
                reasons.append(f"{address}: not tried, because {self._dead[mirror]} failed there")
                continue
            try:
                self._from(address, file, part)
            except TransferError as error:
                reasons.append(f"{address}: {error}")
                self._say(reasons[-1])
                if error.again:
                    self._dead[mirror] = file.name
            else:
                return []
        return reasons or ["there is no mirror for it"]

    def _report(self, n_bytes: int) -> None:
        if self._progress is not None:
            self._progress(min(self._n_done + n_bytes, self._n_all), self._n_all)

    def _from(self, address: str, file: RawFile, part: Part) -> None:
        """All of a file from one mirror, checked; TransferError where that is not to be had."""
        if urlsplit(address).scheme not in ("http", "https"):
            copy_into(part, _local(address), self._report)
            return _verify(part, file, n_before=0)
        n_failed, furthest = 0, part.n_bytes
        while True:
            try:
                n_before = fetch_into(part, address, file.n_bytes, self._patience.timeout, self._report)
                return _verify(part, file, n_before)
            except TransferError as error:
                if not error.again:
                    raise
                if part.n_bytes >= furthest + WORTHWHILE:
                    n_failed, furthest = 0, part.n_bytes
                n_failed += 1
                if n_failed == self._patience.tries:
                    raise TransferError(f"{n_failed} tries failed, the last one: {error}", again=True) from None
                pause = self._patience.pause(n_failed)
                self._say(f"{address}: {error}; trying again in {pause:.1f} s")
                time.sleep(pause)


def _local(address: str) -> Path:
    """The file that a file address or a path names."""
    return Path(url2pathname(urlsplit(address).path)) if address.startswith("file:") else Path(address)


def _verify(part: Part, file: RawFile, n_before: int) -> None:
    """Compare what has arrived with the sum, and begin anew if it is not that. If some of it came from elsewhere or
    earlier, that may be at fault, and the mirror gets another try."""
    if file.sha256 is None or part.sha256 == file.sha256:
        return
    found = f"{part.n_bytes} bytes with sha256 {part.sha256}"
    part.clear()
    raise TransferError(f"gives {found}, expected are {file.described}", again=n_before > 0)


def _by_hand(source: RawSource, folder: Path, failures: dict[RawFile, list[str]], n_kept: int) -> str:
    """What to tell a user: what could not be had and why, and what to do."""
    lines = [f"{source.title}: {len(failures)} of {len(source.files)} files are missing and cannot be downloaded:"]
    for file, reasons in failures.items():
        lines.append(f"  {file.name} ({file.described})".removesuffix(" ()"))
        lines += [f"    {reason}" for reason in reasons]
    if n_kept:
        lines.append(f"{n_kept} other files have arrived; they are kept as *.part and not downloaded again.")
    lines += [
        f"By hand: get the files from {source.page} or whoever has them ({source.licence}) and put them into {folder}; "
        "`sha256sum FILE` shows what a file's sum is.",
        f"Other mirrors: mirrors.{source.name} in config/config.yaml, --mirror, or a folder that holds "
        f"{source.name}/{source.files[0].name} in mirror_dir or the environment variable {MIRROR_VARIABLE}.",
    ]
    return "\n".join(lines)
