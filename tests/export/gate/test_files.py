"""Checks of a model directory's files: each spoiled model fails, in the check that is meant for it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qal.engine.model_bin import read_contents
from qal.export.gate.files import alignment_head_problems, check_files
from qal.export.to_ctranslate2 import to_ctranslate2
from tests.export.gate import spoiled_models as spoiled


@pytest.fixture(scope="module")
def tiny_model(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny random Whisper as a model directory of float16."""
    return to_ctranslate2(tiny_weights, tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def tiny_int8(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return to_ctranslate2(tiny_weights, tmp_path_factory.mktemp("int8") / "model", "int8")


def failures(directory: Path, base: Path | None) -> dict[str, str]:
    return {check.name: check.detail for check in check_files(directory, base) if check.state == "failed"}


def test_sound_files_pass_alone_and_beside_their_base(tiny_model, tiny_int8):
    assert failures(tiny_model, None) == {}
    assert failures(tiny_int8, tiny_model) == {}


@pytest.mark.parametrize(
    "heads", [[], None, [[2, 0]], [[0, 2]], [[-1, 0]], [[0]], [["0", 0]], [[0, 0], [0, 0]], [[True, 0]]]
)
def test_alignment_heads_that_the_decoder_lacks_are_found(tiny_model, tmp_path, heads):
    directory = spoiled.with_heads(tiny_model, tmp_path / "model", heads)
    assert alignment_head_problems(directory, None)
    assert not alignment_head_problems(tiny_model, None)


@pytest.mark.parametrize("spoil", [spoiled.with_shifted_tokenizer, spoiled.with_shifted_list])
def test_shifted_vocabulary_is_found_also_without_the_base(tiny_model, tmp_path, spoil: Callable[[Path, Path], Path]):
    directory = spoil(tiny_model, tmp_path / "model")
    assert "vocabulary" in failures(directory, tiny_model)
    assert "vocabulary" in failures(directory, None)


@pytest.mark.parametrize("token", ["<|ru|>", "<|startoftranscript|>", "<|transcribe|>", "<|notimestamps|>"])
def test_lost_language_or_start_token_is_found(tiny_model, tmp_path, token):
    directory = spoiled.without_token(tiny_model, tmp_path / "model", token)
    assert "special tokens" in failures(directory, tiny_model)
    assert failures(directory, None)


def test_language_whose_row_of_the_embedding_is_zero_is_found(tiny_model, tmp_path):
    with (tiny_model / "model.bin").open("rb") as file:
        width = 2 * read_contents(file).variables["decoder/embeddings/weight"].shape[1]  # bytes of float16

    def lose_russian(name: str, data: np.ndarray) -> None:
        if name == "decoder/embeddings/weight":
            data[50263 * width : 50264 * width] = 0

    directory = spoiled.with_changed_weights(tiny_model, tmp_path / "model", lose_russian)
    assert failures(directory, None) == {"weights": "the embeddings of <|ru|> are zero"}


@pytest.mark.parametrize("layer", ["decoder/layer_1", "encoder/layer_0"])
def test_layer_zeroed_in_int8_is_found(tiny_int8, tmp_path, layer):
    directory = spoiled.with_zeroed_layer(tiny_int8, tmp_path / "model", layer)
    assert f"the weights {layer}/" in failures(directory, None)["weights"]


def test_weights_and_scales_that_are_no_numbers_are_found(tiny_model, tiny_int8, tmp_path):
    def spoil(name: str, data: np.ndarray) -> None:
        if name.endswith("_scale") or name == "decoder/embeddings/weight":
            data[:4] = 0xFF  # not a number in float16 and in float32

    assert "not finite" in failures(spoiled.with_changed_weights(tiny_model, tmp_path / "a", spoil), None)["weights"]
    assert "not positive" in failures(spoiled.with_changed_weights(tiny_int8, tmp_path / "b", spoil), None)["weights"]


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "vocabulary.json", "model.bin"])
@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_damaged_files_fail_the_gate_without_a_traceback(tiny_model, tmp_path, name, content):
    directory = spoiled.replaced(spoiled.linked_copy(tiny_model, tmp_path / "model"), name, lambda _: content)
    assert failures(directory, tiny_model)
