"""How well the word times of a model fit recordings whose word times are known.

The recordings are made from short examples, single words where there are any, cut to their speech and joined with long
and short pauses: where each of them starts is then known. The given texts are aligned, so that errors of recognition do
not count."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import ctranslate2
import numpy as np

from qal.audio.log_mel import padded_log_mel
from qal.audio.samples import HOP, SAMPLE_RATE, Samples
from qal.corpus.manifest import Row
from qal.corpus.split import evenly_spaced
from qal.engine.context import context_frames
from qal.engine.decoding import Tokenizer
from qal.engine.engine import Engine
from qal.engine.settings.device import Device
from qal.engine.weights.stock_models import SIZES
from qal.engine.words import SECONDS_PER_POSITION
from qal.evaluation.gate_report import CheckResult
from qal.evaluation.scoring import SEED, SpokenReference
from qal.export.gate.files import decoder_shape, read_config

PAUSES_S = (0.5, 0.1)  # between the pieces: long, then as in continuous speech
MAX_PIECE_S, MAX_RECORDING_S = 2.5, 20.0
MIN_PIECES = 12  # fewer tell nothing
MAX_PIECES = 80
MAX_ROWS = 4 * MAX_PIECES  # that are decoded to choose the pieces from
MIN_LETTERS = 4  # of a single word; the names of letters are aligned badly by every model
FRAME = SAMPLE_RATE // 100  # samples of 10 ms
MAX_RISE_S = 0.1  # of the mean error of word times
RESAMPLES = 1000
CONFIG_FILE = "config.json"
Head = tuple[int, int]  # layer and head of the decoder
SPEECH_LEVEL = 0.06  # of the loudest frame's RMS, about -24 dB


@dataclass(frozen=True)
class JoinedRecording:
    """Pieces of speech with pauses between them."""

    samples: Samples
    language: str
    texts: tuple[str, ...]  # of the pieces
    starts_s: tuple[float, ...]  # where the speech of each piece starts
    ends_s: tuple[float, ...]


@dataclass(frozen=True)
class TimeErrors:
    """Distances between the aligned and the true starts of the pieces, in seconds: shape (n,)."""

    seconds: np.ndarray

    @property
    def mean(self) -> float:
        return float(self.seconds.mean())


class Rise(NamedTuple):
    """How much larger the mean of some errors is, in seconds, with the bounds of its 95 % interval."""

    mean: float
    low: float
    high: float


def mean_rise(a: TimeErrors, b: TimeErrors) -> Rise:
    """Returns the mean of `a` minus the mean of `b`, of the same words in the same order."""
    differences = a.seconds - b.seconds
    drawn = np.random.default_rng(SEED).integers(0, len(differences), (RESAMPLES, len(differences)))
    low, high = np.percentile(differences[drawn].mean(1), (2.5, 97.5))
    return Rise(float(differences.mean()), float(low), float(high))


def check_word_times(engine: Engine, base: Path | None, recordings: Sequence[JoinedRecording]) -> CheckResult:
    """Compares the word times with those of the heads that are known for such a model: the base's, or the stock one's.

    A model that has these heads passes; others must not place words worse by more than MAX_RISE_S."""
    name, own = "word times", read_heads(engine.directory)
    if not recordings:
        detail = f"there are fewer than {MIN_PIECES} short examples to make recordings of"
        return CheckResult(name=name, state="not checked", detail=detail)
    errors = word_time_errors(engine, recordings)
    detail = f"words begin {1000 * errors.mean:.0f} ms from the true time on average"
    known = known_heads(engine.directory, base)
    if known is None or sorted(known) == sorted(own):
        return CheckResult(name=name, state="passed", detail=detail)
    expected = errors_with_heads(engine, known, recordings)
    rise = mean_rise(errors, expected)
    detail += f", {1000 * expected.mean:.0f} ms with the alignment heads of the {'base' if base else 'stock'} model"
    return CheckResult(name=name, state="failed" if rise.low > MAX_RISE_S else "passed", detail=detail)


def known_heads(directory: Path, base: Path | None) -> list[Head] | None:
    """Returns the alignment heads of the base, else those of the stock model with as many layers and heads."""
    shape = decoder_shape(directory)
    if base is not None and decoder_shape(base) == shape:
        return read_heads(base)
    from ctranslate2.converters.transformers import _WHISPER_ALIGNMENT_HEADS as STOCK_HEADS  # the only list there is

    sizes = {(layers, heads): size for size, (layers, _, heads, _) in SIZES.items()}
    name = f"openai/whisper-{sizes.get(shape)}" + ("" if Tokenizer(directory).multilingual else ".en")
    return [(layer, head) for layer, head in STOCK_HEADS[name]] if name in STOCK_HEADS else None


def read_heads(directory: Path) -> list[Head]:
    """Returns the alignment heads of a model directory. Raises ModelError."""
    return [(int(layer), int(head)) for layer, head in read_config(directory).get("alignment_heads") or []]


def write_heads(directory: Path, heads: Sequence[Head], file: str = CONFIG_FILE) -> None:
    """Writes the alignment heads to config.json, or to another JSON file; a reader never sees an incomplete file."""
    path = directory / file
    config = json.loads(path.read_bytes()) | {"alignment_heads": [list(head) for head in heads]}
    partial = path.with_name(f".{file}.partial")
    partial.write_text(json.dumps(config, indent=2), encoding="utf-8")
    partial.replace(path)


def errors_with_heads(engine: Engine, heads: Sequence[Head], recordings: Sequence[JoinedRecording]) -> TimeErrors:
    """Returns the errors of word times with other alignment heads; the model directory is not changed."""
    with tempfile.TemporaryDirectory() as folder:
        linked = Path(folder)
        for path in engine.directory.iterdir():
            if path.name != CONFIG_FILE:
                (linked / path.name).symlink_to(path.resolve())
        config = read_config(engine.directory) | {"alignment_heads": [list(head) for head in heads]}
        (linked / CONFIG_FILE).write_text(json.dumps(config), encoding="utf-8")
        device: Device = "cuda" if engine.device == "cuda" else "cpu"
        return word_time_errors(Engine(linked, device, engine.compute_type), recordings)


def short_rows(rows: Sequence[Row]) -> list[Row]:
    """Returns evenly spaced short rows, single words where there are enough, so that few recordings are decoded."""
    short = [row for row in rows if row.duration_s <= MAX_PIECE_S and row.text and not row.marks]
    words = [row for row in short if is_long_word(row.text)]
    return evenly_spaced(words if len(words) >= MAX_PIECES else short, MAX_ROWS)


def is_long_word(text: str) -> bool:
    """True for a single word of at least MIN_LETTERS."""
    return len(text) >= MIN_LETTERS and len(text.split()) == 1


def join_pieces(references: Sequence[SpokenReference]) -> list[JoinedRecording]:
    """Joins single words, else short examples, of the most frequent language; [] if there are fewer than MIN_PIECES."""
    languages = [r.language for r in references]
    language = max(set(languages), key=languages.count, default="")
    short = [(r.text, r.samples) for r in references if r.language == language and r.text.strip()]
    short = [(text, samples) for text, samples in short if 0 < len(samples) <= MAX_PIECE_S * SAMPLE_RATE]
    words = [piece for piece in short if is_long_word(piece[0])]
    short = words if len(words) >= MIN_PIECES else short
    if len(short) < MIN_PIECES:
        return []
    groups: list[list[tuple[str, Samples]]] = [[]]
    for piece in evenly_spaced(short, MAX_PIECES):
        if sum(len(samples) / SAMPLE_RATE + max(PAUSES_S) for _, samples in [*groups[-1], piece]) > MAX_RECORDING_S:
            groups.append([])
        groups[-1].append(piece)
    return [_joined(group, language, PAUSES_S[i // 2 % 2]) for i, group in enumerate(groups) if group]


def _joined(pieces: Sequence[tuple[str, Samples]], language: str, pause_s: float) -> JoinedRecording:
    pause = np.zeros(int(pause_s * SAMPLE_RATE), np.float32)
    parts, starts, ends, position = [pause], [], [], len(pause)
    for _, samples in pieces:
        first, last = speech_bounds(samples)
        starts.append(position / SAMPLE_RATE)
        ends.append((position + last - first) / SAMPLE_RATE)
        parts += [samples[first:last], pause]
        position += last - first + len(pause)
    texts = tuple(text for text, _ in pieces)
    return JoinedRecording(np.concatenate(parts), language, texts, tuple(starts), tuple(ends))


def speech_bounds(samples: Samples) -> tuple[int, int]:
    """Returns the first and the last sample of the speech in a short recording without noise."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    loudness = np.sqrt((frames**2).mean(1)) if len(frames) else np.zeros(0)
    loud = np.flatnonzero(loudness > SPEECH_LEVEL * loudness.max(initial=0))
    return (int(loud[0]) * FRAME, int(loud[-1] + 1) * FRAME) if len(loud) else (0, len(samples))


def word_time_errors(engine: Engine, recordings: Sequence[JoinedRecording]) -> TimeErrors:
    """Aligns the known texts and returns how far the first token of each piece is from the start of its speech."""
    errors: list[float] = []
    for recording in recordings:
        starts = aligned_starts(engine, recording)
        errors += [abs(found - true) for found, true in zip(starts, recording.starts_s, strict=True)]
    return TimeErrors(np.array(errors))


def aligned_starts(engine: Engine, recording: JoinedRecording) -> list[float]:
    """Returns the time of the first token of each piece, in seconds, from the model's alignment."""
    tokenizer = engine.tokenizer
    pieces = [tokenizer.encode(text) for text in recording.texts]
    frames = context_frames(len(recording.samples), engine.ability)
    mel = np.ascontiguousarray(padded_log_mel(recording.samples, frames, engine.n_mels)[None])
    encoded = engine.model.encode(ctranslate2.StorageView.from_array(mel))
    prompt = tokenizer.prompt(recording.language)[:-1]
    tokens = [token for piece in pieces for token in piece]
    (found,) = engine.model.align(encoded, prompt, [tokens], [min(frames, len(recording.samples) // HOP)])
    first_position: dict[int, int] = {}
    for token, position in found.alignments:
        first_position.setdefault(token, position)
    firsts = np.cumsum([0, *map(len, pieces[:-1])])
    return [first_position.get(int(first), 0) * SECONDS_PER_POSITION for first in firsts]
