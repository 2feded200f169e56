"""Muon on the matrices of the blocks (same shapes in one batch), AdamW on embeddings and norms."""

from typing import Any

import torch
from torch import Tensor, distributed, nn

_STEPS = 5
_A, _B, _C = 3.4445, -4.775, 2.0315  # the quintic of Newton-Schulz that Muon uses


def orthogonal(update: Tensor) -> Tensor:
    """Brings all singular values of a batch of matrices near 1."""
    x: Tensor = update.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(_STEPS):
        square = x @ x.mT
        x = _A * x + (_B * square + _C * square @ square) @ x
    x = x.mT if tall else x
    return x.float()


def _shared(updates: Tensor) -> Tensor:
    """Orthogonalises a batch of matrices; with several processes each does its share."""
    if not distributed.is_initialized():
        return orthogonal(updates)
    rank, world = distributed.get_rank(), distributed.get_world_size()
    out = torch.zeros_like(updates, dtype=torch.bfloat16)
    out[rank::world] = orthogonal(updates[rank::world]).bfloat16()
    distributed.all_reduce(out)
    return out.float()


class Optimizer:
    """Both optimizers behind one step."""

    def __init__(self, model: nn.Module, decay: float, clip: float) -> None:
        """Sorts the parameters by shape."""
        self.decay, self.clip = decay, clip
        self.groups: dict[tuple[int, ...], list[nn.Parameter]] = {}
        others = []
        for name, weight in model.named_parameters():
            if weight.ndim == 2 and "embed" not in name:
                self.groups.setdefault(tuple(weight.shape), []).append(weight)
            else:
                others.append(weight)
        self.momentum = {shape: torch.zeros(len(group), *shape) for shape, group in self.groups.items()}
        self.adam = torch.optim.AdamW(others, lr=0.0, betas=(0.9, 0.95), weight_decay=0.0)
        self.all = list(model.parameters())

    @torch.no_grad()
    def step(self, matrix_rate: float, other_rate: float) -> float:
        """Averages gradients over processes, clips, updates and clears them; returns the norm they had."""
        self._average()
        norm = float(torch.nn.utils.clip_grad_norm_(self.all, self.clip))
        for shape, group in self.groups.items():
            gradient = torch.stack([weight.grad for weight in group if weight.grad is not None])
            momentum = self.momentum[shape].lerp_(gradient, 0.05)
            updates = _shared(gradient.lerp(momentum, 0.95)) * max(1.0, shape[0] / shape[1]) ** 0.5
            for weight, update in zip(group, updates, strict=True):
                weight.mul_(1 - matrix_rate * self.decay).add_(update, alpha=-matrix_rate)
        for part in self.adam.param_groups:
            part["lr"] = other_rate
        self.adam.step()
        self.adam.zero_grad()
        for weight in self.all:
            weight.grad = None
        return norm

    def _average(self) -> None:
        if not distributed.is_initialized():
            return
        gradients = [weight.grad for weight in self.all if weight.grad is not None]
        flat = torch.cat(
            [gradient.flatten() for gradient in gradients]
        ).bfloat16()  # half the time between processes
        distributed.all_reduce(flat)
        flat /= distributed.get_world_size()
        for gradient, part in zip(
            gradients, torch.split(flat, [one.numel() for one in gradients]), strict=True
        ):
            gradient.copy_(part.view_as(gradient))

    def state(self) -> dict[str, Any]:
        """Returns what a resumed run needs."""
        return {"momentum": self.momentum, "adam": self.adam.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Takes up a state."""
        self.momentum = state["momentum"]
        self.adam.load_state_dict(state["adam"])
