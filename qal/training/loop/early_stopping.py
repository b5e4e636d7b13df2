"""Early stopping on the word error rate of generated text, which a resumed run remembers."""

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping

from qal.jobs.options.learning import StoppingOptions


class RememberedStop(EarlyStopping):
    """A run that was interrupted after it had decided to stop, and is resumed, trains no further."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


def early_stopping(options: StoppingOptions) -> list[pl.Callback]:
    """Lightning's own, on the word error rate of generated text; its count is in the checkpoint."""
    if options.patience_epochs is None:
        return []
    return [
        RememberedStop(
            "wer",
            options.min_delta,
            options.patience_epochs,
            mode="min",
            strict=False,
            check_finite=False,
            check_on_train_epoch_end=False,
        )
    ]
