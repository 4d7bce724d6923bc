"""Settings of 3D Warehouse Chairs, and of its sample."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.section import Section


class ChairsPreparation(Section):
    """3D Warehouse Chairs: which chairs there must be, and how they are split (PDE paper, appendix on the datasets)."""

    n_chairs: int = Field(1393, ge=2, description="Chairs in the raw data; others are refused [chairs].")
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of the legacy NumPy generator that shuffles the chairs.")


class ChairsSamplePreparation(ChairsPreparation):
    """As many chairs as the sample has."""

    n_chairs: int = Field(44, ge=2, description="Chairs in the raw data; others are refused [chairs].")


class ChairsSettings(DatasetSettings):
    """3D Warehouse Chairs: the 62 views around a chair, 64x64 pixels."""

    raw_source: ClassVar[str | None] = "chairs"
    N_VIEWS: ClassVar[int] = 62
    FRAME_BYTES: ClassVar[int] = 5000
    """About what a frame takes, compressed; an assumption, between the sample's frames and uncompressed ones."""
    name: Literal["chairs"] = "chairs"
    preparation: ChairsPreparation = ChairsPreparation()

    @staticmethod
    def n_training_chairs(n_chairs: int) -> int:
        """85 % of the chairs are for training."""
        return int(0.85 * n_chairs)

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return 3, 64, 64

    def n_training_windows(self, length: int) -> int:
        per_chair = self.N_VIEWS if length <= self.N_VIEWS else 0
        return self.n_training_chairs(self.preparation.n_chairs) * per_chair

    @property
    def prepared_bytes(self) -> int:
        return self.preparation.n_chairs * self.N_VIEWS * self.FRAME_BYTES


class ChairsSampleSettings(ChairsSettings):
    """Chairs rendered by this project in place of those of 3D Warehouse."""

    raw_source: ClassVar[str | None] = "chairs_sample"
    FRAME_BYTES: ClassVar[int] = 2400
    name: Literal["chairs_sample"] = "chairs_sample"  # type: ignore[assignment]
    preparation: ChairsSamplePreparation = ChairsSamplePreparation()
