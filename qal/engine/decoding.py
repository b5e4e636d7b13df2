"""Options of the decoder, its prompt, and the tokenizer."""

import math
from pathlib import Path
from typing import Any, Self

from faster_whisper.tokenizer import Tokenizer as WordSplitter
from pydantic import BaseModel, Field, model_validator
from tokenizers import Tokenizer as TokenizerFile

from qal.audio.samples import WINDOW_S
from qal.engine.constrained_decoding.phrases import expand
from qal.engine.languages import LANGUAGES, check_language
from qal.errors import LanguageError, ModelError, OptionError

MAX_TEXT_TOKENS = 224  # half of the decoder's 448 positions; the other half is for a prompt
TOKENS_PER_SECOND = 40.0  # of speech; see docs/benchmarks.md for the rates of languages
FREE_TOKENS = 16  # of an utterance of any length
MAX_PROMPT_TOKENS = 100  # each one costs a step of the decoder
TIMESTAMPS_PER_SECOND = 50
BEST_OF = 5  # texts sampled at a temperature, of which the most likely one is used
MAX_PREFIX_TOKENS = 100
ENGLISH_ONLY_START = 50257  # id of <|startoftranscript|> in English-only models

FREE_TEXT_OPTIONS = (  # what has no effect where the text is one of the allowed phrases
    "beam_size",
    "patience",
    "length_penalty",
    "repetition_penalty",
    "no_repeat_ngram_size",
    "temperature",
    "prompt",
    "hot_words",
    "prefix",
    "suppress_texts",
    "timestamps",
)
BASIC_OPTIONS = ("beam_size", "prompt", "hot_words", "words")  # which a page shows first
ADVANCED_OPTIONS = (
    "patience",
    "length_penalty",
    "temperature",
    "seed",
    "repetition_penalty",
    "no_repeat_ngram_size",
    "prefix",
    "allowed_phrases",
    "suppress_texts",
    "suppress_tokens",
    "suppress_blank",
    "max_tokens",
    "tokens_per_second",
    "timestamps",
)


class DecodingOptions(BaseModel, frozen=True):
    """Options of the decoder: those that CTranslate2 has, and what is made of them; docs/decoding.md."""

    beam_size: int = Field(default=1, ge=1, le=16, description="hypotheses kept while decoding; 1 is greedy")
    patience: float = Field(
        default=1.0, ge=1, le=4, description="beam search ends when beam size times this many hypotheses are complete"
    )
    length_penalty: float = Field(
        default=1.0, ge=0, le=2, description="beam search: above 1 prefers longer texts, below 1 shorter ones"
    )
    max_tokens: int = Field(
        default=200, ge=1, le=MAX_TEXT_TOKENS, description="longest text of one utterance, in tokens"
    )
    tokens_per_second: float = Field(
        default=TOKENS_PER_SECOND,
        ge=0,
        description=f"longest text for each second of audio, in tokens, above the first {FREE_TOKENS}; 0 is no limit",
    )
    repetition_penalty: float = Field(default=1.0, ge=1, le=2, description="above 1 makes repeated tokens less likely")
    no_repeat_ngram_size: int = Field(default=0, ge=0, le=20, description="n-grams of this size never repeat; 0 is off")
    temperature: float = Field(
        default=0.0, ge=0, le=1, description=f"above 0, the most likely of {BEST_OF} sampled texts is used"
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        lt=2**32,
        description="seed of each sampled text, which then depends on nothing else; costs loading the model again",
    )
    prompt: str = Field(default="", description="text as if it had been said before: names, spelling, style")
    hot_words: tuple[str, ...] = Field(
        default=(), description="words that are made more likely, by writing them into the prompt"
    )
    prefix: str = Field(default="", description="text with which the transcript begins")
    allowed_phrases: tuple[str, ...] = Field(
        default=(),
        description="each utterance is the likeliest of these phrases; (a|b) are alternatives, [a] may be left out",
    )
    suppress_blank: bool = Field(default=True, description="the text of an utterance does not begin with a space alone")
    suppress_tokens: tuple[int, ...] = Field(
        default=(-1,), description="ids of tokens that are never written; -1: the symbols that the model's files list"
    )
    suppress_texts: tuple[str, ...] = Field(
        default=(), description="words or signs that are never written; each must be one token of the model"
    )
    timestamps: bool = Field(default=False, description="the model predicts timestamp tokens, too")
    words: bool = Field(default=False, description="compute the start, end and probability of each word")

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        needs_beam = [n for n, default in (("patience", 1.0), ("length_penalty", 1.0)) if getattr(self, n) != default]
        if self.temperature and self.beam_size > 1:
            raise ValueError("temperature samples texts and beam_size searches them; set one of the two")
        if needs_beam and self.beam_size == 1:
            raise ValueError(f"{needs_beam[0]} belongs to beam search; set beam_size above 1")
        if self.prefix and self.timestamps:
            raise ValueError("prefix and timestamps exclude each other; use words for times")
        set_beside = [
            name for name in FREE_TEXT_OPTIONS if getattr(self, name) != type(self).model_fields[name].default
        ]
        if self.allowed_phrases and set_beside:
            raise ValueError(
                f"allowed_phrases are scored, not decoded, so that {set_beside[0]} has no effect; leave it out"
            )
        expand(self.allowed_phrases)
        return self

    @property
    def phrases(self) -> tuple[str, ...]:
        """The texts of `allowed_phrases`, with their alternatives; () if any text is allowed."""
        return expand(self.allowed_phrases)

    @property
    def prompt_text(self) -> str:
        """The hot words and the prompt, as the decoder gets them."""
        return " ".join(filter(None, [", ".join(self.hot_words), self.prompt.strip()]))

    def without_prompt(self, **changes: Any) -> Self:
        """Returns the options with `changes` and without prompt and hot words, which may be the cause of a loop."""
        return self.model_copy(update={"prompt": "", "hot_words": (), **changes})

    def search(self) -> dict[str, float]:
        """Returns CTranslate2's options for beam search, or for sampled texts, the likeliest first."""
        penalty = {"length_penalty": self.length_penalty}
        if not self.temperature:
            return {"beam_size": self.beam_size, "patience": self.patience, **penalty}
        sampling = {"num_hypotheses": BEST_OF, "sampling_topk": 0, "sampling_temperature": self.temperature}
        return {"beam_size": 1, **penalty, **sampling}

    def token_limit(self, duration_s: float) -> int:
        """Returns the most tokens of the text of `duration_s` of audio."""
        by_duration = FREE_TOKENS + math.ceil(self.tokens_per_second * duration_s)
        return min(self.max_tokens, by_duration) if self.tokens_per_second else self.max_tokens


GREEDY = DecodingOptions()


class Tokenizer:
    """Whisper's vocabulary, multilingual or English-only, read from tokenizer.json."""

    def __init__(self, directory: Path):
        try:
            self._file = TokenizerFile.from_file(str(directory / "tokenizer.json"))
        except Exception as error:  # tokenizers raises bare Exception
            raise ModelError(
                f"{directory}: tokenizer.json is missing or broken; download or export the model again"
            ) from error
        self.start = self.id("<|startoftranscript|>")
        self.end = self.id("<|endoftext|>")
        self.no_timestamps = self.id("<|notimestamps|>")
        self.previous_text_start = self.id("<|startofprev|>")
        codes = tuple(code for code in LANGUAGES if self._file.token_to_id(f"<|{code}|>") is not None)
        # English-only vocabularies have the language tokens, too, but the models were never trained with them
        self.multilingual = self.start != ENGLISH_ONLY_START
        self.languages = codes if self.multilingual else ("en",)

    def id(self, token: str) -> int:
        """Returns the id of a special token. Raises ModelError if the vocabulary lacks it."""
        token_id = self._file.token_to_id(token)
        if token_id is None:
            raise ModelError(f"the vocabulary has no token {token}, so this is not a Whisper model; use another model")
        return token_id

    def prompt(
        self, language: str, task: str = "transcribe", previous_text: str = "", prompt_text: str = ""
    ) -> list[int]:
        """Returns the token ids at the start of the decoder, without timestamps.

        Args:
            language: language code.
            task: "transcribe" or "translate".
            previous_text: text before this utterance, or vocabulary hints; only its last tokens are used.
            prompt_text: hot words and a prompt, which stand before the previous text and leave it less room.

        Raises:
            LanguageError: the model lacks the language or cannot translate.
        """
        check_language(language, self.languages)
        previous_ids = self.previous_text_ids(previous_text, prompt_text)
        if not self.multilingual:
            if task != "transcribe":
                raise LanguageError("an English-only model cannot translate; use a multilingual one, such as 'base'")
            return [*previous_ids, self.start, self.no_timestamps]
        task_ids = [self.id(f"<|{language}|>"), self.id(f"<|{task}|>")]
        return [*previous_ids, self.start, *task_ids, self.no_timestamps]

    def previous_text_ids(self, text: str, prompt_text: str = "") -> list[int]:
        """Returns the part of the prompt for hot words, prompt and previous text; [] if all are empty."""
        kept = self.encode(prompt_text)[-MAX_PROMPT_TOKENS:] if prompt_text.strip() else []
        room = MAX_PROMPT_TOKENS - len(kept)
        previous = self.encode(text)[-room:] if text.strip() and room else []
        return [self.previous_text_start, *kept, *previous] if kept or previous else []

    def prefix_ids(self, text: str) -> list[int]:
        """Returns the ids of a text with which a transcript begins; [] for "". Raises OptionError if it is too long."""
        ids = self.encode(text) if text.strip() else []
        if len(ids) > MAX_PREFIX_TOKENS:
            raise OptionError(f"the prefix has {len(ids)} tokens; {MAX_PREFIX_TOKENS} is the most, so shorten it")
        return ids

    def suppressed_ids(self, options: DecodingOptions) -> list[int]:
        """Returns the ids that are never written; -1 stands for the model's own. Raises OptionError."""
        for token in options.suppress_tokens:
            if not -1 <= token < self.end:
                raise OptionError(f"{token} is not the id of a text token; give ids from 0 to {self.end - 1}, or -1")
        of_texts = [token for text in options.suppress_texts for token in self._single_tokens(text)]
        return [*dict.fromkeys([*options.suppress_tokens, *of_texts])]

    def _single_tokens(self, text: str) -> list[int]:
        """Returns the tokens that are this text, with and without the space before it."""
        word = text.strip()
        spellings = [self._file.encode(written, add_special_tokens=False).ids for written in (word, f" {word}")]
        found = [ids[0] for ids in spellings if len(ids) == 1 and ids[0] < self.end]
        if not found:
            raise OptionError(f"'{text}' is not one token of this model, so that it cannot be suppressed; leave it out")
        return found

    @property
    def timestamp_ids(self) -> range:
        """Ids of <|0.00|>, <|0.02|> ... <|30.00|>, which English-only vocabularies do not name."""
        return range(self.no_timestamps + 1, self.no_timestamps + 2 + WINDOW_S * TIMESTAMPS_PER_SECOND)

    def word_splitter(self, language: str) -> WordSplitter:
        """Returns faster-whisper's splitter, which also supports languages without spaces."""
        return WordSplitter(self._file, self.multilingual, "transcribe", language)

    def encode(self, text: str) -> list[int]:
        """Converts text to ids; Whisper's texts begin with a space.

        Special tokens in the text are removed, because users' text must not control the decoder."""
        ids = self._file.encode(" " + text.strip(), add_special_tokens=False).ids
        return [i for i in ids if i < self.end]

    def decode(self, ids: list[int]) -> str:
        """Converts ids to text, without special tokens and outer spaces."""
        return self._file.decode([i for i in ids if i < self.end], skip_special_tokens=True).strip()
