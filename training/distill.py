"""Context distillation: short contexts learned from audio alone.

The model at 30 s is its own teacher. It writes a text once; its next-token distributions and its encoder
frames are the targets of an adapter that hears only utterance + margin (compare FUTO's whisper-acft)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import WhisperForConditionalGeneration

from audio.decode import decode
from audio.samples import HOP, SAMPLE_RATE, WINDOW_FRAMES, Samples, seconds
from augmentation.augmenter import Augmenter
from engine.decoding import Tokenizer
from engine.screening import MAX_COMPRESSION, compression
from training.config import TrainingConfig
from training.data_module import Indices, SpeechData
from training.examples import Example, mel_batch, random_context, token_width
from training.module import SpeechModule
from training.short_context import greedy

SAMPLES_PER_FRAME = 2 * HOP  # of the encoder's output
TEACHING_BATCH = 8
MAX_JOINED = 5
PAUSE_S = (0.15, 0.7)  # between joined utterances
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Lesson:
    """Sound and what the teacher made of it at 30 s."""

    samples: Samples
    example: Example  # its text is the teacher's
    hidden: Tensor  # (tokens, d_model) float16, the decoder's last layer at each text position
    frames: Tensor  # (samples // SAMPLES_PER_FRAME, d_model) float16


class LessonBatch(NamedTuple):
    mel: Tensor  # (batch, n_mels, frames)
    inputs: Tensor  # (batch, tokens)
    spoken: Tensor  # (batch, tokens) True where the next token is text or end
    hidden: Tensor  # (batch, tokens, d_model), the teacher's
    frames: Tensor  # (batch, frames // 2, d_model), the teacher's
    heard: Tensor  # (batch, frames // 2) True on speech


def prepare_sounds(examples: Sequence[Example], config: TrainingConfig) -> list[tuple[Samples, Example]]:
    """One sound an example: some joined with others of the same language, some altered, drawn from the seed."""
    rng = np.random.default_rng([config.seed, len(examples)])
    augmenter, options = Augmenter(config.augmentation, [e.audio for e in examples]), config.distillation
    by_language: dict[str, list[Example]] = {}
    for example in examples:
        by_language.setdefault(example.language, []).append(example)
    sounds = []
    for example in examples:
        chosen = [example]
        if rng.random() < options.joined_share:
            others = by_language[example.language]
            chosen += [others[i] for i in rng.integers(0, len(others), rng.integers(1, MAX_JOINED))]
        samples = _joined([decode(e.audio) for e in chosen], config.max_utterance_s, rng)
        if rng.random() < options.altered_share:
            samples = augmenter.waveform(samples, rng)[: int(config.max_utterance_s * SAMPLE_RATE)]
        sounds.append((samples, example))
    return sounds


def _joined(parts: Sequence[Samples], limit_s: float, rng: np.random.Generator) -> Samples:
    """Parts with pauses between them, as many as stay under the limit."""
    joined = parts[0]
    for part in parts[1:]:
        pause = np.zeros(int(rng.uniform(*PAUSE_S) * SAMPLE_RATE), np.float32)
        if len(joined) + len(pause) + len(part) > limit_s * SAMPLE_RATE:
            break
        joined = np.concatenate([joined, pause, part])
    return joined


@torch.no_grad()
def teach(
    model: WhisperForConditionalGeneration,
    sounds: Sequence[tuple[Samples, Example]],
    tokenizer: Tokenizer,
    config: TrainingConfig,
    bfloat16: bool,
    progress: Progress = lambda done, of: None,
) -> list[Lesson]:
    """The stock model's answers at 30 s; sounds on which it loops or stays silent are left out."""
    device = next(model.parameters()).device
    model.eval()
    lessons: list[Lesson] = []
    for start in range(0, len(sounds), TEACHING_BATCH):
        part = sounds[start : start + TEACHING_BATCH]
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            mel = mel_batch([s for s, _ in part], WINDOW_FRAMES, model.config.num_mel_bins).to(device)
            prompts = torch.tensor([e.prompt for _, e in part], device=device)
            frames = model.model.encoder(mel).last_hidden_state.float()
        # The decoder is bound by memory, and autocast would copy its weights at every token.
        texts = greedy(model, mel, prompts, config.distillation.max_tokens, frames)
        lessons += _lessons(model, part, texts, frames, tokenizer, config)
        progress(min(start + TEACHING_BATCH, len(sounds)), len(sounds))
    return lessons


def _lessons(
    model: WhisperForConditionalGeneration,
    part: Sequence[tuple[Samples, Example]],
    texts: Sequence[list[int]],
    frames: Tensor,
    tokenizer: Tokenizer,
    config: TrainingConfig,
) -> Iterator[Lesson]:
    for (samples, example), ids, heard in zip(part, texts, frames, strict=True):
        text = tokenizer.decode(ids)
        if not ids or len(ids) >= config.distillation.max_tokens or compression(text) > MAX_COMPRESSION:
            continue
        inputs = torch.tensor([[*example.prompt, *ids]], device=frames.device)
        hidden = model.model.decoder(input_ids=inputs, encoder_hidden_states=heard[None]).last_hidden_state[0]
        taught = replace(example, text=tuple(ids), reference=text, duration_s=seconds(samples))
        speech = heard[: len(samples) // SAMPLES_PER_FRAME]
        yield Lesson(samples, taught, hidden[len(example.prompt) - 1 :].half().cpu(), speech.half().cpu())


class DistillData(SpeechData):
    """Lessons at random contexts; validation is the teacher's text, generated by the student."""

    def __init__(self, lessons: list[Lesson], validation: list[Lesson], config: TrainingConfig, n_mels: int):
        super().__init__([x.example for x in lessons], [x.example for x in validation], config, n_mels)
        self.lessons, self.held_out = lessons, validation

    def train_dataloader(self) -> DataLoader:
        return DataLoader(Indices(len(self.lessons)), batch_sampler=self.buckets, collate_fn=self.lesson_batch)

    def validation_sound(self, index: int) -> Samples:
        return self.held_out[index].samples

    def lesson_batch(self, draws: list[int]) -> LessonBatch:
        lessons = [self.lessons[self.buckets.row(draw)] for draw in draws]
        longest = max(len(x.samples) for x in lessons)
        frames = random_context(longest, self.config.context, self.rng(self.buckets.epoch, -1 - draws[0]))
        mel = mel_batch([x.samples for x in lessons], frames, self.n_mels)
        width = token_width(max(len(x.example.prompt) + len(x.example.text) for x in lessons))
        end, depth = lessons[0].example.end, lessons[0].hidden.shape[1]
        inputs = torch.full((len(lessons), width), end)
        spoken = torch.zeros(len(lessons), width, dtype=torch.bool)
        hidden = torch.zeros(len(lessons), width, depth, dtype=torch.float16)
        taught = torch.zeros(len(lessons), frames // 2, depth, dtype=torch.float16)
        heard = torch.zeros(len(lessons), frames // 2, dtype=torch.bool)
        for i, x in enumerate(lessons):
            ids = [*x.example.prompt, *x.example.text]
            first, speech = len(x.example.prompt) - 1, min(len(x.frames), frames // 2)
            inputs[i, : len(ids)] = torch.tensor(ids)
            spoken[i, first : len(ids)] = True
            hidden[i, first : len(ids)] = x.hidden
            taught[i, :speech], heard[i, :speech] = x.frames[:speech], True
        return LessonBatch(mel, inputs, spoken, hidden, taught, heard)


class DistillModule(SpeechModule):
    """Cross-entropy to the teacher's distributions + frames_weight x mean squared error of the encoder's frames."""

    def training_step(self, batch: LessonBatch, batch_idx: int) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        frames = self.whisper.model.encoder(batch.mel).last_hidden_state
        hidden = self.whisper.model.decoder(input_ids=batch.inputs, encoder_hidden_states=frames).last_hidden_state
        with torch.no_grad():
            wanted = self.whisper.proj_out(batch.hidden[batch.spoken].to(hidden.dtype)).float().softmax(-1)
        text = functional.cross_entropy(self.whisper.proj_out(hidden[batch.spoken]).float(), wanted)
        sound = functional.mse_loss(frames[batch.heard].float(), batch.frames[batch.heard].float())
        return text + self.config.distillation.frames_weight * sound
