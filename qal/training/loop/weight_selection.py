"""Selection of the final weights: the last epoch's, those with the lowest error rate, or a mean of epochs."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytorch_lightning as pl
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from qal.jobs.kept_checkpoints import BEST_WEIGHTS_FILE, EPOCH_WEIGHTS_FILE, epoch_files
from qal.jobs.options.learning import ResultOptions
from qal.text.error_measure import Measure
from qal.training.model.lightning_module import DECIDING_RATE, SpeechModule

log = logging.getLogger("qal")


class WeightSelection(pl.Callback):
    """Saves trainable weights after each epoch where `result.keep` needs them.

    "best" uses best.safetensors, "average" uses epoch-N.safetensors, "last" needs no file.

    Args:
        folder: the run's folder of checkpoints.
        options: which weights become the model.
        keep_epochs: keep the file of each epoch."""

    def __init__(self, folder: Path, options: ResultOptions, keep_epochs: bool = False):
        self.folder, self.options, self.keep_epochs = folder, options, keep_epochs

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.state.fn != "fit" or not trainer.is_global_zero or not self.needs_files:
            return
        if DECIDING_RATE not in trainer.callback_metrics:
            return  # no audio of the validation examples can be used
        epoch, rate = trainer.current_epoch + 1, float(trainer.callback_metrics[DECIDING_RATE])
        assert isinstance(pl_module, SpeechModule)
        try:
            self._save(pl_module, epoch, rate, pl_module.measure)
        except (OSError, SafetensorError) as error:
            log.warning("the weights of epoch %d could not be saved (%s); free some disk space", epoch, error)

    @property
    def needs_files(self) -> bool:
        return self.keep_epochs or self.options.keep != "last"

    def _save(self, module: nn.Module, epoch: int, rate: float, measure: Measure) -> None:
        if self.keep_epochs or self.options.keep == "average":
            write_weights(module, self.folder / EPOCH_WEIGHTS_FILE.format(epoch), rate, measure)
            self._delete_old_epochs()
        if self.options.keep == "best" and rate < best_rate(self.folder, measure):
            write_weights(module, self.folder / BEST_WEIGHTS_FILE, rate, measure)

    def load_selected(self, module: nn.Module) -> None:
        """Copies the selected weights into the module. Missing or damaged files are logged and ignored."""
        if self.options.keep == "best":
            copy_weights(next(self._load([self.folder / BEST_WEIGHTS_FILE]), {}), module)
        elif self.options.keep == "average":
            self._delete_old_epochs()
            files = self._epoch_files()
            averaged = [path for epoch, path in files.items() if self._is_averaged(epoch, max(files))]
            copy_weights(mean_weights(self._load(averaged)), module)

    def _load(self, paths: Iterable[Path]) -> Iterator[dict[str, Tensor]]:
        for path in paths:
            try:
                yield load_file(path)
            except (OSError, SafetensorError) as error:
                log.warning("%s is missing or damaged (%s) and is not used for the final weights", path.name, error)

    def delete_epoch_files(self) -> None:
        """Deletes the files of single epochs, which are not needed after the run, unless they are to be kept."""
        if self.keep_epochs:
            return
        for path in self._epoch_files().values():
            path.unlink()

    def _delete_old_epochs(self) -> None:
        """Deletes files of epochs before the averaged ones, also where a file of an epoch in between is missing."""
        files = self._epoch_files()
        for epoch, path in files.items():
            if not self.keep_epochs and not self._is_averaged(epoch, max(files)):
                path.unlink()

    def _is_averaged(self, epoch: int, last: int) -> bool:
        return epoch > last - self.options.averaged_epochs

    def _epoch_files(self) -> dict[int, Path]:
        """Returns the file of each epoch, in ascending order."""
        return dict(epoch_files(self.folder))


def write_weights(module: nn.Module, path: Path, rate: float, measure: Measure = "WER") -> None:
    """Writes the trainable weights in float32 with the error rate that decides, atomically."""
    weights = {n: p.detach().contiguous() for n, p in module.named_parameters() if p.requires_grad}
    partial = path.with_suffix(".new")
    try:
        save_file(weights, partial, {measure.lower(): str(rate)})
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def best_rate(folder: Path, measure: Measure = "WER") -> float:
    """Error rate of best.safetensors; infinite where the file is missing, damaged or chosen by the other measure."""
    path = folder / BEST_WEIGHTS_FILE
    if not path.exists():
        return float("inf")
    try:
        with safe_open(path, "pt") as file:
            return float(file.metadata().get(measure.lower(), "inf"))
    except (OSError, SafetensorError) as error:
        log.warning("%s is damaged (%s) and is replaced", path.name, error)
        return float("inf")


def copy_weights(weights: dict[str, Tensor], module: nn.Module) -> None:
    """Copies weights into the module by name; its other weights stay as they are."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name in weights:
                parameter.copy_(weights[name])


def mean_weights(epochs: Iterable[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Returns the mean of each weight over the epochs; one epoch's weights are in memory at a time."""
    mean: dict[str, Tensor] = {}
    for count, weights in enumerate(epochs, 1):
        for name, weight in weights.items():
            mean[name] = mean[name] + (weight - mean[name]) / count if count > 1 else weight
    return mean
