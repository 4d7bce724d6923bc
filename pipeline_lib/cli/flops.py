"""How many floating-point operations a computation has, counted from the shapes that pass by.

PyTorch's counter knows matrix products and convolutions as such. What this project also computes by, products handed to
oneDNN and LSTMs over whole sequences, hide theirs, and are counted here.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

Shape = Sequence[int]


def counted_flops(computation: Callable[[], object]) -> int:
    """Operations of matrix products and convolutions of a computation, backward passes included; an addition and a
    multiplication are two. What is to be compiled runs uncompiled here, or it would hide its products."""
    with torch.compiler.set_stance("force_eager"), FlopCounterMode(display=False, custom_mapping=_hidden()) as counter:
        computation()
    return int(counter.get_total_flops())


def _hidden() -> dict[Any, Callable[..., int]]:
    """Operations that PyTorch's counter does not know, as far as this build of PyTorch has them."""
    formulas: dict[tuple[Any, str], Callable[..., int]] = {
        (torch.ops.mkldnn, "_linear_pointwise"): _linear,
        (torch.ops.aten, "mkldnn_rnn_layer"): _layer,
        (torch.ops.aten, "mkldnn_rnn_layer_backward"): lambda *args, **kwargs: 2 * _layer(*args, **kwargs),
        (torch.ops.aten, "_cudnn_rnn"): _layers,
        (torch.ops.aten, "_cudnn_rnn_backward"): lambda *args, **kwargs: 2 * _layers(*args, **kwargs),
    }
    return {getattr(place, name): each for (place, name), each in formulas.items() if hasattr(place, name)}


def _product(shape: Shape) -> int:
    rows, columns = shape
    return rows * columns


def _linear(x_MK: Shape, weight_NK: Shape, *_: Any, **__: Any) -> int:
    return 2 * x_MK[0] * _product(weight_NK)


def _layer(x_TBI: Shape, weight_ih: Shape, weight_hh: Shape, *_: Any, **__: Any) -> int:
    """One layer of an LSTM over a sequence, in one direction."""
    return 2 * x_TBI[0] * x_TBI[1] * (_product(weight_ih) + _product(weight_hh))


def _layers(x_TBI: Shape, weights: Sequence[Shape], *_: Any, **__: Any) -> int:
    """All layers of it; biases are among the weights."""
    return 2 * x_TBI[0] * x_TBI[1] * sum(_product(shape) for shape in weights if len(shape) == 2)
