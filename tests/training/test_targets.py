from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE
from qal.corpus.manifest import Corpus, Origin, write_corpus
from qal.engine.decoding import MAX_PROMPT_TOKENS, Tokenizer
from qal.errors import LanguageError
from qal.jobs.options.data import TargetOptions
from qal.jobs.options.training_config import TrainingConfig
from qal.training.data.batches import TrainBatches
from qal.training.data.data_module import make_examples, speech_data
from qal.training.data.examples import IGNORED, MAX_LABEL_TOKENS, Example, Target, label_rows
from qal.training.data.feature_cache import FeatureCache
from qal.training.data.targets import drawn_target, scaled, speech_span, with_text_before, with_times

EVERYTHING = TargetOptions(translate_share=0.5, timestamp_share=0.5, previous_share=0.5)


class EnglishOnly(Tokenizer):
    """The same file, read as an English-only model's."""

    def __init__(self, directory: Path):
        super().__init__(directory)
        self.multilingual, self.languages = False, ("en",)


@pytest.fixture(params=[Tokenizer, EnglishOnly])
def tokenizer(request: pytest.FixtureRequest, base_directory: Path) -> Tokenizer:
    return request.param(base_directory)


def example_of(tokenizer: Tokenizer, words: int = 3, words_before: int = 2) -> Example:
    translated = None
    if tokenizer.multilingual:
        translated = Target(tuple(tokenizer.prompt("en", "translate")), tuple(tokenizer.encode("moon")), tokenizer.end)
    return Example(
        prompt=tuple(tokenizer.prompt("en")),
        text=tuple(tokenizer.encode(" ".join(["sun"] * words))),
        end=tokenizer.end,
        audio=Path("none.wav"),
        duration_s=2.0,
        reference="",
        language="en",
        translated=translated,
        previous=tuple(tokenizer.earlier(" ".join(["star"] * words_before))),
    )


@pytest.mark.parametrize("words", [1, 40, MAX_LABEL_TOKENS - 6, MAX_LABEL_TOKENS - 5])
@pytest.mark.parametrize("words_before", [0, 5, 400])
def test_labels_stay_legal_whatever_is_drawn(tokenizer: Tokenizer, words: int, words_before: int):
    example = example_of(tokenizer, words, words_before)
    for seed in range(40):
        target = drawn_target(example, EVERYTHING, np.random.default_rng(seed), lambda: (0.31, 29.99))
        inputs, labels = label_rows([target])
        read, said = inputs[0].tolist(), labels[0].tolist()
        taught = [token for token in said if token != IGNORED]
        assert len(read) <= MAX_LABEL_TOKENS
        assert read.count(tokenizer.start) == 1
        assert taught == [*target.text, tokenizer.end]
        assert all(token == IGNORED for token in said[: len(target.prompt) - 1])  # the prompt is never taught
        assert read.count(tokenizer.before) <= 1
        assert tokenizer.before not in read or read[0] == tokenizer.before
        assert len(target.prompt) <= MAX_PROMPT_TOKENS + 5


def test_times_are_ordered_tokens_of_the_vocabulary_around_the_text(tokenizer: Tokenizer):
    plain = example_of(tokenizer)
    for start_s, end_s in ((0.0, 0.0), (0.3, 1.51), (1.0, 0.5), (29.99, 31.0), (0, 30)):
        timed = with_times(plain, start_s, end_s)
        first, *text, last = timed.text
        assert tuple(text) == plain.text
        assert tokenizer.no_timestamps not in timed.prompt
        assert first in tokenizer.times
        assert last in tokenizer.times
        assert first < last
    assert with_times(plain, 0.3, 1.51).text[0] == tokenizer.times[15]
    assert with_times(plain, 0.3, 1.51).text[-1] == tokenizer.times[76]


def test_the_multilingual_vocabulary_names_the_times(base_directory: Path):
    times = Tokenizer(base_directory).times
    tokenizer = Tokenizer(base_directory)
    assert [tokenizer.id(f"<|{name}|>") for name in ("0.00", "0.02", "30.00")] == [times[0], times[1], times[-1]]


def test_text_with_times_decodes_to_the_text(tokenizer: Tokenizer):
    assert tokenizer.decode(list(with_times(example_of(tokenizer), 0, 1).text)) == "sun sun sun"


def test_of_a_long_text_before_the_end_is_kept(tokenizer: Tokenizer):
    target = replace(example_of(tokenizer), text=tuple([400] * (MAX_LABEL_TOKENS - 10)))
    longer = with_text_before(target, (tokenizer.before, *range(1000, 1100)))
    assert len(longer.prompt) + len(longer.text) == MAX_LABEL_TOKENS
    assert longer.prompt[0] == tokenizer.before
    assert longer.prompt[-len(target.prompt) - 1] == 1099


def test_shares_are_kept_and_zero_changes_nothing(base_directory: Path):
    tokenizer = Tokenizer(base_directory)
    example = example_of(tokenizer)
    rngs = [np.random.default_rng([0, seed]) for seed in range(1000)]
    drawn = [drawn_target(example, TargetOptions(translate_share=0.3), rng, lambda: (0, 1)) for rng in rngs]
    assert 0.25 < np.mean([t is example.translated for t in drawn]) < 0.35
    assert drawn_target(example, TargetOptions(), rngs[0], lambda: (0, 1)) is example


def test_one_share_does_not_change_what_another_draws(base_directory: Path):
    example = example_of(Tokenizer(base_directory))

    def timed(options: TargetOptions) -> list[bool]:
        rngs = [np.random.default_rng([0, seed]) for seed in range(50)]
        targets = [drawn_target(example, options, rng, lambda: (0, 1)) for rng in rngs]
        return [example.prompt[-1] not in t.prompt for t in targets]

    assert timed(TargetOptions(timestamp_share=0.5)) == timed(EVERYTHING)


def test_a_row_without_a_transcript_is_translated(base_directory: Path):
    example = replace(example_of(Tokenizer(base_directory)), text=())
    assert drawn_target(example, EVERYTHING, np.random.default_rng(0), lambda: (0, 1)).text


def test_the_span_is_where_somebody_speaks(english_corpus: Corpus):
    from qal.audio.decode import decode

    row = max(english_corpus.rows, key=lambda r: len(r.text))
    speech = decode(english_corpus.audio_path(row))
    silence = np.zeros(SAMPLE_RATE, np.float32)
    start, end = speech_span(np.concatenate([silence, speech, silence]))
    assert 0.9 < start < end < 1.1 + len(speech) / SAMPLE_RATE
    assert speech_span(silence) == (0.0, 1.0)
    assert scaled((1.0, 2.0), 1.5) == (1.5, 3.0)


def test_the_text_before_is_the_same_speakers_in_the_manifests_order(tiny_corpus: Corpus, base_directory: Path):
    tokenizer = Tokenizer(base_directory)
    speakers = {"alpha": "a", "bravo": "b", "charlie": "a", "delta": "b"}
    rows = [r.model_copy(update={"speaker": speakers[r.text]}) for r in tiny_corpus.rows]
    corpus = write_corpus(tiny_corpus.folder, Origin(name="speakers"), rows)
    config = TrainingConfig(targets=TargetOptions(previous_share=1))
    found = {e.reference: e.previous for e in make_examples([corpus], "train", config, tokenizer)}
    assert found["alpha"] == found["bravo"] == ()
    assert found["charlie"] == tuple(tokenizer.earlier("alpha"))
    assert found["delta"] == tuple(tokenizer.earlier("bravo"))


def with_translations(corpus: Corpus) -> Corpus:
    rows = [r.model_copy(update={"translation": f"the {r.text}"}) for r in corpus.rows]
    return write_corpus(corpus.folder, Origin(name="translated"), rows)


def test_a_corpus_that_nobody_translated_keeps_its_version(tiny_corpus: Corpus):
    assert "translation" not in (tiny_corpus.folder / "manifest.jsonl").read_text()
    again = write_corpus(tiny_corpus.folder, tiny_corpus.info, tiny_corpus.rows)
    assert again.info.version == tiny_corpus.info.version
    assert with_translations(tiny_corpus).info.version != tiny_corpus.info.version


def test_translations_are_taught_in_training_alone(tiny_corpus: Corpus, base_directory: Path):
    tokenizer, corpus = Tokenizer(base_directory), with_translations(tiny_corpus)
    config = TrainingConfig(targets=TargetOptions(translate_share=1))
    examples = make_examples([corpus], "train", config, tokenizer)
    data = speech_data(examples, examples, config, 80)
    translate = tokenizer.id("<|translate|>")
    assert (data.train_batch([(0, 0), (0, 1)]).inputs == translate).any(1).all()
    assert not (data.validation_batch([0, 1]).inputs == translate).any()
    with pytest.raises(LanguageError, match="cannot translate"):
        make_examples([corpus], "train", config, EnglishOnly(base_directory))


def test_times_follow_the_sound_that_was_made_slower(tiny_corpus: Corpus, base_directory: Path):
    tokenizer = Tokenizer(base_directory)
    slow = {"preset": "off", "speed": {"probability": 1, "min_rate": 0.5, "max_rate": 1}}
    targets = TargetOptions(timestamp_share=1, timestamps_of="utterance")
    config = TrainingConfig.model_validate({"augmentation": slow, "targets": targets, "context": {"full_share": 0}})
    examples = make_examples([tiny_corpus], "train", config, tokenizer)
    maker = TrainBatches(examples, config, 80, FeatureCache(1))
    batch = maker([(0, 0)])
    (last,) = [t for t in batch.labels[0].tolist() if t in tokenizer.times][-1:]
    heard = maker._hear(0, 0)
    assert tokenizer.times.index(last) == pytest.approx(50 * heard.samples / SAMPLE_RATE, abs=1)
    assert heard.stretch > 1.01
