"""Which weights a run ends with: the last epoch's, those of its lowest word error rate, or a mean of its last ones."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytorch_lightning as pl
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from qal.jobs.options.learning import ResultOptions

BEST = "best.safetensors"
EPOCH = "epoch-{}.safetensors"
log = logging.getLogger("qal")


class WeightKeeper(pl.Callback):
    """After each epoch, what was trained goes into best.safetensors or epoch-N.safetensors, where `keep` needs it."""

    def __init__(self, folder: Path, options: ResultOptions):
        self.folder, self.options = folder, options

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.state.fn != "fit" or not trainer.is_global_zero or self.options.keep == "last":
            return
        if "wer" not in trainer.callback_metrics:
            return  # none of the validation's rows could be heard
        epoch, wer = trainer.current_epoch + 1, float(trainer.callback_metrics["wer"])
        try:
            self._keep(pl_module, epoch, wer)
        except (OSError, SafetensorError) as error:
            log.warning("the weights of epoch %d could not be kept (%s); free some space", epoch, error)

    def _keep(self, module: nn.Module, epoch: int, wer: float) -> None:
        if self.options.keep == "average":
            write_weights(module, self.folder / EPOCH.format(epoch), wer)
            self._drop_old()
        elif wer < best_wer(self.folder):
            write_weights(module, self.folder / BEST, wer)

    def settle(self, module: nn.Module) -> None:
        """Puts the kept weights into the trained module; the files of single epochs are then no longer needed.

        What is missing or damaged is told, and done without."""
        if self.options.keep == "best":
            put_weights(module, next(self._loaded([self.folder / BEST]), {}))
        elif self.options.keep == "average":
            self._drop_old()
            put_weights(module, mean_weights(self._loaded(self._epochs().values())))

    def _loaded(self, paths: Iterable[Path]) -> Iterator[dict[str, Tensor]]:
        for path in paths:
            try:
                yield load_file(path)
            except (OSError, SafetensorError) as error:
                log.warning("%s is missing or damaged (%s); the result is made without it", path.name, error)

    def tidy(self) -> None:
        for path in self._epochs().values():
            path.unlink()

    def _drop_old(self) -> None:
        """Also those that an epoch whose own file could not be written has left behind."""
        epochs = self._epochs()
        for epoch, path in epochs.items():
            if epoch <= max(epochs) - self.options.averaged_epochs:
                path.unlink()

    def _epochs(self) -> dict[int, Path]:
        """Epoch -> its file, the first first."""
        found = {int(path.stem.rpartition("-")[2]): path for path in self.folder.glob(EPOCH.format("[0-9]*"))}
        return dict(sorted(found.items()))


def write_weights(module: nn.Module, path: Path, wer: float) -> None:
    """What is trained, in float32, with its word error rate; written beside and renamed."""
    weights = {n: p.detach().contiguous() for n, p in module.named_parameters() if p.requires_grad}
    beside = path.with_suffix(".new")
    try:
        save_file(weights, beside, {"wer": str(wer)})
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def best_wer(folder: Path) -> float:
    """Of best.safetensors; infinite while there is none."""
    if not (folder / BEST).exists():
        return float("inf")
    with safe_open(folder / BEST, "pt") as file:
        return float(file.metadata()["wer"])


def put_weights(module: nn.Module, weights: dict[str, Tensor]) -> None:
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name in weights:
                parameter.copy_(weights[name])


def mean_weights(epochs: Iterable[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Weight by weight; one epoch's are in memory at a time."""
    mean: dict[str, Tensor] = {}
    for count, weights in enumerate(epochs, 1):
        for name, weight in weights.items():
            mean[name] = mean[name] + (weight - mean[name]) / count if count > 1 else weight
    return mean
