"""Micro-batches: a batch that is too large for memory is computed in pieces whose gradients add up to the batch's.

    loss     = sum over terms t:                     mean over the batch's positions of t
    gradient = sum over micro-batches m and terms t: n(m, t) / n(batch, t) * gradient of the mean over m's positions

The gradients are computed together with the loss, so that running out of memory is caught in the forward and in the
backward pass. Autograd then receives them as the gradients of the loss, so clipping, accumulation, GradScaler and
DDP work as for one batch."""

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from qal.audio.samples import FRAMES_PER_SECOND
from qal.errors import TrainingError

log = logging.getLogger("qal")
CPU_ALLOCATOR = "DefaultCPUAllocator"  # on a CPU torch reports a lack of memory as a RuntimeError with this name


class LossModel(Protocol):
    """A model whose loss is a sum of means."""

    def loss_terms(self, batch: Any) -> tuple[Tensor, ...]:
        """Returns the means, each over its own positions; the loss is their sum."""
        ...

    def positions(self, batch: Any) -> tuple[int, ...]:
        """Returns the number of positions that each term averages."""
        ...


class MicroBatchLimit:
    """Upper limit of a micro-batch, in examples x frames; it is halved whenever memory runs out.

    Counted in frames, so that batches with short contexts are not split when those of 30 s are.

    Args:
        max_frames: the first limit; None for no limit."""

    def __init__(self, max_frames: int | None = None) -> None:
        self.max_frames = max_frames
        self.halvings = 0

    def count(self, batch: Any) -> int:
        """Number of micro-batches that the batch is split into."""
        examples, frames = len(batch[0]), batch[0].shape[-1]
        if self.max_frames is None or examples * frames <= self.max_frames:
            return 1
        return -(-examples // max(1, self.max_frames // frames))

    def halve(self, batch: Any) -> None:
        """Halves the limit for the batch. Raises TrainingError if its micro-batches are single examples already."""
        examples, frames = len(batch[0]), batch[0].shape[-1]
        size, context_s = -(-examples // self.count(batch)), frames / FRAMES_PER_SECOND
        if size == 1:
            raise TrainingError(
                f"out of memory on one utterance at {context_s:g} s of context; choose a smaller base model, a "
                "smaller lora.rank, or a device with more memory"
            )
        half = -(-size // 2)
        self.max_frames = frames * half
        self.halvings += 1
        log.warning(
            "out of memory on %d utterances at %g s; from now on at most %d at once, the update stays the same",
            *(size, context_s, half),
        )

    def state_dict(self) -> dict[str, int | None]:
        return {"most_frames": self.max_frames, "halvings": self.halvings}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        limits = [limit for limit in (self.max_frames, state["most_frames"]) if limit is not None]
        self.max_frames, self.halvings = min(limits, default=None), state["halvings"]


def is_out_of_memory(error: BaseException) -> bool:
    """True if the error reports a lack of memory, of a GPU or of the system."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and CPU_ALLOCATOR in str(error)
    )


def with_enough_memory(limit: MicroBatchLimit, batch: Any, compute: Callable[[list[Any]], Any]) -> Any:
    """Calls `compute` with the micro-batches of the batch; retries with a halved limit while memory runs out."""
    while True:
        try:
            return compute(list(split_batch(batch, limit.count(batch))))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        gc.collect()  # outside of the except block the traceback and its tensors are freed
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        limit.halve(batch)


def split_batch(batch: Any, count: int) -> Iterator[Any]:
    """Splits a NamedTuple whose fields have one row for each example into `count` of its kind, in order."""
    examples = len(batch[0])
    size = -(-examples // count)
    for start in range(0, examples, size):
        yield type(batch)(*(field[start : start + size] for field in batch))


def micro_batched_loss(
    model: LossModel, limit: MicroBatchLimit, batch: Any, parameters: Sequence[Tensor], scale: float = 1.0
) -> Tensor:
    """Computes the batch's loss and its gradients, one micro-batch after the other.

    Args:
        model: the model.
        limit: limit of a micro-batch.
        batch: a NamedTuple of tensors (batch, ...), mel features first.
        parameters: the trainable weights.
        scale: factor of the loss while gradients are computed (float16 would lose small ones); the result is unscaled.

    Returns:
        the loss, whose backward() returns the gradients that were computed here."""
    batch_positions = model.positions(batch)

    def compute(micro_batches: list[Any]) -> tuple[Tensor, list[Tensor]]:
        total: Tensor = torch.zeros((), device=batch[0].device)
        sums: list[Tensor] = []
        for micro_batch in micro_batches:
            loss = _weighted_sum(model.loss_terms(micro_batch), model.positions(micro_batch), batch_positions)
            gradients = _gradients(loss * scale, parameters)
            sums = [a.add_(b) for a, b in zip(sums, gradients, strict=True)] if sums else gradients
            total = total + loss.detach()
        return total, sums

    loss, gradients = with_enough_memory(limit, batch, compute)
    gradients[0] = gradients[0] + 0 * loss  # so that a loss that is not finite reaches every rank as a gradient
    return _LossWithGradients.apply(loss, scale, gradients, *parameters)


def _weighted_sum(terms: Sequence[Tensor], counts: Sequence[int], batch_counts: Sequence[int]) -> Tensor:
    """Sums the terms, weighted by their share of the batch's positions. Terms without positions are skipped."""
    weighted = [term.float() * (n / total) for term, n, total in zip(terms, counts, batch_counts, strict=True) if n]
    return torch.stack(weighted).sum() if len(weighted) > 1 else weighted[0]


def _gradients(loss: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    if not loss.requires_grad:  # every trainable layer was dropped
        return [torch.zeros_like(p) for p in parameters]
    with torch.autocast(loss.device.type, enabled=False):
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(gradients, parameters, strict=True)]


class _LossWithGradients(torch.autograd.Function):
    """A loss whose gradients are computed before backward()."""

    @staticmethod
    def forward(ctx: Any, loss: Tensor, scale: float, gradients: list[Tensor], *parameters: Tensor) -> Tensor:
        ctx.scale, ctx.gradients = scale, gradients
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Any, ...]:
        factor = outer[0] / ctx.scale
        gradients, ctx.gradients = ctx.gradients, None
        return (None, None, None, *(g * factor for g in gradients))
