"""Sharing out this machine's GPUs among trainings, without a scheduler and without torch."""

import os
import subprocess
from collections.abc import Mapping
from itertools import takewhile

from pipeline_lib.runtime.locks import FileLock, lease_several, node_local_folder


def visible_gpus(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Names that CUDA_VISIBLE_DEVICES understands: what that variable lists, else what nvidia-smi finds.

    As CUDA reads it, the list ends before a name that stands for none: -1 is how all are hidden.
    """
    if "CUDA_VISIBLE_DEVICES" in environ:
        names = [name.strip() for name in environ["CUDA_VISIBLE_DEVICES"].split(",") if name.strip()]
        return list(takewhile(lambda name: name != "-1", names))
    try:
        query = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return answer.stdout.split()


def lease_gpus(
    device: str, count: int = 1, environ: Mapping[str, str] = os.environ
) -> tuple[dict[str, str], list[FileLock]]:
    """GPUs of our own for a training on `device`: variables for its processes, and the locks that keep the leases.

    Waits until `count` are free. Nothing is leased for the CPU, for a GPU that is named by its number, where a
    scheduler has chosen already (SLURM), or where there is none. Raises ValueError where there are fewer.
    """
    gpus = visible_gpus(environ) if device in ("auto", "cuda") and "SLURM_JOB_ID" not in environ else []
    if not gpus:
        return {}, []
    if len(gpus) < count:
        raise ValueError(
            f"training.n_processes asks for {count} GPUs, and this machine has {len(gpus)} ({', '.join(gpus)}); "
            f"set training.n_processes to {len(gpus)}, or training.device to cpu"
        )
    leases = lease_several(node_local_folder(), [f"gpu_{gpu}" for gpu in gpus], count, wait_seconds=float("inf"))
    names = [name.removeprefix("gpu_") for name, _ in leases]
    return {"CUDA_VISIBLE_DEVICES": ",".join(names)}, [lock for _, lock in leases]
