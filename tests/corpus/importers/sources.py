"""Sources with short tones, for the tests of importers."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from qal.corpus.importers.import_source import import_source
from qal.corpus.importers.listing import ListingOptions, Role
from qal.corpus.importers.results import ImportResult
from tests.sounds import sine, write_audio

DURATION_S = 0.1


def write_clips(folder: Path, names: Iterable[str], rate_hz: int = 16_000) -> None:
    """Writes a tone of another pitch for each name."""
    for i, name in enumerate(names):
        write_audio(folder / name, sine(200 + 37 * i, DURATION_S, rate_hz, amplitude=0.5), rate_hz)


def clips_folder(folder: Path, count: int = 3) -> Path:
    """Writes clips/0.wav, clips/1.wav and so on."""
    write_clips(folder, [f"clips/{i}.wav" for i in range(count)])
    return folder


def run_import(
    source: Path,
    out: Path,
    *,
    columns: dict[Role, str] | None = None,
    max_problem_share: float = 1.0,
    language: str = "en",
    audio_folders: Sequence[Path] = (),
) -> ImportResult:
    """Imports a source in English, however many problems it has."""
    options = ListingOptions(language, columns or {})
    return import_source(source, out, options, max_problem_share=max_problem_share, audio_folders=audio_folders)


def texts(result: ImportResult) -> list[str]:
    """The texts of a corpus, in the order of its audio files."""
    return [row.text for row in result.corpus.rows]


def tree(folder: Path, *without: str) -> dict[str, bytes]:
    """The contents of all files below a folder by their paths, without those of some folders."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in without
    }
