"""Every method learns what it should and nothing else, and gives the same model after saving and merging."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import WhisperForConditionalGeneration

from qal.engine.decoding import Tokenizer
from qal.errors import ConversionError, OptionError, TrainingError
from qal.evaluation.error_rates import count_errors
from qal.export.merge import merge
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import check_config
from qal.training.data.data_module import make_examples, speech_data
from qal.training.data.examples import Batch
from qal.training.model.lightning_module import SpeechModule
from qal.training.model.short_context import greedy, load_whisper
from qal.training.model.trainable import KINDS, TRAINED_FILE, make_trainable, save_trained

METHODS: dict[str, dict] = {
    "lora": {"lora": {"rank": 4, "dropout": 0}},
    "rslora": {"lora": {"rank": 4, "dropout": 0, "rank_stabilised": True}},
    "dora": {"lora": {"rank": 4, "dropout": 0, "dora": True}},
    "adalora": {"trained": {"adapter": "adalora"}, "lora": {"rank": 2, "dropout": 0}, "adalora": {"start_rank": 4}},
    "lora of the decoder": {"trained": {"part": "decoder"}, "lora": {"rank": 4, "dropout": 0}},
    "lora of q and v, last layer": {"trained": {"linear": "query_value", "last_layers": 1}, "lora": {"dropout": 0}},
    "full": {"trained": {"adapter": "none"}},
    "frozen encoder": {"trained": {"adapter": "none", "part": "decoder"}},
    "frozen decoder": {"trained": {"adapter": "none", "part": "encoder"}},
    "attention of the first layer": {"trained": {"adapter": "none", "linear": "attention", "first_layers": 1}},
}
STEPS = 6


def config_of(method: str, **more) -> TrainingConfig:
    augmentation = {"waveform": 0, "time_masks": 0, "frequency_masks": 0}
    return TrainingConfig.model_validate({"augmentation": augmentation, "batch_size": 4} | METHODS[method] | more)


def prepared(weights: Path, corpus, config: TrainingConfig, steps: int = STEPS) -> tuple[SpeechModule, Batch]:
    torch.manual_seed(0)
    tokenizer = Tokenizer(weights)
    examples = make_examples([corpus], "train", config, tokenizer)
    model = make_trainable(load_whisper(weights), config, "32-true", steps)
    batch = speech_data(examples, examples, config, 80).validation_batch([0, 1, 2, 3])
    return SpeechModule(model, config, tokenizer, examples, steps), batch


def learn(module: SpeechModule, batch: Batch, steps: int = STEPS, rate: float = 3e-3) -> float:
    optimizer = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], lr=rate)
    module.train()
    module.computes_in_parts = False  # which needs a trainer
    for step in range(steps):
        optimizer.zero_grad()
        loss = module.training_step(batch, step)
        loss.backward()
        optimizer.step()
        if module.budget:
            module.budget.update(step + 1)
    return module.eval().loss(batch).item()


@torch.no_grad()
def logits(model: WhisperForConditionalGeneration, batch: Batch) -> torch.Tensor:
    frames = model.model.encoder(batch.mel).last_hidden_state
    return model.proj_out(model.model.decoder(input_ids=batch.inputs, encoder_hidden_states=frames).last_hidden_state)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_and_its_merged_weights_say_the_same(method, tiny_weights, tiny_corpus, tmp_path):
    module, batch = prepared(tiny_weights, tiny_corpus, config_of(method))
    before, first = logits(module.eval().whisper, batch), module.loss(batch).item()
    assert learn(module, batch) < first
    learned = logits(module.whisper, batch)
    save_trained(module.model, tmp_path / "adapter")
    merged = load_whisper(merge(tiny_weights, tmp_path / "adapter", tmp_path / "merged")).eval()
    lost, moved = (logits(merged, batch) - learned).abs().max(), (before - learned).abs().max()
    assert lost < 0.02 * moved  # the file is in float16


def errors(module: SpeechModule, batch: Batch) -> float:
    prompts = torch.tensor([e.prompt for e in module.validation])
    said = [module.tokenizer.decode(ids) for ids in greedy(module.whisper, batch.mel, prompts, 10)]
    return count_errors([e.reference for e in module.validation], said).wer


def test_a_tiny_model_overfits_four_utterances_and_lora_then_learns_other_words_for_them(tiny_weights, tiny_corpus):
    module, batch = prepared(tiny_weights, tiny_corpus, config_of("full"))
    learn(module, batch, steps=60)
    assert errors(module, batch) == 0
    renamed = batch._replace(mel=batch.mel.roll(1, 0))
    assert errors(module, renamed) > 0
    config = config_of("lora", lora={"rank": 16, "alpha": 32, "dropout": 0})
    adapted = make_trainable(module.whisper, config, "32-true", STEPS)
    tuned = SpeechModule(adapted, config, module.tokenizer, module.validation, STEPS)
    learn(tuned, renamed, steps=60)
    assert errors(tuned, renamed) == 0


@pytest.mark.parametrize(
    ("method", "half", "kinds", "layers"),
    [
        ("lora", {"encoder", "decoder"}, {"q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"}, {"0", "1"}),
        ("lora of the decoder", {"decoder"}, {"q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"}, {"0", "1"}),
        ("lora of q and v, last layer", {"encoder", "decoder"}, {"q_proj", "v_proj"}, {"1"}),
        ("attention of the first layer", {"encoder", "decoder"}, {"q_proj", "k_proj", "v_proj", "out_proj"}, {"0"}),
    ],
)
def test_only_the_chosen_layers_learn(method, half, kinds, layers, tiny_weights):
    model = make_trainable(load_whisper(tiny_weights), config_of(method), "32-true", STEPS)
    names = [n.removeprefix("base_model.model.").split(".") for n, p in model.named_parameters() if p.requires_grad]
    assert {n[1] for n in names} == half
    assert {n[3] for n in names} == layers
    assert {part for n in names for part in n if part in KINDS["all"]} == kinds


@pytest.mark.parametrize(("method", "frozen"), [("frozen encoder", "encoder"), ("frozen decoder", "decoder")])
def test_a_frozen_half_is_the_bases_to_the_bit(method, frozen, tiny_weights, tiny_corpus, tmp_path):
    module, batch = prepared(tiny_weights, tiny_corpus, config_of(method))
    learn(module, batch)
    save_trained(module.model, tmp_path / "adapter")
    assert not any(name.startswith(f"model.{frozen}.") for name in load_file(tmp_path / "adapter" / TRAINED_FILE))
    merged = load_file(merge(tiny_weights, tmp_path / "adapter", tmp_path / "merged") / "model.safetensors")
    base = load_file(tiny_weights / "model.safetensors")
    same = {name: torch.equal(merged[name], base[name]) for name in base}
    assert all(same[n] for n in same if n.startswith(f"model.{frozen}."))
    assert not all(same.values())


def test_the_ranks_of_adalora_shrink_to_the_budget(tiny_weights, tiny_corpus):
    module, batch = prepared(tiny_weights, tiny_corpus, config_of("adalora"))
    learn(module, batch)
    values = [p for name, p in module.named_parameters() if "lora_E" in name]
    assert sum(int((e != 0).sum()) for e in values) == 2 * len(values)  # lora.rank on average, from start_rank 4


def test_half_precision_weights_learn_through_a_float32_adapter(tiny_weights, tiny_corpus):
    config = config_of("lora", trained={"base_precision": "bfloat16"}, precision="bf16-mixed")
    _, batch = prepared(tiny_weights, tiny_corpus, config_of("lora"))
    model = make_trainable(load_whisper(tiny_weights), config, "bf16-mixed", STEPS)
    kinds = {p.requires_grad: p.dtype for p in model.parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}
    module = SpeechModule(model, config, Tokenizer(tiny_weights), [], STEPS)
    module.computes_in_parts = False
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        first = module.eval().loss(batch).item()
        assert learn(module, batch) < first


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_model_is_handed_over_in_training_mode(method, tiny_weights):
    """Else no layer is dropped or recomputed: Lightning trains in the mode that it finds."""
    model = make_trainable(load_whisper(tiny_weights), config_of(method), "32-true", STEPS)
    assert all(part.training for part in model.modules())


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"trained": {"base_precision": "bfloat16"}}, "needs precision bf16-mixed"),
        ({"trained": {"last_layers": 3}}, "the encoder has 2 layers, not 3"),
    ],
)
def test_what_this_model_or_device_cannot_do_is_one_sentence(values, sentence, tiny_weights):
    with pytest.raises((OptionError, TrainingError), match=sentence):
        make_trainable(load_whisper(tiny_weights), TrainingConfig.model_validate(values), "32-true", STEPS)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"trained": {"adapter": "none", "base_precision": "bfloat16"}}, "needs an adapter"),
        ({"trained": {"first_layers": 1, "last_layers": 1}}, "exclude each other"),
        ({"trained": {"adapter": "adalora"}, "lora": {"dora": True}}, "do not go with"),
        ({"trained": {"adapter": "adalora"}, "lora": {"rank": 48}}, "not above lora.rank"),
        ({"trained": {"base_precision": "float16"}, "precision": "bf16-mixed"}, "float16 needs precision 16-mixed"),
        ({"min_utterance_s": 5, "max_utterance_s": 4}, "min_utterance_s 5.0 is above max_utterance_s 4.0"),
        ({"adalora": {"first_share": 0.6, "last_share": 0.5}}, "leave no step"),
    ],
)
def test_options_that_do_not_go_together_are_refused(values, sentence):
    with pytest.raises(OptionError, match=sentence):
        check_config(values, "the form")


def test_weights_of_another_model_are_refused(tiny_weights, tmp_path):
    (tmp_path / "adapter").mkdir()
    save_file({"model.encoder.conv1.weight": torch.zeros(1)}, tmp_path / "adapter" / TRAINED_FILE)
    with pytest.raises(ConversionError, match="does not fit"):
        merge(tiny_weights, tmp_path / "adapter", tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_step_whose_layers_were_all_dropped_teaches_nothing_and_ends_nothing(tiny_weights, tiny_corpus):
    module, batch = prepared(tiny_weights, tiny_corpus, config_of("lora"))
    module.whisper.model.encoder.layerdrop = module.whisper.model.decoder.layerdrop = 1.0
    before = [p.clone() for p in module.parameters() if p.requires_grad]
    learn(module, batch, steps=1)
    assert all(map(torch.equal, before, [p for p in module.parameters() if p.requires_grad]))
