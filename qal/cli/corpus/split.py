"""qal corpus split|leakage: splits a corpus anew, and finds test examples that are also trained on."""

import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel
from tqdm import tqdm

from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.corpus.leakage import find_leakage, known_fingerprints
from qal.corpus.manifest import Corpus, read_corpus
from qal.corpus.quality.audio_measures import measure_audio
from qal.corpus.resplit import SplitBy, resplit
from qal.corpus.split import SPLITS, Split
from qal.corpus.split_assignment import describe_split
from qal.json_text import json_text

ABOUT_SPLIT = (
    "Splits all examples of a corpus anew into train, validation and test. No speaker, sentence or recording is in two "
    "splits; short and long examples are in all of them. A model that was trained on the earlier split must not be "
    "scored on the new test examples."
)
ABOUT_LEAKAGE = (
    "Counts the test examples of a corpus whose audio, sentence or speaker is among the training examples of another "
    "corpus, or of itself."
)


class SplitOptions(BaseModel, frozen=True):
    folder: Path = positional("the corpus, a folder with manifest.jsonl", "DIR")
    by: SplitBy = flag(..., "what must not be in two splits: the speaker, the sentence, or the recording cut up")
    json_: bool = flag(False, JSON_HELP)


class LeakageOptions(BaseModel, frozen=True):
    trained: Path = positional("the corpus that is trained on", "TRAINED")
    tested: Path = positional("the corpus whose test examples are scored; may be the same", "TESTED")
    split: Split = flag("test", "the examples of TESTED")
    sound: bool = flag(False, "measure the audio of both first, to find nearly the same sounds")
    json_: bool = flag(False, JSON_HELP)


def split_main(arguments: Sequence[str]) -> None:
    options = parse_options("qal corpus split", ABOUT_SPLIT, SplitOptions, arguments)
    corpus = resplit(options.folder, options.by)
    counts = ", ".join(f"{corpus.info.utterances[split]:,} {split}" for split in SPLITS)
    print(f"{corpus.folder}: {counts}, version {corpus.info.version[:12]}")
    print(f"split: {describe_split(corpus.info)}")
    if options.json_:
        print(json_text(corpus.info.model_dump()))


def leakage_main(arguments: Sequence[str]) -> None:
    options = parse_options("qal corpus leakage", ABOUT_LEAKAGE, LeakageOptions, arguments)
    trained, tested = (read_corpus(folder, max_missing_share=1) for folder in (options.trained, options.tested))
    if options.sound:
        for corpus in (trained, tested):
            _measure(corpus)
    found = find_leakage(trained.select("train"), tested.select(options.split), known_fingerprints((trained, tested)))
    print(found.describe())
    if not found.sound_compared:
        print("Nearly the same sounds were not compared; measure the audio with --sound.")
    for kind, audio in found.listed.items():
        if kind != "speakers":
            print("\n".join(f"  {kind}: {path}" for path in audio))
    if options.json_:
        print(json_text(found.model_dump()))


def _measure(corpus: Corpus) -> None:
    with tqdm(desc=corpus.info.name, unit="example", file=sys.stderr) as bar:

        def update(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        measure_audio(corpus, progress=update)
