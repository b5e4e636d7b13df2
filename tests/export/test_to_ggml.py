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
from qal.export.from_ctranslate2 import cached_transformers
from qal.export.to_ggml import MAGIC, MODEL_FILE, audio_ctx, to_ggml, vocabulary_bytes

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
        while header := self._file.read(12):
            rank, length, kind = struct.unpack("<3i", header)
            shape = tuple(reversed(self._numbers(rank)))
            name = self._file.read(length).decode()
            dtype = np.dtype(np.float16 if kind else np.float32)
            size = int(np.prod(shape)) * dtype.itemsize
            self.tensors[name] = np.frombuffer(self._file.read(size), dtype).reshape(shape)

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
@pytest.mark.parametrize(("name", "ability"), [("tiny.en", ContextAbility()), ("base-adaptive", ADAPTIVE)])
def test_whisper_cpp_transcribes_as_the_engine_does(name, ability, tmp_path, english_corpus):
    from pywhispercpp.model import Model

    directory = resolve(name)
    weights = cached_transformers(directory, tmp_path / "cache")
    made = to_ggml(weights, tmp_path / "made", directory)
    model = Model(str(made / MODEL_FILE), print_progress=False, language="en")
    engine = Engine(directory, "cpu", "float32")
    rows = [row for row in english_corpus.select("test") if 3 < row.duration_s < 8][:3]
    for row in rows:
        samples = decode(english_corpus.audio_path(row))
        segments = model.transcribe(samples, audio_ctx=audio_ctx(row.duration_s, ability))
        found = " ".join(segment.text.strip() for segment in segments)
        (expected,) = engine.transcribe([Utterance(samples, "en")])
        assert found.lower().strip(" .") == expected.text.lower().strip(" .")
