"""Progress as a bar on a terminal and as a few plain lines in a log."""

import io

from pipeline_lib.runtime.progress import counted, say


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_plain_line_per_tenth() -> None:
    log = io.StringIO()
    with counted("prepare", "videos", log) as report:
        for done in range(1, 301):
            report(done, 300)
    lines = log.getvalue().splitlines()
    assert lines == [f"prepare: {done} of 300 videos" for done in range(30, 301, 30)]


def test_a_terminal_gets_a_bar() -> None:
    terminal = Terminal()
    with counted("prepare", "videos", terminal) as report:
        report(3, 4)
        report(4, 4)
    last = terminal.getvalue().replace("\n", "").split("\r")[-1]
    assert last.startswith("prepare: 100%") and "4/4" in last


def test_bytes_are_shown_in_larger_units() -> None:
    log, terminal = io.StringIO(), Terminal()
    for stream in (log, terminal):
        with counted("download", "B", stream) as report:
            report(1_500_000, 3_000_000)
            say("a line beside", stream)
    assert log.getvalue().splitlines() == ["download: 1.50M of 3.00M B", "a line beside"]
    assert "1.50M/3.00M" in terminal.getvalue() and "a line beside\n" in terminal.getvalue()
