"""What a frame tells of each object: recurrences over time and over the objects (DIVE paper, section 4)."""

import torch
from torch import Tensor, nn

from pipeline_lib.models.dive.recurrence import State


class StateEncoder(nn.Module):
    """One LSTM forwards and one backwards in time, shared by the objects, which take turns.

    An object's LSTMs also see the outputs of the previous object's at the same place of their sequence (zeros for the
    first), so each can attend to another part of the frame. The backward one begins with the state in which the
    forward one has left the first frame.
    """

    def __init__(self, n_features: int, hidden_size: int, n_components: int) -> None:
        super().__init__()
        self.n_components = n_components
        self.forwards = nn.LSTM(n_features + hidden_size, hidden_size, batch_first=True)
        self.backwards = nn.LSTM(n_features + hidden_size, hidden_size, batch_first=True)
        self.combine = nn.Linear(2 * hidden_size, hidden_size)

    def forward(self, features_BTD: Tensor) -> tuple[Tensor, State]:
        """Features of the input frames → states h (B, T, K, hidden), and the last state of the forward LSTM.

        That is its (h, c), (B, hidden) each, after the last frame of the last object.
        """
        reversed_BTD = features_BTD.flip(1)
        forwards_BTH = backwards_BTH = features_BTD.new_zeros(*features_BTD.shape[:2], self.combine.out_features)
        outputs = []
        for _ in range(self.n_components):
            x_BTD = torch.cat([features_BTD, forwards_BTH], dim=2)
            first_BTH, after_first = self.forwards(x_BTD[:, :1])
            rest_BTH, (h, c) = self.forwards(x_BTD[:, 1:], after_first)
            forwards_BTH = torch.cat([first_BTH, rest_BTH], dim=1)
            backwards_BTH, _ = self.backwards(torch.cat([reversed_BTD, backwards_BTH], dim=2), after_first)
            outputs.append(torch.cat([forwards_BTH, backwards_BTH.flip(1)], dim=2))
        return self.combine(torch.stack(outputs, dim=2)), (h[0], c[0])
