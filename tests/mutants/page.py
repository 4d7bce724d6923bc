"""The table of planted defects in docs/testing.md; `python -m tests.mutants.page` writes it anew."""

from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.planted import MUTANTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.md"
MARK = "<!-- What follows is generated: python -m tests.mutants.page -->\n"


def table(mutants: tuple[Mutant, ...] = MUTANTS) -> str:
    """A row for each defect, in the order of the list."""
    lines = ["| name | defect | planted in | noticed by |", "| --- | --- | --- | --- |"]
    for mutant in mutants:
        file, _, test = mutant.test.partition("::")
        where = mutant.file.removeprefix("pipeline_lib/")
        lines.append(f"| `{mutant.name}` | {mutant.meaning} | `{where}` | `{file.removeprefix('tests/')}`: `{test}` |")
    return "\n".join(lines) + "\n"


def with_table(page: str) -> str:
    """The page with the table as it should be. Raises ValueError where the mark of its place is not there once."""
    if page.count(MARK) != 1:
        raise ValueError(f"{PAGE}: the line {MARK.strip()!r} must stand there once; the table comes behind it")
    return page.partition(MARK)[0] + MARK + "\n" + table()


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
