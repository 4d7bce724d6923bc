"""Settings of Moving MNIST, with MNIST's digits and with the sample's."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.section import Section


class MovingMnistPreparation(Section):
    """Moving MNIST: what the test videos are made of (PDE paper, appendix on the datasets). Training videos are made
    as they are needed, from the same kind of draws."""

    n_digits: int = Field(2, ge=1, le=10, description="Digits in a video [digits].")
    n_test_frames: int = Field(100, ge=2, le=10_000, description="Frames of a test video [frames].")
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of the legacy NumPy generator that draws the test set.")


class MovingMnistSettings(DatasetSettings):
    """Moving MNIST: deterministic trajectories of two digits on 64x64 pixels."""

    raw_source: ClassVar[str | None] = "mnist"
    N_DIGITS: ClassVar[tuple[int, int]] = (60_000, 10_000)
    """Digits of the training and of the test part, 28x28 pixels each."""
    colour_map: ClassVar[str] = "gray"
    name: Literal["moving_mnist"] = "moving_mnist"
    epoch_size: int = Field(200_000, ge=1, description="Training videos of an epoch, new in each [videos].")
    preparation: MovingMnistPreparation = MovingMnistPreparation()

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return 1, 64, 64

    def n_training_windows(self, length: int) -> int:
        return self.epoch_size

    @property
    def prepared_bytes(self) -> int:
        made, (n_train_digits, n_test_digits) = self.preparation, self.N_DIGITS
        # Compressed, a digit of MNIST takes about 175 bytes, and 75 in a frame, where its motion takes 8 more.
        frames = n_test_digits // made.n_digits * made.n_test_frames
        return n_train_digits * 175 + n_test_digits * 28 * 28 + frames * made.n_digits * (75 + 8)


class MovingMnistSampleSettings(MovingMnistSettings):
    """Moving MNIST with scikit-learn's digits, 8x8 pixels enlarged, in place of MNIST's."""

    raw_source: ClassVar[str | None] = "mnist_sample"
    N_DIGITS: ClassVar[tuple[int, int]] = (1_439, 358)
    name: Literal["moving_mnist_sample"] = "moving_mnist_sample"  # type: ignore[assignment]
