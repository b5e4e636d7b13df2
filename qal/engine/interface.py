"""Python interface: load a model or transcribe a recording in one call; `from qal import load_engine, transcribe`."""

from pathlib import Path
from typing import Literal

from qal.audio.decode import decode
from qal.audio.samples import Samples
from qal.engine.catalogue import DEFAULT_MODEL, resolve
from qal.engine.engine import ContextChoice, Engine
from qal.engine.languages import check_language
from qal.engine.longform.segment import Segment
from qal.engine.longform.transcription import transcribe_file
from qal.engine.settings.device import Device, threads_and_workers


def load_engine(
    model: str | Path = DEFAULT_MODEL,
    language: str | None = None,
    device: Device = "auto",
    compute_type: str = "auto",
    context: ContextChoice = "auto",
    threads: int = 0,
    workers: int = 1,
) -> Engine:
    """Loads a model; a catalogue model that is not on this machine is downloaded first.

    Args:
        model: a catalogue name such as "base-adaptive", a run's id, or a model directory.
        language: a code such as "am" that the model must support; None: not checked.
        device: "cpu", "cuda", or "auto": a GPU if there is one.
        compute_type: "int8", "float16", "float32" ...; "auto": float16 on a GPU, int8 on a CPU.
        context: "auto": as short as the weights allow; "full": always 30 s.
        threads: CPU threads of one call; 0: all cores.
        workers: calls that are computed at the same time, with the same weights.

    Raises:
        ModelError: there is no such model, or it cannot be downloaded or loaded.
        LanguageError: the model does not support the language.
    """
    engine = Engine(resolve(str(model)), device, compute_type, context, threads, workers)
    if language is not None:
        check_language(language, engine.tokenizer.languages)
    return engine


def transcribe(
    audio: str | Path | Samples,
    model: str | Path | Engine = DEFAULT_MODEL,
    language: str | None = None,
    task: Literal["transcribe", "translate"] = "transcribe",
) -> list[Segment]:
    """Transcribes a recording of any length.

    Args:
        audio: a file that FFmpeg can read, or samples, (n,) float32 in [-1, 1] at 16 kHz.
        model: as in `load_engine`, or an engine that it returned.
        language: a code such as "am"; None: detected once, on the first speech that is long enough.
        task: "translate" translates into English.

    Returns:
        Segments in order, with times in seconds; [] if there is no speech.

    Raises:
        AudioDecodeError, ModelError, LanguageError.
    """
    samples = decode(Path(audio), is_example=False) if isinstance(audio, (str, Path)) else audio
    if isinstance(model, (str, Path)):
        threads, workers = threads_and_workers("auto")
        model = load_engine(model, language, threads=threads, workers=workers)
    return transcribe_file(model, samples, language, task)
