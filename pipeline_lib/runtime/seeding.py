"""Random numbers that depend on the seed and on what they are for, never on how often anything was drawn before.

Every draw of a training is a function of (seed, stream, epoch), so a resumed run, whatever it was interrupted at,
continues with the very numbers that it would have had.
"""

import numpy as np
import torch

STREAMS = {"weights": 0, "shuffle": 1, "draw": 2, "validation": 3, "videos": 4, "noise": 5}


def generator(seed: int, stream: str, *position: int) -> np.random.Generator:
    """NumPy generator for one purpose (`stream`) at one position (an epoch, say)."""
    return np.random.default_rng(np.random.SeedSequence([seed, STREAMS[stream], *position]))


def seed_torch(seed: int, stream: str, *position: int) -> None:
    """Seed PyTorch's global generators for one purpose, at one position (an iteration and a process, say)."""
    torch.manual_seed(int(generator(seed, stream, *position).integers(2**63)))
