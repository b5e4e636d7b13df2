"""How text is read out of encoded sound: options, the decoder's prompt, and the tokenizer."""

from pathlib import Path

from faster_whisper.tokenizer import Tokenizer as WordSplitter
from pydantic import BaseModel, Field
from tokenizers import Tokenizer as TokenizerFile

from qal.audio.samples import WINDOW_S
from qal.engine.languages import LANGUAGES, check_language
from qal.errors import LanguageError, ModelError

MAX_TEXT_TOKENS = 224  # half of the decoder's 448 positions; the other half is for a prompt
MAX_PROMPT_TOKENS = 100  # each costs a step of the decoder's time
TIMES_A_SECOND = 50  # time tokens
SAMPLED = 5  # texts that are drawn at a temperature; the likeliest is taken


class DecodingOptions(BaseModel, frozen=True):
    beam_size: int = Field(default=1, ge=1, le=16, description="hypotheses kept while decoding; 1 is greedy")
    max_tokens: int = Field(
        default=200, ge=1, le=MAX_TEXT_TOKENS, description="longest text of one utterance, in tokens"
    )
    repetition_penalty: float = Field(default=1.0, ge=1, le=2, description="above 1 makes repeated tokens less likely")
    no_repeat_ngram_size: int = Field(default=0, ge=0, le=20, description="n-grams of this size never repeat; 0 is off")
    temperature: float = Field(
        default=0.0, ge=0, le=1, description="above 0, tokens are drawn: the likeliest of 5 texts is taken"
    )
    timestamps: bool = Field(default=False, description="the tokens hold the model's own time stamps, too")
    words: bool = Field(default=False, description="each word's start, end and probability too")


GREEDY = DecodingOptions()


class Tokenizer:
    """Whisper's vocabulary, multilingual or English-only, read from tokenizer.json."""

    def __init__(self, directory: Path):
        try:
            self._file = TokenizerFile.from_file(str(directory / "tokenizer.json"))
        except Exception as error:  # tokenizers raises bare Exception
            raise ModelError(f"{directory}: tokenizer.json is missing or broken; fetch the model again") from error
        self.start = self.id("<|startoftranscript|>")
        self.end = self.id("<|endoftext|>")
        self.no_timestamps = self.id("<|notimestamps|>")
        self.before = self.id("<|startofprev|>")
        found = tuple(code for code in LANGUAGES if self._file.token_to_id(f"<|{code}|>") is not None)
        # English-only files hold the language tokens too, but were never trained with them.
        self.multilingual = self.start != ENGLISH_ONLY_START
        self.languages = found if self.multilingual else ("en",)

    def id(self, token: str) -> int:
        found = self._file.token_to_id(token)
        if found is None:
            raise ModelError(f"the vocabulary has no token {token}: this is not a Whisper model")
        return found

    def prompt(self, language: str, task: str = "transcribe", before: str = "") -> list[int]:
        """Token ids that the decoder begins with, without time stamps. Of a long `before` the end is kept."""
        check_language(language, self.languages)
        earlier = self.earlier(before)
        if not self.multilingual:
            if task != "transcribe":
                raise LanguageError("an English-only model cannot translate; use a multilingual one, such as 'base'")
            return [*earlier, self.start, self.no_timestamps]
        return [*earlier, self.start, self.id(f"<|{language}|>"), self.id(f"<|{task}|>"), self.no_timestamps]

    def earlier(self, before: str) -> list[int]:
        """The part of a prompt that is text from before; [] where there is none."""
        return [self.before, *self.encode(before)[-MAX_PROMPT_TOKENS:]] if before.strip() else []

    @property
    def times(self) -> range:
        """Ids of <|0.00|>, <|0.02|> ... <|30.00|>; files of English-only models leave them unnamed."""
        return range(self.no_timestamps + 1, self.no_timestamps + 2 + WINDOW_S * TIMES_A_SECOND)

    def word_splitter(self, language: str) -> WordSplitter:
        """faster-whisper's, which knows the languages without spaces."""
        return WordSplitter(self._file, self.multilingual, "transcribe", language)

    def encode(self, text: str) -> list[int]:
        """Text -> ids; Whisper's texts begin with a space.

        What reads like one of Whisper's own tokens is left out: people's text must be no order to the decoder."""
        ids = self._file.encode(" " + text.strip(), add_special_tokens=False).ids
        return [i for i in ids if i < self.end]

    def decode(self, ids: list[int]) -> str:
        return self._file.decode([i for i in ids if i < self.end], skip_special_tokens=True).strip()


ENGLISH_ONLY_START = 50257
