"""Turning SIGTERM, SIGINT and the death of the parent into a request to stop at the next safe moment."""

import os
import signal
from types import FrameType


class StopRequest:
    """While entered, SIGTERM and SIGINT set a flag instead of ending the process; a second one ends it at once."""

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self, watch_parent: bool = False) -> None:
        self.reason: str | None = None
        self.signal_number: int | None = None
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
        if self.reason is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.signal_number = number
        self.reason = f"received {signal.Signals(number).name}"

    def poll(self) -> str | None:
        """Why to stop, or None. Costs a system call where the parent is watched."""
        if self.reason is None and self._parent is not None and os.getppid() != self._parent:
            self.signal_number = signal.SIGTERM
            self.reason = "the parent process is gone"
        return self.reason
