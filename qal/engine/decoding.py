"""Options of the decoder, its prompt, and the tokenizer."""

import math
from pathlib import Path

from faster_whisper.tokenizer import Tokenizer as WordSplitter
from pydantic import BaseModel, Field
from tokenizers import Tokenizer as TokenizerFile

from qal.audio.samples import WINDOW_S
from qal.engine.languages import LANGUAGES, check_language
from qal.errors import LanguageError, ModelError

MAX_TEXT_TOKENS = 224  # half of the decoder's 448 positions; the other half is for a prompt
TOKENS_PER_SECOND = 40.0  # of speech; see docs/benchmarks.md for the rates of languages
FREE_TOKENS = 16  # of an utterance of any length
MAX_PROMPT_TOKENS = 100  # each one costs a step of the decoder
TIMESTAMPS_PER_SECOND = 50
BEST_OF = 5  # texts sampled at a temperature, of which the most likely one is used
ENGLISH_ONLY_START = 50257  # id of <|startoftranscript|> in English-only models


class DecodingOptions(BaseModel, frozen=True):
    """Options of the decoder."""

    beam_size: int = Field(default=1, ge=1, le=16, description="hypotheses kept while decoding; 1 is greedy")
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
    timestamps: bool = Field(default=False, description="the model predicts timestamp tokens, too")
    words: bool = Field(default=False, description="compute the start, end and probability of each word")

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

    def prompt(self, language: str, task: str = "transcribe", previous_text: str = "") -> list[int]:
        """Returns the token ids at the start of the decoder, without timestamps.

        Args:
            language: language code.
            task: "transcribe" or "translate".
            previous_text: text before this utterance, or vocabulary hints; only its last tokens are used.

        Raises:
            LanguageError: the model lacks the language or cannot translate.
        """
        check_language(language, self.languages)
        previous_ids = self.previous_text_ids(previous_text)
        if not self.multilingual:
            if task != "transcribe":
                raise LanguageError("an English-only model cannot translate; use a multilingual one, such as 'base'")
            return [*previous_ids, self.start, self.no_timestamps]
        task_ids = [self.id(f"<|{language}|>"), self.id(f"<|{task}|>")]
        return [*previous_ids, self.start, *task_ids, self.no_timestamps]

    def previous_text_ids(self, text: str) -> list[int]:
        """Returns the part of the prompt for previous text; [] if the text is empty."""
        return [self.previous_text_start, *self.encode(text)[-MAX_PROMPT_TOKENS:]] if text.strip() else []

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
