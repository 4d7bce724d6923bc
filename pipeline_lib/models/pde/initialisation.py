"""Initialisation of the PDE model's networks (PDE paper, appendix)."""

from torch import Tensor, nn

from pipeline_lib.config.model import Initialisation


def initialise(network: nn.Module, method: Initialisation, gain: float) -> None:
    """Draw every linear and convolutional weight by `method`, set biases to 0; BatchNorm2d weights are N(1, gain).

    `kaiming` (fan-in) ignores the gain. Draws come from PyTorch's global CPU generator, in module order.
    """
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            _draw(module.weight, method, gain)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, gain)
            nn.init.zeros_(module.bias)


def _draw(weight: Tensor, method: Initialisation, gain: float) -> None:
    match method:
        case "normal":
            nn.init.normal_(weight, 0.0, gain)
        case "xavier":
            nn.init.xavier_normal_(weight, gain=gain)
        case "kaiming":
            nn.init.kaiming_normal_(weight, a=0, mode="fan_in")
        case "orthogonal":
            nn.init.orthogonal_(weight, gain=gain)
