"""A batch larger than the device computes at once, or than its memory, is computed in parts, whose gradients add up
to those of the whole.

    loss     = sum over terms t:  mean over the batch's positions of t
    gradient = sum over parts p, terms t:  n(p, t) / n(batch, t) * gradient of the mean over the part's positions

The gradients are computed while the loss is, so that running out of memory is caught on the way forward and on the
way back alike, and handed to autograd as the loss's own: clipping, accumulation, GradScaler and DDP see one batch."""

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from qal.errors import TrainingError

log = logging.getLogger("qal")
CPU_ALLOCATOR = "DefaultCPUAllocator"  # torch's own error is a RuntimeError there


class Terms(Protocol):
    """What a training loss is made of."""

    def loss_terms(self, batch: Any) -> tuple[Tensor, ...]:
        """Means, each over its own positions; the loss is their sum."""
        ...

    def positions(self, batch: Any) -> tuple[int, ...]:
        """How many positions each term is the mean of."""
        ...


class Memory:
    """How much of a batch is computed at once: at most so much, halved whenever it was too much, for the whole run.

    Measured in rows x frames, so that batches of short contexts stay whole when those of 30 s do not."""

    def __init__(self, most_frames: int | None = None) -> None:
        self.most_frames = most_frames  # rows x frames; None: whatever fits
        self.halvings = 0

    def parts(self, batch: Any) -> int:
        rows, frames = len(batch[0]), batch[0].shape[-1]
        if self.most_frames is None or rows * frames <= self.most_frames:
            return 1
        return -(-rows // max(1, self.most_frames // frames))

    def halve(self, batch: Any) -> None:
        """Raises TrainingError when a single row was too much."""
        rows, frames = len(batch[0]), batch[0].shape[-1]
        at_once = -(-rows // self.parts(batch))
        if at_once == 1:
            raise TrainingError(
                f"out of memory on one utterance at {frames / 100:g} s of context; choose a smaller base model, a "
                "smaller lora.rank, or a device with more memory"
            )
        self.most_frames = frames * (-(-at_once // 2))
        self.halvings += 1
        log.warning(
            "out of memory on %d utterances at %g s; from now on at most %d at once, the update stays the same",
            *(at_once, frames / 100, -(-at_once // 2)),
        )

    def state_dict(self) -> dict[str, int | None]:
        return {"most_frames": self.most_frames, "halvings": self.halvings}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        limits = [n for n in (self.most_frames, state["most_frames"]) if n is not None]
        self.most_frames, self.halvings = min(limits, default=None), state["halvings"]


def is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and CPU_ALLOCATOR in str(error)
    )


def while_memory_lasts(memory: Memory, batch: Any, compute: Callable[[list[Any]], Any]) -> Any:
    """compute(parts of the batch), again with smaller parts as long as the memory does not suffice."""
    while True:
        try:
            return compute(list(split(batch, memory.parts(batch))))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        gc.collect()  # out here the traceback, and the tensors that it held, are gone
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        memory.halve(batch)


def split(batch: Any, parts: int) -> Iterator[Any]:
    """A NamedTuple of fields with a row each -> as many of its kind, the rows in order."""
    rows = len(batch[0])
    size = -(-rows // parts)
    for start in range(0, rows, size):
        yield type(batch)(*(field[start : start + size] for field in batch))


def loss_in_parts(model: Terms, memory: Memory, batch: Any, parameters: Sequence[Tensor], scale: float = 1.0) -> Tensor:
    """The batch's loss, whose backward() hands on gradients that are computed here, part by part.

    scale: of the loss while gradients are computed (float16 would lose small ones); it is taken out again."""
    whole = model.positions(batch)

    def compute(parts: list[Any]) -> tuple[Tensor, list[Tensor]]:
        loss: Tensor = torch.zeros((), device=batch[0].device)
        gradients: list[Tensor] = []
        for part in parts:
            of_part = _weighted(model.loss_terms(part), model.positions(part), whole)
            found = _gradients(of_part * scale, parameters)
            gradients = [a.add_(b) for a, b in zip(gradients, found, strict=True)] if gradients else found
            loss = loss + of_part.detach()
        return loss, gradients

    loss, gradients = while_memory_lasts(memory, batch, compute)
    gradients[0] = gradients[0] + 0 * loss  # a loss that is not finite reaches every rank as a gradient that is not
    return _WithGradients.apply(loss, scale, gradients, *parameters)


def _weighted(terms: Sequence[Tensor], counts: Sequence[int], whole: Sequence[int]) -> Tensor:
    """Terms without positions (a part in which nobody speaks) are the mean of nothing and count for nothing."""
    kept = [term.float() * (n / of) for term, n, of in zip(terms, counts, whole, strict=True) if n]
    return torch.stack(kept).sum() if len(kept) > 1 else kept[0]


def _gradients(loss: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    if not loss.requires_grad:  # every layer that learns was dropped
        return [torch.zeros_like(p) for p in parameters]
    with torch.autocast(loss.device.type, enabled=False):
        found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, parameters, strict=True)]


class _WithGradients(torch.autograd.Function):
    """A loss whose gradients are known already."""

    @staticmethod
    def forward(ctx: Any, loss: Tensor, scale: float, gradients: list[Tensor], *parameters: Tensor) -> Tensor:
        ctx.scale, ctx.gradients = scale, gradients
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Any, ...]:
        factor = outer[0] / ctx.scale
        gradients, ctx.gradients = ctx.gradients, None
        return (None, None, None, *(g * factor for g in gradients))
