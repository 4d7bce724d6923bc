"""Settings of the training: optimiser, budget, precision, checkpoints, validation."""

from typing import Literal

from pydantic import Field, model_validator

from pipeline_lib.config.section import Section


class MultiStepSettings(Section):
    """Learning rate multiplied by `decay` at each milestone, stepped after each epoch."""

    milestones: tuple[int, ...] = Field(
        (300, 400, 500, 600, 700), description="First epochs, counted from 0, with the lower rate."
    )
    decay: float = Field(0.5, gt=0, le=1, description="Factor at each milestone.")

    @model_validator(mode="after")
    def _milestones_increase(self) -> "MultiStepSettings":
        if list(self.milestones) != sorted(set(self.milestones)) or any(m < 1 for m in self.milestones):
            raise ValueError(f"milestones must be increasing epochs from 1 on, got {list(self.milestones)}")
        return self


class OptimiserSettings(Section):
    """Adam over all networks (PDE paper, appendix; eps 1e-8, no weight decay)."""

    learning_rate: float = Field(4e-4, gt=0, lt=10, description="Learning rate.")
    beta1: float = Field(0.9, ge=0, lt=1, description="Decay of the first moment.")
    beta2: float = Field(0.99, ge=0, lt=1, description="Decay of the second moment.")
    eps: float = Field(1e-8, gt=0, description="Term added to the denominator.")
    schedule: MultiStepSettings | None = Field(None, description="MultiStepLR; null keeps the rate constant.")


class ValidationSettings(Section):
    """Forecasts on held-out or fixed training windows while training: for curves and pictures, they select nothing."""

    interval: int = Field(500, ge=0, description="Iterations between validations; 0 switches them off [iterations].")
    n_windows: int = Field(64, ge=1, description="Windows forecast at each validation [windows].")
    pictures_interval: int = Field(
        1000,
        ge=0,
        description="Iterations between pictures of a few of these forecasts, which the tracking store shows as a "
        "series from the untrained to the finished model; 0 switches them off [iterations].",
    )


class TrainingSettings(Section):
    """One training. Exactly one of `iterations` and `epochs` says how long."""

    schedule_name: str = Field(
        "custom", pattern=r"^[a-z][a-z0-9_-]*$", description="What tables call this schedule: published, short, demo, …"
    )
    iterations: int | None = Field(None, ge=1, description="Length of the training [iterations].")
    epochs: int | None = Field(None, ge=1, description="Length of the training [epochs].")
    batch_size: int = Field(128, ge=1, description="Windows per iteration [windows].")
    accumulation: int = Field(
        1, ge=1, description="Parts into which a batch is split to save memory; gradients are summed."
    )
    gradient_clip_norm: float | None = Field(
        None, gt=0, description="Largest norm of the whole gradient; null: no clipping."
    )
    precision: Literal["float32", "tf32", "bf16", "fp16", "auto"] = Field(
        "auto",
        description="Arithmetic of the networks; output layer and losses stay in float32. tf32: float32 whose "
        "products, convolutions and recurrences take inputs that a GPU rounds to TF32; in float32 none do. "
        "auto: bf16 or fp16 on a GPU, float32 on a CPU.",
    )
    optimiser: OptimiserSettings = OptimiserSettings()
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|cuda(:[0-9]+)?)$", description="auto: CUDA if there is one, else the CPU."
    )
    n_processes: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes that share each batch, on a GPU each, or on the CPU's threads; the batch stays the "
        "configured one. All are on one machine [processes].",
    )
    batch_norm: Literal["per_rank", "synchronised"] = Field(
        "per_rank",
        description="Statistics of BatchNorm where n_processes is above 1: each process has those of its windows, "
        "or all have those of the whole batch.",
    )
    n_threads: int = Field(
        2,
        ge=1,
        le=512,
        description="CPU threads of a process [threads]; a CPU run repeats bit for bit at the same number.",
    )
    deterministic: bool = Field(
        False, description="Ask PyTorch for deterministic algorithms on a GPU (slower); CPU runs always repeat."
    )
    frames_per_decoder_call: int | Literal["auto"] = Field(
        "auto",
        description="Time steps decoded in one call of the decoder [frames]; auto: by architecture and device.",
    )
    channels_last: bool = Field(
        False, description="Keep convolutions' weights and features in channels_last order (faster on recent GPUs)."
    )
    compile: bool = Field(
        False,
        description="Compile the networks by torch.compile at their first call, which takes minutes. PDE only: "
        "the compiler of PyTorch 2.13 fails at DIVE's networks on a CPU.",
    )
    cuda_graphs: bool = Field(
        False,
        description="Record a step's work on a GPU once and replay it: for small networks, whose steps are bound by "
        "the launching of kernels. Not in fp16. On a CPU there is nothing to record.",
    )
    logging_interval: int = Field(50, ge=1, description="Iterations between journalled points [iterations].")
    checkpoint_interval: float = Field(300.0, gt=0, description="Wall time between checkpoints [s].")
    validation: ValidationSettings = ValidationSettings()

    @model_validator(mode="after")
    def _one_budget(self) -> "TrainingSettings":
        if (self.iterations is None) == (self.epochs is None):
            raise ValueError("give exactly one of iterations and epochs (set one that is inherited to null)")
        if self.accumulation > self.batch_size:
            raise ValueError(f"accumulation ({self.accumulation}) must not exceed batch_size ({self.batch_size})")
        if self.n_processes > 1 and self.accumulation * self.n_processes > self.batch_size:
            raise ValueError(
                f"n_processes ({self.n_processes}) times accumulation ({self.accumulation}) must not exceed "
                f"batch_size ({self.batch_size})"
            )
        if self.n_processes > 1 and ":" in self.device:
            raise ValueError(
                f"device {self.device} is one GPU and n_processes asks for {self.n_processes}; "
                "set device to cuda or auto"
            )
        if self.compile and self.batch_norm == "synchronised":
            raise ValueError(
                "batch_norm synchronised can't be compiled; set compile to false, or batch_norm to per_rank"
            )
        if self.cuda_graphs and (self.compile or self.n_processes > 1):
            raise ValueError(
                "cuda_graphs records the steps of one process whose networks are not compiled; "
                "set cuda_graphs or compile to false, or n_processes to 1"
            )
        if self.n_processes == 1 and self.batch_norm != "per_rank":
            raise ValueError("batch_norm says how several processes normalise, and n_processes is 1; leave it out")
        if self.frames_per_decoder_call != "auto" and self.frames_per_decoder_call < 1:
            raise ValueError(f"frames_per_decoder_call must be auto or at least 1, got {self.frames_per_decoder_call}")
        return self

    def identity(self) -> dict:
        """The part that decides a run's numbers (not its budget, logging, device).

        Several processes are part of it, for each has BatchNorm's statistics and noise of its own.
        """
        deciding = {"batch_size", "accumulation", "gradient_clip_norm", "precision", "optimiser"}
        if self.n_processes > 1:
            deciding |= {"n_processes", "batch_norm"}
        return self.model_dump(mode="json", include=deciding)
