"""What the settings of every dataset say: how it is prepared, and what is known of it before that."""

from typing import ClassVar

from pipeline_lib.config.section import Section
from pipeline_lib.config.task import TaskSettings

COMPLETE_VIDEO = "complete_video"
"""The context of datasets that know what their videos do not show: `complete`, the frames with nothing missing or
hidden, and `missing`, where; some also know the objects apart, `component` and `centre`."""


class DatasetSettings(Section):
    """Base of every dataset's settings. `name` tells datasets apart; `preparation` is all that `prepare` depends on."""

    raw_source: ClassVar[str | None] = None
    """Name of the raw files that `prepare` reads; None where it simulates."""

    context: ClassVar[str | None] = None
    """What metrics and baselines can be told of a window beside its frames (`DatasetEntry.context`), a name for it."""

    visible_rows: ClassVar[tuple[int, int] | None] = None
    """First row of a frame that is seen, and the one after the last, where the others are hidden."""

    colour_map: ClassVar[str] = "viridis"
    """In which of matplotlib's colours figures show values; frames of three channels are RGB."""

    colour_gamma: ClassVar[float] = 1.0
    """Exponent of the scale of colours; below 1, small values are told apart where a few are much larger."""

    channel_names: ClassVar[tuple[str, ...]] = ()
    """What figures call the channels, where these are neither one nor colours."""
    value_name: ClassVar[str] = "value"
    unit: ClassVar[str] = ""
    """What figures call the values that they show, and their unit where they have one."""

    name: str
    preparation: Section

    @property
    def raw_files(self) -> tuple[str, ...] | None:
        """Names of the files of the raw source that are needed; None: all of them."""
        return None

    @property
    def frame_shape(self) -> tuple[int, int, int] | None:
        """(C, H, W) as far as the settings tell before anything is prepared; None where only the data do."""
        return None

    def n_training_windows(self, length: int) -> int | None:
        """Training windows of `length` frames in an epoch; None where only the data tell."""
        return None

    def check_task(self, task: TaskSettings) -> None:
        """Raise ValueError where the dataset, as it is prepared, does not serve this task."""

    @property
    def prepared_bytes(self) -> int | None:
        """About how large train.h5 and test.h5 are together; None where only the data tell."""
        return None
