"""Context distillation: noise in the audio, and the targets of audio without speech."""

from pathlib import Path

import numpy as np
import pytest
import torch

from qal.audio.blocks import write_wav
from qal.audio.samples import SAMPLE_RATE
from qal.engine.decoding import Tokenizer
from qal.errors import OptionError
from qal.jobs.options.learning import LoraOptions, TrainableOptions
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import check_config
from qal.training.data.buckets import Draw
from qal.training.data.data_module import make_examples
from qal.training.data.distillation_audio import prepare_distillation_audio
from qal.training.data.examples import IGNORED_LABEL
from qal.training.model.distillation import DistillationCollator, DistillationModule, no_speech_token, run_teacher
from qal.training.model.lora import add_lora
from qal.training.model.short_context import load_whisper
from qal.training.model.trainable import make_trainable
from tests.fakes import noise


@pytest.fixture
def noise_folder(tmp_path: Path) -> str:
    folder = tmp_path / "noises"
    folder.mkdir()
    for i in range(3):
        write_wav(folder / f"{i}.wav", noise(SAMPLE_RATE // (i + 1), i))
    return str(folder)


def fail_on_bad_row(bad_row: object) -> None:
    raise AssertionError(bad_row)


def config_with(**distillation) -> TrainingConfig:
    defaults = {"joined_share": 0.5, "altered_share": 0.5, "max_tokens": 8}
    return check_config({"method": "distill", "distillation": defaults | distillation}, "the test")


def test_noise_depends_on_the_seed_and_changes_no_other_random_choice(tiny_corpus, base_directory, noise_folder):
    examples = make_examples([tiny_corpus], "train", config_with(), Tokenizer(base_directory))

    def prepare(**distillation):
        return prepare_distillation_audio(examples, config_with(**distillation), fail_on_bad_row)

    plain = prepare()
    shares = {"noisy_share": 0.9, "silent_share": 0.5}
    noisy, repeated = (prepare(noise_folder=noise_folder, **shares) for _ in range(2))
    assert [audio.noise_only for audio in noisy] == [False] * 4 + [True] * 2
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(noisy, repeated, strict=True))
    assert [len(audio.samples) for audio in noisy[:4]] == [len(audio.samples) for audio in plain]
    changed = [not np.array_equal(a.samples, b.samples) for a, b in zip(noisy, plain, strict=False)]
    assert any(changed)
    all_noisy = prepare(noise_folder=noise_folder, noisy_share=1)
    assert all(not np.array_equal(a.samples, b.samples) for a, b in zip(all_noisy, plain, strict=True))


def test_target_of_noise_alone_is_no_speech_and_end_whatever_the_teacher_wrote(
    tiny_weights, tiny_corpus, base_directory, noise_folder
):
    tokenizer = Tokenizer(base_directory)
    config = config_with(noise_folder=noise_folder, silent_share=1)
    examples = make_examples([tiny_corpus], "train", config, tokenizer)
    model = load_whisper(tiny_weights)
    audios = prepare_distillation_audio(examples, config, fail_on_bad_row)
    noises = [audio for audio in audios if audio.noise_only]
    outputs = run_teacher(model, noises, tokenizer, config, bfloat16=False)
    assert len(outputs) == len(noises) == 4
    assert all(x.noise_only and not x.example.text for x in outputs)
    batch = DistillationCollator(outputs, config, 80)([Draw(0, 0), Draw(0, 1)])
    end_position = len(outputs[0].example.prompt) - 1
    no_speech = no_speech_token(outputs[0].example)
    assert no_speech == tokenizer.no_timestamps - 1
    assert batch.text_mask.sum(1).tolist() == [2, 2]
    assert batch.fixed_labels[:, end_position].tolist() == [tokenizer.end] * 2
    assert batch.fixed_labels[:, 0].tolist() == [no_speech] * 2
    assert (batch.fixed_labels != IGNORED_LABEL).sum() == 4
    torch.manual_seed(0)
    module = DistillationModule(add_lora(model, LoraOptions(rank=4)), config, tokenizer, [], 10)
    for parameter in module.parameters():
        parameter.requires_grad = True
    optimizer = torch.optim.AdamW(module.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        losses.append(torch.stack(module.loss_terms(batch)).sum())
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.3 * losses[0]  # the model can learn the end token


@pytest.mark.parametrize(("adapter", "part", "copies"), [("none", "all", True), ("none", "encoder", False)])
def test_targets_of_the_teacher_do_not_move_when_the_tied_output_head_is_trained(
    tiny_weights, tiny_corpus, base_directory, noise_folder, adapter, part, copies
):
    tokenizer = Tokenizer(base_directory)
    config = config_with(noise_folder=noise_folder, silent_share=1)
    config = config.model_copy(update={"trained": TrainableOptions(adapter=adapter, part=part)})
    examples = make_examples([tiny_corpus], "train", config, tokenizer)
    model = load_whisper(tiny_weights)
    audios = prepare_distillation_audio(examples, config, fail_on_bad_row)
    outputs = run_teacher(model, audios, tokenizer, config, bfloat16=False)
    head = model.proj_out.weight.detach().clone()
    module = DistillationModule(make_trainable(model, config, "32-true", 10), config, tokenizer, [], 10)
    assert (module.teacher_head is not None) == copies
    batch = DistillationCollator(outputs, config, 80)([Draw(0, 0)])
    batch = batch._replace(fixed_labels=torch.full_like(batch.fixed_labels, IGNORED_LABEL))  # the teacher's alone
    before = module.teacher_distributions(batch, torch.float32)
    optimizer = torch.optim.AdamW([p for p in module.parameters() if p.requires_grad], lr=1e-2)
    torch.stack(module.loss_terms(batch)).sum().backward()
    optimizer.step()
    assert torch.equal(module.whisper.proj_out.weight, head) != copies
    assert torch.equal(module.teacher_distributions(batch, torch.float32), before)
    assert not any("teacher_head" in name for name in module.state_dict())


@pytest.mark.parametrize(
    ("values", "message"),
    [({"silent_share": 0.1}, "need a noise_folder"), ({"min_snr_db": 5, "max_snr_db": 1}, "below min_snr_db")],
)
def test_noise_shares_need_a_folder_and_snr_limits_in_order(values: dict, message: str):
    with pytest.raises(OptionError, match=message):
        config_with(**values)
