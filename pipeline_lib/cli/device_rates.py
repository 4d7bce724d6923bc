"""What a device can do at most, measured: matrix products per second by arithmetic, and copies within its memory."""

import time
from collections.abc import Callable, Iterator
from functools import partial

import torch

from pipeline_lib.cli.lap_clock import synchronise
from pipeline_lib.models.linear import Linear
from pipeline_lib.records.benchmark import Spread
from pipeline_lib.runtime.precision import tf32_products

SIDE = {"cpu": 1536, "cuda": 8192}
"""Rows and columns of the matrices."""
COPIED_BYTES = {"cpu": 2**27, "cuda": 2**30}
"""So many that no cache holds them."""
CALLS = {"cpu": 2, "cuda": 20}
"""In a row, between two looks at the clock."""


def matmul_rates(device: torch.device, repetitions: int) -> dict[str, Spread]:
    """Floating-point operations per second by arithmetic, as far as the device has it: float32, tf32, bf16, fp16."""
    rates: dict[str, list[float]] = {}
    side = SIDE[device.type]
    for _ in range(repetitions):
        for name, dtype in _arithmetics(device):
            with tf32_products(name == "tf32"), torch.no_grad():
                seconds = _seconds(_multiplication(side, dtype, device), device)
            rates.setdefault(name, []).append(2 * side**3 / seconds)
    return {name: Spread.of(values) for name, values in rates.items()}


def copy_rate(device: torch.device, repetitions: int) -> Spread:
    """Bytes per second that a copy reads and writes, both counted."""
    n_bytes = COPIED_BYTES[device.type]
    source = torch.ones(n_bytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return Spread.of([2 * n_bytes / _seconds(lambda: target.copy_(source), device) for _ in range(repetitions)])


def _multiplication(side: int, dtype: torch.dtype, device: torch.device) -> Callable[[], object]:
    """A product of two square matrices; on a CPU by the library that the networks' linear layers use there."""
    left = torch.randn(side, side, device=device, dtype=dtype)
    if device.type == "cpu":
        return partial(Linear(side, side, dtype=dtype), left)
    right, product = torch.randn_like(left), torch.empty_like(left)
    return partial(torch.mm, left, right, out=product)


def _arithmetics(device: torch.device) -> Iterator[tuple[str, torch.dtype]]:
    yield "float32", torch.float32
    if device.type == "cuda":
        if torch.cuda.get_device_capability(device)[0] >= 8:
            yield "tf32", torch.float32
        if torch.cuda.is_bf16_supported(including_emulation=False):
            yield "bf16", torch.bfloat16
        yield "fp16", torch.float16
    elif torch.ops.mkldnn._is_mkldnn_bf16_supported():
        yield "bf16", torch.bfloat16


def _seconds(call: Callable[[], object], device: torch.device) -> float:
    """Of one call, of several in a row after one that warms up."""
    call()
    synchronise(device)
    n_calls, start = CALLS[device.type], time.perf_counter()
    for _ in range(n_calls):
        call()
    synchronise(device)
    return (time.perf_counter() - start) / n_calls
