"""Options that the commands of `qal evaluate` have in common, and the transcription with its progress bar."""

import sys
from pathlib import Path

from pydantic import BaseModel
from tqdm import tqdm

from qal.cli.parsing import JSON_HELP, flag
from qal.corpus.split import Split
from qal.engine.engine import ContextChoice
from qal.engine.settings.device import Device
from qal.evaluation.stored import EVALUATIONS, Request, StoredEvaluation, obtain
from qal.evaluation.systems.any_model import System, SystemOptions
from qal.text.normalisation.registry import NEWEST, SCORING, Normaliser, find_normaliser

MODEL_HELP = (
    "a catalogue name such as base, a run's id, a model directory, a server such as https://HOST/v1#MODEL, or a file "
    "of transcripts (CSV, TSV, JSONL, CTM, STM, SRT, VTT)"
)
CORPUS_HELP = "a dataset folder, or its manifest.jsonl"
NORMALISER_HELP = f"removes what is no error: {', '.join(NEWEST)}, or one with its version"


class DecodingFlags(BaseModel, frozen=True):
    """The examples, how models of this machine decode, and how the transcripts are scored."""

    split: Split = flag("test", "the examples to score")
    max: int | None = flag(None, "score at most N examples, spread evenly over the split", "N", ge=1)
    language: str | None = flag(None, "language to decode in; unset: the language of each example", "XX")
    context: ContextChoice = flag("auto", "auto: what qal.json allows; full: 30 s")
    beam_size: int = flag(1, "hypotheses kept while decoding; 1 is greedy", "N", ge=1, le=16)
    device: Device = flag("auto", "auto: a GPU where there is one")
    compute_type: str = flag("auto", "int8, float16, float32 …; auto: float16 on a GPU, int8 on a CPU", "TYPE")
    threads: int = flag(0, "CPU threads; 0: all cores", "N", ge=0)
    normaliser: str = flag(SCORING.id, NORMALISER_HELP, "NAME")
    runs: Path = flag(Path("runs"), "folder of the runs", "DIR")
    out: Path = flag(EVALUATIONS, "folder in which evaluations are stored", "DIR")
    user: str = flag("", "the user of the page to whom a new evaluation belongs", "NAME")
    again: bool = flag(False, "transcribe again what is stored")
    json_: bool = flag(False, JSON_HELP)

    @property
    def scoring(self) -> Normaliser:
        """The normaliser. Raises OptionError if there is none of this name."""
        return find_normaliser(self.normaliser)

    def request(self, model: str, corpus: Path, context: ContextChoice | None = None) -> Request:
        """Returns the request for a model on a dataset, with another context than --context if one is given."""
        decoding = SystemOptions(
            context=context or self.context,
            device=self.device,
            compute_type=self.compute_type,
            beam_size=self.beam_size,
            threads=self.threads,
        )
        return Request(model, corpus, self.split, self.language, self.max, decoding, self.scoring.id, self.user)


def transcribed(request: Request, options: DecodingFlags) -> StoredEvaluation:
    """Returns an evaluation as `transcribed_request` does."""
    return transcribed_request(request, options.out, options.again, options.runs)


def transcribed_request(
    request: Request, out: Path, again: bool, runs: Path = Path("runs"), system: System | None = None
) -> StoredEvaluation:
    """Returns an evaluation, transcribed with a progress bar or stored before; what should be known goes to stderr.

    An interruption prints how to continue."""
    with Bar(request) as bar:
        found = obtain(request, out, runs, again=again, progress=bar.update, system=system)
    if found.was_stored:
        say(f"{request.model}: the transcripts of {found.date} in {found.folder} are used; --again makes new ones.")
    if found.note:
        say(f"{request.model}: {found.note}.")
    return found


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


class Bar:
    """A progress bar that appears with the first example."""

    def __init__(self, request: Request):
        self._name = f"{request.model} on {request.corpus.name}"
        self._bar: tqdm | None = None

    def update(self, done: int, total: int) -> None:
        """Shows how many examples are done."""
        if self._bar is None:  # examples that were done before are not part of its speed
            self._bar = tqdm(desc=self._name, total=total, initial=done, unit="utterance", file=sys.stderr)
        self._bar.update(done - self._bar.n)

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bar is None:
            return
        self._bar.close()
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            say(f"Stopped: {self._bar.n:,} of {self._bar.total:,} examples are kept. The same command continues.")
