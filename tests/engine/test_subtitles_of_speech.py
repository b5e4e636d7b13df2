"""Subtitles of real speech with the real base model: cues stand where the speech is."""

import numpy as np

from qal.audio.samples import SAMPLE_RATE, seconds
from qal.engine.catalogue import resolve
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Engine, Utterance
from qal.engine.longform.segment import Segment
from qal.engine.words import move_words
from qal.evaluation.scoring import load_references
from qal.export.gate.word_times import speech_bounds
from qal.text.subtitles.cues import make_cues
from qal.text.subtitles.rules import SubtitleRules

PAUSE_S = 0.3


def test_cues_of_joined_sentences_begin_and_end_with_each_sentence(english_corpus):
    rows = [row for row in english_corpus.rows if 2 < row.duration_s < 5 and row.text.count(".") == 1][:4]
    parts, spoken, position_s = [], [], 0.0
    for reference in load_references(english_corpus, rows):
        first, last = speech_bounds(reference.samples)
        parts += [reference.samples[first:last], np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32)]
        spoken.append((position_s, position_s + (last - first) / SAMPLE_RATE))
        position_s += seconds(parts[-2]) + seconds(parts[-1])
    engine = Engine(resolve("base-adaptive"))
    (found,) = engine.transcribe([Utterance(np.concatenate(parts), "en")], DecodingOptions(words=True))
    segment = Segment(
        0.0, position_s, found.text, "en", found.avg_logprob, found.no_speech_prob, move_words(found.words, 0.0)
    )
    cues = make_cues([segment], SubtitleRules())
    for start_s, end_s in spoken:
        assert min(abs(cue.start_s - start_s) for cue in cues) <= 0.2
        assert min(abs(cue.end_s - end_s) for cue in cues) <= 0.3
    assert all(len(line) <= 42 for cue in cues for line in cue.lines)
