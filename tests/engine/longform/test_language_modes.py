"""The language of a file: held, detected once, or detected for each stretch of speech."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import jiwer
import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.corpus.manifest import Corpus
from qal.engine.catalogue import resolve
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Engine, Transcript, Utterance
from qal.engine.longform.options import LongformOptions
from qal.engine.longform.settled import Continuation
from qal.engine.longform.stream import transcribe_stream
from qal.engine.longform.transcription import transcribe_file
from qal.text.normalisation.basic import normalise_basic
from tests.fakes import ScriptedEngine, noise, transcript

PER_STRETCH = LongformOptions(language_mode="stretch", languages=("ru", "en"))


@dataclass
class LoudnessEngine(ScriptedEngine):
    """Detects English where the sound is loud, Russian where it is not, and is unsure of short sounds."""

    read: list[Utterance] = field(default_factory=list)

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        return [self._listen(utterance, options) for utterance in utterances]

    def _listen(self, utterance: Utterance, options: DecodingOptions) -> Transcript:
        if options.max_tokens > 1:
            self.read.append(utterance)
        language = utterance.language
        probability = None
        if not language:
            loud = float(np.max(np.abs(utterance.samples))) > 0.5
            language, probability = ("en" if loud else "ru"), 0.9
        return replace(transcript(f"words in {language}", language), language_probability=probability)


def in_turns(corpus: Corpus, count: int) -> Samples:
    """Prompts of 3 s and more with pauses of 0.8 s, every second one loud."""
    rows = [row for row in corpus.select("train") if 3 < row.duration_s < 6][:count]
    pause = 0.0005 * noise(int(0.8 * SAMPLE_RATE))
    parts = []
    for i, row in enumerate(rows):
        samples = decode(corpus.audio_path(row))
        level = 0.9 if i % 2 else 0.2
        parts += [samples * level / np.max(np.abs(samples)), pause]
    return np.concatenate(parts).astype(np.float32)


def test_language_per_stretch_merges_only_neighbours_in_the_same_language(russian_corpus: Corpus):
    segments = transcribe_file(LoudnessEngine(), in_turns(russian_corpus, 6), options=PER_STRETCH)
    languages = [segment.language for segment in segments]
    changes = [language for i, language in enumerate(languages) if i == 0 or languages[i - 1] != language]
    assert changes == ["ru", "en"] * 3
    assert all(segment.language_probability == pytest.approx(0.9) for segment in segments)


def test_language_per_stretch_is_not_detected_where_one_was_chosen(russian_corpus: Corpus):
    engine = LoudnessEngine()
    segments = transcribe_file(engine, in_turns(russian_corpus, 4), "ru", options=PER_STRETCH)
    assert {segment.language for segment in segments} == {"ru"}
    assert {segment.language_probability for segment in segments} == {None}


def test_language_of_a_file_that_is_detected_once_never_changes(russian_corpus: Corpus):
    engine = LoudnessEngine()
    options = LongformOptions(language_mode="file", target_s=4)
    segments = transcribe_file(engine, in_turns(russian_corpus, 6), options=options)
    assert len({segment.language for segment in segments}) == 1
    assert all(utterance.language for utterance in engine.read)


def test_resumed_transcription_keeps_the_detected_language(russian_corpus: Corpus):
    engine = ScriptedEngine(detected_language="en")
    blocks = [in_turns(russian_corpus, 3)]
    (settled,) = transcribe_stream(engine, blocks, resume_at_s=60, continuation=Continuation(language="ru"))
    assert {u.detection.held for u in engine.utterances} == {"ru"}
    assert settled.continuation.language == "ru"
    assert all(segment.start_s > 60 for segment in settled.segments)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_file_in_two_languages_is_right_per_stretch(russian_corpus: Corpus, english_corpus: Corpus):
    pause = 0.0005 * noise(int(0.9 * SAMPLE_RATE))
    parts, said = [], []
    corpora = (russian_corpus, english_corpus)
    rows = [[row for row in corpus.select("test") if 3 < row.duration_s < 7] for corpus in corpora]
    for i in range(6):
        for corpus, prompts in zip(corpora, rows, strict=True):
            parts += [decode(corpus.audio_path(prompts[i])), pause]
            said.append(prompts[i].text)
    segments = transcribe_file(Engine(resolve("base-adaptive")), np.concatenate(parts), options=PER_STRETCH)
    languages = [segment.language for segment in segments]
    assert languages == ["ru", "en"] * 6
    assert all((segment.language_probability or 0) > 0.5 for segment in segments)
    text = normalise_basic(" ".join(segment.text for segment in segments))
    assert jiwer.wer(normalise_basic(" ".join(said)), text) < 0.35
