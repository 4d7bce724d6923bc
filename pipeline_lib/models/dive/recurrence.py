"""Single steps of LSTMs, for recurrences that are fed with what they have put out.

Those that are not run as whole sequences, one call of `nn.LSTM` for all time steps.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]
"""(h, c) of one layer, (N, hidden) each."""


def step(lstm: nn.LSTM, x_ND: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
    """One time step of all layers of `lstm`, with the states of each → output of the top layer, and the new states."""
    new_states: list[State] = []
    for layer, state in zip(lstm.all_weights, states, strict=True):
        new_states.append(torch.lstm_cell(x_ND, state, *layer))
        x_ND = new_states[-1][0]
    return x_ND, new_states


def zero_states(lstm: nn.LSTM, x_ND: Tensor) -> list[State]:
    """The states in which a sequence begins that starts from zero."""
    zeros = x_ND.new_zeros(len(x_ND), lstm.hidden_size)
    return [(zeros, zeros)] * lstm.num_layers


def roll_out(lstm: nn.LSTM, first_ND: Tensor, states: Sequence[State], n_steps: int, carry: bool = True) -> Tensor:
    """Outputs (N, n_steps, hidden) of `lstm` fed with `first_ND` and then with its own output.

    carry: whether a step begins in the state that the last one has left, or in `states` again.
    """
    outputs = []
    x_ND = first_ND
    for _ in range(n_steps):
        x_ND, new_states = step(lstm, x_ND, states)
        states = new_states if carry else states
        outputs.append(x_ND)
    return torch.stack(outputs, dim=1)
