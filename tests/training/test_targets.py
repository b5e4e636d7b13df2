"""Random targets: translation, timestamps and previous text; which labels they give."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE
from qal.corpus.manifest import Corpus, Origin, write_corpus
from qal.engine.decoding import MAX_PROMPT_TOKENS, Tokenizer
from qal.errors import LanguageError
from qal.jobs.options.data import TargetOptions
from qal.jobs.options.training_config import TrainingConfig
from qal.training.data.batches import TrainCollator
from qal.training.data.buckets import Draw
from qal.training.data.data_module import make_data_module, make_examples
from qal.training.data.examples import IGNORED_LABEL, MAX_LABEL_TOKENS, Example, Target, make_labels
from qal.training.data.feature_cache import FeatureCache
from qal.training.data.targets import (
    SpeechSpan,
    draw_target,
    scale_span,
    speech_span,
    with_previous_text,
    with_timestamps,
)

ALL_VARIANTS = TargetOptions(translate_share=0.5, timestamp_share=0.5, previous_share=0.5)
FIRST_SECOND = SpeechSpan(0.0, 1.0)


class EnglishOnly(Tokenizer):
    """The tokenizer's file, read as that of an English-only model."""

    def __init__(self, directory: Path):
        super().__init__(directory)
        self.multilingual, self.languages = False, ("en",)


@pytest.fixture(params=[Tokenizer, EnglishOnly])
def tokenizer(request: pytest.FixtureRequest, base_directory: Path) -> Tokenizer:
    return request.param(base_directory)


def example_of(tokenizer: Tokenizer, words: int = 3, previous_words: int = 2) -> Example:
    translation = None
    if tokenizer.multilingual:
        translation = Target(tuple(tokenizer.prompt("en", "translate")), tuple(tokenizer.encode("moon")), tokenizer.end)
    return Example(
        prompt=tuple(tokenizer.prompt("en")),
        text=tuple(tokenizer.encode(" ".join(["sun"] * words))),
        end=tokenizer.end,
        audio=Path("none.wav"),
        duration_s=2.0,
        reference="",
        language="en",
        translation=translation,
        previous_text=tuple(tokenizer.previous_text_ids(" ".join(["star"] * previous_words))),
    )


@pytest.mark.parametrize("words", [1, 40, MAX_LABEL_TOKENS - 6, MAX_LABEL_TOKENS - 5])
@pytest.mark.parametrize("previous_words", [0, 5, 400])
def test_labels_are_valid_for_every_drawn_target(tokenizer: Tokenizer, words: int, previous_words: int):
    example = example_of(tokenizer, words, previous_words)
    for seed in range(40):
        target = draw_target(example, ALL_VARIANTS, np.random.default_rng(seed), lambda: SpeechSpan(0.31, 29.99))
        inputs, labels = make_labels([target])
        input_ids, label_ids = inputs[0].tolist(), labels[0].tolist()
        predicted = [token for token in label_ids if token != IGNORED_LABEL]
        assert len(input_ids) <= MAX_LABEL_TOKENS
        assert input_ids.count(tokenizer.start) == 1
        assert predicted == [*target.text, tokenizer.end]
        assert all(token == IGNORED_LABEL for token in label_ids[: len(target.prompt) - 1])
        assert input_ids.count(tokenizer.previous_text_start) <= 1
        assert tokenizer.previous_text_start not in input_ids or input_ids[0] == tokenizer.previous_text_start
        assert len(target.prompt) <= MAX_PROMPT_TOKENS + 5


def test_timestamps_are_ordered_tokens_around_the_text(tokenizer: Tokenizer):
    example = example_of(tokenizer)
    for span in ((0.0, 0.0), (0.3, 1.51), (1.0, 0.5), (29.99, 31.0), (0, 30)):
        timed = with_timestamps(example, SpeechSpan(*span))
        first, *text, last = timed.text
        assert tuple(text) == example.text
        assert tokenizer.no_timestamps not in timed.prompt
        assert first in tokenizer.timestamp_ids
        assert last in tokenizer.timestamp_ids
        assert first < last
    text = with_timestamps(example, SpeechSpan(0.3, 1.51)).text
    assert text[0] == tokenizer.timestamp_ids[15]
    assert text[-1] == tokenizer.timestamp_ids[76]


def test_multilingual_vocabulary_names_the_timestamp_tokens(base_directory: Path):
    tokenizer = Tokenizer(base_directory)
    ids = tokenizer.timestamp_ids
    assert [tokenizer.id(f"<|{name}|>") for name in ("0.00", "0.02", "30.00")] == [ids[0], ids[1], ids[-1]]


def test_text_with_timestamps_decodes_to_the_text(tokenizer: Tokenizer):
    assert tokenizer.decode(list(with_timestamps(example_of(tokenizer), FIRST_SECOND).text)) == "sun sun sun"


def test_long_previous_text_keeps_its_end(tokenizer: Tokenizer):
    target = replace(example_of(tokenizer), text=tuple([400] * (MAX_LABEL_TOKENS - 10)))
    longer = with_previous_text(target, (tokenizer.previous_text_start, *range(1000, 1100)))
    assert len(longer.prompt) + len(longer.text) == MAX_LABEL_TOKENS
    assert longer.prompt[0] == tokenizer.previous_text_start
    assert longer.prompt[-len(target.prompt) - 1] == 1099


def test_translate_share_is_met_and_shares_of_zero_keep_the_transcript(base_directory: Path):
    example = example_of(Tokenizer(base_directory))
    rngs = [np.random.default_rng([0, seed]) for seed in range(1000)]
    targets = [draw_target(example, TargetOptions(translate_share=0.3), rng, lambda: FIRST_SECOND) for rng in rngs]
    assert 0.25 < np.mean([target is example.translation for target in targets]) < 0.35
    assert draw_target(example, TargetOptions(), rngs[0], lambda: FIRST_SECOND) is example


def test_one_share_does_not_change_the_draws_of_another(base_directory: Path):
    example = example_of(Tokenizer(base_directory))

    def is_timed(options: TargetOptions) -> list[bool]:
        rngs = [np.random.default_rng([0, seed]) for seed in range(50)]
        targets = [draw_target(example, options, rng, lambda: FIRST_SECOND) for rng in rngs]
        return [example.prompt[-1] not in target.prompt for target in targets]

    assert is_timed(TargetOptions(timestamp_share=0.5)) == is_timed(ALL_VARIANTS)


def test_example_without_a_transcript_is_translated(base_directory: Path):
    example = replace(example_of(Tokenizer(base_directory)), text=())
    assert draw_target(example, ALL_VARIANTS, np.random.default_rng(0), lambda: FIRST_SECOND).text


def test_speech_span_is_found_by_the_vad_and_scales_with_the_duration(english_corpus: Corpus):
    row = max(english_corpus.rows, key=lambda r: len(r.text))
    speech = decode(english_corpus.audio_path(row))
    silence = np.zeros(SAMPLE_RATE, np.float32)
    start_s, end_s = speech_span(np.concatenate([silence, speech, silence]))
    assert 0.9 < start_s < end_s < 1.1 + len(speech) / SAMPLE_RATE
    assert speech_span(silence) == (0.0, 1.0)
    assert scale_span(SpeechSpan(1.0, 2.0), 1.5) == (1.5, 3.0)


def test_previous_text_is_that_of_the_same_speaker_in_manifest_order(tiny_corpus: Corpus, base_directory: Path):
    tokenizer = Tokenizer(base_directory)
    speakers = {"alpha": "a", "bravo": "b", "charlie": "a", "delta": "b"}
    rows = [row.model_copy(update={"speaker": speakers[row.text]}) for row in tiny_corpus.rows]
    corpus = write_corpus(tiny_corpus.folder, Origin(name="speakers"), rows)
    config = TrainingConfig(targets=TargetOptions(previous_share=1))
    previous_texts = {e.reference: e.previous_text for e in make_examples([corpus], "train", config, tokenizer)}
    assert previous_texts["alpha"] == previous_texts["bravo"] == ()
    assert previous_texts["charlie"] == tuple(tokenizer.previous_text_ids("alpha"))
    assert previous_texts["delta"] == tuple(tokenizer.previous_text_ids("bravo"))


def with_translations(corpus: Corpus) -> Corpus:
    rows = [row.model_copy(update={"translation": f"the {row.text}"}) for row in corpus.rows]
    return write_corpus(corpus.folder, Origin(name="translated"), rows)


def test_corpus_without_translations_keeps_its_version(tiny_corpus: Corpus):
    assert "translation" not in (tiny_corpus.folder / "manifest.jsonl").read_text()
    rewritten = write_corpus(tiny_corpus.folder, tiny_corpus.info, tiny_corpus.rows)
    assert rewritten.info.version == tiny_corpus.info.version
    assert with_translations(tiny_corpus).info.version != tiny_corpus.info.version


def test_translations_are_targets_in_training_alone(tiny_corpus: Corpus, base_directory: Path):
    tokenizer, corpus = Tokenizer(base_directory), with_translations(tiny_corpus)
    config = TrainingConfig(targets=TargetOptions(translate_share=1))
    examples = make_examples([corpus], "train", config, tokenizer)
    collators = make_data_module(examples, examples, config, 80).collators
    translate = tokenizer.id("<|translate|>")
    assert (collators.train([Draw(0, 0), Draw(0, 1)]).inputs == translate).any(1).all()
    assert not (collators.validation([0, 1]).inputs == translate).any()
    with pytest.raises(LanguageError, match="cannot translate"):
        make_examples([corpus], "train", config, EnglishOnly(base_directory))


def test_timestamps_scale_with_audio_that_is_slowed_down(tiny_corpus: Corpus, base_directory: Path):
    tokenizer = Tokenizer(base_directory)
    slow = {"preset": "off", "speed": {"probability": 1, "min_rate": 0.5, "max_rate": 1}}
    targets = TargetOptions(timestamp_share=1, timestamps_of="utterance")
    config = TrainingConfig.model_validate({"augmentation": slow, "targets": targets, "context": {"full_share": 0}})
    examples = make_examples([tiny_corpus], "train", config, tokenizer)
    collator, draw = TrainCollator(examples, config, 80, FeatureCache(1)), Draw(0, 0)
    timestamps = [token for token in collator([draw]).labels[0].tolist() if token in tokenizer.timestamp_ids]
    audio = collator.load_augmented(draw)
    assert tokenizer.timestamp_ids.index(timestamps[-1]) == pytest.approx(50 * audio.n_samples / SAMPLE_RATE, abs=1)
    assert audio.duration_ratio > 1.01


def test_lower_case_option_lowers_the_targets_but_not_the_reference(tiny_corpus: Corpus, base_directory: Path):
    tokenizer = Tokenizer(base_directory)
    rows = [row.model_copy(update={"text": row.text.upper()}) for row in tiny_corpus.rows]
    corpus = write_corpus(tiny_corpus.folder, Origin(name="capitals"), rows)
    for options, write in ((TargetOptions(lower_case=True), str.lower), (TargetOptions(), str.upper)):
        examples = make_examples([corpus], "train", TrainingConfig(targets=options), tokenizer)
        assert all(e.text == tuple(tokenizer.encode(write(e.reference))) for e in examples)
        assert all(e.reference.isupper() for e in examples)
