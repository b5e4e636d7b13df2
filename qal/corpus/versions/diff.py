"""The difference of two versions of a corpus: examples that were added, removed or changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from qal.corpus.manifest import Row

Field = Literal[
    "text", "split", "marks", "speaker", "language", "translation", "audio", "duration_s", "notes", "source"
]
FIELDS: tuple[Field, ...] = get_args(Field)


@dataclass(frozen=True)
class FieldChange:
    """One field of one example, before and after. `audio` means that the recording itself or its path changed."""

    audio: str  # path of the recording, after the change
    field: Field
    before: str
    after: str


@dataclass(frozen=True)
class VersionDiff:
    """The examples that differ between two versions."""

    added: tuple[Row, ...]
    removed: tuple[Row, ...]
    changes: tuple[FieldChange, ...]

    def counts(self) -> dict[str, int]:
        """Returns how many examples were added and removed, and in how many each field changed."""
        by_field = {field: sum(change.field == field for change in self.changes) for field in FIELDS}
        return {"added": len(self.added), "removed": len(self.removed), **{f: n for f, n in by_field.items() if n}}


def diff_rows(before: Iterable[Row], after: Iterable[Row]) -> VersionDiff:
    """Compares two versions by the paths of their recordings; a recording that was renamed is found by its hash."""
    old = {row.audio: row for row in before}
    new = {row.audio: row for row in after}
    removed = {path: row for path, row in old.items() if path not in new}
    added = {path: row for path, row in new.items() if path not in old}
    by_hash = {row.sha256: path for path, row in removed.items()}
    pairs = [(old[path], row) for path, row in new.items() if path in old]
    for path, row in list(added.items()):
        earlier = by_hash.pop(row.sha256, None)
        if earlier is not None:
            pairs.append((removed.pop(earlier), added.pop(path)))
    changes = tuple(change for pair in pairs for change in _changes(*pair))
    return VersionDiff(tuple(added.values()), tuple(removed.values()), changes)


def describe_diff(diff: VersionDiff, limit: int) -> list[str]:
    """Returns the counts, and the first changes as lines."""
    counts = ", ".join(f"{count:,} {_word(name)}" for name, count in diff.counts().items())
    lines = [f"+ {row.audio}: {row.text}" for row in diff.added] + [
        f"- {row.audio}: {row.text}" for row in diff.removed
    ]
    lines += [f"~ {c.audio}: {c.field}: {c.before or '(empty)'} -> {c.after or '(empty)'}" for c in diff.changes]
    more = [f"and {len(lines) - limit:,} more"] if len(lines) > limit else []
    return [counts, *lines[:limit], *more]


def _word(name: str) -> str:
    return name if name in ("added", "removed") else f"with changed {name}"


def _changes(before: Row, after: Row) -> Sequence[FieldChange]:
    changes = []
    for field in FIELDS:
        old, new = _value(before, field), _value(after, field)
        if old != new:
            changes.append(FieldChange(after.audio, field, old, new))
    return changes


def _value(row: Row, field: Field) -> str:
    if field == "audio":
        return f"{row.audio} ({row.sha256[:12]})"
    value = getattr(row, field)
    return "; ".join(value) if isinstance(value, tuple) else str(value)
