"""The processes that train together: one by default, any number under torchrun.

Each computes its share of every step; FSDP2 keeps a piece of each weight in each process and brings them
together layer by layer. On CPUs they talk through gloo, on GPUs through NCCL.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from shoal.errors import ShoalError

__all__ = ["Elsewhere", "World", "joined", "layers", "whole"]

T = TypeVar("T")

_FAREWELL = timedelta(seconds=10)
_PATIENCE = timedelta(hours=12)
"""How long processes wait for one that prepares data or measures; torchrun ends those whose peer died."""


class Elsewhere(SystemExit):
    """Another process failed and tells of it."""


@dataclass(frozen=True, slots=True)
class World:
    """This process among those that train together."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this process reads, writes and reports for all."""
        return self.rank == 0

    def from_first(self, make: Callable[[], T]) -> T:
        """What the first process makes, for all of them.

        Raises:
            Elsewhere: the first process failed.
        """
        if self.size == 1:
            return make()
        box: list[Any] = [None]
        try:
            if self.is_first:
                box = [(make(),)]
        finally:
            dist.broadcast_object_list(box, src=0)
        if box[0] is None:
            raise Elsewhere(2)
        found: T = box[0][0]
        return found

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, for each of them."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier()

    def part(self) -> None:
        """Wait for the others before this process ends for a reason, so that the first can tell it.

        torchrun ends all as soon as one has ended.
        """
        if self.size > 1:
            with suppress(RuntimeError):
                dist.monitored_barrier(dist.new_group(backend="gloo"), timeout=_FAREWELL)

    def most(self, value: float) -> float:
        """The largest value of all processes."""
        if self.size == 1:
            return value
        box = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.all_reduce(box, op=dist.ReduceOp.MAX)
        return float(box)

    def shard(
        self, module: nn.Module, parts: Iterable[nn.Module], heads: Iterable[nn.Module], *, is_bf16: bool
    ) -> None:
        """Bring a module to this process's device, and give each process a piece of its weights.

        The `parts`, its layers, are a group each and all else another: embeddings that are also the head must
        be in one group, or they would be two. Heads stay in 32 bits.
        """
        if self.size == 1:
            module.to(self.device)
            return
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

        mesh = init_device_mesh(self.device.type, (self.size,))
        policy = MixedPrecisionPolicy(
            param_dtype=torch.bfloat16 if is_bf16 else None, reduce_dtype=torch.float32
        )
        for head in heads:
            if any(True for _ in head.parameters()):
                fully_shard(head, mesh=mesh)
        for part in parts:
            fully_shard(part, mesh=mesh, mp_policy=policy)
        # Also what belongs to no layer is in pieces again after each pass, so that weights can be read.
        fully_shard(module, mesh=mesh, mp_policy=policy, reshard_after_forward=True)


def layers(model: nn.Module) -> list[nn.Module]:
    """The layers of a transformer: the longest list of modules of one class."""
    lists = [
        list(module)
        for module in model.modules()
        if isinstance(module, nn.ModuleList) and len({type(each) for each in module}) == 1
    ]
    return max(lists, key=len, default=[])


def whole(tensor: Tensor) -> Tensor:
    """All of a weight that processes hold pieces of; to be asked by all of them."""
    found = tensor.detach()
    return found.full_tensor() if isinstance(found, DTensor) else found


@contextmanager
def joined() -> Iterator[World]:
    """Join the processes that torchrun started; alone where it did not."""
    rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(device)
    if size == 1:
        yield World(rank, size, device)
        return
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield World(rank, size, device)
    finally:
        dist.destroy_process_group()


def check_devices(processes: int) -> None:
    """Refuse more processes on this machine than it has GPUs.

    Raises:
        ShoalError: there are too few.
    """
    found = torch.cuda.device_count()
    if found and processes > found:
        raise ShoalError(f"{processes} processes need a GPU each, and this machine has {found}")
