"""qal corpus synthesize: make examples of a text with the speech synthesis of this machine."""

import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from qal.cli.command import interrupt_on_sigterm
from qal.cli.corpus.import_results import show_corpus, show_skipped
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.corpus.manifest import read_corpus
from qal.corpus.synthesis.engines import installed_synthesis
from qal.corpus.synthesis.synthesize import SynthesisOptions, held_out_sentences, synthesize

ABOUT = (
    "Makes a dataset of synthetic speech from a text with a sentence a line, by espeak-ng or piper where they are "
    "installed. Its examples are for training only. Piper's voices (.onnx) are those of the folder $PIPER_VOICES, else "
    "of ./piper-voices."
)


class SynthesizeOptions(SynthesisOptions, frozen=True):
    """The options of `qal corpus synthesize`."""

    text: Path = positional("the text, a sentence a line", "TEXTFILE")
    language: str = flag(..., "language of the text: two or three letters, such as am", "XX")
    out: Path = flag(..., "the new dataset, such as data/my-synthetic", "DIR")
    held_out: list[Path] = flag([], "leave out sentences with which these datasets test or validate", "DIR")
    force: bool = flag(False, "replace an existing dataset")
    json_: bool = flag(False, JSON_HELP)


def main(arguments: Sequence[str]) -> None:
    interrupt_on_sigterm()  # an unfinished dataset is removed
    options = parse_options("qal corpus synthesize", ABOUT, SynthesizeOptions, arguments)
    left_out: list[str] = []
    try:
        with tqdm(unit=" sentences", delay=1, file=sys.stderr) as bar:
            corpus = synthesize(
                options.text,
                options.language,
                options.out,
                installed_synthesis(),
                options=SynthesisOptions(**{name: getattr(options, name) for name in SynthesisOptions.model_fields}),
                held_out=held_out_sentences([read_corpus(folder) for folder in options.held_out]),
                force=options.force,
                on_skip=left_out.append,
                progress=bar.update,
            )
    finally:
        show_skipped(left_out)
    show_corpus(corpus, left_out, options.json_)
