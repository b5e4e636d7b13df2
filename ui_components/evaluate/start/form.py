"""The form of a new evaluation, and the command line that it stands for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from qal.corpus.split import Split
from qal.engine.engine import ContextChoice
from qal.engine.languages import check_language
from qal.errors import OptionError
from qal.subcommand import qal_command
from qal.text.normalisation.registry import NEWEST, find_normaliser
from ui_components.app.studio import Studio
from ui_components.widgets.choices import Choices, allowed_models

MAX_MODELS = 8
SPLITS: list[tuple[str, Split]] = [("Test", "test"), ("Validation", "validation"), ("Training", "train")]
CONTEXTS: list[tuple[str, ContextChoice]] = [
    ("Adaptive where the model can", "auto"),
    ("Always 30 s (standard Whisper)", "full"),
]
AS_STORED = ""  # of the language: that of each example


def normaliser_choices() -> Choices:
    """The newest version of each normaliser, labelled with what it does."""
    return [(f"{normaliser.id}: {normaliser.about}", normaliser.id) for normaliser in NEWEST.values()]


class EvaluationForm(BaseModel, frozen=True):
    """The values of the form."""

    models: tuple[str, ...] = ()
    corpus: str = ""
    split: Split = "test"
    normaliser: str
    max_examples: int | None = None
    language: str = AS_STORED
    context: ContextChoice = "auto"

    def checked(self, studio: Studio) -> "EvaluationForm":
        """Returns the form with the path of its dataset resolved. Raises OptionError for what cannot be evaluated."""
        if not self.models:
            raise OptionError("choose a model first")
        if len(self.models) > MAX_MODELS:
            raise OptionError(f"{len(self.models)} models are too many; choose at most {MAX_MODELS}")
        unknown = set(self.models) - allowed_models(studio.runs, studio.model)
        if unknown:
            raise OptionError(f"the model {min(unknown)} is not installed; choose another one")
        return self.with_dataset(studio)

    def with_dataset(self, studio: Studio) -> "EvaluationForm":
        """Returns the form with the path of its dataset resolved. Raises OptionError for wrong settings."""
        if not self.corpus:
            raise OptionError("choose a dataset first; the Data tab adds one")
        if self.language:
            check_language(self.language)
        find_normaliser(self.normaliser)
        return self.model_copy(update={"corpus": str(studio.require_allowed_path(self.corpus))})

    def command(self, runs: Path, evaluations: Path, user: str | None = None) -> list[str]:
        """Returns the command line; the user is the one to whom the evaluation belongs."""
        options = self._options(runs, evaluations, user)
        if len(self.models) == 1:
            return qal_command("evaluate", "score", self.models[0], self.corpus, *options)
        return qal_command("evaluate", "compare", *self.models, "--on", self.corpus, *options)

    def checkpoints_command(
        self, run: str, names: Sequence[str], runs: Path, evaluations: Path, user: str | None = None
    ) -> list[str]:
        """Returns the command line that evaluates checkpoints of a run."""
        options = self._options(runs, evaluations, user)
        return qal_command("evaluate", "checkpoints", run, self.corpus, *options, "--only", *names)

    def _options(self, runs: Path, evaluations: Path, user: str | None) -> list[str]:
        flags = {
            "split": self.split,
            "normaliser": self.normaliser,
            "context": self.context,
            "language": self.language,
            "max": str(self.max_examples or ""),
            "runs": str(runs.resolve()),
            "out": str(evaluations.resolve()),
            "user": user or "",
        }
        return [*(f"--{name}={value}" for name, value in flags.items() if value), "--json"]


def form_of(
    models: list[str] | None,
    corpus: str | None,
    split: Any,
    normaliser: str,
    max_examples: float | None,
    language: str | None,
    context: Any,
) -> EvaluationForm:
    """Returns the form of its components' values. Raises OptionError for a negative number of examples."""
    if max_examples is not None and max_examples < 0:
        raise OptionError("the number of examples is at least 1; write 0 for all")
    return EvaluationForm(
        models=tuple(dict.fromkeys(models or ())),
        corpus=corpus or "",
        split=split,
        normaliser=normaliser,
        max_examples=int(max_examples) if max_examples else None,
        language=language or AS_STORED,
        context=context,
    )
