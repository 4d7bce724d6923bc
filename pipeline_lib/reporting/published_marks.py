"""How tables show a published number: in the unit of our metric, with the mark of its status."""

from pipeline_lib.config.published import Status

MARKS: dict[str, str] = {"printed": "", "recalled": "†", "recalled-order-of-magnitude-only": "‡"}
"""What tables put behind a published number of each status."""

FOOTNOTES: dict[str, str] = {
    "recalled": "recalled, not checked against the paper",
    "recalled-order-of-magnitude-only": "recalled as an order of magnitude only, not checked against the paper",
}


def shown(value: float, factor: float, status: Status) -> str:
    """A published number in the unit of our metric, with its mark: 1.5e-5 recalled roughly → "~1.5e-05 ‡"."""
    ours = value / factor
    roughly = status == "recalled-order-of-magnitude-only"
    text = f"{ours:.1e}" if 0 < abs(ours) < 1e-3 else f"{ours:.6g}"
    return f"{'~' if roughly else ''}{text} {MARKS[status]}".rstrip()
