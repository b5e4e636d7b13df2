"""Context distillation: the model learns short contexts from audio alone.

The teacher is the model itself at 30 s. It transcribes each utterance once; its next-token distributions and its
encoder frames are the targets of an adapter whose input is the utterance plus a margin (compare FUTO's
whisper-acft)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import WhisperForConditionalGeneration

from qal.audio.samples import HOP, WINDOW_FRAMES, Samples, seconds
from qal.engine.decoding import Tokenizer
from qal.engine.screening import MAX_COMPRESSION_RATIO, compression_ratio
from qal.evaluation.scoring import ProgressCallback, no_progress
from qal.jobs.options.training_config import TrainingConfig
from qal.training.data.batches import ValidationCollator, draw_rng
from qal.training.data.buckets import Draw
from qal.training.data.data_module import Collators, SpeechDataModule
from qal.training.data.distillation_audio import DistillationAudio
from qal.training.data.examples import IGNORED_LABEL, Example, mel_batch, padded_token_count, random_context
from qal.training.data.feature_cache import FeatureCache
from qal.training.loop.distributed import SINGLE_PROCESS, TrainingProcess
from qal.training.model.lightning_module import SpeechModule
from qal.training.model.short_context import greedy_decode

SAMPLES_PER_ENCODER_FRAME = 2 * HOP
TEACHER_BATCH_SIZE = 8


@dataclass(frozen=True)
class DistillationExample:
    """Audio and the teacher's output for it at 30 s."""

    samples: Samples
    example: Example  # its text is the teacher's
    hidden: Tensor  # (tokens, d_model) float16, the decoder's last layer at each text position
    start_hidden: Tensor  # (d_model) float16, at the start token, which predicts <|nospeech|>
    encoder_frames: Tensor  # (samples // SAMPLES_PER_ENCODER_FRAME, d_model) float16
    noise_only: bool = False  # no speech: the text is empty, and the teacher's text is ignored


class DistillationBatch(NamedTuple):
    """Inputs of the student and targets from the teacher."""

    mel: Tensor  # (batch, n_mels, frames)
    inputs: Tensor  # (batch, tokens)
    text_mask: Tensor  # (batch, tokens) True where the next token is text or end
    fixed_labels: Tensor  # (batch, tokens) next token that replaces the teacher's distribution, else IGNORED_LABEL
    teacher_hidden: Tensor  # (batch, tokens, d_model)
    teacher_frames: Tensor  # (batch, frames // 2, d_model)
    speech_mask: Tensor  # (batch, frames // 2) True within the utterance


@torch.no_grad()
def run_teacher(
    model: WhisperForConditionalGeneration,
    audios: Sequence[DistillationAudio],
    tokenizer: Tokenizer,
    config: TrainingConfig,
    bfloat16: bool,
    progress: ProgressCallback = no_progress,
) -> list[DistillationExample]:
    """Runs the base model at 30 s on each audio.

    Args:
        model: the base model, before an adapter is added.
        audios: speech, and noise alone.
        tokenizer: the model's tokenizer.
        config: the run's configuration.
        bfloat16: whether the encoder computes in bfloat16.
        progress: called after each batch.

    Returns:
        the teacher's outputs; speech with a repeated or an empty text is left out."""
    device = next(model.parameters()).device
    model.eval()
    outputs: list[DistillationExample] = []
    for start in range(0, len(audios), TEACHER_BATCH_SIZE):
        batch = audios[start : start + TEACHER_BATCH_SIZE]
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            mel = mel_batch([a.samples for a in batch], WINDOW_FRAMES, model.config.num_mel_bins).to(device)
            prompts = torch.tensor([a.example.prompt for a in batch], device=device)
            frames = model.model.encoder(mel).last_hidden_state.float()
        # The decoder is bound by memory bandwidth, and autocast would copy its weights at every token.
        texts = greedy_decode(model, mel, prompts, config.distillation.max_tokens, frames)
        outputs += _teacher_outputs(model, batch, texts, frames, tokenizer, config)
        progress(min(start + TEACHER_BATCH_SIZE, len(audios)), len(audios))
    return outputs


def _teacher_outputs(
    model: WhisperForConditionalGeneration,
    audios: Sequence[DistillationAudio],
    texts: Sequence[list[int]],
    encoder_frames: Tensor,
    tokenizer: Tokenizer,
    config: TrainingConfig,
) -> Iterator[DistillationExample]:
    for audio, text_ids, frames in zip(audios, texts, encoder_frames, strict=True):
        samples, example, ids = audio.samples, audio.example, [] if audio.noise_only else text_ids
        text = tokenizer.decode(ids)
        repeats = len(ids) >= config.distillation.max_tokens or compression_ratio(text) > MAX_COMPRESSION_RATIO
        if not audio.noise_only and (repeats or not ids):
            continue
        inputs = torch.tensor([[*example.prompt, *ids]], device=encoder_frames.device)
        hidden = model.model.decoder(input_ids=inputs, encoder_hidden_states=frames[None]).last_hidden_state[0]
        yield DistillationExample(
            samples=samples,
            example=replace(example, text=tuple(ids), reference=text, duration_s=seconds(samples)),
            hidden=hidden[len(example.prompt) - 1 :].half().cpu(),
            start_hidden=hidden[0].half().cpu(),
            encoder_frames=frames[: len(samples) // SAMPLES_PER_ENCODER_FRAME].half().cpu(),
            noise_only=audio.noise_only,
        )


def no_speech_token(example: Example) -> int:
    """Id of <|nospeech|>, which precedes <|notimestamps|>; only newer vocabularies name it."""
    return example.prompt[-1] - 1


def make_distillation_data_module(
    train: list[DistillationExample],
    validation: list[DistillationExample],
    config: TrainingConfig,
    n_mels: int,
    process: TrainingProcess = SINGLE_PROCESS,
) -> SpeechDataModule:
    """Makes the data module of distillation; the validation references are the teacher's texts.

    Args:
        train: the teacher's outputs for the training examples.
        validation: the teacher's outputs for the validation examples.
        config: the run's configuration.
        n_mels: mel bands of the model.
        process: rank and world size of this process."""
    collators = Collators(
        DistillationCollator(train, config, n_mels), DistillationValidationCollator(validation, config, n_mels)
    )
    return SpeechDataModule([x.example for x in train], [x.example for x in validation], config, collators, process)


class DistillationValidationCollator(ValidationCollator):
    """Validation batches whose audio is in memory."""

    def __init__(self, examples: list[DistillationExample], config: TrainingConfig, n_mels: int):
        super().__init__([x.example for x in examples], config, n_mels, FeatureCache(config.cache_mb))
        self.distillation_examples = examples

    def load_samples(self, example_index: int) -> Samples:
        return self.distillation_examples[example_index].samples


class DistillationCollator:
    """Turns the draws of one batch into tensors, at a random context."""

    def __init__(self, examples: list[DistillationExample], config: TrainingConfig, n_mels: int):
        self.examples, self.config, self.n_mels = examples, config, n_mels

    def __call__(self, draws: list[Draw]) -> DistillationBatch:
        examples = [self.examples[draw.draw_index % len(self.examples)] for draw in draws]
        frames = self._context(draws[0], examples)
        mel = mel_batch([x.samples for x in examples], frames, self.n_mels)
        width = padded_token_count(max(len(x.example.prompt) + len(x.example.text) for x in examples))
        batch = _empty_targets(mel, width, examples[0].example.end, examples[0].hidden.shape[1])
        for i, example in enumerate(examples):
            self._fill_row(batch, i, example)
        return batch

    def _context(self, first: Draw, examples: list[DistillationExample]) -> int:
        rng = draw_rng(self.config.seed, first.epoch, -1 - first.draw_index)
        return random_context(max(len(x.samples) for x in examples), self.config.context, rng)

    def _fill_row(self, batch: DistillationBatch, i: int, x: DistillationExample) -> None:
        ids, first_label = [*x.example.prompt, *x.example.text], len(x.example.prompt) - 1
        n_frames = min(len(x.encoder_frames), batch.teacher_frames.shape[1])
        batch.inputs[i, : len(ids)] = torch.tensor(ids)
        batch.text_mask[i, first_label : len(ids)] = True
        batch.teacher_hidden[i, first_label : len(ids)] = x.hidden
        if self.config.distillation.silent_share:
            batch.text_mask[i, 0] = True
            batch.teacher_hidden[i, 0] = x.start_hidden
        if x.noise_only:
            batch.fixed_labels[i, 0] = no_speech_token(x.example)
            batch.fixed_labels[i, first_label] = x.example.end
        batch.teacher_frames[i, :n_frames] = x.encoder_frames[:n_frames]
        batch.speech_mask[i, :n_frames] = True


def _empty_targets(mel: Tensor, width: int, end: int, d_model: int) -> DistillationBatch:
    """A batch whose targets are not filled yet; `width` is the number of token positions."""
    rows, frames = len(mel), mel.shape[-1] // 2
    return DistillationBatch(
        mel=mel,
        inputs=torch.full((rows, width), end),
        text_mask=torch.zeros(rows, width, dtype=torch.bool),
        fixed_labels=torch.full((rows, width), IGNORED_LABEL),
        teacher_hidden=torch.zeros(rows, width, d_model, dtype=torch.float16),
        teacher_frames=torch.zeros(rows, frames, d_model, dtype=torch.float16),
        speech_mask=torch.zeros(rows, frames, dtype=torch.bool),
    )


class DistillationModule(SpeechModule):
    """Trains with cross-entropy to the teacher's distributions + frames_weight x MSE of the encoder frames.

    The teacher's distributions are computed from its hidden states with its output head. Where the training changes
    that head, which is tied to the token embeddings, the module keeps a copy of it, so that the targets do not move."""

    teacher_head: Tensor | None

    def __init__(
        self,
        model: nn.Module,
        config: TrainingConfig,
        tokenizer: Tokenizer,
        validation: list[Example],
        total_steps: int,
    ):
        super().__init__(model, config, tokenizer, validation, total_steps)
        head = self.whisper.proj_out.weight
        copy = head.detach().clone() if head.requires_grad else None
        self.register_buffer("teacher_head", copy, persistent=False)  # the base model's again when a run is resumed

    def positions(self, batch: DistillationBatch) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return int(batch.text_mask.sum()), int(batch.speech_mask.sum())

    def loss_terms(self, batch: DistillationBatch) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        frames = self.whisper.model.encoder(batch.mel).last_hidden_state
        hidden = self.whisper.model.decoder(input_ids=batch.inputs, encoder_hidden_states=frames).last_hidden_state
        targets = self.teacher_distributions(batch, hidden.dtype)
        text_loss = functional.cross_entropy(self.whisper.proj_out(hidden[batch.text_mask]).float(), targets)
        student, teacher = frames[batch.speech_mask].float(), batch.teacher_frames[batch.speech_mask].float()
        return text_loss, self.config.distillation.frames_weight * functional.mse_loss(student, teacher)

    @torch.no_grad()
    def teacher_distributions(self, batch: DistillationBatch, dtype: torch.dtype) -> Tensor:
        """Returns the targets at the text positions, (positions, vocabulary); `dtype` is that of the hidden states."""
        teacher_hidden = batch.teacher_hidden[batch.text_mask].to(dtype)
        head = self.whisper.proj_out.weight if self.teacher_head is None else self.teacher_head
        targets = functional.linear(teacher_hidden, head).float().softmax(-1)
        labels = batch.fixed_labels[batch.text_mask]
        fixed = labels != IGNORED_LABEL
        targets[fixed] = functional.one_hot(labels[fixed], targets.shape[-1]).to(targets.dtype)
        return targets
