"""What a check has found, and what to do about it: as the stages print it that only look (`doctor`, `verify`)."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Level = Literal["ok", "note", "warning", "problem"]

LEVELS: tuple[Level, ...] = ("ok", "note", "warning", "problem")


@dataclass(frozen=True)
class Finding:
    """level: ok; note, worth knowing; warning, may end badly; problem, will. topic: what was looked at, in a word.

    what, do: a sentence each, what was found and what to do; nothing is to be done where `do` is empty.
    """

    level: Level
    topic: str
    what: str
    do: str = ""


def as_text(findings: Sequence[Finding]) -> str:
    """One line for each finding, and one below it that says what to do; how many there are of each level last."""
    width = max((len(finding.topic) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines.append(f"{finding.level:<7}  {finding.topic:<{width}}  {finding.what}")
        if finding.do:
            lines.append(f"{'':<7}  {'':<{width}}  → {finding.do}")
    return "\n".join([*lines, "", summary(findings)])


def summary(findings: Sequence[Finding]) -> str:
    """ "12 ok, 1 note, 0 warnings, 2 problems"."""
    counts = {level: sum(finding.level == level for finding in findings) for level in LEVELS}
    return ", ".join(f"{n} {level}{'' if level == 'ok' or n == 1 else 's'}" for level, n in counts.items())


def as_json(findings: Sequence[Finding]) -> str:
    """The same for machines: `findings`, and `is_sound`, which is false where there is a problem."""
    content = {"is_sound": exit_code(findings) == 0, "findings": [asdict(finding) for finding in findings]}
    return json.dumps(content, indent=2, ensure_ascii=False)


def exit_code(findings: Sequence[Finding]) -> int:
    """1 where there is a problem, else 0."""
    return int(any(finding.level == "problem" for finding in findings))
