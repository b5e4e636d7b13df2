"""Conversion of weights between Transformers and CTranslate2, and the check of its quality."""

import json
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import WhisperForConditionalGeneration

from qal.audio.decode import decode
from qal.audio.samples import WINDOW_FRAMES
from qal.corpus.manifest import Corpus
from qal.engine.catalogue import resolve
from qal.engine.decoding import GREEDY, Tokenizer
from qal.engine.engine import Engine, Utterance
from qal.engine.model_directory import ContextAbility
from qal.errors import ConversionError, ModelError
from qal.evaluation.scoring import load_references
from qal.export.conversion_check import check_conversion
from qal.export.from_ctranslate2 import read_variables, to_transformers
from qal.export.merge import merge
from qal.export.to_ctranslate2 import to_ctranslate2
from qal.training.data.examples import mel_batch
from qal.training.model.short_context import greedy_decode, load_whisper
from qal.training.report.transformers_transcription import transcribe_with_transformers


@pytest.mark.parametrize(("name", "language"), [pytest.param("base", "ru", marks=pytest.mark.long), ("tiny.en", "en")])
def test_round_trip_keeps_transcripts_weights_and_generation_settings(
    name, language, tmp_path, russian_corpus, english_corpus
):
    source = resolve(name)
    weights = to_transformers(source, tmp_path / "transformers")
    corpus = russian_corpus if language == "ru" else english_corpus
    rows = [r for r in corpus.select("test") if r.duration_s > 2][:4]  # the first Russian one has 27 s
    samples = [decode(corpus.audio_path(r)) for r in rows]
    model, tokenizer = load_whisper(weights).eval(), Tokenizer(source)
    prompt = torch.tensor([tokenizer.prompt(language)] * len(samples))
    tokens = greedy_decode(model, mel_batch(samples, WINDOW_FRAMES, 80), prompt, GREEDY.max_tokens)
    engine = Engine(source, compute_type="float32")
    transcripts = engine.transcribe([Utterance(s, language) for s in samples])
    assert tokens == [list(t.tokens) for t in transcripts]
    assert all(t.text for t in transcripts)

    converted_back = to_ctranslate2(weights, tmp_path / "converted-back")
    before, after = (json.loads((d / "config.json").read_text()) for d in (source, converted_back))
    languages = ("lang_ids",) if tokenizer.multilingual else ()
    for key in ("alignment_heads", "suppress_ids", "suppress_ids_begin", *languages):
        assert after[key] == before[key]
    a, b = read_variables(source / "model.bin"), read_variables(converted_back / "model.bin")
    assert all(np.array_equal(a[n], b[n]) for n in a if a[n].ndim > 1)


def test_conversion_of_a_truncated_file_fails_without_output(base_directory: Path, tmp_path: Path):
    source = tmp_path / "broken"
    source.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (source / name).write_bytes((base_directory / name).read_bytes())
    (source / "model.bin").write_bytes((base_directory / "model.bin").read_bytes()[:1_000_000])
    with pytest.raises(ModelError, match="broken"):
        to_transformers(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_adapter_and_merged_weights_transcribe_the_same(tiny_weights: Path, tiny_corpus: Corpus, tmp_path: Path):
    model = WhisperForConditionalGeneration.from_pretrained(tiny_weights, dtype=torch.float32)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    adapted.save_pretrained(str(tmp_path / "adapter"))
    merged = merge(tiny_weights, tmp_path / "adapter", tmp_path / "merged")
    references = load_references(tiny_corpus, tiny_corpus.select("test")[:2])

    def texts(weights: Path, adapter: Path | None = None) -> list[str]:
        ability = ContextAbility(adaptive=True)
        return transcribe_with_transformers(weights, references, ability, lambda done, total: None, adapter)

    assert texts(tiny_weights, tmp_path / "adapter") == texts(merged)
    assert texts(tiny_weights) != texts(merged)


def test_conversion_with_a_higher_wer_is_refused():
    references = ["one two three four five"] * 100
    good, bad = (lambda: references), (lambda: ["one two three four"] * 100)
    check_conversion(references, {"a": good, "b": good}).raise_on_loss()
    check = check_conversion(references, {"transformers": good, "int8": bad})
    with pytest.raises(ConversionError, match=r"by 20\.0 points"):
        check.raise_on_loss()
    assert check.as_dict()["wer"] == {"transformers": 0.0, "int8": 0.2}


def test_conversion_of_a_language_without_spaces_is_judged_by_characters():
    references = ["今天下午三点我们在图书馆见面讨论新的计划"] * 100
    hypotheses = ["今天下午三点我们在图书馆见面讨论新的计画", *references[1:]]
    check = check_conversion(references, {"transformers": lambda: references, "int8": lambda: hypotheses}, "zh")
    check.raise_on_loss()
    assert check.as_dict()["measure"] == "CER"
    assert check.as_dict()["normaliser"] == "basic-2"
    assert check.cer["int8"] == pytest.approx(1 / 2000)


def test_wer_loss_that_may_be_chance_is_accepted():
    references = ["one two three four five"] * 100
    hypotheses = [""] * 2 + references[2:]  # 2 points lost by two utterances
    check = check_conversion(references, {"transformers": lambda: references, "int8": lambda: hypotheses})
    (loss,) = check.losses.values()
    assert loss.difference > 0.01 > loss.low
    check.raise_on_loss()


@pytest.mark.parametrize(("hypothesis", "is_refused"), [("one two three four", False), ("", True)])
def test_few_utterances_refuse_only_a_broken_conversion(hypothesis: str, is_refused: bool):
    references = ["one two three four five"] * 3
    check = check_conversion(references, {"transformers": lambda: references, "int8": lambda: [hypothesis] * 3})
    with pytest.raises(ConversionError) if is_refused else nullcontext():
        check.raise_on_loss()
