"""torch, and the GPUs that it sees: asked of a process of its own, because a broken driver may hang or kill it."""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline_lib.cli import INSTALL
from pipeline_lib.cli.findings import Finding
from pipeline_lib.cli.plan_table import size
from pipeline_lib.config.pipeline import Pipeline

REPORT_OPTION = "--report-torch"
TORCH_SECONDS = 120.0
SMI_SECONDS = 20.0
BF16_CAPABILITY = (8, 0)
TOPIC = "GPU"


def torch_report() -> dict[str, Any]:
    """What torch says of itself and its devices, as plain types; the one place of `doctor` that imports it."""
    import torch

    devices = []
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(number)
        devices.append(
            {
                "name": torch.cuda.get_device_name(number),
                "capability": list(torch.cuda.get_device_capability(number)),
                "free_bytes": free,
                "total_bytes": total,
            }
        )
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "architectures": torch.cuda.get_arch_list() if devices else [],
        "devices": devices,
    }


def gpu_findings(pipeline: Pipeline | None) -> Iterator[Finding]:
    """What trainings will run on; whether what the configuration asks for is there."""
    if importlib.util.find_spec("torch") is None:
        yield Finding("problem", "torch", "torch is missing: nothing can be trained or evaluated.", f"`{INSTALL}`")
        return
    report, error = _asked_apart()
    if report is None:
        yield Finding("problem", "torch", f"torch cannot be used ({error}).", f"Install it again: `{INSTALL}`")
        return
    build = f"built for CUDA {report['cuda']}" if report["cuda"] else "a build for the CPU"
    yield Finding("ok", "torch", f"torch {report['version']}, {build}.")
    yield from judged(report, machine_gpus(), _asked_for(pipeline) if pipeline else [])


def judged(report: dict[str, Any], machine: Sequence[str], asked_for: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """machine: what the driver's own tool lists. asked_for: (experiment, device) that the configuration names."""
    devices = report["devices"]
    for number, device in enumerate(devices):
        yield from _of_device(f"cuda:{number}", device, report["architectures"])
    if not devices and machine:
        reason = "its driver is older than that CUDA, or CUDA_VISIBLE_DEVICES hides them"
        do = "Bring the driver up to date (`nvidia-smi` says which it is), or unset CUDA_VISIBLE_DEVICES."
        if not report["cuda"]:
            reason, do = "it is a build for the CPU", "Install one for CUDA, as pytorch.org says; the pin accepts it."
        yield Finding("warning", TOPIC, f"This machine has {'; '.join(machine)}, torch sees none: {reason}.", do)
    elif not devices:
        yield Finding(
            "note", TOPIC, "no GPU: device auto takes the CPU.", "`python -m pipeline_lib plan` tells what that costs."
        )
    lacking = [(name, device) for name, device in asked_for if _index(device) >= len(devices)]
    if lacking:
        first, device = lacking[0]
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        yield Finding(
            "problem",
            TOPIC,
            f"{first}{more} ask for the device {device}, and torch sees {len(devices)} CUDA devices.",
            "Set device to auto or cpu.",
        )


def machine_gpus() -> list[str]:
    """GPUs that nvidia-smi finds, with driver and memory; none where it is missing or does not answer."""
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=SMI_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    fields = (line.split(", ") for line in answer.stdout.splitlines() if line.count(", ") == 2)
    return [f"{name} (driver {driver}, {memory})" for name, driver, memory in fields]


def _of_device(label: str, device: dict[str, Any], architectures: Sequence[str]) -> Iterator[Finding]:
    capability = tuple(device["capability"])
    free, total = device["free_bytes"], device["total_bytes"]
    facts = f"{label} is {device['name']}, capability {'.'.join(map(str, capability))}"
    if architectures and not _is_supported(capability, architectures):
        yield Finding(
            "problem",
            TOPIC,
            f"{facts}, for which this torch has no kernels (it has {', '.join(architectures)}).",
            "Install a torch for this GPU, or set device to cpu.",
        )
        return
    yield Finding("ok", TOPIC, f"{facts}, {size(free)} of {size(total)} free.")
    if capability < BF16_CAPABILITY:
        yield Finding("note", TOPIC, f"{label} has no bf16: precision auto takes fp16.")
    if free < total / 2:
        yield Finding(
            "warning",
            TOPIC,
            f"Others have {size(total - free)} of the memory of {label}.",
            "`nvidia-smi` says who; wait for them, or choose another with CUDA_VISIBLE_DEVICES.",
        )


def _is_supported(capability: tuple[int, ...], architectures: Sequence[str]) -> bool:
    """Machine code runs on later devices of its major version, what is compiled when loaded on all later ones."""
    for name in architectures:
        kind, _, digits = name.partition("_")
        digits = digits.rstrip("af")
        if not digits.isdigit():
            continue
        built = (int(digits[:-1]), int(digits[-1]))
        if built <= capability and (kind == "compute" or built[0] == capability[0]):
            return True
    return False


def _index(device: str) -> int:
    """cuda, cuda:0 → 0; cuda:1 → 1."""
    number = device.partition(":")[2]
    return int(number) if number.isdigit() else 0


def _asked_for(pipeline: Pipeline) -> list[tuple[str, str]]:
    return [
        (experiment.name, section.device)
        for experiment in pipeline.experiments.values()
        for section in (experiment.training, experiment.evaluation)
        if section is not None and section.device.startswith("cuda")
    ]


def _asked_apart() -> tuple[dict[str, Any] | None, str]:
    """The report of another process, or why there is none."""
    command = [sys.executable, "-m", "pipeline_lib", "doctor", REPORT_OPTION]
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TORCH_SECONDS
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer within {TORCH_SECONDS:g} s: does the GPU's driver hang?"
    if answer.returncode == 0:
        try:
            report: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
            return report, ""
        except (ValueError, IndexError):
            return None, "its answer cannot be read"
    last = answer.stderr.strip().splitlines()[-1:] or [f"exit code {answer.returncode}"]
    return None, last[0]
