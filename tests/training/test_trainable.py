"""Trainable weights of every method: they alone change, and merging the saved ones gives the same model."""

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
from qal.jobs.run import TRAINED_WEIGHTS_FILE
from qal.training.data.data_module import make_data_module, make_examples
from qal.training.data.examples import Batch
from qal.training.model.lightning_module import SpeechModule
from qal.training.model.short_context import greedy_decode, load_whisper
from qal.training.model.trainable import LINEAR_LAYERS_BY_KIND, make_trainable, save_trainable_weights

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
TOTAL_STEPS = 6


def config_of(method: str, **settings) -> TrainingConfig:
    augmentation = {"waveform": 0, "time_masks": 0, "frequency_masks": 0}
    return TrainingConfig.model_validate({"augmentation": augmentation, "batch_size": 4} | METHODS[method] | settings)


def module_and_batch(
    weights: Path, corpus, config: TrainingConfig, steps: int = TOTAL_STEPS
) -> tuple[SpeechModule, Batch]:
    torch.manual_seed(0)
    tokenizer = Tokenizer(weights)
    examples = make_examples([corpus], "train", config, tokenizer)
    model = make_trainable(load_whisper(weights), config, "32-true", steps)
    batch = make_data_module(examples, examples, config, 80).collators.validation([0, 1, 2, 3])
    return SpeechModule(model, config, tokenizer, examples, steps), batch


def train(module: SpeechModule, batch: Batch, steps: int = TOTAL_STEPS, rate: float = 3e-3) -> float:
    """Trains on one batch and returns its loss afterwards."""
    optimizer = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], lr=rate)
    module.train()
    module.uses_micro_batches = False  # they need a trainer
    for step in range(steps):
        optimizer.zero_grad()
        loss = module.training_step(batch, step)
        loss.backward()
        optimizer.step()
        if module.rank_budget:
            module.rank_budget.update(step + 1)
    return module.eval().loss(batch).item()


@torch.no_grad()
def logits(model: WhisperForConditionalGeneration, batch: Batch) -> torch.Tensor:
    frames = model.model.encoder(batch.mel).last_hidden_state
    return model.proj_out(model.model.decoder(input_ids=batch.inputs, encoder_hidden_states=frames).last_hidden_state)


@pytest.mark.parametrize("method", METHODS)
def test_merged_weights_of_every_method_give_the_logits_of_the_trained_model(
    method, tiny_weights, tiny_corpus, tmp_path
):
    module, batch = module_and_batch(tiny_weights, tiny_corpus, config_of(method))
    logits_before, loss_before = logits(module.eval().whisper, batch), module.loss(batch).item()
    assert train(module, batch) < loss_before
    trained_logits = logits(module.whisper, batch)
    save_trainable_weights(module.model, tmp_path / "adapter")
    merged = load_whisper(merge(tiny_weights, tmp_path / "adapter", tmp_path / "merged")).eval()
    merge_error = (logits(merged, batch) - trained_logits).abs().max()
    training_change = (logits_before - trained_logits).abs().max()
    assert merge_error < 0.02 * training_change  # the file is in float16


def wer(module: SpeechModule, batch: Batch) -> float:
    prompts = torch.tensor([e.prompt for e in module.validation])
    predictions = [module.tokenizer.decode(ids) for ids in greedy_decode(module.whisper, batch.mel, prompts, 10)]
    return count_errors([e.reference for e in module.validation], predictions).wer


def test_full_training_overfits_four_utterances_and_lora_then_overfits_swapped_texts(tiny_weights, tiny_corpus):
    module, batch = module_and_batch(tiny_weights, tiny_corpus, config_of("full"))
    train(module, batch, steps=60)
    assert wer(module, batch) == 0
    swapped = batch._replace(mel=batch.mel.roll(1, 0))
    assert wer(module, swapped) > 0
    config = config_of("lora", lora={"rank": 16, "alpha": 32, "dropout": 0})
    adapted = make_trainable(module.whisper, config, "32-true", TOTAL_STEPS)
    tuned = SpeechModule(adapted, config, module.tokenizer, module.validation, TOTAL_STEPS)
    train(tuned, swapped, steps=60)
    assert wer(tuned, swapped) == 0


@pytest.mark.parametrize(
    ("method", "halves", "kinds", "layers"),
    [
        ("lora", {"encoder", "decoder"}, {"q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"}, {"0", "1"}),
        ("lora of the decoder", {"decoder"}, {"q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"}, {"0", "1"}),
        ("lora of q and v, last layer", {"encoder", "decoder"}, {"q_proj", "v_proj"}, {"1"}),
        ("attention of the first layer", {"encoder", "decoder"}, {"q_proj", "k_proj", "v_proj", "out_proj"}, {"0"}),
    ],
)
def test_only_the_chosen_layers_are_trainable(method, halves, kinds, layers, tiny_weights):
    model = make_trainable(load_whisper(tiny_weights), config_of(method), "32-true", TOTAL_STEPS)
    names = [n.removeprefix("base_model.model.").split(".") for n, p in model.named_parameters() if p.requires_grad]
    assert {n[1] for n in names} == halves
    assert {n[3] for n in names} == layers
    assert {element for n in names for element in n if element in LINEAR_LAYERS_BY_KIND["all"]} == kinds


@pytest.mark.parametrize(("method", "frozen"), [("frozen encoder", "encoder"), ("frozen decoder", "decoder")])
def test_frozen_half_equals_the_base_to_the_bit(method, frozen, tiny_weights, tiny_corpus, tmp_path):
    module, batch = module_and_batch(tiny_weights, tiny_corpus, config_of(method))
    train(module, batch)
    save_trainable_weights(module.model, tmp_path / "adapter")
    assert not any(
        name.startswith(f"model.{frozen}.") for name in load_file(tmp_path / "adapter" / TRAINED_WEIGHTS_FILE)
    )
    merged = load_file(merge(tiny_weights, tmp_path / "adapter", tmp_path / "merged") / "model.safetensors")
    base = load_file(tiny_weights / "model.safetensors")
    unchanged = {name: torch.equal(merged[name], base[name]) for name in base}
    assert all(unchanged[name] for name in unchanged if name.startswith(f"model.{frozen}."))
    assert not all(unchanged.values())


def test_adalora_ranks_shrink_to_the_budget(tiny_weights, tiny_corpus):
    module, batch = module_and_batch(tiny_weights, tiny_corpus, config_of("adalora"))
    train(module, batch)
    values = [p for name, p in module.named_parameters() if "lora_E" in name]
    assert sum(int((e != 0).sum()) for e in values) == 2 * len(values)  # lora.rank on average, from start_rank 4


def test_half_precision_base_trains_with_a_float32_adapter(tiny_weights, tiny_corpus):
    config = config_of("lora", trained={"base_precision": "bfloat16"}, precision="bf16-mixed")
    _, batch = module_and_batch(tiny_weights, tiny_corpus, config_of("lora"))
    model = make_trainable(load_whisper(tiny_weights), config, "bf16-mixed", TOTAL_STEPS)
    dtypes = {p.requires_grad: p.dtype for p in model.parameters()}
    assert dtypes == {True: torch.float32, False: torch.bfloat16}
    module = SpeechModule(model, config, Tokenizer(tiny_weights), [], TOTAL_STEPS)
    module.uses_micro_batches = False
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        loss_before = module.eval().loss(batch).item()
        assert train(module, batch) < loss_before


@pytest.mark.parametrize("method", ["lora", "full"])
def test_trainable_model_is_in_training_mode(method, tiny_weights):
    """Layer drop and gradient checkpointing need training mode, and Lightning does not set it."""
    model = make_trainable(load_whisper(tiny_weights), config_of(method), "32-true", TOTAL_STEPS)
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"trained": {"base_precision": "bfloat16"}}, "needs precision bf16-mixed"),
        ({"trained": {"last_layers": 3}}, "the encoder has 2 layers, not 3"),
    ],
)
def test_options_that_the_model_or_precision_does_not_support_are_refused(values, message, tiny_weights):
    with pytest.raises((OptionError, TrainingError), match=message):
        make_trainable(load_whisper(tiny_weights), TrainingConfig.model_validate(values), "32-true", TOTAL_STEPS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"trained": {"adapter": "none", "base_precision": "bfloat16"}}, "needs an adapter"),
        ({"trained": {"first_layers": 1, "last_layers": 1}}, "exclude each other"),
        ({"trained": {"adapter": "adalora"}, "lora": {"dora": True}}, "adalora excludes lora.dora"),
        ({"trained": {"adapter": "adalora"}, "lora": {"rank": 48}}, "not above lora.rank"),
        ({"trained": {"base_precision": "float16"}, "precision": "bf16-mixed"}, "float16 needs precision 16-mixed"),
        ({"min_utterance_s": 5, "max_utterance_s": 4}, "min_utterance_s 5.0 is above max_utterance_s 4.0"),
        ({"adalora": {"first_share": 0.6, "last_share": 0.5}}, "leave no step"),
    ],
)
def test_options_that_exclude_each_other_are_refused(values, message):
    with pytest.raises(OptionError, match=message):
        check_config(values, "the form")


def test_merge_refuses_weights_of_another_model(tiny_weights, tmp_path):
    (tmp_path / "adapter").mkdir()
    save_file({"model.encoder.conv1.weight": torch.zeros(1)}, tmp_path / "adapter" / TRAINED_WEIGHTS_FILE)
    with pytest.raises(ConversionError, match="another base model"):
        merge(tiny_weights, tmp_path / "adapter", tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_step_that_drops_every_layer_changes_no_weight(tiny_weights, tiny_corpus):
    module, batch = module_and_batch(tiny_weights, tiny_corpus, config_of("lora"))
    module.whisper.model.encoder.layerdrop = module.whisper.model.decoder.layerdrop = 1.0
    before = [p.clone() for p in module.parameters() if p.requires_grad]
    train(module, batch, steps=1)
    assert all(map(torch.equal, before, [p for p in module.parameters() if p.requires_grad]))
