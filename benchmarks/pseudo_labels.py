"""python -m benchmarks.pseudo_labels: how right the texts are that `qal corpus label` keeps.

The recordings of a dataset are labelled as if they had no transcripts, and the texts are compared with the transcripts.
A recording that is cut into several pieces is not counted, because its transcript has no times."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jsonargparse import Namespace
from rapidfuzz.distance import Levenshtein
from tqdm import tqdm

from benchmarks.hardware import hardware, versions
from qal.audio.decode import decode
from qal.cli.command import run_command
from qal.cli.corpus.label import LabelOptions, make_reader
from qal.cli.parsing import make_parser, parse
from qal.corpus.manifest import read_corpus
from qal.corpus.pseudo_labels import AgreementOptions, ReadPiece, agreement, reject_reason
from qal.corpus.split import evenly_spaced
from qal.text.normalisation.registry import SCORING, normalise

AGREEMENTS = (0.0, 0.8, 0.9, 0.95, 1.0)
LOGPROBS = (-10.0, -0.6, -0.4, -0.3, -0.2)
ALMOST_RIGHT = 0.05  # character error rate


@dataclass(frozen=True)
class Labelled:
    """A recording of one piece, with its transcript."""

    piece: ReadPiece
    reference: str  # normalised
    text: str  # normalised

    @property
    def errors(self) -> int:
        return Levenshtein.distance(self.reference, self.text)


def main() -> None:
    parser = make_parser("python -m benchmarks.pseudo_labels", __doc__ or "")
    parser.add_argument("--corpus", type=Path, default=Path("data/asterisk-ru"), help="speech (default: %(default)s)")
    parser.add_argument("--model", default="base-adaptive", help="model whose texts are used (default: %(default)s)")
    parser.add_argument("--second", default="", help="model of the second reading; unset: as in qal corpus label")
    parser.add_argument("--recordings", type=int, default=200, help="evenly spaced ones (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the object on one line")
    options = parse(parser)
    found = measure(options)
    print(json.dumps(found, indent=None if options.json else 2))


def measure(options: Namespace) -> dict:
    corpus = read_corpus(options.corpus)
    language = corpus.rows[0].language
    label = LabelOptions(
        folder=options.corpus, language=language, out=Path("unused"), model=options.model, second=options.second
    )
    with tqdm(disable=True) as bar:
        reader = make_reader(label, bar)
    labelled: list[Labelled] = []
    several = empty = 0
    began_s = time.perf_counter()
    rows = evenly_spaced(corpus.rows, options.recordings)
    for row in tqdm(rows, desc="recordings", file=sys.stderr):
        pieces = reader.read(decode(corpus.audio_path(row)), language)
        several += len(pieces) > 1
        empty += not pieces
        if len(pieces) == 1:
            text = normalise(pieces[0].text, language)
            labelled.append(Labelled(pieces[0], normalise(row.text, language), text))
    took_s = time.perf_counter() - began_s
    figures: dict[str, object] = {"recordings": len(rows), "of_one_piece": len(labelled), "of_several": several}
    figures |= {"without_speech": empty, "seconds": round(took_s, 1)}
    figures["real_time_factor"] = round(took_s / sum(row.duration_s for row in rows), 3)
    default = AgreementOptions()
    figures |= {f"default_{name}": value for name, value in kept_figures(labelled, language, default).items()}
    by_threshold = [
        {"min_agreement": bound, "min_logprob": logprob}
        | kept_figures(labelled, language, default.model_copy(update={"min_agreement": bound, "min_logprob": logprob}))
        for bound in AGREEMENTS
        for logprob in LOGPROBS
    ]
    settings = {"corpus": corpus.info.name, "version": corpus.info.version[:12], "readings": reader.name}
    settings |= {"normaliser": SCORING.id} | default.model_dump() | versions("ctranslate2", "rapidfuzz")
    return {"hardware": hardware(), "settings": settings, "figures": figures, "thresholds": by_threshold, "bars": {}}


def kept_figures(labelled: Sequence[Labelled], language: str, options: AgreementOptions) -> dict[str, float]:
    """Returns the share that is kept, and how right its texts are."""
    kept = [found for found in labelled if not reject_reason(found.piece, language, options)]
    characters = sum(len(found.reference) for found in kept)
    rates = np.array([found.errors / max(1, len(found.reference)) for found in kept])
    return {
        "kept": len(kept),
        "kept_share": round(len(kept) / max(1, len(labelled)), 3),
        "cer": round(sum(found.errors for found in kept) / max(1, characters), 4),
        "right_share": round(float(np.mean(rates == 0)), 3) if kept else 0.0,
        "almost_right_share": round(float(np.mean(rates <= ALMOST_RIGHT)), 3) if kept else 0.0,
        "mean_agreement": round(float(np.mean([_agreement(found, language) for found in kept])), 3) if kept else 0.0,
    }


def _agreement(found: Labelled, language: str) -> float:
    return agreement(found.piece.text, found.piece.other_text, language)


if __name__ == "__main__":
    run_command(main)
