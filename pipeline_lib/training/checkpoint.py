"""Resumable state on disk: safetensors and JSON with checksums, in two generations, written atomically.

The older generation is overwritten, tensors first and the JSON that vouches for them last, so at every moment at
least one generation is whole. Nothing is ever unpickled.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline_lib.runtime.atomic import atomic_path, write_bytes
from pipeline_lib.runtime.checksums import sha256_of

GENERATIONS = ("generation_0", "generation_1")


@dataclass(frozen=True)
class Checkpoint:
    """Tensors on the CPU, and JSON facts about them."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def save_tensors(tensors: dict[str, Tensor], path: Path) -> str:
    """Write tensors atomically as safetensors; returns the file's SHA-256."""
    with atomic_path(path) as temporary:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary)
        return sha256_of(temporary)


class CheckpointStore:
    """Two generations of checkpoints in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.rejected: list[str] = []
        self._broken: set[str] = set()

    def save(self, checkpoint: Checkpoint) -> None:
        """Write over the older (or broken) generation."""
        sequences = [
            -1 if g in self._broken else (_read_facts(self._json(g)) or {"sequence": -1})["sequence"]
            for g in GENERATIONS
        ]
        target = GENERATIONS[sequences.index(min(sequences))]
        (self.folder / target).mkdir(parents=True, exist_ok=True)
        digest = save_tensors(checkpoint.tensors, self._tensors(target))
        body = {"sequence": max(sequences) + 1, "sha256": digest, "facts": checkpoint.facts}
        text = json.dumps(body, sort_keys=True)
        envelope = {"checksum": hashlib.sha256(text.encode()).hexdigest(), "body": text}
        write_bytes(self._json(target), json.dumps(envelope).encode())
        self._broken.discard(target)

    def load(self) -> Checkpoint | None:
        """The newest whole generation, or None where there is none; what was found broken is listed in `rejected`."""
        self.rejected = []
        found: list[tuple[int, str, dict[str, Any]]] = []
        for generation in GENERATIONS:
            if not self._json(generation).exists():
                continue
            body = _read_facts(self._json(generation))
            if body is None:
                self._reject(generation, f"{self._json(generation)}: damaged")
            else:
                found.append((body["sequence"], generation, body))
        for _, generation, body in sorted(found, reverse=True):
            path = self._tensors(generation)
            try:
                if sha256_of(path) != body["sha256"]:
                    raise ValueError("its checksum differs")
                return Checkpoint(load_file(path), body["facts"])
            except (OSError, SafetensorError, ValueError) as error:
                self._reject(generation, f"{path}: {error}")
        return None

    def _reject(self, generation: str, reason: str) -> None:
        """A broken generation is the next to be overwritten, so that the whole one outlives the writing."""
        self._broken.add(generation)
        self.rejected.append(reason)

    def newest_iteration(self) -> int | None:
        """Iteration of the newest vouched-for generation, without reading its tensors."""
        bodies = [body for g in GENERATIONS if (body := _read_facts(self._json(g)))]
        return max(bodies, key=lambda body: body["sequence"])["facts"].get("iteration") if bodies else None

    def _json(self, generation: str) -> Path:
        return self.folder / generation / "state.json"

    def _tensors(self, generation: str) -> Path:
        return self.folder / generation / "state.safetensors"


def _read_facts(path: Path) -> dict[str, Any] | None:
    """Content of a generation's JSON, or None where it is missing or damaged."""
    try:
        envelope = json.loads(path.read_bytes())
        text = envelope["body"]
        if hashlib.sha256(text.encode()).hexdigest() != envelope["checksum"]:
            return None
        body = json.loads(text)
        return body if isinstance(body, dict) and {"sequence", "sha256", "facts"} <= body.keys() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
