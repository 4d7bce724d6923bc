"""Turning SIGTERM, SIGINT and the death of the parent into a request to stop at the next safe moment."""

import os
import select
import signal
import threading
import time
from types import FrameType

# Ctrl-C reaches a whole process group and a workflow's SIGTERM is passed on by the parent, so one wish to stop may
# arrive twice; only a repetition after this many seconds means "now".
IMPATIENCE_SECONDS = 2.0


class StopRequest:
    """While entered, SIGTERM and SIGINT set a flag instead of ending the process; a repetition ends it at once.

    parent: reading end of a pipe whose other end the parent process holds. Its end, however it comes and be it before
    this object was made, is such a request too: an orphan must not go on writing to a run that somebody may start
    again.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self, parent: int | None = None) -> None:
        self.reason: str | None = None
        self.signal_number: int | None = None
        self._received_at = 0.0
        self._parent = select.poll()
        if parent is not None:
            self._parent.register(parent, select.POLLIN)  # the pipe's end is told without being asked for
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "StopRequest":
        for number in self.SIGNALS:
            self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _receive(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self.reason is not None and now - self._received_at > IMPATIENCE_SECONDS:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif self.reason is None:
            self._received_at = now
            self.signal_number = number
            self.reason = f"received {signal.Signals(number).name}"

    def poll(self) -> str | None:
        """Why to stop, or None."""
        if self.reason is None and self._parent.poll(0):
            self.signal_number = signal.SIGTERM
            self.reason = "the parent process is gone"
        return self.reason


def leave_signals_to_the_first(grace_seconds: float, parent: int) -> None:
    """For the other processes of a training: only the first answers a wish to stop, and saves.

    Where the parent is gone (`parent`: as of a StopRequest) this process ends by itself, `grace_seconds` later: until
    it has saved, the first may need it.
    """
    for number in StopRequest.SIGNALS:
        signal.signal(number, signal.SIG_IGN)

    def watch() -> None:
        os.read(parent, 1)  # nothing is ever written: this waits for the end
        time.sleep(grace_seconds)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
