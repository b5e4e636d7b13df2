"""Checks of the form's values before a run can be started. Each problem names its setting."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from augmentation.noise import list_audio_files
from qal.corpus.manifest import MANIFEST_FILE, Corpus, read_corpus
from qal.engine.catalogue import HUB_MODELS, local_directory
from qal.engine.catalogue import resolve as resolve_model
from qal.engine.decoding import Tokenizer
from qal.engine.languages import check_language
from qal.errors import OptionError, QalError
from qal.jobs.example_selection import require_examples
from qal.jobs.machine import check_machine
from qal.jobs.options.training_config import TrainingConfig, absolute_path, require_tracker
from qal.jobs.options.validation_errors import plain_message, shortened_value
from qal.jobs.options.yaml_file import check_config
from ui_components.app.studio import Studio
from ui_components.train.new_run.choices import base_choices, offered_corpora
from ui_components.train.new_run.settings import (
    AUDIO_FOLDER_SETTINGS,
    FORM_SETTINGS,
    OPTION_GROUPS,
    SETTINGS_BY_NAME,
)
from ui_components.widgets.forms import nested, option_values, value_of

CACHE_SIZE = 16  # corpora, audio folders and models


@dataclass(frozen=True)
class Problem:
    """An invalid setting, or a problem of the form as a whole (setting "")."""

    setting: str
    message: str


@dataclass(frozen=True)
class CheckedForm:
    """The settings of the form, as far as they are valid, and their problems."""

    config: TrainingConfig | None  # None: a value is not valid
    problems: tuple[Problem, ...]
    corpora: tuple[Corpus, ...] = ()  # the datasets that can be read

    @property
    def valid_config(self) -> TrainingConfig | None:
        """The settings if a run can be started with them, else None."""
        return None if self.problems else self.config


def check_form(studio: Studio, values: Sequence[Any]) -> CheckedForm:
    """Checks the values of the form's components."""
    try:
        config = check_config(option_dict(values), "the form")
    except OptionError as error:
        validation_error = error.__cause__
        assert isinstance(validation_error, ValidationError)
        return CheckedForm(None, tuple(map(_validation_problem, validation_error.errors())))
    problems = list(_choice_problems(studio, config))
    corpora: tuple[Corpus, ...] = ()
    if not problems:
        corpora = tuple(_read_corpora(problems, config.corpus_folders))
        problems += _data_problems(studio, config, corpora)
    _run_check(problems, "", lambda: check_machine(config))
    _run_check(problems, "", lambda: require_tracker(config.tracker))
    return CheckedForm(config, tuple(problems), corpora)


def _read_corpora(problems: list[Problem], folders: Sequence[Path]) -> Iterator[Corpus]:
    """Yields the corpora that can be read, and adds a problem for each corpus that cannot."""
    for folder in folders:
        corpus = _run_check(problems, "corpus", lambda folder=folder: cached_corpus(folder))
        if corpus:
            yield corpus


def option_dict(values: Sequence[Any]) -> dict[str, Any]:
    """Converts the values of the form's components to nested settings, which are not yet checked.

    A single corpus is given without a list. Weights may be given by the names of the corpus folders."""
    settings = option_values(FORM_SETTINGS, values)
    corpora = settings["corpus"] if isinstance(settings["corpus"], list) else []
    settings["corpus"] = corpora[0] if len(corpora) == 1 else corpora
    if isinstance(settings["corpus_weights"], dict):
        folders = {Path(corpus).name: corpus for corpus in corpora if isinstance(corpus, str)}
        weights = {folders.get(name, name): weight for name, weight in settings["corpus_weights"].items()}
        settings["corpus_weights"] = weights
    return nested(settings)


def cached_corpus(folder: Path) -> Corpus:
    """Reads a corpus, again only if its manifest has changed. Raises CorpusError."""
    manifest = folder / MANIFEST_FILE
    return _read_corpus(folder, manifest.stat().st_mtime_ns if manifest.is_file() else 0)


@lru_cache(CACHE_SIZE)
def _read_corpus(folder: Path, changed_ns: int) -> Corpus:
    return read_corpus(folder, max_missing_share=1)  # the job checks that the audio files exist


def _require_audio_files(folder: Path) -> None:
    """Raises OptionError if the folder has no audio files; a folder is read again only if it has changed."""
    _count_audio_files(folder, folder.stat().st_mtime_ns if folder.is_dir() else 0)


@lru_cache(CACHE_SIZE)
def _count_audio_files(folder: Path, changed_ns: int) -> int:
    return len(list_audio_files(folder))


def _choice_problems(studio: Studio, config: TrainingConfig) -> Iterator[Problem]:
    """Yields a problem for each model, dataset or folder that the studio does not offer.

    A browser may send any text, not only the choices of the form."""
    if not config.base:
        yield Problem("base", "choose a base model")
    elif config.base not in {value for _, value in base_choices(studio)}:
        yield Problem("base", f"{shortened_value(config.base)} is not in the list of models; choose one from the list")
    if not config.corpus_folders:
        yield Problem("corpus", "choose a dataset")
    corpora = offered_corpora(studio)
    for name, folders in (("corpus", config.corpus_folders), ("retention.corpora", config.retention.corpora)):
        for folder in map(str, folders):
            if absolute_path(folder) not in corpora:
                yield Problem(
                    name, f"{shortened_value(folder)} is not in the list of datasets; choose one from the list"
                )
    for name in AUDIO_FOLDER_SETTINGS:
        folder = value_of(config, name)
        try:
            if folder is not None:
                studio.require_allowed_path(folder)
        except OptionError as error:
            yield Problem(name, str(error))


def _data_problems(studio: Studio, config: TrainingConfig, corpora: Sequence[Corpus]) -> list[Problem]:
    """Checks examples, audio folders and languages, which the job checks at its start too."""
    problems: list[Problem] = []
    for name in AUDIO_FOLDER_SETTINGS:
        folder = value_of(config, name)
        if folder in config.audio_folders:
            _run_check(problems, name, lambda folder=folder: _require_audio_files(Path(folder)))
    if len(corpora) == len(config.corpus_folders):
        _run_check(problems, "corpus", lambda: require_examples([*corpora], config))
        name = "language" if config.language else "corpus"
        _run_check(problems, name, lambda: _require_languages(studio, config, corpora))
    return problems


def _require_languages(studio: Studio, config: TrainingConfig, corpora: Sequence[Corpus]) -> None:
    """Raises QalError for a language that the base model does not support.

    A model that is not downloaded yet is English-only if its name ends with .en."""
    if config.base in HUB_MODELS and not local_directory(config.base):
        supported = ("en",) if config.base.endswith(".en") else None
    else:
        supported = _model_languages(resolve_model(config.base, studio.runs))
    languages = {config.language} if config.language else {row.language for corpus in corpora for row in corpus.rows}
    for language in sorted(languages):
        check_language(language, supported) if supported else check_language(language)


@lru_cache(CACHE_SIZE)
def _model_languages(model: Path) -> tuple[str, ...]:
    return Tokenizer(model).languages


def _run_check(problems: list[Problem], setting: str, check: Callable[[], Any]) -> Any:
    """Returns the result of a check. If it raises QalError, adds a problem and returns None."""
    try:
        return check()
    except QalError as error:
        problems.append(Problem(setting, str(error)))
        return None


def _validation_problem(error: ErrorDetails) -> Problem:
    """Converts an error of pydantic. The setting is the longest beginning of its path that is the name of a setting."""
    path = [str(name) for name in error["loc"]]
    candidates = (".".join(path[:length]) for length in range(len(path), 0, -1))
    setting = next((name for name in candidates if name in SETTINGS_BY_NAME or name in OPTION_GROUPS), "")
    return Problem(setting, plain_message(error))
