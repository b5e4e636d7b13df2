"""Builds the rows of a corpus from the entries of a source, with progress, and counts what cannot be used."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from qal.audio.decoding.opening import Check
from qal.corpus.importers.conversion.checking import CheckedCandidate
from qal.corpus.importers.conversion.convert import Item, Outcome, Recording, convert, unreadable_reason
from qal.corpus.importers.conversion.journal import Journal, candidate_key
from qal.corpus.importers.conversion.names import AudioNames
from qal.corpus.importers.listing import AudioBytes, Problem
from qal.corpus.importers.results import ImportProgress, OnProgress, ProblemsError, Stage
from qal.corpus.manifest import Row

MAX_LISTED = 300_000  # entries that are listed before the first one is decoded, so that their number is known
MIN_PROBLEMS = 3  # fewer never stop an import, however small the source
PROGRESS_S = 0.5
MAX_RECORDINGS_OF_JOB, MAX_BYTES_OF_JOB = 32, 1_000_000
MAX_PARTS_OF_JOB = 20_000  # of one recording, which is decoded once for all of them

Entry = CheckedCandidate | Problem


@dataclass
class Listed:
    """The first entries of a source, and those that are listed while the import runs."""

    first: list[Entry]
    rest: Iterator[Entry]
    is_complete: bool


def list_first(entries: Iterator[Entry], check: Check) -> Listed:
    """Lists entries until there are MAX_LISTED, or until one holds its audio, which would fill the memory."""
    first: list[Entry] = []
    for entry in entries:
        check()
        first.append(entry)
        if len(first) >= MAX_LISTED or _holds_audio(entry):
            return Listed(first, entries, is_complete=False)
    return Listed(first, iter(()), is_complete=True)


def _holds_audio(entry: Entry) -> bool:
    return isinstance(entry, CheckedCandidate) and isinstance(entry.candidate.audio, AudioBytes)


def require_few_problems(problems: Sequence[Problem], total: int, max_share: float, is_kept: bool = False) -> None:
    """Raises ProblemsError if the share of faults among `total` entries is too large.

    Args:
        problems: those that were found so far.
        total: number of the entries.
        max_share: the largest share of faults, 0 to 1.
        is_kept: True if what was converted is kept for the next import."""
    faults = [problem for problem in problems if problem.is_fault]
    if len(faults) >= MIN_PROBLEMS and len(faults) > max_share * total:
        raise ProblemsError(faults, total, max_share, is_kept)


@dataclass
class CorpusBuilder:
    """Converts the entries of one source.

    Args:
        folder: the staged corpus folder.
        journal: what an interrupted import converted.
        max_problem_share: above it, the import stops.
        on_progress: called about twice a second.
        check: called often; may raise to stop."""

    folder: Path
    journal: Journal
    max_problem_share: float
    on_progress: OnProgress
    check: Check
    resumed: int = 0
    _problems: dict[int, Problem] = field(default_factory=dict)  # these and the others by position in the source
    _rows: dict[int, Row] = field(default_factory=dict)
    _places: dict[int, str] = field(default_factory=dict)
    _split_names: dict[int, str] = field(default_factory=dict)
    _marks: dict[int, tuple[str, ...]] = field(default_factory=dict)
    _speech_s: float = 0.0
    _entries: int = 0

    def __post_init__(self) -> None:
        self._names = AudioNames(row.audio for row in self.journal.rows.values())
        self._meter = _Meter(self.on_progress)

    @property
    def problems(self) -> list[Problem]:
        """The problems so far, in the order of the source."""
        return [problem for _, problem in sorted(self._problems.copy().items(), key=itemgetter(0))]

    def build(self, listed: Listed, stated_count: int | None = None) -> None:
        """Converts everything. Raises ProblemsError as soon as too many entries cannot be used.

        Args:
            listed: the entries.
            stated_count: their number as the source states it, for the progress; None: it does not."""
        total = len(listed.first) if listed.is_complete else None
        self._meter.total = stated_count if total is None else total
        if total is not None:
            self._require_few([entry for entry in listed.first if isinstance(entry, Problem)], total)
        jobs, known = self._jobs(self._grouped(listed)), 0
        for _ in convert(jobs, self.folder, self._done, self.check):
            failed = len(self._problems)
            self._meter.show("convert", len(self._rows) + failed, failed, self._speech_s)
            if total is not None and failed > known:
                known = failed
                self._require_few(self.problems, total)
        self._require_few(self.problems, self._entries)

    def _require_few(self, problems: Sequence[Problem], total: int) -> None:
        is_kept = bool(self._rows or self.journal.rows)
        require_few_problems(problems, total, self.max_problem_share, is_kept)

    def _grouped(self, listed: Listed) -> Iterator[Sequence[Entry]]:
        """Yields the entries with those of the same recording together."""
        groups: dict[object, list[Entry]] = defaultdict(list)
        for i, entry in enumerate(listed.first):
            groups[_recording(entry, i)].append(entry)
        listed_count = len(listed.first)
        listed.first.clear()  # each entry is freed when it is converted
        remaining = list(groups.values())[::-1]
        groups.clear()
        while remaining:
            yield remaining.pop()
        numbered = enumerate(listed.rest, start=listed_count)
        for _, group in groupby(numbered, key=lambda pair: _recording(pair[1], pair[0])):
            yield [entry for _, entry in group]

    def _jobs(self, groups: Iterable[Sequence[Entry]]) -> Iterator[list[Recording]]:
        """Yields the recordings that must be decoded; problems and what the journal holds are taken over.

        Small recordings share a job, because handing a job to a thread takes longer than copying one of them."""
        job: list[Recording] = []
        size = 0
        for group in groups:
            items = [item for entry in group if (item := self._item(entry))]
            iterator = iter(items)
            while recording := list(islice(iterator, MAX_PARTS_OF_JOB)):
                job.append(recording)
                size += recording[0].size
                if len(job) >= MAX_RECORDINGS_OF_JOB or size > MAX_BYTES_OF_JOB or len(recording) > 1:
                    yield job
                    job, size = [], 0
        if job:
            yield job

    def _item(self, entry: Entry) -> Item | None:
        index, self._entries = self._entries, self._entries + 1
        if isinstance(entry, Problem):
            self._problems[index] = entry
            return None
        candidate = entry.candidate
        try:
            key, size = candidate_key(candidate)
        except OSError as error:
            self._problems[index] = Problem(entry.place, unreadable_reason(error))
            return None
        self._places[index] = entry.place
        self._split_names[index] = candidate.split_name
        if candidate.marks:
            self._marks[index] = candidate.marks
        if row := self.journal.rows.pop(key, None):
            self._add_row(index, row.model_copy(update={"language": entry.language}))
            self.resumed += 1
            return None
        return Item(index, key, size, candidate, entry.language, entry.inner, self._names.new(candidate, entry.inner))

    def _done(self, item: Item, outcome: Outcome) -> None:
        """Records an outcome; called by the decoding threads."""
        if isinstance(outcome, Problem):
            self._problems[item.index] = outcome
            return
        self.journal.add(item.key, outcome)
        self._add_row(item.index, outcome.row)

    def _add_row(self, index: int, row: Row) -> None:
        self._rows[index] = row
        self._speech_s += row.duration_s

    def rows(self, contradicted: dict[str, str]) -> tuple[list[Row], list[str]]:
        """Returns the rows and the source's names of their splits; may be called once.

        Args:
            contradicted: marks by the place of the entry, as in `EntryChecker`."""
        rows, names = [], []
        for index in sorted(self._rows):
            marks = self._marks.get(index, ())
            if mark := contradicted.get(self._places[index]):
                marks = (*marks, mark)
            row = self._rows.pop(index)
            rows.append(row.model_copy(update={"marks": marks}) if marks else row)
            names.append(self._split_names[index])
        return rows, names


def _recording(entry: Entry, index: int) -> object:
    """Returns the key of the recording and channel of an entry; one of its own for anything else."""
    if isinstance(entry, Problem) or isinstance(entry.candidate.audio, AudioBytes):
        return index
    return entry.candidate.audio.path, entry.candidate.audio.channel


class _Meter:
    """Calls `on_progress` at most twice a second, with the time that is left at the speed so far."""

    def __init__(self, on_progress: OnProgress):
        self._on_progress = on_progress
        self._started_s = self._shown_s = time.monotonic()
        self._skipped: int | None = None  # entries that were done at the first call
        self.total: int | None = None

    def show(self, stage: Stage, done: int, problems: int, speech_s: float) -> None:
        now_s = time.monotonic()
        if self._skipped is None:
            self._skipped, self._started_s = max(0, done - 1), now_s
        if now_s - self._shown_s < PROGRESS_S and done != self.total:
            return
        self._shown_s = now_s
        eta_s = None
        if self.total is not None and done > self._skipped:
            eta_s = (now_s - self._started_s) / (done - self._skipped) * max(0, self.total - done)
        self._on_progress(ImportProgress(stage, done, self.total, problems, speech_s, eta_s))


def audio_notes(rows: Sequence[Row]) -> list[str]:
    """Returns sentences about what was done to the audio, and about recordings that are the same."""
    counts = Counter(_without_number(note) for row in rows for note in row.notes)
    notes = [f"{_examples(count)}: {note}." for note, count in counts.most_common()]
    by_audio: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_audio[row.sha256].append(row)
    same = [group for group in by_audio.values() if len(group) > 1]
    if same:
        first, second = same[0][:2]
        differ = sum(len({row.text for row in group}) > 1 for group in same)
        with_texts = f"; {differ} of these recordings have different texts" if differ else ""
        count = sum(len(group) for group in same) - len(same)
        has = "has" if count == 1 else "have"
        names = f"{first.audio} and {second.audio}"
        notes.append(f"{_examples(count)} {has} the same audio as another one, such as {names}{with_texts}.")
    return notes


def _without_number(note: str) -> str:
    """Returns a note without the numbers of one example, so that the same notes can be counted."""
    return note.split(" by ")[0] + note[note.find(", because") :] if " by " in note and ", because" in note else note


def _examples(count: int) -> str:
    return f"{count:,} {'example' if count == 1 else 'examples'}"
