"""Where a training is: a bar on a terminal, a plain line per logging interval elsewhere."""

import sys
import time
from datetime import timedelta
from typing import TextIO

from tqdm import tqdm


class TrainingProgress:
    """Iterations per second, loss terms, share of time spent waiting for data, time left."""

    def __init__(self, total: int, initial: int, log: TextIO | None = None, line_interval: float = 20.0) -> None:
        """`log` gets every line; on a terminal stderr shows a bar, elsewhere a line at most every `line_interval` s."""
        self._total = total
        self._log = log
        self._line_interval = line_interval
        self._last_line: float | None = None
        self._bar = tqdm(total=total, initial=initial, unit="it", dynamic_ncols=True) if sys.stderr.isatty() else None

    def tick(self, iteration: int) -> None:
        """One iteration is done."""
        if self._bar is not None:
            self._bar.update(iteration - self._bar.n)

    def show(self, iteration: int, values: dict[str, float], rate: float, data_share: float) -> None:
        """Show the means of the last interval."""
        left = timedelta(seconds=round((self._total - iteration) / rate)) if rate > 0 else "?"
        losses = "  ".join(f"{key} {value:.3g}" for key, value in values.items() if key.startswith(("loss", "skip")))
        line = (
            f"iteration {iteration}/{self._total}  {rate:.2f} it/s  data wait {data_share:.0%}  left {left}  {losses}"
        )
        if self._log is not None:
            print(line, file=self._log, flush=True)
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {values['loss']:.3g}, data wait {data_share:.0%}")
        elif self._is_time_for_a_line(iteration):
            print(line, file=sys.stderr, flush=True)

    def _is_time_for_a_line(self, iteration: int) -> bool:
        now = time.monotonic()
        if self._last_line is None or iteration == self._total or now - self._last_line >= self._line_interval:
            self._last_line = now
            return True
        return False

    def close(self) -> None:
        """Leave the terminal in order."""
        if self._bar is not None:
            self._bar.close()
