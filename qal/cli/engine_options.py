"""The options of the commands that load an engine."""

from pydantic import BaseModel

from qal.cli.parsing import flag, positional
from qal.engine import interface
from qal.engine.engine import ContextChoice, Engine
from qal.engine.languages import LANGUAGES_HELP, check_languages
from qal.engine.settings.device import Device, threads_and_workers

MODEL_HELP = "a catalogue name such as base, a run's id or a directory"


class EngineOptions(BaseModel, frozen=True):
    """The model that decodes, and its device, precision and context."""

    model: str = positional(MODEL_HELP, "MODEL")
    language: str | None = flag(None, "language code such as en or am; unset: detected", "XX")
    languages: list[str] = flag([], LANGUAGES_HELP, "XX")
    context: ContextChoice = flag("auto", "auto: as short as the weights allow; full: 30 s")
    device: Device = flag("auto", "auto: a GPU where there is one")
    compute_type: str = flag("auto", "auto: float16 on a GPU, int8 on a CPU", "TYPE")
    threads: int = flag(0, "CPU threads; 0: all cores", "N", ge=0)


def load_engine(options: EngineOptions, is_for_files: bool = False) -> Engine:
    """Loads the engine that the options name; for files, as many calls at the same time as use the CPU's cores best.

    Raises ModelError or LanguageError."""
    threads, workers = options.threads, 1
    if is_for_files and not threads:
        threads, workers = threads_and_workers(options.device)
    engine = interface.load_engine(
        options.model, options.language, options.device, options.compute_type, options.context, threads, workers
    )
    check_languages(options.languages, engine.tokenizer.languages)
    return engine


def describe_engine(engine: Engine) -> str:
    """Describes device, compute type and context in one line."""
    ability = engine.ability
    context = f"adaptive (speech + {ability.margin_s:g} s)" if ability.adaptive else "30 s"
    return f"device {engine.device}, compute type {engine.compute_type}, context {context}"
