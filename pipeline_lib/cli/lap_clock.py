"""Time of consecutive parts of a computation on a device, which is not made to wait between them."""

import time
from typing import Any

import torch


class LapClock:
    """Laps from `begin` on, each named after what ends there.

    On CUDA each is marked by an event in the stream, and read when all work is done: a lap is what the device spent,
    waiting for the host included.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._marks: list[tuple[str, Any]] = []

    def begin(self) -> None:
        """What came before, since the last lap, counts nowhere."""
        self._marks.append(("", self._stamp()))

    def lap(self, name: str) -> None:
        """What `name` is took from the last mark until now."""
        self._marks.append((name, self._stamp()))

    def read(self) -> dict[str, float]:
        """Sum of every name's laps [s]; waits for the device, and starts anew."""
        synchronise(self._device)
        sums: dict[str, float] = {}
        for (_, before), (name, after) in zip(self._marks, self._marks[1:], strict=False):
            if name:
                sums[name] = sums.get(name, 0.0) + self._between(before, after)
        self._marks.clear()
        return sums

    def _stamp(self) -> Any:
        if self._device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._device))
        return event

    def _between(self, before: Any, after: Any) -> float:
        if self._device.type != "cuda":
            return float(after - before)
        return float(before.elapsed_time(after)) / 1e3


def synchronise(device: torch.device) -> None:
    """Wait until the device has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
