"""A small stand-in for the MOTSChallenge pedestrians that needs no network: walkers that are drawn.

The folders have the layout, the names and the kind of images of the authors' archive: a sequence's permutations follow
each other, and one sequence is wide, the next tall, the next square. A permutation shows 3 walkers of the sequence's
own, or 2, or 1.
"""

import os
from pathlib import Path

import numpy as np

from pipeline_lib.config.pedestrians import PedestriansSampleSettings
from pipeline_lib.data.pedestrian_frames import FRAME_STEP, PREFIX
from pipeline_lib.data.samples.walkers import draw_walkers, make_walkers
from pipeline_lib.runtime.atomic import atomic_folder

FOLDER = "sequences"
N_SEQUENCES = PedestriansSampleSettings.N_SEQUENCES
N_PERMUTATIONS = PedestriansSampleSettings.N_PERMUTATIONS
N_FRAMES = 15
SEED = 0

SIZES = ((320, 200), (200, 280), (256, 256), (280, 240), (150, 300))
"""Width and height of the frames of successive sequences, and from the first on again [pixels]."""

N_WALKERS = (3, 3, 2, 3, 1)
"""Walkers of successive videos, and from the first on again."""


def make(
    folder: str | os.PathLike[str],
    n_sequences: int = N_SEQUENCES,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = SEED,
) -> None:
    """Write the folder `sequences` with `n_sequences` folders of `n_permutations` videos; all of it or nothing."""
    with atomic_folder(Path(folder) / FOLDER) as temporary:
        for number in range(n_sequences):
            sequence = temporary / f"{PREFIX}{number:02d}"
            sequence.mkdir()
            width, height = SIZES[number % len(SIZES)]
            for permutation in range(n_permutations):
                random = np.random.default_rng(np.random.SeedSequence([seed, number, permutation]))
                n_walkers = N_WALKERS[(number * n_permutations + permutation) % len(N_WALKERS)]
                walkers = make_walkers(random, width, height, N_FRAMES, n_walkers)
                first = FRAME_STEP * int(random.integers(1, 50))
                for k in range(N_FRAMES):
                    name = f"{permutation:03d}_{first + FRAME_STEP * k:06d}_{permutation:03d}.png"
                    draw_walkers(walkers, width, height, k).save(sequence / name, "PNG", compress_level=6)
