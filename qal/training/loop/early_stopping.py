"""Early stopping by the error rate of generated text that decides: WER, or CER in languages without spaces."""

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping

from qal.jobs.options.learning import StoppingOptions
from qal.training.model.lightning_module import DECIDING_RATE


class ResumableEarlyStopping(EarlyStopping):
    """Early stopping that stays stopped: a run interrupted after the decision trains no further when resumed."""

    @property
    def state_key(self) -> str:
        """The key in existing checkpoints, which were stopped by the WER alone."""
        key = super().state_key.replace(type(self).__qualname__, "RememberedStop")
        return key.replace(repr(DECIDING_RATE), repr("wer"))

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


def early_stopping(options: StoppingOptions) -> list[pl.Callback]:
    """Returns the callback, whose count of epochs is part of checkpoints; an empty list where it is switched off."""
    if options.patience_epochs is None:
        return []
    return [
        ResumableEarlyStopping(
            DECIDING_RATE,
            options.min_delta,
            options.patience_epochs,
            mode="min",
            strict=False,
            check_finite=False,
            check_on_train_epoch_end=False,
        )
    ]
