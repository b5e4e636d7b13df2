"""Examples with unusable audio: they are left out, listed in runs/<id>/skipped.jsonl and counted."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from qal.audio.decode import decode
from qal.audio.samples import WINDOW_S, WINDOW_SAMPLES, Samples, seconds
from qal.audio.sound_check import require_sound
from qal.corpus.left_out import UNREADABLE, audio_reason
from qal.errors import AudioDecodeError, TrainingError
from qal.json_text import json_text

MIN_DURATION_SHARE = 0.5  # of the duration in the manifest; a shorter file is truncated
MAX_REASONS = 3  # shown in the error


class UnusableAudio(NamedTuple):
    """An audio file that cannot be used, and the reason."""

    audio: str
    reason: str  # one sentence with the file's name
    kind: str = UNREADABLE  # a reason of `left_out`


def load_audio(path: Path, duration_s: float | None = None) -> Samples:
    """Decodes the audio of an example.

    Args:
        path: the audio file.
        duration_s: the duration in the manifest, in seconds.

    Raises:
        AudioDecodeError: the file is missing, unreadable, silent, not finite, longer than 30 s, or truncated.
    """
    if not path.parent.is_dir():
        raise AudioDecodeError(f"{path.name}: the folder {path.parent} is gone; put the dataset back")
    try:
        samples = decode(path)
    except OSError as error:
        raise AudioDecodeError(f"{path.name}: cannot be read ({error.strerror}); check the disk") from error
    require_sound(samples, path.name)
    if len(samples) > WINDOW_SAMPLES:
        raise AudioDecodeError(f"{path.name}: is longer than {WINDOW_S} s, unlike its row says; cut it")
    if duration_s and seconds(samples) < MIN_DURATION_SHARE * duration_s:
        raise AudioDecodeError(
            f"{path.name}: is {seconds(samples):.1f} s long, but its row says {duration_s:.1f} s; copy it again"
        )
    return samples


def load_if_usable(path: Path, duration_s: float | None = None) -> Samples | UnusableAudio:
    """Decodes the audio of an example, as `load_audio`, but returns an error instead of raising it."""
    try:
        return load_audio(path, duration_s)
    except AudioDecodeError as error:
        return unusable_audio(path, error)


def unusable_audio(path: Path, error: AudioDecodeError) -> UnusableAudio:
    """Returns the entry for an audio file that raised the error."""
    return UnusableAudio(str(path), str(error), audio_reason(error))


class SkippedAudio:
    """The list of skipped examples of a run, each once, which stays on disk over all attempts.

    Only the examples that this attempt found count for the limit, because others may have been repaired.

    Args:
        file: the run's skipped.jsonl.
        total: number of examples that the run uses.
        max_share: the largest share of skipped examples, 0 to 1; 1: no limit.
        writes: False in processes that must not write to the run's folder.
    """

    def __init__(self, file: Path, total: int, max_share: float, writes: bool = True):
        self.file, self.total, self.max_share, self.writes = file, total, max_share, writes
        self._listed = {item.audio for item in read_skipped(file)}
        self._of_this_attempt: set[str] = set()

    def __len__(self) -> int:
        return len(self._listed)

    def add(self, unusable: Iterable[UnusableAudio]) -> list[UnusableAudio]:
        """Adds examples to the list and returns those that are new. Raises TrainingError above the largest share."""
        unusable = list(unusable)
        self._of_this_attempt |= {item.audio for item in unusable}
        new = [item for item in dict.fromkeys(unusable) if item.audio not in self._listed]
        self._listed |= {item.audio for item in new}
        if new and self.writes:
            with self.file.open("a", encoding="utf-8") as file:
                file.writelines(json_text(item._asdict(), ensure_ascii=False) + "\n" for item in new)
        if unusable and self.max_share < 1 and len(self._of_this_attempt) > self.max_share * self.total:
            raise self._too_many(unusable)
        return new

    def _too_many(self, unusable: list[UnusableAudio]) -> TrainingError:
        gone = next((folder for item in unusable if not (folder := Path(item.audio).parent).is_dir()), None)
        if gone:
            return TrainingError(f"the dataset is gone: there is no folder {gone}; put it back, then resume the run")
        reasons = "; ".join(item.reason for item in unusable[:MAX_REASONS])
        return TrainingError(
            f"{len(self._of_this_attempt)} of {self.total} examples have unusable audio, more than "
            f"faults.bad_rows_share ({100 * self.max_share:g} %) allows: {reasons}; correct the dataset, "
            f"see {self.file.name} in the run's folder"
        )


def count_skipped(file: Path) -> dict[str, int]:
    """Counts the listed examples by kind, for `describe_left_out`."""
    return dict(Counter(item.kind for item in read_skipped(file)))


def read_skipped(file: Path) -> list[UnusableAudio]:
    """Returns the listed examples; torn lines are ignored. Lines of earlier versions have no kind."""
    items = []
    for line in file.read_bytes().splitlines() if file.exists() else []:
        try:
            row = json.loads(line)
            items.append(UnusableAudio(str(row["audio"]), str(row["reason"]), str(row.get("kind", UNREADABLE))))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return items
