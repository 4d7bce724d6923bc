"""A table as a web page of its own, for the report."""

import html
import re

from pipeline_lib.reporting.readable import ReadablePart, ReadableTable
from pipeline_lib.reporting.table_text import readable
from pipeline_lib.reporting.tables import Table

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; margin: 2em; }
table { border-collapse: collapse; }
th, td { padding: 0.4em 0.8em; border-bottom: 1px solid #ddd; vertical-align: bottom; }
thead th { border-bottom: 2px solid #222; }
.l { text-align: left; } .r { text-align: right; font-variant-numeric: tabular-nums; }
h2 { font-size: 1.1em; margin: 1.5em 0 0.5em; }
p { max-width: 60em; }
"""


def as_html(table: Table) -> str:
    """The readable table as a self-contained page."""
    return page_of(readable(table))


def page_of(page: ReadableTable) -> str:
    """What is readable as a self-contained page."""
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{html.escape(page.title)}</title>',
        f"<style>{STYLE}</style></head><body>",
        f"<h1>{html.escape(page.title)}</h1>",
        *(line for part in page.parts for line in _part(part)),
        *(f"<p>{html.escape(note)}</p>" for note in page.notes),
        "</body></html>",
    ]
    return "\n".join(lines) + "\n"


def _part(part: ReadablePart) -> list[str]:
    header, *rows = part.rows
    return [
        *([f"<h2>{html.escape(part.heading)}</h2>"] if part.heading else []),
        "<table><thead>",
        _row(header, part.alignment, "th"),
        "</thead><tbody>",
        *(_row(row, part.alignment, "td") for row in rows),
        "</tbody></table>",
    ]


def _row(cells: list[str], alignment: str, tag: str) -> str:
    filled = (f'<{tag} class="{a}">{_bold(cell)}</{tag}>' for cell, a in zip(cells, alignment, strict=True))
    return f"<tr>{''.join(filled)}</tr>"


def _bold(cell: str) -> str:
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(cell))
