"""What has been shipped of a journal, and to which store: `shipped.json` beside the journal.

It is an economy and can be lost: replaying a journal from its beginning changes nothing in a store.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline_lib.records.journal import decode_line
from pipeline_lib.runtime.atomic import write_json

SCHEMA_VERSION = 1
FILE_NAME = "shipped.json"
LOCK_NAME = ".shipping.lock"


@dataclass(frozen=True)
class JournalHead:
    """The journal's first entry: what identifies the run, and when that was.

    `fingerprint` tells this journal from every other, also from one of the same run trained anew elsewhere.
    """

    content: dict[str, Any]
    time_ms: int
    fingerprint: str


def read_head(journal: Path) -> JournalHead | None:
    """The head of a journal, or None where it is not written yet. Raises ValueError where it begins otherwise."""
    try:
        with open(journal, "rb") as stream:
            line = stream.readline()
    except FileNotFoundError:
        return None
    if not line.endswith(b"\n"):
        return None
    decoded = decode_line(line)
    if decoded is None or decoded[0] != "run":
        raise ValueError(f"{journal}: the first line is not the `run` entry of a journal; restore it from a copy")
    _, time_ms, content = decoded
    return JournalHead(content, time_ms, hashlib.sha256(line).hexdigest()[:16])


@dataclass(frozen=True)
class Shipped:
    """The run that a journal is shipped to, and the byte of the journal up to which the store has confirmed it."""

    journal: str
    experiment_id: str
    run_id: str
    offset: int


class ShippingRecord:
    """`shipped.json`: how far a journal has been shipped, for each store by its address without credentials."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME

    def get(self, store: str, fingerprint: str) -> Shipped | None:
        """What is remembered of this journal and this store; None where there is nothing that can be relied on."""
        known = self._stores().get(store)
        if known is None or known["journal"] != fingerprint:
            return None
        return Shipped(**known)

    def put(self, store: str, shipped: Shipped) -> None:
        stores = {**self._stores(), store: asdict(shipped)}
        write_json(self.path, {"schema_version": SCHEMA_VERSION, "stores": stores})

    def _stores(self) -> dict[str, Any]:
        try:
            content = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return content["stores"] if content.get("schema_version") == SCHEMA_VERSION else {}
