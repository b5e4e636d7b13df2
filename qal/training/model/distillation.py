"""Context distillation: short contexts learned from audio alone.

The model at 30 s is its own teacher. It writes a text once; its next-token distributions and its encoder
frames are the targets of an adapter that hears only utterance + margin (compare FUTO's whisper-acft)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from transformers import WhisperForConditionalGeneration

from qal.audio.samples import HOP, WINDOW_FRAMES, Samples, seconds
from qal.engine.decoding import Tokenizer
from qal.engine.screening import MAX_COMPRESSION, compression
from qal.jobs.options.training_config import TrainingConfig
from qal.training.data.batches import Draw, ValidationBatches, draw_rng
from qal.training.data.data_module import SpeechData
from qal.training.data.distillation_audio import Sound
from qal.training.data.examples import IGNORED, Example, mel_batch, random_context, token_width
from qal.training.data.feature_cache import FeatureCache
from qal.training.loop.distributed import ALONE, Ranks
from qal.training.model.lightning_module import SpeechModule
from qal.training.model.short_context import greedy

SAMPLES_PER_FRAME = 2 * HOP  # of the encoder's output
TEACHING_BATCH = 8
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Lesson:
    """Sound and what the teacher made of it at 30 s."""

    samples: Samples
    example: Example  # its text is the teacher's
    hidden: Tensor  # (tokens, d_model) float16, the decoder's last layer at each text position
    start: Tensor  # (d_model) float16, at the start token: there it says whether anybody speaks
    frames: Tensor  # (samples // SAMPLES_PER_FRAME, d_model) float16
    silent: bool = False  # nobody speaks: the text is empty, whatever the teacher made of it


class LessonBatch(NamedTuple):
    mel: Tensor  # (batch, n_mels, frames)
    inputs: Tensor  # (batch, tokens)
    spoken: Tensor  # (batch, tokens) True where the next token is text or end
    certain: Tensor  # (batch, tokens) the next token where the teacher is not asked, else IGNORED
    hidden: Tensor  # (batch, tokens, d_model), the teacher's
    frames: Tensor  # (batch, frames // 2, d_model), the teacher's
    heard: Tensor  # (batch, frames // 2) True on speech


@torch.no_grad()
def teach(
    model: WhisperForConditionalGeneration,
    sounds: Sequence[Sound],
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
            mel = mel_batch([s.samples for s in part], WINDOW_FRAMES, model.config.num_mel_bins).to(device)
            prompts = torch.tensor([s.example.prompt for s in part], device=device)
            frames = model.model.encoder(mel).last_hidden_state.float()
        # The decoder is bound by memory, and autocast would copy its weights at every token.
        texts = greedy(model, mel, prompts, config.distillation.max_tokens, frames)
        lessons += _lessons(model, part, texts, frames, tokenizer, config)
        progress(min(start + TEACHING_BATCH, len(sounds)), len(sounds))
    return lessons


def _lessons(
    model: WhisperForConditionalGeneration,
    part: Sequence[Sound],
    texts: Sequence[list[int]],
    frames: Tensor,
    tokenizer: Tokenizer,
    config: TrainingConfig,
) -> Iterator[Lesson]:
    for sound, written, heard in zip(part, texts, frames, strict=True):
        samples, example, ids = sound.samples, sound.example, [] if sound.silent else written
        text = tokenizer.decode(ids)
        loops = len(ids) >= config.distillation.max_tokens or compression(text) > MAX_COMPRESSION
        if not sound.silent and (loops or not ids):
            continue
        inputs = torch.tensor([[*example.prompt, *ids]], device=frames.device)
        hidden = model.model.decoder(input_ids=inputs, encoder_hidden_states=heard[None]).last_hidden_state[0]
        taught = replace(example, text=tuple(ids), reference=text, duration_s=seconds(samples))
        speech = heard[: len(samples) // SAMPLES_PER_FRAME]
        said, start, speech = (x.half().cpu() for x in (hidden[len(example.prompt) - 1 :], hidden[0], speech))
        yield Lesson(samples, taught, said, start, speech, sound.silent)


def no_speech(example: Example) -> int:
    """Id of <|nospeech|>, which comes before <|notimestamps|>; only newer vocabularies name it."""
    return example.prompt[-1] - 1


def distill_data(
    lessons: list[Lesson], validation: list[Lesson], config: TrainingConfig, n_mels: int, ranks: Ranks = ALONE
) -> SpeechData:
    """Lessons at random contexts; validation is the teacher's text, generated by the student."""
    makers = (LessonBatches(lessons, config, n_mels), TaughtValidation(validation, config, n_mels))
    return SpeechData([x.example for x in lessons], [x.example for x in validation], config, makers, ranks)


class TaughtValidation(ValidationBatches):
    """The held-out sounds are in memory already."""

    def __init__(self, lessons: list[Lesson], config: TrainingConfig, n_mels: int):
        super().__init__([x.example for x in lessons], config, n_mels, FeatureCache(config.cache_mb))
        self.lessons = lessons

    def sound(self, row: int) -> Samples:
        return self.lessons[row].samples


class LessonBatches:
    """Draws of one batch -> lessons as tensors."""

    def __init__(self, lessons: list[Lesson], config: TrainingConfig, n_mels: int):
        self.lessons, self.config, self.n_mels = lessons, config, n_mels

    def __call__(self, draws: list[Draw]) -> LessonBatch:
        (epoch, drawn), lessons = draws[0], [self.lessons[draw % len(self.lessons)] for _, draw in draws]
        longest = max(len(x.samples) for x in lessons)
        frames = random_context(longest, self.config.context, draw_rng(self.config.seed, epoch, -1 - drawn))
        mel = mel_batch([x.samples for x in lessons], frames, self.n_mels)
        width = token_width(max(len(x.example.prompt) + len(x.example.text) for x in lessons))
        end, depth = lessons[0].example.end, lessons[0].hidden.shape[1]
        inputs = torch.full((len(lessons), width), end)
        spoken = torch.zeros(len(lessons), width, dtype=torch.bool)
        certain = torch.full((len(lessons), width), IGNORED)
        hidden = torch.zeros(len(lessons), width, depth, dtype=torch.float16)
        taught = torch.zeros(len(lessons), frames // 2, depth, dtype=torch.float16)
        heard = torch.zeros(len(lessons), frames // 2, dtype=torch.bool)
        for i, x in enumerate(lessons):
            ids = [*x.example.prompt, *x.example.text]
            first, speech = len(x.example.prompt) - 1, min(len(x.frames), frames // 2)
            inputs[i, : len(ids)] = torch.tensor(ids)
            spoken[i, first : len(ids)] = True
            hidden[i, first : len(ids)] = x.hidden
            if self.config.distillation.silent_share:
                spoken[i, 0], hidden[i, 0] = True, x.start
            if x.silent:
                certain[i, 0], certain[i, first] = no_speech(x.example), end
            taught[i, :speech], heard[i, :speech] = x.frames[:speech], True
        return LessonBatch(mel, inputs, spoken, certain, hidden, taught, heard)


class DistillModule(SpeechModule):
    """Cross-entropy to the teacher's distributions + frames_weight x mean squared error of the encoder's frames."""

    def positions(self, batch: LessonBatch) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return int(batch.spoken.sum()), int(batch.heard.sum())

    def loss_terms(self, batch: LessonBatch) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        frames = self.whisper.model.encoder(batch.mel).last_hidden_state
        hidden = self.whisper.model.decoder(input_ids=batch.inputs, encoder_hidden_states=frames).last_hidden_state
        with torch.no_grad():
            wanted = self.whisper.proj_out(batch.hidden[batch.spoken].to(hidden.dtype)).float().softmax(-1)
            known = batch.certain[batch.spoken]
            wanted[known != IGNORED] = functional.one_hot(known[known != IGNORED], wanted.shape[-1]).to(wanted.dtype)
        text = functional.cross_entropy(self.whisper.proj_out(hidden[batch.spoken]).float(), wanted)
        sound = functional.mse_loss(frames[batch.heard].float(), batch.frames[batch.heard].float())
        return text, self.config.distillation.frames_weight * sound
