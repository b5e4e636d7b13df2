"""Engine: transcribes batches of utterances with a CTranslate2 Whisper model."""

import copy
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

import ctranslate2
import numpy as np
from ctranslate2 import StorageView

from qal.audio.log_mel import padded_log_mel
from qal.audio.samples import HOP, SAMPLE_RATE, WINDOW_S, WINDOW_SAMPLES, Samples
from qal.engine.constrained_decoding.scoring import choose_phrases
from qal.engine.context import context_frames, grid_samples
from qal.engine.decoding import GREEDY, DecodingOptions, Tokenizer
from qal.engine.languages import DetectedLanguage, LanguageDetection, check_languages
from qal.engine.model_directory import ContextAbility, is_model_directory, read_metadata
from qal.engine.settings.device import Device, choose_compute_type, choose_device
from qal.engine.timestamps import TimedText, timed_texts
from qal.engine.word_sound import fit_to_sound
from qal.engine.words import Word, to_words
from qal.errors import ModelError, OptionError

ContextChoice = Literal["auto", "full"]
Languages = Sequence[DetectedLanguage]  # one for each utterance
FULL_CONTEXT = ContextAbility(adaptive=False)
ANY_LANGUAGE = LanguageDetection()
MIN_ALIGNED_FRAMES = 2
SEEDING = threading.Lock()  # CTranslate2's seed belongs to the process


@dataclass(frozen=True)
class Utterance:
    """Speech to transcribe."""

    samples: Samples  # (n,) at 16 kHz, at most 30 s
    language: str | None = None  # None: it is detected as `detection` says
    task: str = "transcribe"
    speech_probability: float = 1.0  # highest probability of the VAD; 1 if it was not used
    previous_text: str = ""  # text before this utterance, or vocabulary hints, for the decoder's prompt
    detection: LanguageDetection = ANY_LANGUAGE
    on_grid: bool = False  # encoded together with utterances of like length only, so that its text depends on no other
    begins_transcript: bool = True  # so that DecodingOptions.prefix is its prefix


@dataclass(frozen=True)
class Transcript:
    """Text of an utterance and the model's confidence."""

    text: str
    language: str
    tokens: tuple[int, ...]
    avg_logprob: float  # mean natural-log probability of the tokens
    no_speech_prob: float  # probability that there is no speech
    context_frames: int  # log-mel frames that were encoded
    words: tuple[Word, ...] = ()  # empty unless DecodingOptions.words is set
    other_language: str | None = None  # likely by the sound, while the language that was held is unlikely
    is_cut: bool = False  # the text filled the token limit, so that its end is missing
    language_probability: float | None = None  # None: the language was given
    timed_texts: tuple[TimedText, ...] = ()  # empty unless DecodingOptions.timestamps is set


class Engine:
    """A loaded model, shared by all callers; CTranslate2 is thread-safe."""

    def __init__(
        self,
        directory: Path,
        device: Device = "auto",
        compute_type: str = "auto",
        context: ContextChoice = "auto",
        threads: int = 0,
        workers: int = 1,
    ):
        """Loads the weights.

        Args:
            directory: the model directory.
            device: "auto": CUDA if there is a GPU, else the CPU.
            compute_type: "auto": float16 on CUDA, int8 on a CPU.
            context: "auto": as qal.json allows; "full": always 30 s.
            threads: CPU threads of one call; 0: all cores.
            workers: calls that are computed at the same time, with the same weights.

        Raises:
            ModelError: not a model directory, no such device, or the weights cannot be loaded.
            OptionError: negative threads.
        """
        if threads < 0:
            raise OptionError(f"{threads} CPU threads are not possible; give a number, or 0 for all cores")
        if not is_model_directory(directory):
            raise ModelError(
                f"{directory}: not a model directory; give one with model.bin, config.json and tokenizer.json"
            )
        self.directory = directory
        self.metadata = read_metadata(directory)
        self.ability = self.metadata.context if context == "auto" else FULL_CONTEXT
        self.tokenizer = Tokenizer(directory)
        self.device = choose_device(device)
        self.compute_type = choose_compute_type(self.device, compute_type)
        self.workers = workers
        self._threads = threads
        self._model = self._load(workers)
        self.n_mels: int = self._model.n_mels
        self._same_weights_as: Engine | None = None

    def _load(self, workers: int) -> ctranslate2.models.Whisper:
        try:
            return ctranslate2.models.Whisper(
                str(self.directory),
                device=self.device,
                compute_type=self.compute_type,
                intra_threads=self._threads,
                inter_threads=workers,
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"{self.directory}: cannot be loaded ({_first_line(error)}); download or export it again"
            ) from error

    @property
    def model(self) -> ctranslate2.models.Whisper:
        """The loaded model, for passes of the decoder that are no transcription."""
        return self._model

    def with_context(self, ability: ContextAbility) -> Self:
        """Returns an engine of the same loaded weights that encodes other contexts, whatever qal.json says."""
        other = copy.copy(self)
        other.ability = ability
        other._same_weights_as = self  # so that a cache sees that the weights are in use
        return other

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        """Transcribes utterances in batches, each encoded at the context of its longest utterance.

        Utterances with prompts of different lengths are in different batches, because CTranslate2 needs the text to
        start at the same position; so are utterances `on_grid` of different lengths. Returns one transcript per
        utterance, in order; [] for []."""
        if any(len(u.samples) > WINDOW_SAMPLES for u in utterances):
            raise ValueError(f"an utterance is longer than {WINDOW_S} s; cut it first")
        if options.temperature and options.seed is not None:
            return [self._draw(utterance, options, options.seed) for utterance in utterances]
        batches: dict[tuple[int, int], list[int]] = {}  # indices of utterances that may be decoded together
        for i, utterance in enumerate(utterances):
            context = context_frames(grid_samples(len(utterance.samples)), self.ability) if utterance.on_grid else 0
            batches.setdefault((self._start_length(utterance, options), context), []).append(i)
        transcripts: dict[int, Transcript] = {}
        for batch in batches.values():
            found = self._transcribe_batch([utterances[i] for i in batch], options)
            transcripts |= zip(batch, found, strict=True)
        return [transcripts[i] for i in range(len(utterances))]

    def _draw(self, utterance: Utterance, options: DecodingOptions, seed: int) -> Transcript:
        """Transcribes an utterance with sampled texts that depend on the seed alone.

        CTranslate2 has a random generator in each thread of a model, seeded at its first use and never again. So the
        weights are loaded once more, with a new thread."""
        drawing = copy.copy(self)
        with SEEDING:
            ctranslate2.set_random_seed(seed)
            drawing._model = drawing._load(workers=1)
            return drawing._transcribe_batch([utterance], options)[0]

    def _start_length(self, utterance: Utterance, options: DecodingOptions) -> int:
        """Returns how many tokens of previous text and prefix stand before the text."""
        previous = self.tokenizer.previous_text_ids(utterance.previous_text, options.prompt_text)
        return len(previous) + len(self._prefix_ids(utterance, options))

    def _prefix_ids(self, utterance: Utterance, options: DecodingOptions) -> list[int]:
        return self.tokenizer.prefix_ids(options.prefix) if utterance.begins_transcript else []

    def _transcribe_batch(self, utterances: list[Utterance], options: DecodingOptions) -> list[Transcript]:
        longest = max(grid_samples(len(u.samples)) if u.on_grid else len(u.samples) for u in utterances)
        frames = context_frames(longest, self.ability)
        mel = np.stack([padded_log_mel(u.samples, frames, self.n_mels) for u in utterances])
        encoded = self._model.encode(StorageView.from_array(np.ascontiguousarray(mel)))
        languages = self._languages(utterances, encoded)
        if options.phrases:
            transcripts = self._choose_phrases(utterances, encoded, languages, options)
        else:
            transcripts = self._generate(utterances, encoded, languages, options)
        return self._with_words(transcripts, utterances, encoded) if options.words else transcripts

    def _generate(
        self, utterances: Sequence[Utterance], encoded: StorageView, languages: Languages, options: DecodingOptions
    ) -> list[Transcript]:
        prompts = [
            self.tokenizer.prompt(detected.language, u.task, u.previous_text, options.prompt_text)
            for detected, u in zip(languages, utterances, strict=True)
        ]
        if options.timestamps:
            prompts = [prompt[:-1] for prompt in prompts]  # without <|notimestamps|>
        prefixes = [self._prefix_ids(u, options) for u in utterances]
        prompts = [prompt + prefix for prompt, prefix in zip(prompts, prefixes, strict=True)]
        limits = self._token_limits(utterances, options)
        max_tokens = max(limits)
        results = self._model.generate(
            encoded,
            prompts,
            **options.search(),
            max_length=max(2 * max_tokens, max_tokens + len(prompts[0])),  # see below
            repetition_penalty=options.repetition_penalty,
            no_repeat_ngram_size=options.no_repeat_ngram_size,
            suppress_blank=options.suppress_blank,
            suppress_tokens=self.tokenizer.suppressed_ids(options),
            return_scores=True,
            return_no_speech_prob=True,
        )  # CTranslate2 writes max_length / 2 tokens, or as many as fit into max_length behind the prompt
        frames = 2 * encoded.shape[1]
        return [
            self._transcript(result, prefix, detected, frames, limit, options.length_penalty)
            for result, prefix, detected, limit in zip(results, prefixes, languages, limits, strict=True)
        ]

    def _token_limits(self, utterances: Sequence[Utterance], options: DecodingOptions) -> list[int]:
        """Returns the most tokens of each text: by its own length `on_grid`, else by that of the longest utterance."""
        longest = max(len(u.samples) for u in utterances)
        lengths = [grid_samples(len(u.samples)) if u.on_grid else longest for u in utterances]
        return [options.token_limit(n / SAMPLE_RATE) for n in lengths]

    def _choose_phrases(
        self, utterances: Sequence[Utterance], encoded: StorageView, languages: Languages, options: DecodingOptions
    ) -> list[Transcript]:
        prompts = [self.tokenizer.prompt(d.language, u.task) for d, u in zip(languages, utterances, strict=True)]
        choices = choose_phrases(self._model, self.tokenizer, encoded, prompts, options.phrases)
        found = [
            (c.phrase, d.language, c.tokens, c.avg_logprob, c.no_speech_prob)
            for c, d in zip(choices, languages, strict=True)
        ]
        return [Transcript(*values, context_frames=2 * encoded.shape[1]) for values in found]

    def _with_words(
        self, transcripts: list[Transcript], utterances: Sequence[Utterance], encoded: StorageView
    ) -> list[Transcript]:
        """Adds aligned words to the transcripts, with one pass of the decoder per language and task."""
        speech_frames = [
            max(MIN_ALIGNED_FRAMES, min(t.context_frames, len(u.samples) // HOP))
            for t, u in zip(transcripts, utterances, strict=True)
        ]
        with_words = list(transcripts)
        spoken = [(t.language, u.task) for t, u in zip(transcripts, utterances, strict=True)]
        for language, task in {pair for pair, t in zip(spoken, transcripts, strict=True) if t.tokens}:
            start = self.tokenizer.prompt(language, task)[:-1]
            texts = [[token for token in t.tokens if token < self.tokenizer.end] for t in transcripts]
            aligned_texts = [text or [self.tokenizer.end] for text in texts]
            alignments = self._model.align(encoded, start, aligned_texts, speech_frames)
            splitter = self.tokenizer.word_splitter("en" if task == "translate" else language)
            for i, (t, text, alignment) in enumerate(zip(transcripts, texts, alignments, strict=True)):
                if spoken[i] == (language, task):
                    words = to_words(splitter, text, alignment)
                    with_words[i] = replace(t, words=fit_to_sound(words, utterances[i].samples))
        return with_words

    def _languages(self, utterances: Sequence[Utterance], encoded: StorageView) -> list[DetectedLanguage]:
        for u in utterances:
            check_languages(u.detection.among, self.tokenizer.languages)
        if not self.tokenizer.multilingual:
            return [DetectedLanguage(u.language or "en", None) for u in utterances]
        if all(u.language for u in utterances):
            return [DetectedLanguage(u.language or "", None) for u in utterances]
        rankings = [
            [(token.strip("<|>"), probability) for token, probability in ranking]
            for ranking in self._model.detect_language(encoded)
        ]
        return [
            DetectedLanguage(u.language, None) if u.language else u.detection.decide(ranking)
            for u, ranking in zip(utterances, rankings, strict=True)
        ]

    def _transcript(
        self,
        result: ctranslate2.models.WhisperGenerationResult,
        prefix: Sequence[int],
        detected: DetectedLanguage,
        frames: int,
        max_tokens: int,
        length_penalty: float,
    ) -> Transcript:
        ids = result.sequences_ids[0][:max_tokens]
        return Transcript(
            text=self.tokenizer.decode([*prefix, *ids]),
            language=detected.language,
            tokens=(*prefix, *ids),
            avg_logprob=result.scores[0] * max(1, len(ids)) ** (length_penalty - 1),  # scores are sum / n ** penalty
            no_speech_prob=result.no_speech_prob,
            context_frames=frames,
            other_language=detected.other,
            is_cut=len(ids) >= max_tokens,
            language_probability=detected.probability,
            timed_texts=timed_texts(self.tokenizer, ids),
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
