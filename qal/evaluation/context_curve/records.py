"""The context curve of a model: error rate and speed at each context that was tried, and the smallest that will do."""

from typing import Literal

from pydantic import BaseModel, Field, FiniteFloat

from qal.audio.samples import WINDOW_S
from qal.corpus.split import Split
from qal.engine.model_directory import ContextAbility
from qal.evaluation.breakdown import RateFigure
from qal.evaluation.records import ScoredRow
from qal.evaluation.report import PairedDifference
from qal.text.error_measure import Measure

Verdict = Literal["reference", "not worse", "worse", "undecided"]
MIN_UTTERANCES = 100  # fewer are too few to say that a context is not worse: the bootstrap needs them


class ContextRow(ScoredRow, frozen=True):
    """One example at one context. `seconds` counts all decodings of the example, those of repetition loops included."""

    adaptive: bool
    margin_s: float | None = Field(default=None, description="null: 30 s")
    min_s: float | None = Field(default=None, description="null: 30 s")
    context_s: float = Field(ge=0, le=WINDOW_S, description="encoded for the whole example, in seconds")


class ContextFigures(BaseModel, frozen=True):
    """The figures of one context."""

    context: ContextAbility
    context_s: FiniteFloat  # encoded per example, mean
    utterances: int
    words: int
    rate: RateFigure  # the error rate that decides
    rtf: FiniteFloat  # seconds of computation per second of audio
    times_faster: FiniteFloat  # than 30 s on the same examples
    paired: PairedDifference  # this context minus 30 s on the same examples, as a share
    verdict: Verdict
    stopped_early: bool = Field(default=False, description="given up because it was far worse")

    @property
    def name(self) -> str:
        return context_name(self.context)


class ContextCurve(BaseModel, frozen=True):
    """A model's figures at 30 s and at each setting of a grid, on the same examples."""

    model: str
    corpus: str
    corpus_version: str
    split: Split
    language: str | None
    normaliser: str
    measure: Measure
    tolerance: FiniteFloat = Field(description="accepted loss of the error rate, as a share")
    utterances: int
    words: int
    seconds: FiniteFloat  # of audio
    shortest_s: FiniteFloat  # example
    longest_s: FiniteFloat
    left_out: dict[str, int]
    decoding: dict[str, str | int | float | bool | None]
    hardware: dict[str, str | int | float | None]
    seed: int  # of the order of the examples
    is_complete: bool = Field(description="false: stopped before all chosen examples were transcribed")
    figures: list[ContextFigures]  # 30 s first
    own: ContextAbility = Field(default=ContextAbility(), description="context in the model's qal.json")
    smallest: ContextAbility | None = Field(description="smallest context that is not worse; null: none is")
    needed_utterances: int | None = Field(
        default=None, description="about so many would decide the most promising context; null: they are enough"
    )

    @property
    def found(self) -> ContextFigures | None:
        """The figures of the smallest context that is not worse."""
        return self.figures_of(self.smallest)

    def figures_of(self, context: ContextAbility | None) -> ContextFigures | None:
        return next((row for row in self.figures if row.context == context), None)


def context_name(context: ContextAbility) -> str:
    """Returns what is encoded, such as "speech + 1 s, at least 2 s"."""
    if not context.adaptive:
        return f"{WINDOW_S} s"
    return f"speech + {context.margin_s:g} s, at least {context.min_s:g} s"
