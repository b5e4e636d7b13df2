"""Datasets that speakers record on the page: the sentences, the speakers and what is recorded are in data/<name>/.

    recording.json    language, sentences with their splits, speakers with the text of their consent
    manifest.jsonl    a row for each recorded sentence, as in every dataset

The state of a recording is what is on disk, so that it is continued on another day or by another server."""

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from qal.audio.samples import Samples
from qal.corpus.corrections import CORPUS_NAME, LICENCE
from qal.corpus.importers.conversion.writing import FLAC_SUFFIX
from qal.corpus.importers.staging import (
    AUDIO_FOLDER,
    add_utterance,
    check_language_code,
    recording_stem,
    with_new_suffixes,
)
from qal.corpus.lock import corpus_lock
from qal.corpus.manifest import MANIFEST_FILE, Corpus, Origin, Row, read_corpus, write_corpus
from qal.corpus.recording.sentences import MAX_SENTENCES, built_in_sentences, split_sentences
from qal.corpus.recording.state import (
    STATE_FILE,
    RecordingState,
    Sentence,
    Speaker,
    read_state,
    write_state,
)
from qal.corpus.recording.takes import Take, checked_take
from qal.corpus.speakers import speaker_key
from qal.corpus.split import SPLITS, Split
from qal.corpus.split_assignment import assign_splits
from qal.errors import CorpusError
from qal.storage import storage_errors
from qal.text.normalisation.split_key import split_key

SOURCE = "recordings"
ROW_SOURCE = "recorded"
MAX_SPEAKER_CHARACTERS = 60
MAX_CONSENT_CHARACTERS = 2000
HASH_DIGITS = 8
NOTES = "Recorded on the page: the speakers read the sentences that were shown."


@dataclass(frozen=True)
class Recording:
    """A dataset that is being recorded: its folder, its state and its rows."""

    folder: Path
    state: RecordingState
    rows: tuple[Row, ...]

    def row_of(self, speaker: str, index: int) -> Row | None:
        """Returns the row of a sentence by a speaker, None if it is not recorded."""
        return self._by_stem.get(audio_stem(speaker, self.state.sentences[index].text))

    @cached_property
    def _by_stem(self) -> dict[str, Row]:
        return {recording_stem(row.audio): row for row in self.rows}


def begin_recording(
    data: Path, name: str, language: str, speaker: str, text: str, consent: str, user: str | None = None
) -> Recording:
    """Creates data/<name>, or adds sentences and a speaker to it.

    Args:
        data: folder of the datasets.
        name: of the dataset.
        language: code of the spoken language; of an existing dataset it stays as it is.
        speaker: name of the speaker.
        text: the sentences to read; empty: the built-in ones, or, in an existing dataset, none are added.
        consent: the text that the speaker agrees to.
        user: the user of the page.

    Raises:
        CorpusError: a name, the language or the text cannot be used, or another user records for this speaker.
        StorageError: the folder cannot be written."""
    folder = recording_folder(data, name)
    agreed_at = round(time.time(), 3)
    new_speaker = Speaker(
        name=_checked_speaker(speaker), consent=_checked_consent(consent), agreed_at=agreed_at, user=user
    )
    with storage_errors(f"the dataset {folder}"), corpus_lock(folder, create=True):
        if (folder / STATE_FILE).is_file():
            state = read_state(folder)
            texts = split_sentences(text) if text.strip() else []
        else:
            _require_free(folder)
            state = RecordingState(language=check_language_code(language), sentences=())
            texts = split_sentences(text) if text.strip() else built_in_sentences(language)
        state = _with_speaker(_with_sentences(state, texts), new_speaker)
        folder.mkdir(parents=True, exist_ok=True)
        write_state(folder, state)
        return Recording(folder, state, _rows(folder))


def open_recording(data: Path, name: str) -> Recording:
    """Returns a dataset that is being recorded. Raises CorpusError if there is none of this name."""
    folder = recording_folder(data, name)
    if not (folder / STATE_FILE).is_file():
        raise CorpusError(f"'{name}' is not a dataset that was recorded here; choose another one")
    return Recording(folder, read_state(folder), _rows(folder))


def list_recordings(data: Path) -> list[Recording]:
    """Returns the datasets that are being recorded; one that cannot be read is left out."""
    found = []
    for path in sorted(data.glob(f"*/{STATE_FILE}")):
        try:
            found.append(open_recording(data, path.parent.name))
        except CorpusError:  # it is reported when it is opened by its name
            continue
    return found


def add_take(data: Path, name: str, speaker: str, index: int, samples: Samples, user: str | None) -> tuple[Row, Take]:
    """Stores the recording of a sentence; one that is recorded again is replaced.

    Args:
        data: folder of the datasets.
        name: of the dataset.
        speaker: name of the speaker.
        index: of the sentence.
        samples: (n,) at 16 kHz.
        user: the user of the page.

    Raises:
        CorpusError: the recording cannot be used, or the sentence, the speaker or the dataset is not known."""
    state = open_recording(data, name).state
    sentence, person = _sentence(state, index), _require_speaker(state, speaker, user)
    take = checked_take(samples, sentence.text)
    folder = recording_folder(data, name)
    stem = audio_stem(person.name, sentence.text)
    with storage_errors(f"the dataset {folder}"), corpus_lock(folder, create=True):
        temporary, audio = f"{AUDIO_FOLDER}/.{Path(stem).name}.new", f"{stem}{FLAC_SUFFIX}"
        row = add_utterance(folder, temporary, take.samples, sentence.text, state.language, person.name)
        (folder / row.audio).replace(folder / audio)
        row = row.model_copy(update={"audio": audio, "source": ROW_SOURCE, "split": sentence.split})
        others, replaced = _without(_rows(folder), stem)
        written = _write(folder, [*others, row])
        _delete(folder, replaced - {audio})
        return next(other for other in written.rows if other.audio == audio), take


def remove_take(data: Path, name: str, speaker: str, index: int, user: str | None) -> None:
    """Deletes the recording of a sentence. Raises CorpusError as `add_take`."""
    state = open_recording(data, name).state
    stem = audio_stem(_require_speaker(state, speaker, user).name, _sentence(state, index).text)
    folder = recording_folder(data, name)
    with storage_errors(f"the dataset {folder}"), corpus_lock(folder, create=True):
        rows, removed = _without(_rows(folder), stem)
        if rows:
            _write(folder, rows)
        else:  # a dataset has at least one row
            (folder / MANIFEST_FILE).unlink(missing_ok=True)
        _delete(folder, removed)


def _without(rows: Sequence[Row], stem: str) -> tuple[list[Row], set[str]]:
    """Returns the rows without those of one recording, and the audio of these: older versions wrote WAV."""
    removed = {row.audio for row in rows if recording_stem(row.audio) == stem}
    return [row for row in rows if row.audio not in removed], removed


def _delete(folder: Path, audio: Iterable[str]) -> None:
    for path in audio:
        (folder / path).unlink(missing_ok=True)


def recording_folder(data: Path, name: str) -> Path:
    """Returns data/<name>. Raises CorpusError if the name, which comes from a web page, could be a path."""
    if not CORPUS_NAME.fullmatch(name):
        raise CorpusError("a dataset name has 1 to 64 letters, digits, - or _; choose such a name")
    return data / name


def audio_stem(speaker: str, text: str) -> str:
    """Returns the path of a recording in the dataset, without suffix. Only the speaker and the sentence decide it."""
    return f"{AUDIO_FOLDER}/{_digest(speaker_key(speaker))}-{_digest(split_key(text))}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]


def _sentence(state: RecordingState, index: int) -> Sentence:
    if not 0 <= index < len(state.sentences):
        raise CorpusError("this sentence is not in the dataset; reload the page")
    return state.sentences[index]


def _checked_speaker(name: str) -> str:
    name = " ".join(name.split())
    if not speaker_key(name) or len(name) > MAX_SPEAKER_CHARACTERS:
        raise CorpusError(f"the speaker's name has 1 to {MAX_SPEAKER_CHARACTERS} characters; a pseudonym will do")
    return name


def _checked_consent(text: str) -> str:
    text = " ".join(text.split())
    if not 0 < len(text) <= MAX_CONSENT_CHARACTERS:
        raise CorpusError(
            f"the consent has 1 to {MAX_CONSENT_CHARACTERS:,} characters; write what the speaker agrees to"
        )
    return text


def _require_speaker(state: RecordingState, name: str, user: str | None) -> Speaker:
    speaker = state.speaker(name)
    if speaker is None:
        raise CorpusError(f"the speaker '{name}' has not agreed yet; fill in the form first")
    if speaker.user != user and speaker.user is not None:
        raise CorpusError(f"another user records for the speaker '{speaker.name}'; use another name")
    return speaker


def _with_speaker(state: RecordingState, speaker: Speaker) -> RecordingState:
    """Adds a speaker; one who is known keeps the name and the first consent."""
    if state.speaker(speaker.name):
        _require_speaker(state, speaker.name, speaker.user)
        return state
    return state.model_copy(update={"speakers": (*state.speakers, speaker)})


def _with_sentences(state: RecordingState, texts: Sequence[str]) -> RecordingState:
    known = {split_key(sentence.text) for sentence in state.sentences}
    new = [text for text in texts if split_key(text) not in known]
    if len(state.sentences) + len(new) > MAX_SENTENCES:
        raise CorpusError(f"a dataset has at most {MAX_SENTENCES:,} sentences; record the others into another one")
    return state.model_copy(update={"sentences": (*state.sentences, *plan_sentences(new, state.language))})


def plan_sentences(texts: Sequence[str], language: str) -> list[Sentence]:
    """Splits sentences before they are read, and orders them so that all splits grow alike.

    The hash of a sentence decides its split, as in every dataset; sentences of one split keep their order."""
    rows = [
        Row(audio=str(i), text=text, language=language, duration_s=1, split="train", sha256="")
        for i, text in enumerate(texts)
    ]
    by_split: dict[Split, list[Sentence]] = {split: [] for split in SPLITS}
    for row in assign_splits(rows).rows if rows else ():
        by_split[row.split].append(Sentence(text=row.text, split=row.split))
    placed = [((i + 0.5) / len(group), sentence) for group in by_split.values() for i, sentence in enumerate(group)]
    return [sentence for _, sentence in sorted(placed, key=lambda pair: pair[0])]


def _rows(folder: Path) -> tuple[Row, ...]:
    return read_corpus(folder, max_missing_share=1).rows if (folder / MANIFEST_FILE).is_file() else ()


def _write(folder: Path, rows: Sequence[Row]) -> Corpus:
    """Writes the corpus. A sentence keeps its split, unless the dataset was split in another way since."""
    existing = read_corpus(folder, max_missing_share=1) if (folder / MANIFEST_FILE).is_file() else None
    if existing is None or existing.info.split_by in (None, "text"):
        kept = {recording_stem(row.audio): row.split for row in existing.rows} if existing else {}
        new_rows = [row.model_copy(update={"split": kept.get(recording_stem(row.audio), row.split)}) for row in rows]
        split_by, note = "text", _missing_note(new_rows)
    else:
        assigned = assign_splits(rows, earlier=with_new_suffixes(existing, rows))
        new_rows, split_by, note = assigned.rows, assigned.split_by, assigned.note
    origin = existing.info if existing else Origin(name=folder.name, source=SOURCE, licence=LICENCE, notes=NOTES)
    return write_corpus(folder, origin.model_copy(update={"split_by": split_by, "split_note": note}), new_rows)


def _missing_note(rows: Sequence[Row]) -> str:
    missing = [split for split in SPLITS if all(row.split != split for row in rows)]
    return f"No example is for {' or '.join(missing)} yet; record more sentences." if missing else ""


def _require_free(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise CorpusError(f"'{folder.name}' exists already and was not recorded here; choose another name")
