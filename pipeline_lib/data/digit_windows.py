"""What training videos of digits have in common, which are made as they are needed, new ones in every epoch."""

from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from pipeline_lib.config.missing_mnist import MissingMnistSettings
from pipeline_lib.config.moving_mnist import MovingMnistSettings
from pipeline_lib.data.digit_file import DigitFile
from pipeline_lib.data.moving_mnist import FRAME_SHAPE

N_BASELINE_VIDEOS = 10_000
"""Videos that a baseline is fitted on."""

Settings = TypeVar("Settings", MovingMnistSettings, MissingMnistSettings)


class DigitWindows(Generic[Settings]):
    """The digits of a prepared file, and what is known of the videos made of them, `epoch_size` in an epoch.

    by_tensors: whether PyTorch renders them, on the device.

    Raises ValueError, naming the file, unless it holds the training digits of this dataset.
    """

    def __init__(self, path: Path, settings: Settings, length: int, device: torch.device, seed: int) -> None:
        self._settings: Settings = settings
        self._length, self._device, self._seed = length, device, seed
        with DigitFile(path) as file:
            file.check_dataset(settings.name, "train")
            self._digits = file.read()
            self._facts = {
                **file.facts,
                "n_digits": len(self._digits),
                "n_videos": settings.epoch_size,
                "n_frames": length,
                "frame_shape": list(FRAME_SHAPE),
            }
        self.by_tensors = device.type != "cpu"  # on a CPU, NumPy renders faster
        self._digits_on_device = torch.from_numpy(self._digits).to(device)
        # Bytes are divided by a tensor: CUDA would multiply by the inverse of a number, which rounds differently.
        self._white = torch.full((), 255.0, device=device)

    @property
    def n_windows(self) -> int:
        """Videos in an epoch."""
        return self._settings.epoch_size

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return FRAME_SHAPE

    @property
    def facts(self) -> dict[str, Any]:
        """What the file says of its `n_digits` digits, and the videos made of them: `n_videos` in every epoch."""
        return dict(self._facts)
