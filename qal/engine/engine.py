"""The engine: one CTranslate2 Whisper and one batched call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import ctranslate2
import numpy as np

from qal.audio.log_mel import padded_log_mel
from qal.audio.samples import HOP, WINDOW_S, WINDOW_SAMPLES, Samples
from qal.engine.context import context_frames
from qal.engine.decoding import GREEDY, SAMPLED, DecodingOptions, Tokenizer
from qal.engine.model_directory import ContextAbility, is_model_directory, read_card
from qal.engine.words import Word, to_words
from qal.errors import ModelError, OptionError

Device = Literal["auto", "cpu", "cuda"]
ContextChoice = Literal["auto", "full"]
FULL_CONTEXT = ContextAbility(adaptive=False)


@dataclass(frozen=True)
class Utterance:
    """Speech to transcribe, at most 30 s; language None lets the model detect it.

    `before`: what was said before it, or names and terms to expect; the decoder is told."""

    samples: Samples
    language: str | None = None
    task: str = "transcribe"
    speech_probability: float = 1.0  # the highest that the VAD gave; 1 where it was not asked
    before: str = ""


@dataclass(frozen=True)
class Transcript:
    text: str
    language: str
    tokens: tuple[int, ...]
    avg_logprob: float  # mean natural-log probability of the tokens
    no_speech_prob: float  # probability that there is no speech at all
    context_frames: int  # what the encoder heard
    words: tuple[Word, ...] = ()  # where they were asked for


class Engine:
    """Weights loaded once, shared by every caller; CTranslate2 is safe to call from many threads.

    device: "auto" takes CUDA when a GPU is there. compute_type: "auto" is float16 on CUDA and int8 on a
    CPU. context: "auto" encodes what qal.json allows, "full" always 30 s. threads: of one call, 0 takes all
    cores. workers: calls from so many threads are computed at the same time, with the same weights."""

    def __init__(
        self,
        directory: Path,
        device: Device = "auto",
        compute_type: str = "auto",
        context: ContextChoice = "auto",
        threads: int = 0,
        workers: int = 1,
    ):
        if threads < 0:
            raise OptionError(f"{threads} CPU threads are not possible; give a number, or 0 for all cores")
        if not is_model_directory(directory):
            raise ModelError(f"{directory}: not a model directory (model.bin, config.json and tokenizer.json)")
        self.directory = directory
        self.card = read_card(directory)
        self.ability = self.card.context if context == "auto" else FULL_CONTEXT
        self.tokenizer = Tokenizer(directory)
        self.device = choose_device(device)
        self.compute_type = choose_compute_type(self.device, compute_type)
        self.workers = workers
        try:
            self._model = ctranslate2.models.Whisper(
                str(directory),
                device=self.device,
                compute_type=self.compute_type,
                intra_threads=threads,
                inter_threads=workers,
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"{directory}: cannot be loaded ({first_line(error)}); fetch or export it again"
            ) from error
        self.n_mels: int = self._model.n_mels

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        """One batch, encoded at the longest utterance's context; a batch for each length of `before`. [] -> []."""
        if any(len(u.samples) > WINDOW_SAMPLES for u in utterances):
            raise ValueError(f"an utterance is longer than {WINDOW_S} s; cut it first")
        batches: dict[int, list[int]] = {}  # CTranslate2 wants the text to begin at the same position
        for i, utterance in enumerate(utterances):
            batches.setdefault(len(self.tokenizer.earlier(utterance.before)), []).append(i)
        found: dict[int, Transcript] = {}
        for batch in batches.values():
            found |= zip(batch, self._read([utterances[i] for i in batch], options), strict=True)
        return [found[i] for i in range(len(utterances))]

    def _read(self, utterances: list[Utterance], options: DecodingOptions) -> list[Transcript]:
        longest = max(len(u.samples) for u in utterances)
        frames = context_frames(longest, self.ability)
        mel = np.stack([padded_log_mel(u.samples, frames, self.n_mels) for u in utterances])
        encoded = self._model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(mel)))
        languages = self._languages(utterances, encoded)
        prompts = [self.tokenizer.prompt(lang, u.task, u.before) for lang, u in zip(languages, utterances, strict=True)]
        if options.timestamps:
            prompts = [prompt[:-1] for prompt in prompts]  # all but "no timestamps"
        results = self._model.generate(
            encoded,
            prompts,
            **({"beam_size": options.beam_size} if not options.temperature else drawn(options.temperature)),
            max_length=2 * options.max_tokens,  # CTranslate2 lets the text have half of it
            repetition_penalty=options.repetition_penalty,
            no_repeat_ngram_size=options.no_repeat_ngram_size,
            return_scores=True,
            return_no_speech_prob=True,
        )
        found = [self._transcript(r, lang, frames) for r, lang in zip(results, languages, strict=True)]
        return self._with_words(found, utterances, encoded) if options.words else found

    def _with_words(
        self, transcripts: list[Transcript], utterances: Sequence[Utterance], encoded: ctranslate2.StorageView
    ) -> list[Transcript]:
        """Their words aligned with the sound; one pass of the decoder for each language that is spoken."""
        heard = [
            max(2, min(t.context_frames, len(u.samples) // HOP)) for t, u in zip(transcripts, utterances, strict=True)
        ]
        found = list(transcripts)
        for language in {t.language for t in transcripts if t.tokens}:
            start = self.tokenizer.prompt(language)[:-1]
            texts = [[token for token in t.tokens if token < self.tokenizer.end] for t in transcripts]
            aligned = self._model.align(encoded, start, [text or [self.tokenizer.end] for text in texts], heard)
            splitter = self.tokenizer.word_splitter(language)
            for i, (t, text, alignment) in enumerate(zip(transcripts, texts, aligned, strict=True)):
                if t.language == language:
                    found[i] = replace(t, words=to_words(splitter, text, alignment))
        return found

    def _languages(self, utterances: Sequence[Utterance], encoded: ctranslate2.StorageView) -> list[str]:
        if not self.tokenizer.multilingual:
            return [u.language or "en" for u in utterances]
        if all(u.language for u in utterances):
            return [u.language or "" for u in utterances]
        detected = [ranking[0][0].strip("<|>") for ranking in self._model.detect_language(encoded)]
        return [u.language or code for u, code in zip(utterances, detected, strict=True)]

    def _transcript(self, result: ctranslate2.models.WhisperGenerationResult, language: str, frames: int) -> Transcript:
        ids = result.sequences_ids[0]
        return Transcript(
            text=self.tokenizer.decode(ids),
            language=language,
            tokens=tuple(ids),
            avg_logprob=result.scores[0],
            no_speech_prob=result.no_speech_prob,
            context_frames=frames,
        )


def drawn(temperature: float) -> dict[str, float]:
    """CTranslate2's options for texts that are drawn, the likeliest of them first."""
    return {"beam_size": 1, "num_hypotheses": SAMPLED, "sampling_topk": 0, "sampling_temperature": temperature}


def choose_device(device: Device) -> str:
    has_cuda = ctranslate2.get_cuda_device_count() > 0
    if device == "cuda" and not has_cuda:
        raise ModelError("no CUDA device was found; use --device cpu, or auto")
    return ("cuda" if has_cuda else "cpu") if device == "auto" else device


def choose_compute_type(device: str, compute_type: str) -> str:
    if compute_type == "auto":
        return "float16" if device == "cuda" else "int8"
    supported = ctranslate2.get_supported_compute_types(device)
    if compute_type not in supported:
        raise ModelError(
            f"compute type '{compute_type}' does not run on {device}; use one of {', '.join(sorted(supported))}"
        )
    return compute_type


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
