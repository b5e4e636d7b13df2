"""qal transcribe MODEL FILE|FOLDER…: files to text or subtitles."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from qal.cli.engine_options import describe_engine, load_engine
from qal.cli.parsing import parse_options
from qal.cli.stopping import stop_on_signals
from qal.cli.transcription.options import TranscribeOptions, check_options
from qal.cli.transcription.reporting import Reporter, failure_sentence, json_summary, summary_lines
from qal.cli.transcription.short_options import expand_short_options
from qal.engine.longform.batching import BatchingEngine
from qal.engine.longform.work import FileEngine
from qal.errors import AudioDecodeError
from qal.json_text import json_text
from qal.transcription.batch import Batch, BatchFile, FileResult
from qal.transcription.outputs import ArchiveItem, render, write_archive
from qal.transcription.sources import FoundSources, Source, find_sources, output_stems
from qal.transcription.store import TranscriptStore
from qal.transcription.watching import FolderWatcher

ABOUT = (
    "Transcribes files of any length; the text goes to stdout, or into --out, --beside or --zip. Folders are searched "
    "for audio and video. The same command again continues what was stopped and skips what is done."
)
WATCH_POLL_S = 1.0


def main(arguments: Sequence[str]) -> None:
    options = parse_options("qal transcribe", ABOUT, TranscribeOptions, expand_short_options(arguments))
    check_options(options)
    found = find_sources(options.files) if options.files else FoundSources((), {})
    engine = load_engine(options.model_copy(update={"language": options.spoken_language}), is_for_files=True)
    print(f"{options.model}: {describe_engine(engine)}", file=sys.stderr)
    command = Command(options, make_batch(options, engine), found.left_out)
    with stop_on_signals("batch of speech") as should_stop:
        if options.watch:
            command.watch(FolderWatcher(options.watch), should_stop)
        else:
            command.transcribe(found.sources, should_stop)
    command.finish()
    if should_stop() and not options.watch:
        raise KeyboardInterrupt


def make_batch(options: TranscribeOptions, engine: FileEngine) -> Batch:
    return Batch(
        engine=BatchingEngine(engine),  # files that are transcribed at the same time share batches
        options=options.transcription(),
        store=TranscriptStore(options.transcripts),
        formats=options.formats,
        output=options.output(),
        overwrite=options.overwrite,
        workers=options.workers,
        on_progress=(reporter := Reporter()).progress,
        on_result=reporter.result,
    )


@dataclass
class Command:
    """The files of one command, and how they ended."""

    options: TranscribeOptions
    batch: Batch
    left_out: Mapping[str, int]
    results: list[FileResult] = field(default_factory=list)
    _placed: dict[Path, Path | None] = field(default_factory=dict)  # the places of the outputs, by source
    _sources: list[Source] = field(default_factory=list)

    def transcribe(self, sources: Sequence[Source], should_stop: Callable[[], bool]) -> None:
        """Transcribes files; the text of each goes to stdout where no other place was given."""
        written = {result.file.source for result in self.results}  # a file that is found again has changed
        files = [BatchFile(source.path, stem) for source, stem in zip(sources, self._places(sources), strict=True)]
        again = [file for file in files if file.source in written]
        new = [file for file in files if file.source not in written]
        results = self.batch.run(new, should_stop) if new else []
        results += replace(self.batch, overwrite=True).run(again, should_stop) if again else []
        self.results += results
        if not (self.options.out or self.options.beside or self.options.zip):
            for result in results:
                self._print(result)

    def _places(self, sources: Sequence[Source]) -> list[Path | None]:
        """Returns the places of the outputs; a watched file never gets that of an earlier one, and keeps its own."""
        new = [source for source in sources if source.path not in self._placed]
        self._sources += new
        stems = self._stems(self._sources)[len(self._sources) - len(new) :]
        self._placed |= {source.path: stem for source, stem in zip(new, stems, strict=True)}
        return [self._placed[source.path] for source in sources]

    def _stems(self, sources: Sequence[Source]) -> Sequence[Path | None]:
        if self.options.beside:
            in_place = [Source(source.path, source.path.absolute()) for source in sources]
            return [Path(stem) for stem in output_stems(in_place)]
        if self.options.out:
            return [self.options.out / stem for stem in output_stems(sources)]
        return [None] * len(sources)

    def _print(self, result: FileResult) -> None:
        if result.state == "done" and result.transcript:
            content = render(result.transcript, self.options.formats[0], self.batch.output)
            print(content.decode("utf-8-sig"), end="", flush=True)

    def watch(self, watcher: FolderWatcher, should_stop: Callable[[], bool]) -> None:
        """Transcribes the files that appear in a folder until a stop is requested."""
        print(f"watching {self.options.watch}; Ctrl-C ends it", file=sys.stderr)
        while not should_stop():
            sources = watcher.poll()
            if sources:
                self.transcribe(sources, should_stop)
            time.sleep(0 if sources else WATCH_POLL_S)

    def finish(self) -> None:
        """Writes the archive and prints the sum. Raises AudioDecodeError if a file failed."""
        if self.options.zip:
            self._write_archive(self.options.zip)
        for line in summary_lines(self.results, self.left_out):
            print(line, file=sys.stderr)
        if any(result.state == "stopped" for result in self.results):
            print("the same command again continues where it was stopped", file=sys.stderr)
        if self.options.json_:
            print(json_text(json_summary(self.results, self.left_out, self.options.zip), ensure_ascii=False))
        failures = failure_sentence(self.results)
        if failures:
            raise AudioDecodeError(failures)

    def _write_archive(self, target: Path) -> None:
        """Writes all that is done into one archive; a watched file that came again counts once."""
        done = {r.file.source: r.transcript for r in self.results if r.transcript and r.transcript.is_done()}
        sources = [Source(path, self._relative(path)) for path in done]
        items = [
            ArchiveItem(stem, done[source.path]) for source, stem in zip(sources, output_stems(sources), strict=True)
        ]
        count = write_archive(target, items, self.options.formats, self.batch.output, overwrite=True)
        print(f"{target}: {count} files", file=sys.stderr)

    def _relative(self, path: Path) -> Path:
        """Returns the place of a file below the folder that was given."""
        folders = [folder for folder in (*self.options.files, self.options.watch) if folder and folder.is_dir()]
        return next((path.relative_to(folder) for folder in folders if path.is_relative_to(folder)), Path(path.name))
