"""A model's objective against the plain loop of tests/reference, which calls its networks one after the other."""

import copy

import torch

from tests.reference.pde_objective import plain_batch_norms, plain_loss


def assert_equal_to_the_plain_loop(model, video, tau):
    """Loss, terms, gradients and running statistics after two steps."""
    plain = plain_batch_norms(copy.deepcopy(model))
    for _ in range(2):
        expected, expected_terms = plain_loss(plain, video, tau)
        expected_gradients = torch.autograd.grad(expected, list(plain.parameters()))
        terms = model.loss_terms(video, tau)
        total = sum(weight * terms[name] for name, weight in model.loss_weights().items())
        gradients = torch.autograd.grad(total, list(model.parameters()))
        assert abs(total - expected) < 1e-10
        for name, value in terms.items():
            assert abs(value - expected_terms[name]) < 1e-10, name
        for gradient, wanted in zip(gradients, expected_gradients, strict=True):
            assert torch.allclose(gradient, wanted, rtol=0, atol=1e-10)
        for (name, buffer), wanted in zip(model.named_buffers(), plain.buffers(), strict=True):
            assert torch.allclose(buffer, wanted, rtol=0, atol=1e-10), name
