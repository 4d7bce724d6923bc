"""What a training's memory depends on, and what to try where it does not suffice."""

from pipeline_lib.config.training import TrainingSettings


def batch_sizes(settings: TrainingSettings) -> str:
    """The settings that the memory of a step depends on, with their values."""
    processes = f", training.n_processes {settings.n_processes}" if settings.n_processes > 1 else ""
    return f"training.batch_size {settings.batch_size}, training.accumulation {settings.accumulation}{processes}"


def smaller_parts(settings: TrainingSettings) -> str:
    """The accumulation whose parts have at most half as many windows: a divisor of what one process has of a batch.

    Parts of a single window are left out, because BatchNorm can't normalise them. Where nothing is left, a smaller
    batch is named, and with a batch of one window fewer frames at a time.
    """
    n_windows = -(-settings.batch_size // settings.n_processes)
    for accumulation in range(2 * settings.accumulation, n_windows // 2 + 1):
        if n_windows % accumulation == 0:
            return (
                f"try training.accumulation {accumulation} (parts of {n_windows // accumulation} windows; it is a run "
                "of its own and begins anew)"
            )
    if settings.batch_size > settings.n_processes:
        return f"try training.batch_size {settings.batch_size // 2} (which changes what is trained), or a GPU with more"
    return "try training.frames_per_decoder_call 1, a smaller model, or a GPU with more"
