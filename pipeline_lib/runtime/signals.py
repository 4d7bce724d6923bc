"""Turning SIGTERM, SIGINT and the death of the parent into a request to stop at the next safe moment."""

import os
import signal
import threading
import time
from types import FrameType

# Ctrl-C reaches a whole process group and a workflow's SIGTERM is passed on by the parent, so one wish to stop may
# arrive twice; only a repetition after this many seconds means "now".
IMPATIENCE_SECONDS = 2.0


class StopRequest:
    """While entered, SIGTERM and SIGINT set a flag instead of ending the process; a repetition ends it at once.

    With `watch_parent` the end of the parent process is such a request too: an orphan must not go on writing to a
    run that somebody may start again.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self, watch_parent: bool = False) -> None:
        self.reason: str | None = None
        self.signal_number: int | None = None
        self._received_at = 0.0
        self._parent = os.getppid() if watch_parent else None
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
        if self.reason is None and self._parent is not None and os.getppid() != self._parent:
            self.signal_number = signal.SIGTERM
            self.reason = "the parent process is gone"
        return self.reason


def leave_signals_to_the_first(grace_seconds: float) -> None:
    """For the other processes of a training: only the first answers a wish to stop, and saves.

    Where the parent is gone this process ends by itself, `grace_seconds` later: until it has saved, the first may need
    it.
    """
    for number in StopRequest.SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        time.sleep(grace_seconds)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
