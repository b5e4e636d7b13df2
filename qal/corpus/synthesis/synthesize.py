"""Makes a corpus of synthetic speech from a text: a sentence a line, spoken by several voices at several rates.

Its rows say so, and are for training only."""

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, Field

from qal.audio.decode import decode
from qal.audio.samples import WINDOW_S, Samples, seconds
from qal.cores import usable_cores
from qal.corpus.importers.staging import (
    AUDIO_FOLDER,
    OnSkip,
    add_utterance,
    check_language_code,
    ignore_skipped,
    staged,
)
from qal.corpus.importers.timed.cues import read_text_file
from qal.corpus.machine_made import SYNTHETIC, for_training_only, train_only_origin
from qal.corpus.manifest import Corpus, Origin, Row, read_corpus, write_corpus
from qal.corpus.synthesis.engines import NOT_INSTALLED, Delivery, SpeechSynthesis
from qal.corpus.words import has_words
from qal.errors import AudioDecodeError, CorpusError
from qal.text.normalisation.split_key import split_key

SENTENCES_AT_ONCE = 64  # whose sound is held in memory
MAX_CHARACTERS = 400  # of a sentence; more take longer than 30 s
LICENCE = "as the text"
NOTES = "The speech is synthetic; no person spoke it."


class SynthesisOptions(BaseModel, frozen=True, extra="forbid"):
    """How sentences are spoken."""

    engine: str = Field(default="", description="espeak-ng or piper; unset: piper if it has a voice, else espeak-ng")
    voices: list[str] = Field(default=[], description="voices, such as am+f2; unset: several of the language")
    rates: list[int] = Field(
        default=[],
        description="speeds: words per minute for espeak-ng, percent of the usual speed for piper; unset: several",
    )
    times: int = Field(default=2, ge=1, le=100, description="how often each sentence is spoken, each time otherwise")
    seed: int = Field(default=0, ge=0, description="chooses voice and rate of each sentence")


DEFAULT_SYNTHESIS = SynthesisOptions()


class Line(NamedTuple):
    """A sentence of the text, with its line for messages."""

    number: int
    text: str


def read_sentences(path: Path, held_out: Collection[str], on_skip: OnSkip = ignore_skipped) -> list[Line]:
    """Reads the sentences of a text, a line each, without repetitions.

    Args:
        path: the text.
        held_out: sentences, by `split_key`, that other datasets test with; they are left out.
        on_skip: called with each line that is left out, and why.

    Raises:
        CorpusError: the file cannot be read or has no sentence."""
    found: dict[str, Line] = {}
    for number, line in enumerate(read_text_file(path).split("\n"), 1):
        text = " ".join(line.split())
        key, place = split_key(text), f"{path.name}, line {number}"
        if not has_words(text):
            continue
        if len(text) > MAX_CHARACTERS:
            on_skip(f"{place}: has {len(text)} characters, more than {MAX_CHARACTERS}; write a sentence a line")
        elif key in held_out:
            on_skip(f"{place}: a dataset that is tested or validated with holds this sentence")
        elif key in found:
            on_skip(f"{place}: is the same as line {found[key].number}")
        else:
            found[key] = Line(number, text)
    if not found:
        raise CorpusError(f"{path}: holds no usable sentence; write one a line")
    return list(found.values())


def held_out_sentences(corpora: Sequence[Corpus]) -> frozenset[str]:
    """Returns the sentences, by `split_key`, of the test and validation splits of datasets."""
    return frozenset(split_key(row.text) for corpus in corpora for row in corpus.rows if row.split != "train")


def choose_synthesis(
    installed: Mapping[str, SpeechSynthesis], language: str, options: SynthesisOptions
) -> tuple[SpeechSynthesis, list[str]]:
    """Returns the program that speaks, and its voices. Raises CorpusError if none is installed or has a voice."""
    if not installed:
        raise CorpusError(NOT_INSTALLED)
    if options.engine and options.engine not in installed:
        raise CorpusError(f"{options.engine} is not installed; installed: {', '.join(installed)}")
    names = [options.engine] if options.engine else sorted(installed, reverse=True)  # piper before espeak-ng
    for name in names:
        voices = options.voices or installed[name].voices(language)
        if voices and all(map(installed[name].has_voice, voices)):
            return installed[name], voices
    if options.voices:
        raise CorpusError(f"{' and '.join(names)} cannot speak with {', '.join(options.voices)}; name other --voices")
    raise CorpusError(
        f"there is no voice for '{language}' in {' or '.join(names)}; name one of a near language with --voices, "
        "such as sw+f2"
    )


def synthesize(
    text: Path,
    language: str,
    out: Path,
    installed: Mapping[str, SpeechSynthesis],
    *,
    options: SynthesisOptions = DEFAULT_SYNTHESIS,
    held_out: Collection[str] = frozenset(),
    force: bool = False,
    on_skip: OnSkip = ignore_skipped,
    progress: Callable[[int], object] = lambda _done: None,
) -> Corpus:
    """Makes the corpus `out` of the sentences of a text.

    Args:
        text: the file, a sentence a line.
        language: code of its language.
        out: folder of the new corpus.
        installed: the programs of this machine, from `installed_synthesis`.
        options: voices, rates, and how often each sentence is spoken.
        held_out: sentences, by `split_key`, that must not be trained on.
        force: replaces an existing corpus.
        on_skip: called with each sentence that is left out, and why.
        progress: called with the number of sentences that were spoken since the last call.

    Raises:
        CorpusError: no program or voice, no sentence, a program that fails, or `out` is in use.
        StorageError: `out` cannot be written.
    """
    language = check_language_code(language)
    synthesis, voices = choose_synthesis(installed, language, options)
    deliveries = [Delivery(voice, rate) for voice, rate in product(voices, _checked_rates(synthesis, options))]
    spoken = list(_deliver(read_sentences(text, held_out, on_skip), deliveries, options))
    with staged(out, force) as folder, tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        rows = _spoken_rows(synthesis, spoken, language, folder, Path(temporary), text.name, on_skip, progress)
        if not rows:
            raise CorpusError(f"{text}: {synthesis.name} spoke no usable sentence; see the list above")
        names = ", ".join(f"{synthesis.name} {voice}" for voice in voices)
        source = f"synthetic speech of {names}, of the text '{text.name}'"
        origin = Origin(name=out.resolve().name, source=source, licence=LICENCE, notes=NOTES)
        write_corpus(folder, train_only_origin(origin), rows)
    return read_corpus(out)


def _checked_rates(synthesis: SpeechSynthesis, options: SynthesisOptions) -> Sequence[int]:
    low, high = synthesis.rate_limits
    wrong = [rate for rate in options.rates if not low <= rate <= high]
    if wrong:
        raise CorpusError(f"{synthesis.name} does not speak at rate {wrong[0]}; give --rates from {low} to {high}")
    return options.rates or synthesis.rates


def _deliver(
    lines: Sequence[Line], deliveries: Sequence[Delivery], options: SynthesisOptions
) -> Iterator[tuple[Line, Delivery]]:
    """Yields each sentence with its deliveries, which differ as long as there are enough."""
    rng = np.random.default_rng(options.seed)
    for line in lines:
        for index in rng.permutation(len(deliveries))[: options.times]:
            yield line, deliveries[int(index)]


def _spoken_rows(
    synthesis: SpeechSynthesis,
    spoken: Sequence[tuple[Line, Delivery]],
    language: str,
    folder: Path,
    temporary: Path,
    text_name: str,
    on_skip: OnSkip,
    progress: Callable[[int], object],
) -> list[Row]:
    """Speaks the sentences, on all cores, and adds those that can be used to the corpus folder.

    Args:
        synthesis: the program.
        spoken: the sentences with their deliveries.
        language: language code.
        folder: the corpus folder.
        temporary: a folder for the program's own files.
        text_name: the text's file, for messages.
        on_skip, progress: as in `synthesize`."""

    def speak(delivered: tuple[Line, Delivery]) -> Samples | CorpusError | AudioDecodeError:
        line, delivery = delivered
        with tempfile.TemporaryDirectory(dir=temporary) as own:
            try:
                synthesis.speak(line.text, delivery, Path(own, "spoken.wav"))
                return decode(Path(own, "spoken.wav"))
            except (CorpusError, AudioDecodeError) as error:
                return error

    rows: list[Row] = []
    pool = ThreadPoolExecutor(usable_cores(), "synthesis")
    try:
        for first in range(0, len(spoken), SENTENCES_AT_ONCE):
            batch = spoken[first : first + SENTENCES_AT_ONCE]
            for (line, delivery), result in zip(batch, pool.map(speak, batch), strict=True):
                try:
                    rows.append(_row(_checked(result), line, delivery, language, folder, synthesis.name, len(rows)))
                except (CorpusError, AudioDecodeError) as error:
                    on_skip(f"{text_name}, line {line.number}: {error}")
                progress(1)
    finally:
        pool.shutdown(cancel_futures=True)
    return rows


def _checked(result: Samples | CorpusError | AudioDecodeError) -> Samples:
    if isinstance(result, Exception):
        raise result
    return result


def _row(samples: Samples, line: Line, delivery: Delivery, language: str, folder: Path, name: str, number: int) -> Row:
    """Adds one spoken sentence to the corpus folder. Raises AudioDecodeError if it is silent or too long."""
    if seconds(samples) > WINDOW_S:
        raise AudioDecodeError(f"{seconds(samples):.1f} s long, more than {WINDOW_S} s; write shorter sentences")
    row = add_utterance(folder, f"{AUDIO_FOLDER}/{number:06}", samples, line.text, language, f"{name} {delivery.voice}")
    return for_training_only(row, f"{SYNTHETIC}{name} {delivery}")
