"""Output of `qal transcribe`: a bar for each file that is running, a line for each that has ended, and the sum."""

import math
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from qal.text.plain_line import plain_line
from qal.text.subtitles.timestamps import format_timestamp
from qal.transcription.batch import FileResult
from qal.transcription.document import spoken_languages
from qal.transcription.sources import FOLDER_REASONS
from qal.transcription.transcribe_source import FileProgress

MAX_REASONS = 5  # failed files that the last sentence names
STATES = ("done", "skipped", "stopped", "failed")


class Reporter:
    """Prints the progress and the results of files to stderr."""

    def __init__(self) -> None:
        self._bars: dict[Path, tqdm[Any]] = {}
        self._lock = threading.Lock()

    def progress(self, source: Path, progress: FileProgress) -> None:
        """Moves the bar of a file; called in the threads of the files."""
        with self._lock:
            bar = self._bars.get(source)
            if bar is None:
                total = math.ceil(progress.duration_s) if progress.duration_s else None
                bar = self._bars[source] = tqdm(
                    desc=plain_line(source.name), total=total, unit="s", leave=False, file=sys.stderr
                )
            bar.n = round(progress.settled_s)
            if bar.total and bar.n > bar.total:
                bar.total = bar.n
            bar.refresh()

    def result(self, result: FileResult) -> None:
        """Prints how a file ended."""
        with self._lock:
            bar = self._bars.pop(result.file.source, None)
            if bar is not None:
                bar.close()
        for line in result_lines(result):
            tqdm.write(plain_line(f"{result.file.source.name}: {line}"), file=sys.stderr)


def result_lines(result: FileResult) -> list[str]:
    """Returns the sentences about a file that has ended."""
    if result.state in ("skipped", "failed"):
        return [f"{result.state}: {result.reason}"]
    if result.transcript is None:
        return ["stopped before it began"]
    state = result.transcript.state()
    if result.state == "stopped":
        of = f" of {short_time(state.duration_s)}" if state.duration_s else ""
        return [f"stopped at {short_time(state.settled_s)}{of}; what is done is kept"]
    duration_s = state.duration_s or 0.0
    spoken = ", ".join(spoken_languages(result.transcript.segments()))
    summary = f"language {spoken}" if spoken else "no speech"
    factor = result.took_s / max(duration_s, 1e-9)
    lines = [f"{duration_s:.1f} s in {result.took_s:.1f} s, real-time factor {factor:.3f}, {summary}"]
    kept = ", ".join(output.path.name for output in result.outputs if output.outcome == "kept")
    if kept:
        lines.append(f"{kept} existed already and was not written over; --overwrite replaces it")
    return [*lines, *state.notes]


def short_time(time_s: float) -> str:
    """Formats seconds as HH:MM:SS."""
    return format_timestamp(time_s)[:8]


def summary_lines(results: Sequence[FileResult], left_out: Mapping[str, int]) -> list[str]:
    """Returns the last lines about several files: how many ended how, and what was left out of folders."""
    counts = count_states(results)
    lines = [", ".join(f"{n} {state}" for state, n in counts.items() if n)] if len(results) > 1 else []
    if left_out:
        lines.append("left out: " + ", ".join(_counted(n, reason) for reason, n in left_out.items()))
    return lines


def _counted(n: int, reason: str) -> str:
    noun = "folder" if reason in FOLDER_REASONS else "file"
    return f"{n} {noun if n == 1 else f'{noun}s'} {reason}"


def count_states(results: Sequence[FileResult]) -> dict[str, int]:
    counts = Counter(result.state for result in results)
    return {state: counts[state] for state in STATES}


def failure_sentence(results: Sequence[FileResult]) -> str:
    """Returns one sentence about the files that failed; "" if none did."""
    failed = [result for result in results if result.state == "failed"]
    reasons = [
        result.reason if result.file.source.name in result.reason else f"{result.file.source.name}: {result.reason}"
        for result in failed
    ]
    if len(reasons) <= 1:
        return plain_line("".join(reasons))
    more = f"; and {len(reasons) - MAX_REASONS} more" if len(reasons) > MAX_REASONS else ""
    return plain_line(f"{len(failed)} of {len(results)} files failed: {'; '.join(reasons[:MAX_REASONS])}{more}")


def json_summary(results: Sequence[FileResult], left_out: Mapping[str, int], archive: Path | None) -> dict[str, Any]:
    """Returns the object that --json prints."""
    return {
        **count_states(results),
        "left_out": dict(left_out),
        "archive": str(archive) if archive else None,
        "files": [_json_file(result) for result in results],
    }


def _json_file(result: FileResult) -> dict[str, Any]:
    state = result.transcript.find_state() if result.transcript else None
    return {
        "file": str(result.file.source),
        "state": result.state,
        "reason": result.reason,
        "outputs": [{"file": str(output.path), "outcome": output.outcome} for output in result.outputs],
        "key": result.transcript.key if result.transcript else None,
        "settled_s": state.settled_s if state else None,
        "duration_s": state.duration_s if state else None,
        "languages": spoken_languages(result.transcript.segments()) if result.transcript else [],
        "notes": list(state.notes) if state else [],
        "took_s": round(result.took_s, 3),
    }
