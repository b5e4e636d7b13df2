"""python -m benchmarks.corpus: how fast a large corpus is listed, browsed, split and compared, and what a check finds.

A corpus of --rows examples is generated; their audio is hard links to a few files. Then rows of --spoiled corpora get
wrong texts on purpose (another row's, a cut one, or the neighbour's; 5 % of the rows), and the ranking by disagreement
must find them. --spoiled takes most of the time: about a second of a core per example."""

import csv
import json
import multiprocessing
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from jsonargparse import Namespace

from benchmarks.hardware import hardware, versions
from benchmarks.progress import report_progress
from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE
from qal.cli.command import run_command
from qal.cli.parsing import make_parser, parse
from qal.corpus.importers.import_source import preview
from qal.corpus.importers.listing import ListingOptions
from qal.corpus.leakage import find_leakage, known_fingerprints
from qal.corpus.manifest import Corpus, Origin, Row, read_corpus, write_corpus
from qal.corpus.quality.audio_measures import measure_audio
from qal.corpus.quality.measures import QUALITY_FILE, AudioMeasures, append_measures
from qal.corpus.query import Range, RowFilter, find_page, histogram, vocabulary
from qal.corpus.resplit import split_by
from qal.corpus.statistics import corpus_statistics

SEED = 1
DISTINCT_FILES = 50
SPEAKERS = 400
WORDS_PER_TEXT = 10
SPOILED_SHARE = 0.05
SEARCHED_SHARE = 0.08  # of the ranking, in which the spoiled rows must be
TABLE = "metadata.csv"
MEASURED_FILES = 200  # for the speed of decoding
VOCABULARY = 5000
SYLLABLES = ["ka", "lo", "mi", "ру", "те", "на", "ሰላ", "ም", "ቃል", "do", "re", "si", "бо", "ви", "tan", "ger"]
BARS = {
    "import_rows_per_s": 5000,
    "first_page_ms": 300,
    "filter_ms": 300,
    "search_ms": 300,
    "split_s": 30,
    "leakage_s": 30,
    "peak_memory_mb": 500,
    "spoiled_found_share": 0.95,
}
AT_LEAST = {"import_rows_per_s", "spoiled_found_share"}


class Timed(NamedTuple):
    """A result and how long it took."""

    result: Any
    seconds: float


def main() -> None:
    parser = make_parser("python -m benchmarks.corpus", __doc__ or "")
    parser.add_argument("--rows", type=int, default=100_000, help="examples of the generated corpus")
    parser.add_argument("--audio", type=Path, default=Path("data/asterisk-en"), help="corpus that lends its audio")
    parser.add_argument("--spoiled", type=Path, nargs="*", default=[], help="corpora whose texts are spoiled in a copy")
    parser.add_argument("--model", default="base", help="stock model that finds the spoiled rows")
    parser.add_argument("--json", action="store_true", help="print the object on one line")
    options = parse(parser)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as work:
        figures |= large_corpus(options, Path(work))
        figures |= spoiled_corpora(options, Path(work))
    settings = {"rows": options.rows, "distinct_files": DISTINCT_FILES, "model": options.model}
    settings |= {"spoiled": [folder.name for folder in options.spoiled], "spoiled_share": SPOILED_SHARE}
    settings |= versions("duckdb", "pydantic", "rapidfuzz", "ctranslate2", "numpy")
    found = {"hardware": hardware(), "settings": settings, "figures": figures, "reference": {}, "bars": bars(figures)}
    print(json.dumps(found, indent=None if options.json else 2))


def bars(figures: dict[str, float]) -> dict[str, dict[str, Any]]:
    """Compares the figures that were measured with the bars of the product."""
    return {
        name: {
            "value": figures[name],
            "bar": bar,
            "met": figures[name] >= bar if name in AT_LEAST else figures[name] <= bar,
        }
        for name, bar in BARS.items()
        if name in figures
    }


def large_corpus(options: Namespace, work: Path) -> dict[str, float]:
    """Times what an import, the Data tab and a training run do with a large corpus, each in a process of its own."""
    report_progress(f"generating {options.rows:,} rows")
    source = read_corpus(options.audio)
    folder = generate(source, work / "large", options.rows)
    figures: dict[str, float] = {}
    peaks: list[float] = []
    for part in (listing, browsing, comparing):
        report_progress(part.__name__)
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            found, peak = process.submit(measured, part, folder).result()
        figures |= found
        peaks.append(peak)
        figures[f"{part.__name__}_memory_mb"] = round(peak)
    return {**figures, "peak_memory_mb": round(max(peaks)), **decoding(source, work)}


def measured(part: Callable[[Path], dict[str, float]], folder: Path) -> tuple[dict[str, float], float]:
    """Returns the figures of a part and the peak memory of this process in MB."""
    figures = part(folder)
    status = Path("/proc/self/status").read_text()  # getrusage would give the peak of the parent if that is higher
    return figures, int(status.split("VmHWM:")[1].split()[0]) / 1000


def listing(folder: Path) -> dict[str, float]:
    """Times the dry run of an import: every line of a table is read and checked, and no audio decoded but one."""
    listed = timed(lambda: preview(folder / TABLE, ListingOptions(language="en"), rows=1))
    return {"import_rows_per_s": round(listed.result.count / listed.seconds)}


def browsing(folder: Path) -> dict[str, float]:
    """Times what the Data tab asks for."""
    first = timed(lambda: find_page(folder))
    filtered = timed(lambda: find_page(folder, FILTER, sort="duration_s", descending=True))
    searched = timed(lambda: find_page(folder, RowFilter(search="сал руте")))
    again = timed(lambda: find_page(folder, RowFilter(search="ቃል"), number=3))
    bins = timed(lambda: histogram(folder, "snr_db"))
    words = timed(lambda: vocabulary(folder))
    return {
        "first_page_ms": milliseconds(first),
        "filter_ms": milliseconds(filtered),
        "search_ms": milliseconds(searched),
        "second_search_ms": milliseconds(again),
        "histogram_ms": milliseconds(bins),
        "vocabulary_ms": milliseconds(words),
    }


def comparing(folder: Path) -> dict[str, float]:
    """Times reading, statistics, splits and the leakage check."""
    read = timed(lambda: read_corpus(folder))
    corpus: Corpus = read.result
    statistics = timed(lambda: corpus_statistics(corpus))
    splits = [timed(lambda by=by: split_by(corpus.rows, by)).seconds for by in ("speaker", "text", "recording")]
    codes = known_fingerprints([corpus])
    leakage = timed(lambda: find_leakage(corpus.select("train"), corpus.select("test"), codes))
    return {
        "read_s": round(read.seconds, 2),
        "statistics_s": round(statistics.seconds, 2),
        "split_s": round(max(splits), 2),
        "leakage_s": round(leakage.seconds, 2),
    }


FILTER = RowFilter(splits=("train",), speakers=("speaker 7", "speaker 8"), ranges={"snr_db": Range(10, 40)})


def decoding(source: Corpus, work: Path) -> dict[str, float]:
    """Measures how many times faster than speech files are decoded, and decoded and measured on all cores."""
    rows = source.rows[:MEASURED_FILES]
    decoded = timed(lambda: sum(len(decode(source.audio_path(row))) for row in rows))
    copy = write_copy(source, work / "measured", rows)
    measured = timed(lambda: measure_audio(copy))
    audio_s = decoded.result / SAMPLE_RATE
    return {
        "decoding_times_realtime_one_core": round(audio_s / decoded.seconds),
        "measuring_times_realtime": round(audio_s / measured.seconds),
    }


def generate(source: Corpus, folder: Path, rows: int) -> Path:
    """Writes a corpus whose audio files are hard links to a few files, with measures for each row."""
    rng = random.Random(SEED)
    words = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 3))) for _ in range(VOCABULARY)]
    lent = [row for row in source.rows if row.duration_s < 10][:DISTINCT_FILES]
    (folder / "audio").mkdir(parents=True)
    made: list[Row] = []
    for i in range(rows):
        row = lent[i % len(lent)]
        audio = f"audio/{i:06d}.wav"
        os.link(copied(source.audio_path(row), folder), folder / audio)
        made.append(
            Row(
                audio=audio,
                text=" ".join(rng.choices(words, k=WORDS_PER_TEXT)),
                language="en",
                speaker=f"speaker {rng.randrange(SPEAKERS)}",
                duration_s=row.duration_s,
                split=rng.choices(("train", "validation", "test"), (65, 10, 25))[0],
                sha256=f"{i:064x}",
                source=f"recording {i // 20}.wav {i % 20 * 3.5:.1f}",
            )
        )
    measures = [
        AudioMeasures(sha256=row.sha256, snr_db=rng.gauss(25, 8), fingerprint=rng.randbytes(32).hex()) for row in made
    ]
    append_measures(folder / QUALITY_FILE, measures)
    write_table(write_corpus(folder, Origin(name="large"), made), folder / TABLE)
    return folder


def copied(file: Path, folder: Path) -> Path:
    """Returns the copy of a file in the folder's disk, to which hard links are possible."""
    copy = folder / f"original-{file.name}"
    if not copy.exists():
        shutil.copyfile(file, copy)
    return copy


def write_table(corpus: Corpus, table: Path) -> None:
    """Writes the rows as a table of the plain layout."""
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("file_name", "text", "speaker", "split"))
        writer.writerows((row.audio, row.text, row.speaker, row.split) for row in corpus.rows)


def spoiled_corpora(options: Namespace, work: Path) -> dict[str, float]:
    """Measures which share of the spoiled rows is found, and how many rows of the ranking were spoiled."""
    if not options.spoiled:
        return {}
    from qal.engine.catalogue import resolve
    from qal.engine.engine import Engine
    from qal.evaluation.agreement import measure_agreement

    engine = Engine(resolve(options.model))
    figures: dict[str, float] = {}
    found = spoiled = ranked = 0
    for folder in options.spoiled:
        source = read_corpus(folder)
        rows, wrong = spoil(source)
        copy = write_copy(source, work / f"spoiled-{folder.name}", rows)
        report_progress(f"{folder.name}: {len(wrong)} of {len(rows)} texts are spoiled")
        agreements = {(a.sha256, a.text): a.disagreement or 0 for a in measure_agreement(copy, engine, options.model)}
        order = sorted(copy.rows, key=lambda row: -agreements.get((row.sha256, row.text), 0))
        top = {row.audio for row in order[: round(SEARCHED_SHARE * len(order))]}
        figures[f"{folder.name}_found_share"] = round(len(top & wrong) / len(wrong), 4)
        figures[f"{folder.name}_precision_at_spoiled"] = round(
            len({row.audio for row in order[: len(wrong)]} & wrong) / len(wrong), 4
        )
        for row in order[: len(top)]:
            if row.audio not in wrong:
                report_progress(f"  not spoiled: {row.audio}: {row.text[:70]!r}")
        found, spoiled, ranked = found + len(top & wrong), spoiled + len(wrong), ranked + len(top)
    figures["spoiled_found_share"] = round(found / spoiled, 4)
    figures["spoiled_precision_in_ranking"] = round(found / ranked, 4)
    return figures


def spoil(corpus: Corpus) -> tuple[list[Row], set[str]]:
    """Returns the rows with some wrong texts, and the audio paths of these rows.

    A third gets the text of another chosen row, a third the text of the next row, a third loses half of its words."""
    rows = [row for row in corpus.rows if row.text and row.duration_s < 29]
    rng = random.Random(SEED)
    chosen = rng.sample(range(len(rows)), round(SPOILED_SHARE * len(rows)))
    texts = {i: rows[i].text for i in chosen}
    swapped = chosen[::3]
    for i, other in zip(swapped, [*swapped[1:], swapped[0]], strict=True):
        texts[i] = rows[other].text
    for position, i in enumerate(chosen):
        words = rows[i].text.split()
        if position % 3 == 1 and len(words) > 1:
            texts[i] = " ".join(words[: len(words) // 2])
        elif position % 3:
            texts[i] = rows[(i + 1) % len(rows)].text
    wrong = {i for i in chosen if texts[i].casefold() != rows[i].text.casefold()}
    changed = [row.model_copy(update={"text": texts[i]}) if i in wrong else row for i, row in enumerate(rows)]
    return changed, {rows[i].audio for i in wrong}


def write_copy(source: Corpus, folder: Path, rows: Sequence[Row]) -> Corpus:
    """Writes a corpus with copies of the audio files of the rows."""
    for row in rows:
        (folder / row.audio).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.audio_path(row), folder / row.audio)
    return write_corpus(folder, Origin(name=folder.name), rows)


def timed(action: Callable[[], Any]) -> Timed:
    started = time.perf_counter()
    result = action()
    return Timed(result, time.perf_counter() - started)


def milliseconds(result: Timed) -> float:
    return round(1000 * result.seconds, 1)


if __name__ == "__main__":
    run_command(main)
