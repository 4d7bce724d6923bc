"""Initialisation of DIVE's networks (DIVE paper, supplementary material)."""

from torch import nn

SIGMA = 0.02


def initialise(network: nn.Module) -> None:
    """Weights of convolutions and linear layers N(0, 0.02), of BatchNorms N(1, 0.02); their biases 0.

    LSTMs keep PyTorch's uniform draws, biases included. Draws come from the global CPU generator, in module order.
    """
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0.0, SIGMA)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, SIGMA)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
