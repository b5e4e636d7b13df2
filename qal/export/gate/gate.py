"""The gate before serving: is a model directory what it should be, compared with the model that it was made from?

First the files are checked, because an engine with wrong files may end the process. Then every format transcribes the
same examples with the same decoding; then word times and behaviour are checked with the engine that would serve."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qal.audio.samples import seconds
from qal.corpus.split import evenly_spaced
from qal.engine.engine import Engine
from qal.engine.model_bin import model_bin_errors, read_contents
from qal.engine.settings.device import Device, choose_device
from qal.engine.weights.pypi_weights import WEIGHTS_FILE, sha256_of
from qal.evaluation.gate_report import GateReport
from qal.evaluation.scoring import SpokenReference, transcribe_each
from qal.export.gate.behaviour import Candidate, check_behaviour
from qal.export.gate.files import check_files
from qal.export.gate.formats import FormatTexts, compare_formats
from qal.export.gate.word_times import check_word_times, join_pieces
from qal.jobs.stages import GATE_EXAMPLES
from qal.text.error_measure import deciding_measure
from qal.text.normalisation.registry import SCORING

INT8 = 1  # type number of model.bin
ProgressCallback = Callable[[str, int, int], object]  # (stage, done, in total)
Transcribe = Callable[[Sequence[SpokenReference], Callable[[int, int], object]], list[str]]


def no_progress(stage: str, done: int, total: int) -> None:
    """Ignores progress."""


@dataclass(frozen=True)
class GateInput:
    """The model to check, what it is compared with, and the examples."""

    name: str
    directory: Path
    references: Sequence[SpokenReference]  # held-out examples
    pieces: Sequence[SpokenReference] = ()  # short examples of any split, for word times
    base: Path | None = None  # model directory that it was trained from; None: not here
    reference: Path | None = None  # the same weights with more precision
    transformers: Mapping[str, Transcribe] = field(default_factory=dict)  # formats of Transformers, by name
    texts: Sequence[FormatTexts] = ()  # of every format, if they were transcribed before
    later: Mapping[str, Transcribe] = field(default_factory=dict)  # formats made from it, such as ONNX
    base_name: str = ""
    corpus: str = ""
    device: Device = "auto"


def run_gate(given: GateInput, progress: ProgressCallback = no_progress) -> GateReport:
    """Makes all checks and returns what was found; it is not written.

    Raises ModelError if a model cannot be loaded."""
    files = check_files(given.directory, given.base)
    report = GateReport(
        model=given.name,
        base=given.base_name,
        corpus=given.corpus,
        utterances=len(given.references),
        normaliser=SCORING.id,
        hardware=choose_device(given.device),
        weights_sha256=sha256_of(given.directory / WEIGHTS_FILE),
        time=time.time(),
        checks=tuple(files),
    )
    if any(check.state == "failed" for check in files):
        return report  # an engine with these files could end the process
    texts = given.texts or _transcribe_formats(given, progress)
    served = Engine(given.directory, given.device)
    formats = compare_formats(given.references, texts, served.tokenizer.encode)
    recordings = join_pieces(given.pieces)
    progress("word times", 0, 1)
    later = [check_word_times(served, given.base, recordings)]
    progress("word times", 1, 1)
    later += check_behaviour(_candidate(given, served), lambda done, of: progress("behaviour", done, of))
    measure = deciding_measure([r.language for r in given.references], [r.text for r in given.references])
    return report.model_copy(update={"formats": tuple(formats), "measure": measure, "checks": (*files, *later)})


def _candidate(given: GateInput, served: Engine) -> Candidate:
    full = Engine(given.directory, given.device, context="full") if served.ability.adaptive else served
    base = Engine(given.base, given.device) if given.base else None
    return Candidate(served, full, base, evenly_spaced(given.references, GATE_EXAMPLES))


def _transcribe_formats(given: GateInput, progress: ProgressCallback) -> list[FormatTexts]:
    """Transcribes the examples with the base, Transformers, and CTranslate2 from the most to the least precise."""
    on_gpu = choose_device(given.device) == "cuda"
    precise, served = ("float16", "int8_float16") if on_gpu else ("float32", "int8")
    stored: list[tuple[str, Path, str, bool]] = [("base model", given.base, served, True)] if given.base else []
    if given.reference:
        stored.append((f"reference {precise}", given.reference, precise, False))
    if not is_int8(given.directory):
        stored.append((f"ctranslate2 {precise}", given.directory, precise, False))
    stored.append((f"ctranslate2 {served}", given.directory, served, False))
    found = [_with_engine(given, *which, progress) for which in stored]
    before = [FormatTexts(name, *_timed(given, name, f, progress)) for name, f in given.transformers.items()]
    after = [FormatTexts(name, *_timed(given, name, f, progress)) for name, f in given.later.items()]
    at = 1 if given.base else 0
    return [*found[:at], *before, *found[at:], *after]


def _with_engine(
    given: GateInput, name: str, directory: Path, compute_type: str, is_base: bool, progress: ProgressCallback
) -> FormatTexts:
    engine = Engine(directory, given.device, compute_type)
    transcribe_each(engine, given.references[:1])  # warm-up
    texts, rtf = _timed(given, name, lambda some, step: transcribe_each(engine, some, step), progress)
    return FormatTexts(name, texts, rtf, (directory / WEIGHTS_FILE).stat().st_size, is_base)


def _timed(given: GateInput, name: str, transcribe: Transcribe, progress: ProgressCallback) -> tuple[list[str], float]:
    """Returns the transcripts and the real-time factor."""
    began = time.perf_counter()
    texts = transcribe(given.references, lambda done, of: progress(name, done, of))
    taken = time.perf_counter() - began
    return texts, taken / max(1e-9, sum(seconds(r.samples) for r in given.references))


def is_int8(directory: Path) -> bool:
    """True if the weights are stored as int8, so that a more precise computation shows nothing new."""
    path = directory / WEIGHTS_FILE
    with model_bin_errors(path), path.open("rb") as file:
        variables = read_contents(file).variables
    return any(v.type == INT8 and len(v.shape) > 1 for v in variables.values())
