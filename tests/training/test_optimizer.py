"""AdamW's parameter groups: which trainable weights have weight decay."""

import pytest

from qal.jobs.options.training_config import TrainingConfig
from qal.training.loop.optimizer import make_optimizer
from qal.training.model.short_context import load_whisper
from qal.training.model.trainable import make_trainable

TOTAL_STEPS = 100


@pytest.mark.parametrize("adapter", ["none", "lora"])
def test_biases_norms_and_adapters_have_no_weight_decay(adapter: str, tiny_weights):
    config = TrainingConfig.model_validate({"optimizer": {"decayed": "matrices"}, "trained": {"adapter": adapter}})
    model = make_trainable(load_whisper(tiny_weights), config, "32-true", TOTAL_STEPS)
    optimizer = make_optimizer(model, config)
    weight_decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert len(weight_decay) == len(trainable)
    for name, parameter in trainable.items():
        excluded = "bias" in name or "norm" in name or "lora_" in name
        assert weight_decay[id(parameter)] == (0.0 if excluded else 0.01)


def test_default_is_one_parameter_group_as_in_checkpoints_of_early_versions(tiny_weights):
    config = TrainingConfig()
    model = make_trainable(load_whisper(tiny_weights), config, "32-true", TOTAL_STEPS)
    (group,) = make_optimizer(model, config).param_groups
    assert (group["weight_decay"], group["betas"]) == (0.01, (0.9, 0.999))
