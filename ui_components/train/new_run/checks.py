"""What is wrong with the settings in the form: nothing wrong can be started, and each wrong setting is named."""

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
from ui_components.train.new_run.settings import BY_NAME, HEADED, SETTINGS, SOUND_FOLDERS
from ui_components.widgets.forms import nested, option_values, value_of

KEPT_CORPORA = 16


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: at a setting, or at none in particular."""

    name: str
    sentence: str


@dataclass(frozen=True)
class Checked:
    """The form's settings as far as they are right. `corpora`: those that can be read."""

    config: TrainingConfig | None
    problems: tuple[Problem, ...]
    corpora: tuple[Corpus, ...] = ()

    @property
    def right(self) -> TrainingConfig | None:
        """What may be started."""
        return None if self.problems else self.config


def check_form(studio: Studio, held: Sequence[Any]) -> Checked:
    """What the form's components hold -> the settings, and all that is wrong with them."""
    try:
        config = check_config(wanted(studio, held), "the form")
    except OptionError as error:
        wrong = error.__cause__
        assert isinstance(wrong, ValidationError)
        return Checked(None, tuple(map(_of_field, wrong.errors())))
    problems, corpora = [*_not_offered(studio, config)], ()
    if not problems:
        corpora = tuple(_gather(problems, "corpus", lambda f=f: corpus_of(f)) for f in config.corpus_folders)
        corpora = tuple(c for c in corpora if c)
        problems += _of_material(studio, config, corpora)
    for check in (lambda: check_machine(config), lambda: require_tracker(config.tracker)):
        _gather(problems, "", check)
    return Checked(config, tuple(problems), corpora)


def wanted(studio: Studio, held: Sequence[Any]) -> dict[str, Any]:
    """What the components hold as settings, not yet checked.

    One corpus stands for itself; corpora may be weighed by the names of their folders."""
    values = option_values(SETTINGS, held)
    corpora = values["corpus"] if isinstance(values["corpus"], list) else []
    values["corpus"] = corpora[0] if len(corpora) == 1 else corpora
    if isinstance(values["corpus_weights"], dict):
        by_name = {Path(c).name: c for c in corpora if isinstance(c, str)}
        values["corpus_weights"] = {by_name.get(n, n): w for n, w in values["corpus_weights"].items()}
    return nested(values)


@lru_cache(KEPT_CORPORA)
def _read(folder: Path, changed_ns: int) -> Corpus:
    return read_corpus(folder, max_missing_share=1)  # the job looks for every file


def corpus_of(folder: Path) -> Corpus:
    """Read once for as long as its manifest stays the same. Raises CorpusError."""
    manifest = folder / MANIFEST_FILE
    return _read(folder, manifest.stat().st_mtime_ns if manifest.is_file() else 0)


@lru_cache(KEPT_CORPORA)
def _sounds(folder: Path, changed_ns: int) -> int:
    return len(list_audio_files(folder))


def _sounds_of(folder: Path) -> int:
    """How many; raises OptionError where there is none. Counted once while the folder stays the same."""
    return _sounds(folder, folder.stat().st_mtime_ns if folder.is_dir() else 0)


def _not_offered(studio: Studio, config: TrainingConfig) -> Iterator[Problem]:
    """A browser may send any words; only what this studio offers is looked at."""
    if not config.base:
        yield Problem("base", "choose a model to start from")
    elif config.base not in {value for _, value in base_choices(studio)}:
        yield Problem("base", f"{shortened_value(config.base)} is not among the offered models; choose one of the list")
    if not config.corpus_folders:
        yield Problem("corpus", "choose a corpus")
    corpora = offered_corpora(studio)
    for name, folders in (("corpus", config.corpus_folders), ("retention.corpora", config.retention.corpora)):
        for folder in folders:
            if absolute_path(str(folder)) not in corpora:
                yield Problem(
                    name, f"{shortened_value(str(folder))} is not among the offered corpora; choose one of the list"
                )
    for name in SOUND_FOLDERS:
        folder = value_of(config, name)
        try:
            if folder is not None:
                studio.require_allowed_path(folder)
        except OptionError as error:
            yield Problem(name, str(error))


def _of_material(studio: Studio, config: TrainingConfig, corpora: Sequence[Corpus]) -> list[Problem]:
    """What the trainer would say of corpora, sounds and languages before it starts."""
    problems: list[Problem] = []
    for name in SOUND_FOLDERS:
        folder = value_of(config, name)
        if folder in config.audio_folders:
            _gather(problems, name, lambda folder=folder: _sounds_of(Path(folder)))
    if len(corpora) == len(config.corpus_folders):
        _gather(problems, "corpus", lambda: require_examples([*corpora], config))
        name = "language" if config.language else "corpus"
        _gather(problems, name, lambda: _require_languages(studio, config, corpora))
    return problems


def _require_languages(studio: Studio, config: TrainingConfig, corpora: Sequence[Corpus]) -> None:
    """As far as it is known without fetching the base."""
    if config.base in HUB_MODELS and not local_directory(config.base):
        known = ("en",) if config.base.endswith(".en") else None
    else:
        known = _languages(resolve_model(config.base, studio.runs))
    languages = {config.language} if config.language else {row.language for c in corpora for row in c.rows}
    for language in sorted(languages):
        check_language(language, known) if known else check_language(language)


@lru_cache(KEPT_CORPORA)
def _languages(model: Path) -> tuple[str, ...]:
    return Tokenizer(model).languages


def _gather(problems: list[Problem], name: str, act: Callable[[], Any]) -> Any:
    """What act gives; None, and the sentence among the problems, where it fails."""
    try:
        return act()
    except QalError as error:
        problems.append(Problem(name, str(error)))
        return None


def _of_field(error: ErrorDetails) -> Problem:
    """The validator's words as a sentence that begins with the setting's name."""
    parts = [str(part) for part in error["loc"]]
    beginnings = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    name = next((n for n in beginnings if n in BY_NAME or n in HEADED), "")
    return Problem(name, plain_message(error))
