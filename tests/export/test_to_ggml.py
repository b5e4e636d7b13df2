"""Models for whisper.cpp: the file's structure, the context that it is given, and what whisper.cpp reads from it."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import WhisperForConditionalGeneration

from qal.audio.decode import decode
from qal.audio.samples import WINDOW_S
from qal.engine.catalogue import resolve
from qal.engine.decoding import Tokenizer
from qal.engine.engine import Engine, Utterance
from qal.engine.model_directory import METADATA_FILE, ContextAbility, ModelMetadata, write_metadata
from qal.errors import ConversionError
from qal.evaluation.error_rates import count_errors
from qal.export.from_ctranslate2 import cached_transformers
from qal.export.ggml_types import Q5_0_BLOCK, q5_0, q8_0
from qal.export.to_ggml import MAGIC, MODEL_FILE, audio_ctx, to_ggml, vocabulary_bytes

MAX_DIFFERENCE = 0.1  # of the words: whisper.cpp computes in float16 and prepares the sound in its own way
PLAIN, Q5_0, Q8_0 = {0: np.float32, 1: np.float16}, 6, 8  # GGML's types
ADAPTIVE = ContextAbility(adaptive=True, margin_s=1, min_s=2)


class GgmlReader:
    """Reads a file of whisper.cpp as its loader does."""

    def __init__(self, content: bytes):
        self._file = io.BytesIO(content)
        (magic,) = self._numbers(1)
        assert magic == MAGIC
        self.dimensions = self._numbers(11)
        rows, columns = self._numbers(2)
        self.filters = np.frombuffer(self._file.read(4 * rows * columns), np.float32).reshape(rows, columns)
        (count,) = self._numbers(1)
        self.tokens = [self._file.read(self._numbers(1)[0]) for _ in range(count)]
        self.tensors: dict[str, np.ndarray] = {}
        self.kinds: dict[str, int] = {}
        while header := self._file.read(12):
            rank, length, kind = struct.unpack("<3i", header)
            shape = tuple(reversed(self._numbers(rank)))
            name = self._file.read(length).decode()
            self.kinds[name] = kind
            self.tensors[name] = self._values(kind, int(np.prod(shape))).reshape(shape)

    def _values(self, kind: int, count: int) -> np.ndarray:
        """Reads values; blocks of 32 are decoded as GGML's documentation describes them."""
        if kind in PLAIN:
            return np.frombuffer(self._file.read(count * np.dtype(PLAIN[kind]).itemsize), PLAIN[kind])
        size = 34 if kind == Q8_0 else 22
        blocks = np.frombuffer(self._file.read(count // 32 * size), np.uint8).reshape(-1, size)
        scale = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)
        if kind == Q8_0:
            return (scale * blocks[:, 2:].view(np.int8)).ravel()
        high = np.ascontiguousarray(blocks[:, 2:6]).view("<u4") >> np.arange(32, dtype=np.uint32) & 1
        low = np.concatenate([blocks[:, 6:] & 15, blocks[:, 6:] >> 4], axis=1)
        return (scale * ((high << 4 | low).astype(np.float32) - 16)).ravel()

    def _numbers(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}i", self._file.read(4 * count))


@pytest.fixture(scope="module")
def tiny_ggml(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ggml")
    write_metadata(folder, ModelMetadata(base_model="base", context=ADAPTIVE))
    return to_ggml(tiny_weights, folder / "made", metadata=folder)


def test_file_holds_dimensions_filters_tokens_and_every_tensor(tiny_ggml: Path, tiny_weights: Path):
    read = GgmlReader((tiny_ggml / MODEL_FILE).read_bytes())
    assert read.dimensions == (51865, 1500, 64, 2, 2, 448, 64, 2, 2, 80, 1)
    assert read.filters.shape == (80, 201)
    assert len(read.tokens) == 50257
    assert read.tokens[0] == b"!"
    assert read.tokens[Tokenizer(tiny_weights).encode("hello")[0]] == b" hello"
    state = WhisperForConditionalGeneration.from_pretrained(tiny_weights, dtype=torch.float32).state_dict()
    assert len(read.tensors) == len(state) - 1  # the output layer is that of the embedding
    kept = read.tensors["decoder.blocks.1.cross_attn.key.weight"]
    assert kept.dtype == np.float16
    assert np.allclose(kept, state["model.decoder.layers.1.encoder_attn.k_proj.weight"].numpy(), atol=1e-3)
    assert read.tensors["encoder.conv1.bias"].shape == (64, 1)
    assert read.tensors["encoder.positional_embedding"].dtype == np.float32
    assert (tiny_ggml / METADATA_FILE).exists()


@pytest.mark.parametrize(
    ("quantization", "file_type", "kind", "steps"), [("q8_0", 2007, Q8_0, 254), ("q5_0", 2008, Q5_0, 32)]
)
def test_matrices_are_quantised_in_blocks_and_everything_else_is_not(
    quantization: str, file_type: int, kind: int, steps: int, tiny_weights: Path, tmp_path: Path
):
    made = to_ggml(tiny_weights, tmp_path / "made", quantization=quantization)
    read = GgmlReader((made / MODEL_FILE).read_bytes())
    assert read.dimensions[-1] == file_type
    state = WhisperForConditionalGeneration.from_pretrained(tiny_weights, dtype=torch.float32).state_dict()
    original = state["model.decoder.layers.1.encoder_attn.k_proj.weight"].numpy()
    name = "decoder.blocks.1.cross_attn.key.weight"
    blocks, found = original.reshape(-1, 32), read.tensors[name].reshape(-1, 32)
    step = 2 * np.abs(blocks).max(axis=1) / steps
    assert read.kinds[name] == kind
    assert (np.abs(found - blocks).max(axis=1) <= step * (0.57 if kind == Q8_0 else 1.01)).all()
    assert {read.kinds[name] for name in ("encoder.conv1.weight", "encoder.conv2.weight")} == {1}
    unquantised = {name for name, of in read.kinds.items() if of == 0}
    assert {"encoder.positional_embedding", "decoder.positional_embedding", "encoder.conv1.bias"} <= unquantised
    assert all(read.tensors[name].ndim < 2 or "positional" in name or name.endswith("bias") for name in unquantised)


def test_blocks_of_zeros_stay_zeros_and_the_largest_weight_is_exact():
    values = np.zeros((2, 64), np.float32)
    values[1, 40], values[1, 50] = -2.0, 1.0
    for encode, size in ((q8_0, 34), (q5_0, 22)):
        stored = encode(values)
        assert len(stored) == 4 * size
    assert np.frombuffer(q5_0(values), Q5_0_BLOCK)["scale"].tolist() == [0, 0, 0, 0.125]


def test_unknown_weights_of_whisper_cpp_are_refused_with_those_that_there_are(tiny_weights: Path, tmp_path: Path):
    with pytest.raises(ConversionError, match="no weights 'int8'; use one of float16, q8_0, q5_0"):
        to_ggml(tiny_weights, tmp_path / "made", quantization="int8")
    assert not list(tmp_path.iterdir())


def test_tokens_keep_the_bytes_of_incomplete_characters(tiny_weights: Path):
    texts = vocabulary_bytes(tiny_weights)
    ids = Tokenizer(tiny_weights).encode("ሰላም 🎈")
    assert b"".join(texts[i] for i in ids).decode() == " ሰላም 🎈"


def test_context_of_whisper_cpp_is_that_of_the_engine():
    assert audio_ctx(5.0, ADAPTIVE) == 300  # 5 s and 1 s of margin, 50 positions a second
    assert audio_ctx(0.1, ADAPTIVE) == 100  # at least 2 s
    assert audio_ctx(WINDOW_S, ADAPTIVE) == 1500
    assert audio_ctx(5.0, ContextAbility()) == 0  # 30 s


def test_damaged_weights_write_nothing(tmp_path: Path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    with pytest.raises(ConversionError, match="not readable"):
        to_ggml(tmp_path / "broken", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "ability", "quantization"),
    [
        ("tiny.en", ContextAbility(), "float16"),
        ("base-adaptive", ADAPTIVE, "float16"),
        ("base-adaptive", ADAPTIVE, "q8_0"),
        ("base-adaptive", ADAPTIVE, "q5_0"),
    ],
)
def test_whisper_cpp_transcribes_as_the_engine_does(name, ability, quantization, tmp_path, english_corpus):
    from pywhispercpp.model import Model

    directory = resolve(name)
    weights = cached_transformers(directory, tmp_path / "cache")
    made = to_ggml(weights, tmp_path / "made", directory, quantization)
    model = Model(str(made / MODEL_FILE), print_progress=False, language="en")
    engine = Engine(directory, "cpu", "float32")
    rows = [row for row in english_corpus.select("test") if 3 < row.duration_s < 8][:5]
    expected, found = [], []
    for row in rows:
        samples = decode(english_corpus.audio_path(row))
        context = audio_ctx(row.duration_s, ability)
        segments = model.transcribe(samples, audio_ctx=context, no_timestamps=True, single_segment=True)
        found.append(" ".join(segment.text for segment in segments))
        expected.append(engine.transcribe([Utterance(samples, "en")])[0].text)
    assert count_errors(expected, found, "en").wer <= MAX_DIFFERENCE
