"""Decodes the first examples of a source for a preview, in memory."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from qal.audio.decoding.opening import Check
from qal.audio.samples import Samples, seconds
from qal.audio.sound_check import require_sound
from qal.corpus.importers.conversion.checking import CheckedCandidate
from qal.corpus.importers.conversion.clean_text import TEXT_CHANGES
from qal.corpus.importers.conversion.convert import decode_parts, reason_of
from qal.corpus.importers.conversion.names import describe_part, place_with_file
from qal.corpus.importers.conversion.writing import within_full_scale
from qal.corpus.importers.listing import AudioBytes, Problem
from qal.corpus.importers.results import PreviewRow
from qal.corpus.speakers import speaker_key
from qal.errors import AudioDecodeError

Entry = CheckedCandidate | Problem


@dataclass(frozen=True)
class SampleLimits:
    """How much of a source is read for a preview."""

    rows: int  # examples that are decoded
    audio_bytes: int = 200_000_000  # of audio in tables, which is read to count their entries
    entries: int | None = None  # None: all, as far as `audio_bytes` allows


@dataclass
class SampledEntries:
    """The counts of the entries of a source, with the first ones decoded."""

    rows: list[PreviewRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    count: int = 0  # entries that can be used, as far as they were decoded
    is_complete: bool = True  # False if not all entries were listed
    split_counts: Counter[str] = field(default_factory=Counter)
    speakers: set[str] = field(default_factory=set)

    changes: Counter[str] = field(default_factory=Counter)  # of texts, by their notes

    def describe_changes(self) -> list[str]:
        """Returns a sentence for each kind of change of texts, with the number of examples."""
        return [f"{count:,} {'example' if count == 1 else 'examples'}: {note}." for note, count in self.changes.items()]

    def describe_part(self, stated_count: int | None) -> str:
        """Returns a sentence about how much of the source was read, "" if it was read whole."""
        if self.is_complete:
            return ""
        of_all = f" of {stated_count:,}" if stated_count else ""
        return f"Only the first {self.count + len(self.problems):,}{of_all} entries were read."


def sample_entries(entries: Iterable[Entry], limits: SampleLimits, check: Check) -> SampledEntries:
    """Counts the entries of a source and decodes the first ones that can be used."""
    sample, waiting, size = SampledEntries(), [], 0
    for number, entry in enumerate(entries):
        check()
        if number == limits.entries:
            sample.is_complete = False
            break
        if isinstance(entry, Problem):
            sample.problems.append(entry)
            continue
        sample.count += 1
        sample.split_counts[entry.candidate.split_name] += 1
        sample.changes.update(note for note in entry.candidate.notes if note in TEXT_CHANGES)
        sample.speakers.add(speaker_key(entry.candidate.speaker))
        if len(sample.rows) + len(waiting) < limits.rows:
            waiting.append(entry)
            if len(waiting) == limits.rows - len(sample.rows):
                _decode_waiting(sample, waiting, check)
        if isinstance(entry.candidate.audio, AudioBytes):
            size += len(entry.candidate.audio.data)
            if size > limits.audio_bytes and len(sample.rows) >= limits.rows:
                sample.is_complete = False
                break
    _decode_waiting(sample, waiting, check)
    sample.speakers.discard("")
    sample.split_counts.pop("", None)
    return sample


def _decode_waiting(sample: SampledEntries, waiting: list[CheckedCandidate], check: Check) -> None:
    for result in decode_first(waiting, check):
        if isinstance(result, Problem):
            sample.problems.append(result)
            sample.count -= 1
        else:
            sample.rows.append(result)
    waiting.clear()


def decode_first(candidates: Iterable[CheckedCandidate], check: Check) -> Iterator[PreviewRow | Problem]:
    """Yields each candidate as the row that it will be, or why it cannot be used."""
    for _, group in groupby(candidates, key=_recording):
        yield from _decoded(list(group), check)


def _recording(checked: CheckedCandidate) -> object:
    audio = checked.candidate.audio
    return id(checked) if isinstance(audio, AudioBytes) else (audio.path, audio.channel)


def _decoded(group: Sequence[CheckedCandidate], check: Check) -> Iterator[PreviewRow | Problem]:
    found: dict[int, PreviewRow | Problem] = {}
    try:
        for i, samples, notes in decode_parts([checked.candidate for checked in group], check):
            is_missing = isinstance(samples, str)
            found[i] = Problem(_place(group[i]), samples) if is_missing else _row(group[i], samples, notes)
    except AudioDecodeError as error:
        for i, checked in enumerate(group):
            found.setdefault(i, Problem(_place(checked), reason_of(error)))
    yield from (found[i] for i in range(len(group)))


def _row(checked: CheckedCandidate, samples: Samples, notes: Sequence[str]) -> PreviewRow | Problem:
    candidate = checked.candidate
    try:
        require_sound(samples, checked.inner)
    except AudioDecodeError as error:
        return Problem(_place(checked), reason_of(error))
    _, level_notes = within_full_scale(samples)
    return PreviewRow(
        place=checked.place,
        audio=describe_part(candidate, checked.inner),
        text=candidate.text,
        duration_s=round(seconds(samples), 3),
        language=checked.language,
        speaker=candidate.speaker,
        translation=candidate.translation,
        split_name=candidate.split_name,
        marks=candidate.marks,
        notes=(*candidate.notes, *notes, *level_notes),
    )


def _place(checked: CheckedCandidate) -> str:
    return place_with_file(checked.candidate, checked.inner)
