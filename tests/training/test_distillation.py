"""Lessons of noise: who speaks in them, and what is taught."""

from pathlib import Path

import numpy as np
import pytest
import torch

from augmentation.preview import write_wav
from qal.audio.samples import SAMPLE_RATE
from qal.engine.decoding import Tokenizer
from qal.errors import OptionError
from qal.jobs.options.learning import LoraOptions
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import check_config
from qal.training.data.data_module import make_examples
from qal.training.data.distillation_audio import prepare_sounds
from qal.training.data.examples import IGNORED
from qal.training.model.distillation import DistillModule, LessonBatches, no_speech, teach
from qal.training.model.lora import add_lora
from qal.training.model.short_context import load_whisper
from tests.fakes import noise


@pytest.fixture
def noises(tmp_path: Path) -> str:
    folder = tmp_path / "noises"
    folder.mkdir()
    for i in range(3):
        write_wav(folder / f"{i}.wav", noise(SAMPLE_RATE // (i + 1), i))
    return str(folder)


def refused(bad: object) -> None:
    raise AssertionError(bad)


def config_with(**distillation) -> TrainingConfig:
    plain = {"joined_share": 0.5, "altered_share": 0.5, "max_tokens": 8}
    return check_config({"method": "distill", "distillation": plain | distillation}, "the test")


def test_noise_alters_no_other_choice_and_is_drawn_from_the_seed(tiny_corpus, base_directory, noises):
    examples = make_examples([tiny_corpus], "train", config_with(), Tokenizer(base_directory))
    plain = prepare_sounds(examples, config_with(), refused)
    shares = {"noisy_share": 0.9, "silent_share": 0.5}
    sounds, again = (prepare_sounds(examples, config_with(noise_folder=noises, **shares), refused) for _ in range(2))
    assert [s.silent for s in sounds] == [False] * 4 + [True] * 2
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(sounds, again, strict=True))
    assert [len(s.samples) for s in sounds[:4]] == [len(s.samples) for s in plain]
    altered = [not np.array_equal(a.samples, b.samples) for a, b in zip(sounds, plain, strict=False)]
    assert any(altered)
    all_noisy = prepare_sounds(examples, config_with(noise_folder=noises, noisy_share=1), refused)
    assert all(not np.array_equal(a.samples, b.samples) for a, b in zip(all_noisy, plain, strict=True))


def test_where_nobody_speaks_the_end_comes_at_once_whatever_the_teacher_wrote(
    tiny_weights, tiny_corpus, base_directory, noises
):
    tokenizer = Tokenizer(base_directory)
    config = config_with(noise_folder=noises, silent_share=1)
    examples = make_examples([tiny_corpus], "train", config, tokenizer)
    model = load_whisper(tiny_weights)
    silent = [s for s in prepare_sounds(examples, config, refused) if s.silent]
    lessons = teach(model, silent, tokenizer, config, bfloat16=False)
    assert len(lessons) == len(silent) == 4
    assert all(x.silent and not x.example.text for x in lessons)
    batch = LessonBatches(lessons, config, 80)([(0, 0), (0, 1)])
    end_at = len(lessons[0].example.prompt) - 1
    assert batch.spoken.sum(1).tolist() == [2, 2]
    assert batch.certain[:, end_at].tolist() == [tokenizer.end] * 2
    assert batch.certain[:, 0].tolist() == [tokenizer.no_timestamps - 1] * 2 == [no_speech(lessons[0].example)] * 2
    assert (batch.certain != IGNORED).sum() == 4
    torch.manual_seed(0)
    module = DistillModule(add_lora(model, LoraOptions(rank=4)), config, tokenizer, [], 10)
    for parameter in module.parameters():
        parameter.requires_grad = True
    optimizer = torch.optim.AdamW(module.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        losses.append(torch.stack(module.loss_terms(batch)).sum())
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.3 * losses[0]  # that the end comes can be learned


@pytest.mark.parametrize(
    ("values", "sentence"),
    [({"silent_share": 0.1}, "need a noise_folder"), ({"min_snr_db": 5, "max_snr_db": 1}, "below min_snr_db")],
)
def test_noise_without_a_folder_is_refused(values: dict, sentence: str):
    with pytest.raises(OptionError, match=sentence):
        config_with(**values)
