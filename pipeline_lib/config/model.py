"""Settings of the models: networks and objectives of the PDE paper, and the baselines."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from pipeline_lib.config.dataset import COMPLETE_VIDEO
from pipeline_lib.config.section import Section
from pipeline_lib.config.task import TaskSettings

Initialisation = Literal["normal", "xavier", "kaiming", "orthogonal"]


class ModelSettings(Section):
    """Base of every model's settings. `name` tells models apart."""

    is_trained: ClassVar[bool] = True
    """Whether an experiment with this model has a training section and seeds; baselines are fitted and have neither."""

    context: ClassVar[str | None] = None
    """What it must be told of a window beside its frames, as `DatasetSettings.context` names it; None: nothing."""

    name: str

    def check_task(self, task: TaskSettings) -> None:
        """Raise ValueError where the model cannot do this task."""

    def check_frames(self, frame_shape: tuple[int, int, int]) -> None:
        """Raise ValueError where the model does not take frames of this shape (C, H, W)."""

    @property
    def can_swap(self) -> bool:
        """Whether the model can show the content of one video moving as another does (`ContentSwapper`)."""
        return False

    @property
    def can_decompose(self) -> bool:
        """Whether the model takes a video apart into objects, and says where each is missing (`Decomposer`)."""
        return False

    @property
    def can_impute(self) -> bool:
        """Whether it can draw what is missing in the frames that it sees (`Decomposer`, `Imputer`)."""
        return self.can_decompose


class PdeObjectiveSettings(Section):
    """Weights of the four loss terms (PDE paper, section 3.3; the defaults are the published ones)."""

    lambda_autoencode: float = Field(10.0, ge=0, description="Weight of the autoencoding term.")
    lambda_invariance: float = Field(45.0, ge=0, description="Weight of the invariance of the static code.")
    lambda_forecast: float = Field(45.0, ge=0, description="Weight of the forecast term.")
    lambda_regularisation: float = Field(0.001, ge=0, description="Weight of the dynamic code's squared norm.")


FRAME_SIZES: dict[str, tuple[int, ...]] = {"dcgan": (64,), "resnet": (64,), "vgg": (32, 64)}
"""Sides of the square frames that an architecture takes; those that are not named take any."""

FRAME_MULTIPLES: dict[str, int] = {"sst": 4}
"""What both sides of a frame must be multiples of, for every pooling of an architecture to halve them."""


class PdeSettings(ModelSettings):
    """PDE-driven spatiotemporal disentanglement: two encoders, an integrator, a decoder."""

    name: Literal["pde"] = "pde"
    encoder: Literal["mlp", "dcgan", "resnet", "vgg", "sst"] = Field(
        "mlp",
        description="Architecture of both encoders; dcgan, resnet: 64x64 pixels; vgg: 32x32 or 64x64; sst: codes keep "
        "a grid of a quarter as many pixels a side.",
    )
    decoder: Literal["mlp", "dcgan", "vgg", "sst"] = Field(
        "mlp",
        description="Architecture of the decoder; dcgan: 64x64 pixels; vgg: 32x32 or 64x64; sst: the one for the "
        "encoder sst.",
    )
    use_skips: bool = Field(
        False, description="The decoder also sees the static encoder's features of the conditioning frames."
    )
    code_size_static: int = Field(128, ge=1, description="Size of the static code S.")
    code_size_dynamic: int = Field(20, ge=1, description="Size of the dynamic code T.")
    mixing: Literal["concat", "mul"] = Field("concat", description="The decoder takes [S, T], or the product S·T.")
    use_static_code: bool = Field(True, description="false: the ablation without S (S is 1, mixing is the product).")
    encoder_hidden_size: int = Field(
        64, ge=1, description="Hidden width of the encoders (convolutional ones: of the first block or layer)."
    )
    encoder_n_layers: int = Field(3, ge=1, le=100, description="Linear layers of an MLP encoder.")
    decoder_hidden_size: int = Field(
        64, ge=1, description="Hidden width of the decoder (dcgan, vgg: of the last block)."
    )
    decoder_n_layers: int = Field(3, ge=1, le=100, description="Linear layers of an MLP decoder.")
    output_activation: Literal["sigmoid", "identity"] = Field(
        "sigmoid", description="Activation of the decoder's output."
    )
    integrator_hidden_size: int = Field(512, ge=1, description="Hidden width of the residual blocks.")
    integrator_n_blocks: int = Field(1, ge=1, le=100, description="Residual blocks in one time step.")
    offset: int = Field(
        5, ge=0, description="Frame that a code stands for: n_cond (the first of its window) or 0 (the one after)."
    )
    init_encoder: Initialisation = Field("normal", description="Initialisation of encoders and decoder.")
    gain_encoder: float = Field(0.02, gt=0, description="Gain of that initialisation (kaiming ignores it).")
    init_integrator: Initialisation = Field("orthogonal", description="Initialisation of the integrator.")
    gain_integrator: float = Field(1.41, gt=0, description="Gain of that initialisation (kaiming ignores it).")
    objective: PdeObjectiveSettings = PdeObjectiveSettings()

    @model_validator(mode="after")
    def _codes_can_be_mixed(self) -> "PdeSettings":
        if self.use_static_code and self.mixing == "mul" and self.code_size_static != self.code_size_dynamic:
            raise ValueError(
                "mixing 'mul' multiplies the codes, so code_size_static "
                f"({self.code_size_static}) and code_size_dynamic ({self.code_size_dynamic}) must be equal"
            )
        return self

    @model_validator(mode="after")
    def _grids_are_decoded_as_such(self) -> "PdeSettings":
        if (self.encoder == "sst") != (self.decoder == "sst"):
            raise ValueError(
                "the codes of sst keep a grid, which no other architecture does: encoder and decoder must both be sst, "
                f"got encoder '{self.encoder}' and decoder '{self.decoder}'"
            )
        if self.encoder == "sst" and self.use_static_code and self.mixing == "mul":
            raise ValueError("the decoder sst takes [S, T], not their product: mixing must be 'concat'")
        return self

    @model_validator(mode="after")
    def _skips_have_both_ends(self) -> "PdeSettings":
        if not self.use_skips:
            return self
        if self.encoder == "mlp" or self.decoder != self.encoder:
            raise ValueError(
                "use_skips needs a convolutional encoder and a decoder of the same kind, got encoder "
                f"'{self.encoder}' and decoder '{self.decoder}'"
            )
        if self.encoder_hidden_size != self.decoder_hidden_size:
            raise ValueError(
                "use_skips needs encoder_hidden_size and decoder_hidden_size to be equal, got "
                f"{self.encoder_hidden_size} and {self.decoder_hidden_size}"
            )
        if not self.use_static_code:
            raise ValueError("use_skips takes the static encoder's features, and use_static_code is false: set one")
        return self

    @property
    def can_swap(self) -> bool:
        return self.use_static_code

    @property
    def codes_keep_grid(self) -> bool:
        """Whether a code is (D, H', W') and not a vector (D,)."""
        return self.encoder == "sst"

    def check_task(self, task: TaskSettings) -> None:
        if self.offset not in (0, task.n_cond):
            raise ValueError(f"model.offset must be 0 or task.n_cond ({task.n_cond}), got {self.offset}")

    def check_frames(self, frame_shape: tuple[int, int, int]) -> None:
        _, height, width = frame_shape
        for part, architecture in (("encoder", self.encoder), ("decoder", self.decoder)):
            sizes = FRAME_SIZES.get(architecture)
            if sizes is not None and (height != width or height not in sizes):
                allowed = " or ".join(f"{size}x{size}" for size in sizes)
                raise ValueError(
                    f"model.{part}: {architecture} is for frames of {allowed} pixels, those of this dataset have "
                    f"{height}x{width}; choose another architecture"
                )
            multiple = FRAME_MULTIPLES.get(architecture, 1)
            if height % multiple or width % multiple:
                raise ValueError(
                    f"model.{part}: {architecture} is for frames whose sides are multiples of {multiple} pixels, those "
                    f"of this dataset have {height}x{width}; choose another architecture"
                )


class CopyLastSettings(ModelSettings):
    """Baseline: every predicted frame is the last conditioning frame."""

    is_trained: ClassVar[bool] = False
    name: Literal["copy_last"] = "copy_last"


class CopyNeighbourSettings(ModelSettings):
    """Baseline: an input frame in which something is missing becomes the nearest one in which nothing is, and predicted
    frames are the last such. An oracle: it is told which frames these are."""

    is_trained: ClassVar[bool] = False
    context: ClassVar[str | None] = COMPLETE_VIDEO
    name: Literal["copy_neighbour"] = "copy_neighbour"

    @property
    def can_impute(self) -> bool:
        return True


class BlackSettings(ModelSettings):
    """Baseline: every predicted frame is 0 everywhere, the background of Moving MNIST."""

    is_trained: ClassVar[bool] = False
    name: Literal["black"] = "black"


class MeanFrameSettings(ModelSettings):
    """Baseline: every predicted frame is the mean training frame."""

    is_trained: ClassVar[bool] = False
    name: Literal["mean_frame"] = "mean_frame"


class WeekBeforeSettings(ModelSettings):
    """Baseline: every predicted frame is the one of a week before, which TaxiBJ knows."""

    is_trained: ClassVar[bool] = False
    context: ClassVar[str | None] = "week_before"
    name: Literal["week_before"] = "week_before"


class ClimatologySettings(ModelSettings):
    """Baseline for SST: every predicted frame is the zone's climatology of its day."""

    is_trained: ClassVar[bool] = False
    context: ClassVar[str | None] = "climatology"
    name: Literal["climatology"] = "climatology"
