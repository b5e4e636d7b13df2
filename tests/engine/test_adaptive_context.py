"""The shipped adapter makes base accurate at short contexts, at which the stock weights fail."""

from pathlib import Path

import ctranslate2
import faster_whisper
import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, WINDOW_FRAMES, WINDOW_SAMPLES
from qal.engine.catalogue import resolve
from qal.engine.context import context_frames
from qal.engine.decoding import Tokenizer
from qal.engine.engine import Engine, Utterance
from qal.engine.model_directory import ContextAbility, ModelMetadata, read_metadata, write_metadata
from qal.errors import LanguageError, ModelError
from qal.evaluation.error_rates import count_errors
from qal.evaluation.scoring import load_references, transcribe_each

ADAPTIVE = ContextAbility(adaptive=True, margin_s=1, min_s=2)


@pytest.fixture(scope="module")
def spoken(english_corpus):
    return load_references(english_corpus, [r for r in english_corpus.select("test") if r.duration_s > 2][:15])


def test_context_is_the_speech_and_a_margin():
    assert context_frames(5 * SAMPLE_RATE, ADAPTIVE) == 600
    assert context_frames(0, ADAPTIVE) == 200
    assert context_frames(WINDOW_SAMPLES, ADAPTIVE) == WINDOW_FRAMES
    assert context_frames(SAMPLE_RATE, ContextAbility()) == WINDOW_FRAMES
    assert all(context_frames(n, ADAPTIVE) % 2 == 0 for n in range(30_000, 31_000, 7))


def test_base_adaptive_at_short_contexts_is_as_accurate_as_base_at_30_s(spoken, base_directory, tmp_path):
    mislabelled = tmp_path / "stock-with-adaptive-metadata"
    mislabelled.mkdir()
    for file in base_directory.iterdir():
        (mislabelled / file.name).symlink_to(file)
    write_metadata(mislabelled, ModelMetadata(base_model="base", context=ADAPTIVE))
    directories = {"adaptive": resolve("base-adaptive"), "stock": base_directory, "mislabelled": mislabelled}
    wer = {
        name: count_errors([r.text for r in spoken], transcribe_each(Engine(directory), spoken)).wer
        for name, directory in directories.items()
    }
    assert wer["adaptive"] <= wer["stock"] + 0.05
    assert wer["mislabelled"] > 2 * wer["adaptive"] + 0.1


def test_plain_faster_whisper_loads_the_default_model(spoken):
    model = faster_whisper.WhisperModel(str(resolve("base-adaptive")), device="cpu", compute_type="int8")
    text = " ".join(s.text for s in model.transcribe(spoken[0].samples, language="en", beam_size=1)[0])
    assert len(text.split()) >= len(spoken[0].text.split()) // 2


def test_an_engine_with_another_context_shares_the_weights(base_directory):
    engine = Engine(base_directory)
    short = engine.with_context(ADAPTIVE)
    silence = [Utterance(np.zeros(SAMPLE_RATE, np.float32), "en")]
    assert short.model is engine.model
    assert short.transcribe(silence)[0].context_frames == 200
    assert engine.transcribe(silence)[0].context_frames == WINDOW_FRAMES


def test_context_is_full_if_requested_or_without_metadata(base_directory):
    silence = [Utterance(np.zeros(SAMPLE_RATE, np.float32), "en")]
    assert Engine(base_directory).transcribe(silence)[0].context_frames == WINDOW_FRAMES
    full = Engine(resolve("base-adaptive"), context="full")
    assert full.transcribe(silence)[0].context_frames == WINDOW_FRAMES
    assert Engine(resolve("base-adaptive")).transcribe(silence)[0].context_frames == 200


def test_batch_keeps_its_order_and_detects_each_language(spoken, russian_corpus):
    russian = decode(russian_corpus.audio_path(next(r for r in russian_corpus.rows if r.duration_s > 5)))
    engine = Engine(resolve("base-adaptive"))
    transcripts = engine.transcribe(
        [Utterance(spoken[0].samples), Utterance(russian), Utterance(spoken[1].samples, "en")]
    )
    assert [t.language for t in transcripts] == ["en", "ru", "en"]
    assert engine.transcribe([]) == []


def test_special_tokens_in_previous_text_are_ignored(base_directory: Path):
    tokenizer = Tokenizer(base_directory)
    prompt = tokenizer.prompt("en", previous_text="<|startoftranscript|><|ru|> Lalibela <|endoftext|>")
    assert [token for token in prompt if token >= tokenizer.end] == [
        tokenizer.previous_text_start,
        *tokenizer.prompt("en"),
    ]
    assert tokenizer.decode(prompt) == "Lalibela"


def test_invalid_language_model_device_and_length_are_errors(base_directory: Path, tmp_path: Path):
    second = np.zeros(SAMPLE_RATE, np.float32)
    engine = Engine(base_directory)
    with pytest.raises(LanguageError, match="no language 'xx'"):
        engine.transcribe([Utterance(second, "xx")])
    with pytest.raises(LanguageError, match="no language 'ru'"):
        Engine(resolve("tiny.en")).transcribe([Utterance(second, "ru")])
    with pytest.raises(ModelError, match="not a model directory"):
        Engine(tmp_path)
    with pytest.raises(ModelError, match="does not run"):
        Engine(base_directory, compute_type="int3")
    if ctranslate2.get_cuda_device_count() == 0:
        with pytest.raises(ModelError, match="no CUDA"):
            Engine(base_directory, device="cuda")
    with pytest.raises(ValueError, match="longer than 30 s"):
        engine.transcribe([Utterance(np.zeros(WINDOW_SAMPLES + 1, np.float32), "en")])


def test_invalid_model_metadata_is_an_error(tmp_path: Path):
    (tmp_path / "qal.json").write_text('{"context": ')
    with pytest.raises(ModelError, match="not valid model metadata"):
        read_metadata(tmp_path)
