"""The two forms of the same weights: Transformers and CTranslate2."""

import json
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from qal.audio.decode import decode
from qal.audio.samples import WINDOW_FRAMES
from qal.engine.catalogue import resolve
from qal.engine.decoding import GREEDY, Tokenizer
from qal.engine.engine import Engine, Utterance
from qal.errors import ConversionError, ModelError
from qal.export.conversion_check import check_conversion
from qal.export.from_ctranslate2 import convert, read_variables
from qal.export.to_ctranslate2 import to_ctranslate2
from qal.training.data.examples import mel_batch
from qal.training.model.short_context import greedy, load_whisper


@pytest.mark.parametrize(("name", "language"), [("base", "ru"), ("tiny.en", "en")])
def test_both_forms_say_the_same_and_the_way_back_keeps_everything(
    name, language, tmp_path, russian_corpus, english_corpus
):
    source = resolve(name)
    weights = convert(source, tmp_path / "transformers")
    corpus = russian_corpus if language == "ru" else english_corpus
    rows = [r for r in corpus.select("test") if r.duration_s > 2][:4]  # the Russian ones begin with one of 27 s
    sounds = [decode(corpus.audio_path(r)) for r in rows]
    model, tokenizer = load_whisper(weights).eval(), Tokenizer(source)
    prompt = torch.tensor([tokenizer.prompt(language)] * len(sounds))
    ours = greedy(model, mel_batch(sounds, WINDOW_FRAMES, 80), prompt, GREEDY.max_tokens)
    engine = Engine(source, compute_type="float32")
    theirs = engine.transcribe([Utterance(s, language) for s in sounds])
    assert ours == [list(t.tokens) for t in theirs]
    assert all(t.text for t in theirs)

    again = to_ctranslate2(weights, tmp_path / "again")
    before, after = (json.loads((d / "config.json").read_text()) for d in (source, again))
    languages = ("lang_ids",) if tokenizer.multilingual else ()
    for key in ("alignment_heads", "suppress_ids", "suppress_ids_begin", *languages):
        assert after[key] == before[key]
    a, b = read_variables(source / "model.bin"), read_variables(again / "model.bin")
    assert all(np.array_equal(a[n], b[n]) for n in a if a[n].ndim > 1)


def test_a_broken_file_is_told_and_leaves_nothing(base_directory: Path, tmp_path: Path):
    source = tmp_path / "broken"
    source.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (source / name).write_bytes((base_directory / name).read_bytes())
    (source / "model.bin").write_bytes((base_directory / "model.bin").read_bytes()[:1_000_000])
    with pytest.raises(ModelError, match="broken"):
        convert(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_check_stops_a_conversion_that_loses_quality():
    references = ["one two three four five"] * 100
    good, bad = (lambda: references), (lambda: ["one two three four"] * 100)
    check_conversion(references, {"a": good, "b": good}).require()
    found = check_conversion(references, {"transformers": good, "int8": bad})
    with pytest.raises(ConversionError, match=r"loses 20\.0 points"):
        found.require()
    assert found.as_dict()["wer"] == {"transformers": 0.0, "int8": 0.2}


def test_a_loss_whose_interval_reaches_below_the_bound_does_not_stop_it():
    references = ["one two three four five"] * 100
    heard = [""] * 2 + references[2:]  # two points lost, by two utterances: it may be chance
    found = check_conversion(references, {"transformers": lambda: references, "int8": lambda: heard})
    (loss,) = found.losses.values()
    assert loss.difference > 0.01 > loss.low
    found.require()


@pytest.mark.parametrize(("heard", "stops"), [("one two three four", False), ("", True)])
def test_on_a_handful_of_utterances_only_a_broken_conversion_is_stopped(heard: str, stops: bool):
    references = ["one two three four five"] * 3
    found = check_conversion(references, {"transformers": lambda: references, "int8": lambda: [heard] * 3})
    with pytest.raises(ConversionError) if stops else nullcontext():
        found.require()
