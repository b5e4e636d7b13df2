"""Checks of a model directory's files: vocabulary, special tokens, alignment heads and weights. Nothing is decoded.

They find what the error rate on one language cannot show: a language whose token is lost, word times that are computed
from heads which do not exist, and a vocabulary that does not belong to the weights."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer as TokenizerFile

from qal.engine.decoding import Tokenizer
from qal.engine.model_bin import Variable, count_layers, model_bin_errors, read_contents
from qal.errors import ModelError
from qal.evaluation.gate_report import CheckResult

DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}  # by type number of model.bin
BFLOAT16 = 5
BLOCK_BYTES = 64_000_000  # of weights read at once
END = "<|endoftext|>"  # also the token of the padding, whose row is zero in models that were not trained
SHOWN = 3  # names in a sentence
Problems = list[str]


def check_files(directory: Path, base: Path | None) -> list[CheckResult]:
    """Checks the files of a model directory.

    Args:
        directory: the model directory.
        base: the model directory it was trained from; None: it is not here, and nothing is compared with it."""
    checks: Mapping[str, Callable[[Path, Path | None], Problems]] = {
        "special tokens": special_token_problems,
        "vocabulary": vocabulary_problems,
        "alignment heads": alignment_head_problems,
        "weights": weight_problems,
    }
    return [_result(name, problems, directory, base) for name, problems in checks.items()]


def _result(
    name: str, problems: Callable[[Path, Path | None], Problems], directory: Path, base: Path | None
) -> CheckResult:
    try:
        found = problems(directory, base)
    except ModelError as error:
        found = [str(error)]
    return CheckResult(name=name, state="failed" if found else "passed", detail="; ".join(found))


def special_token_problems(directory: Path, base: Path | None) -> Problems:
    """Compares the tokens of start, end, task and language with those of the base, and with config.json.

    Raises ModelError if the vocabulary lacks one that every Whisper has."""
    tokenizer = Tokenizer(directory)
    if not tokenizer.multilingual:
        return _moved_tokens(directory, base)
    for task in ("transcribe", "translate"):
        tokenizer.id(f"<|{task}|>")
    problems = _moved_tokens(directory, base)
    if base is not None:
        lost = [code for code in Tokenizer(base).languages if code not in tokenizer.languages]
        problems += [f"the vocabulary lacks the languages {_some(lost)} of the base model"] if lost else []
    stated = read_config(directory).get("lang_ids")
    expected = {tokenizer.id(f"<|{code}|>") for code in tokenizer.languages}
    if not isinstance(stated, list) or set(map(str, stated)) != set(map(str, expected)):
        problems.append("lang_ids of config.json are not the ids of the language tokens")
    return problems


def _moved_tokens(directory: Path, base: Path | None) -> Problems:
    """Returns the special tokens that have another id than in the base's vocabulary, in a sentence."""
    if base is None:
        return []
    special = {token: i for token, i in _vocabulary(base).items() if token.startswith("<|") and token.endswith("|>")}
    own = _vocabulary(directory)
    moved = [token for token, i in special.items() if own.get(token) != i]
    return [f"the tokens {_some(moved)} are missing or have other ids than in the base model"] if moved else []


def vocabulary_problems(directory: Path, base: Path | None) -> Problems:
    """Compares tokenizer.json with the base's, with vocabulary.json and with the embedding of the weights."""
    vocabulary, problems = _vocabulary(directory), []
    if base is not None:
        known = _vocabulary(base)
        moved = [token for token, i in known.items() if vocabulary.get(token) != i]
        if moved:
            problems.append(f"{len(moved)} of {len(known)} tokens are missing or have other ids than in the base model")
    with model_bin_errors(directory / "model.bin"), (directory / "model.bin").open("rb") as file:
        rows = read_contents(file).variables["decoder/embeddings/weight"].shape[0]
    too_high = [token for token, i in vocabulary.items() if i >= rows]
    if too_high:
        problems.append(f"the tokens {_some(too_high)} have no row in the weights, which have {rows}")
    listed = _listed_tokens(directory)
    if listed is None:
        return problems
    if len(listed) != rows:
        problems.append(f"the list of the vocabulary has {len(listed)} tokens, the weights have {rows}")
    wrong = [token for token, i in vocabulary.items() if i < len(listed) and token and listed[i] != token]
    if wrong:
        problems.append(f"{len(wrong)} tokens have other ids in the list of the vocabulary than in tokenizer.json")
    return problems


def alignment_head_problems(directory: Path, base: Path | None) -> Problems:
    """Checks that the alignment heads are pairs of a decoder layer and a head that the weights have."""
    heads = read_config(directory).get("alignment_heads")
    if not isinstance(heads, list) or not heads:
        return ["config.json names no alignment heads, so that there are no word times"]
    layers, per_layer = decoder_shape(directory)
    wrong = [head for head in heads if not _is_head(head, layers, per_layer)]
    if wrong:
        return [f"{_some(map(str, wrong))} are no heads of this decoder ({layers} layers of {per_layer} heads)"]
    doubled = len({tuple(head) for head in heads}) < len(heads)
    return ["some alignment heads are given twice"] if doubled else []


def _is_head(head: Any, layers: int, per_layer: int) -> bool:
    is_pair = isinstance(head, list) and len(head) == 2 and all(type(index) is int for index in head)
    return is_pair and 0 <= head[0] < layers and 0 <= head[1] < per_layer


def decoder_shape(directory: Path) -> tuple[int, int]:
    """Returns the number of layers of the decoder and of heads in a layer. Raises ModelError."""
    path = directory / "model.bin"
    with model_bin_errors(path), path.open("rb") as file:
        variables = read_contents(file).variables
        file.seek(variables["decoder/num_heads"].offset)
        heads = int.from_bytes(file.read(variables["decoder/num_heads"].size), "little")
        return count_layers(variables, "decoder"), heads


def weight_problems(directory: Path, base: Path | None) -> Problems:
    """Finds weights that are all zero or not finite, and tokens whose row of the embedding is zero.

    Training leaves no matrix at zero, however little it changes it."""
    path, problems = directory / "model.bin", []
    with model_bin_errors(path), path.open("rb") as file:
        variables = read_contents(file).variables
    matrices = {name: v for name, v in variables.items() if len(v.shape) > 1 and v.size and not _is_scale(name)}
    zero = [name for name, v in matrices.items() if not any(block.any() for block in _blocks(path, v))]
    infinite = [name for name, v in variables.items() if not all(map(_is_finite, _blocks(path, v)))]
    scaled = {name: v for name, v in variables.items() if _is_scale(name)}
    scales = [name for name, v in scaled.items() if not all(map(_is_positive, _blocks(path, v)))]
    problems += [f"the weights {_some(zero)} are all zero"] if zero else []
    problems += [f"the weights {_some(infinite)} are not finite numbers"] if infinite else []
    problems += [f"the scales {_some(scales)} are not positive"] if scales else []
    embedding = variables.get("decoder/embeddings/weight")
    lost = _zero_rows(path, embedding) if embedding and embedding.type in DTYPES else []
    names = {i: token for token, i in _vocabulary(directory).items()}
    lost_special = [names[i] for i in lost if names.get(i, "").startswith("<|") and names[i] != END]
    problems += [f"the embeddings of {_some(lost_special)} are zero"] if lost_special else []
    return problems


def _is_scale(name: str) -> bool:
    return name.endswith("_scale")


def _blocks(path: Path, variable: Variable) -> Iterator[np.ndarray]:
    """Yields the values of a variable in parts; those of bfloat16 as the upper halves of float32."""
    dtype = np.dtype(np.uint16) if variable.type == BFLOAT16 else np.dtype(DTYPES.get(variable.type, np.uint8))
    with path.open("rb") as file:
        file.seek(variable.offset)
        left = variable.size
        while left > 0:
            data = file.read(min(left, BLOCK_BYTES))
            left -= len(data)
            values = np.frombuffer(data, dtype)
            yield (values.astype(np.uint32) << 16).view(np.float32) if variable.type == BFLOAT16 else values


def _is_finite(values: np.ndarray) -> bool:
    return values.dtype.kind != "f" or bool(np.isfinite(values).all())


def _is_positive(values: np.ndarray) -> bool:
    return bool((values > 0).all())


def _zero_rows(path: Path, embedding: Variable) -> list[int]:
    values = np.memmap(path, DTYPES[embedding.type], "r", embedding.offset, embedding.shape)
    return np.flatnonzero(~np.any(values != 0, axis=1)).tolist()


def read_config(directory: Path) -> dict[str, Any]:
    """Reads config.json. Raises ModelError if it is damaged."""
    path = directory / "config.json"
    try:
        config = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: damaged; export the model again") from error
    if not isinstance(config, dict):
        raise ModelError(f"{path}: damaged; export the model again")
    return config


def _vocabulary(directory: Path) -> dict[str, int]:
    """Returns the tokens of tokenizer.json with their ids. Raises ModelError."""
    path = directory / "tokenizer.json"
    try:
        status = path.stat()
        return _read_vocabulary(path, status.st_mtime_ns, status.st_size)
    except Exception as error:  # tokenizers raises bare Exception
        raise ModelError(f"{directory}: tokenizer.json is missing or broken; export the model again") from error


@lru_cache(maxsize=4)
def _read_vocabulary(path: Path, changed_ns: int, size: int) -> dict[str, int]:
    """Reads the tokens; the modification time and the size are part of the cache's key."""
    return TokenizerFile.from_file(str(path)).get_vocab(with_added_tokens=True)


def _listed_tokens(directory: Path) -> list[str] | None:
    """Returns the tokens of vocabulary.json or vocabulary.txt in order; None if there is no such file.

    Raises ModelError if it is damaged."""
    listed, lines = directory / "vocabulary.json", directory / "vocabulary.txt"
    try:
        if listed.exists():
            tokens = json.loads(listed.read_bytes())
            if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
                raise ValueError("no list of tokens")
            return tokens
        return lines.read_text(encoding="utf-8").rstrip("\n").split("\n") if lines.exists() else None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{directory}: the list of the vocabulary is damaged; export the model again") from error


def _some(names: Any) -> str:
    """Returns the first few names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
