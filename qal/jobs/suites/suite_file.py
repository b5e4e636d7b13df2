"""Regression suites as YAML: datasets, models, a baseline and bounds.

baseline: base-adaptive
corpora:
  - corpus: data/mine
  - corpus: data/telephone
    max: 200
    max_rate: 0.25"""

from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, field_validator, model_validator

from qal.corpus.split import Split
from qal.engine.engine import ContextChoice
from qal.engine.settings.device import Device
from qal.errors import OptionError
from qal.evaluation.stored import Request
from qal.evaluation.systems.any_model import SystemOptions
from qal.jobs.options.learning import Options
from qal.jobs.options.validation_errors import validation_messages
from qal.jobs.options.yaml_file import read_settings
from qal.text.normalisation.registry import SCORING, find_normaliser


class SuiteDecoding(Options, frozen=True):
    """How all models of the suite decode."""

    context: ContextChoice = Field(default="auto", description="auto: what qal.json allows; full: 30 s")
    device: Device = Field(default="auto", description="auto: a GPU where there is one")
    compute_type: str = Field(default="auto", description="auto: float16 on a GPU, int8 on a CPU")
    beam_size: int = Field(default=1, ge=1, le=16, description="hypotheses kept while decoding")


class SuiteCorpus(Options, frozen=True):
    """A dataset of a suite with its bounds."""

    corpus: Path = Field(description="dataset folder, relative to the working folder")
    split: Split = Field(default="test", description="the examples to score")
    language: str | None = Field(default=None, description="language to decode in; null: that of each example")
    max: int | None = Field(default=None, ge=1, description="at most this many examples, spread evenly; null: all")
    baseline: str | None = Field(default=None, description="replaces the baseline of the suite")
    max_loss: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="a model fails if the whole 95 % interval of its paired difference to the baseline is above this",
    )
    max_rate: float | None = Field(
        default=None, gt=0, le=1, description="a model fails if its error rate is above this share; 0.25 is 25 %"
    )
    max_rtf: float | None = Field(
        default=None, gt=0, le=1000, description="a model fails if its real-time factor is above this"
    )


class Suite(Options, frozen=True):
    """A regression suite."""

    models: list[str] = Field(default=[], description="models to check, where the command line names none")
    baseline: str | None = Field(default=None, description="the model that no model may be worse than")
    normaliser: str = Field(default=SCORING.id, description="the scoring normaliser")
    decoding: SuiteDecoding = SuiteDecoding()
    corpora: list[SuiteCorpus] = Field(min_length=1, description="datasets")

    @field_validator("normaliser")
    @classmethod
    def _check_normaliser(cls, name: str) -> str:
        try:
            return find_normaliser(name).id
        except OptionError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        for corpus in self.corpora:
            if not (self.baseline or corpus.baseline or corpus.max_rate or corpus.max_rtf):
                raise ValueError(f"{corpus.corpus} has no baseline, max_rate or max_rtf; give one of them")
        return self

    def baseline_of(self, corpus: SuiteCorpus) -> str | None:
        return corpus.baseline or self.baseline

    def request(self, model: str, corpus: SuiteCorpus) -> Request:
        """Returns the request for a model on one of the datasets."""
        options = SystemOptions(**self.decoding.model_dump())
        return Request(model, corpus.corpus, corpus.split, corpus.language, corpus.max, options, self.normaliser)


def read_suite(path: Path) -> Suite:
    """Reads a suite. Raises OptionError with a sentence for each mistake."""
    values = read_settings(path)
    try:
        return Suite.model_validate(values)
    except ValidationError as error:
        raise OptionError(f"{path}: {'; '.join(validation_messages(error))}") from error
