"""A planted defect: a text of the code, what stands there instead, and the test that must notice."""

from dataclasses import dataclass
from pathlib import Path

NOTICED = ("AssertionError", "Failed")
"""How a test fails that noticed: it compared and found a difference, or missed an error that it expects."""


@dataclass(frozen=True)
class Mutant:
    """In `file`, the text `old`, which stands there once, becomes `new`; the test of node id `test` must then fail.

    name: what it is called on the command line. meaning: what is wrong then, for the page on tests.
    """

    name: str
    meaning: str
    file: str
    old: str
    new: str
    test: str

    def planted(self, text: str) -> str:
        """The text of the file with the defect. Raises ValueError where the place is not found exactly once."""
        count = text.count(self.old)
        if count != 1:
            raise ValueError(
                f"mutant {self.name}: its text is in {self.file} {count} times instead of once; the code has changed: "
                f"say in tests/mutants/planted.py where the defect goes now. The text is\n{self.old}"
            )
        return text.replace(self.old, self.new)

    def plant(self, root: Path) -> str:
        """Plant it in a copy of the code; returns the text that was there, which takes it out again."""
        path = root / self.file
        whole = path.read_text(encoding="utf-8")
        path.write_text(self.planted(whole), encoding="utf-8")
        return whole
