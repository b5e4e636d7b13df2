"""Evaluations with scripted transcripts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from qal.audio.samples import Samples
from qal.corpus.manifest import Corpus, Origin, Row, write_corpus
from qal.corpus.split import Split
from qal.errors import EvaluationError
from qal.evaluation.records import ScoredRow
from qal.evaluation.transcribers import Heard, Settings
from tests.sounds import sine, write_audio


@dataclass
class ScriptedTranscriber:
    """Returns the text of `texts`, else the reference; a row of `missing` has no transcript. Records its calls."""

    texts: dict[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    before: Callable[[Row], object] = lambda row: None
    asked: list[str] = field(default_factory=list)
    settings: Settings = field(default_factory=lambda: {"beam_size": 1})

    def transcribe(self, row: Row, samples: Samples, language: str) -> Heard:
        self.before(row)
        if row.audio in self.missing:
            raise EvaluationError("there is none")
        self.asked.append(row.audio)
        return Heard(self.texts.get(row.audio, row.text), 0.1)


def speech_corpus(folder: Path, count: int = 6, split: Split = "test", text: str = "say the number {i} now") -> Corpus:
    """A corpus of short tones by two speakers, all in one split."""
    rows = []
    for i in range(count):
        write_audio(folder / "audio" / f"{i}.wav", sine(300 + 20 * i, 0.5, amplitude=0.5))
        rows.append(
            Row(
                audio=f"audio/{i}.wav",
                text=text.format(i=i),
                language="en",
                speaker=f"speaker {i % 2}",
                duration_s=0.5,
                split=split,
                sha256=f"{i:064x}",
            )
        )
    return write_corpus(folder, Origin(name=folder.name), rows)


def scored_rows(count: int, wrong_every: int = 0, seed: int = 0, words: int = 8, **fields: object) -> list[ScoredRow]:
    """Rows of random words; one word of every n-th row is wrong."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(count):
        reference = [f"w{n}" for n in rng.integers(0, 500, words)]
        heard = ["x", *reference[1:]] if wrong_every and i % wrong_every == 0 else reference
        known = {"language": "en", "speaker": f"s{i % 6}", "duration_s": 1.0 + i % 25, **fields}
        rows.append(ScoredRow(audio=f"{i}.wav", reference=" ".join(reference), hypothesis=" ".join(heard), **known))
    return rows
