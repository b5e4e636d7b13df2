"""Anything that can be evaluated, by the name that a user gives: a model of this machine, a server, or a file."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from qal.audio.samples import SAMPLE_RATE
from qal.corpus.manifest import Row
from qal.engine.catalogue import resolve
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import ContextChoice, Engine, Utterance
from qal.engine.model_directory import read_metadata
from qal.engine.settings.device import Device, choose_device
from qal.errors import EvaluationError, ModelError
from qal.evaluation.systems.openai_server import ServerTranscriber, is_server, parse_address
from qal.evaluation.systems.transcript_files import SUFFIXES, is_transcript_file, single_files
from qal.evaluation.systems.transcripts import FileTranscriber
from qal.evaluation.transcribers import EngineTranscriber, RowTranscriber
from qal.storage import require_regular, storage_errors

WARM_UP_S = 2


class SystemOptions(BaseModel, frozen=True):
    """How a model of this machine decodes; a server and a file of transcripts have settings of their own."""

    context: ContextChoice = "auto"
    device: Device = "auto"
    compute_type: str = "auto"
    beam_size: int = Field(default=1, ge=1, le=16)
    threads: int = Field(default=0, ge=0)


DEFAULTS = SystemOptions()


@dataclass(frozen=True)
class System:
    """A system that is found but not loaded yet."""

    name: str  # as it was asked for
    identity: str  # other for other weights, settings or transcripts
    open: Callable[[Sequence[Row]], RowTranscriber]  # given all examples of the dataset; loads it


def find_system(name: str, options: SystemOptions = DEFAULTS, runs: Path = Path("runs")) -> System:
    """Finds what a name means, in this order: an address, a file or folder of transcripts, a model.

    Args:
        name: "https://HOST/v1#MODEL", a file of transcripts, a catalogue name, a run or a model directory.
        options: how a model of this machine decodes.
        runs: folder of the runs.

    Raises:
        ModelError, EvaluationError: there is no such system."""
    if not name.strip():
        raise ModelError("no model is named; give a model, the address of a server, or a file of transcripts")
    if is_server(name):
        address = parse_address(name)
        return System(name, f"{address.url}#{address.model}", lambda rows: ServerTranscriber(address))
    path = Path(name).expanduser()
    try:
        directory = resolve(name, runs)
    except ModelError:
        if is_transcript_file(path):
            return System(name, file_identity(path), lambda rows: FileTranscriber(path, rows))
        if path.suffix.lower() in SUFFIXES:
            raise EvaluationError(f"{path}: there is no such file of transcripts; check the path") from None
        raise
    device = choose_device(options.device)
    identity = f"{weights_identity(directory)} {options.model_dump_json()} {device}"
    return System(name, identity, lambda rows: open_engine(directory, options))


def open_engine(directory: Path, options: SystemOptions) -> EngineTranscriber:
    """Loads a model and decodes once, so that the first example takes no longer than the others."""
    engine = Engine(directory, options.device, options.compute_type, options.context, options.threads)
    noise = np.random.default_rng(0).normal(0, 0.01, WARM_UP_S * SAMPLE_RATE).astype(np.float32)
    engine.transcribe([Utterance(noise, engine.tokenizer.languages[0])])
    return EngineTranscriber(engine, DecodingOptions(beam_size=options.beam_size))


def weights_identity(directory: Path) -> str:
    """Returns a text that changes when the weights change, or the context that qal.json allows."""
    status = (directory / "model.bin").stat()
    context = read_metadata(directory).context.model_dump_json()
    return f"{directory.resolve()} {status.st_size} {status.st_mtime_ns} {context}"


def file_identity(path: Path) -> str:
    """Returns the sha256 of a file of transcripts, or of those of a folder with their names. Raises StorageError."""
    digest = hashlib.sha256()
    with storage_errors(str(path)):
        for file in single_files(path) if path.is_dir() else [path]:
            digest.update(f"{file.name}\n".encode(errors="surrogateescape"))
            digest.update(require_regular(file).read_bytes())
    return digest.hexdigest()
