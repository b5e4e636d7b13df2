"""qal corpus label: make examples of recordings without transcripts, where two readings agree."""

import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from qal.cli.command import interrupt_on_sigterm
from qal.cli.corpus.import_results import show_corpus, show_skipped
from qal.cli.engine_options import MODEL_HELP
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.corpus.manifest import UNKNOWN
from qal.corpus.pseudo_labels import AgreementOptions, label_folder
from qal.engine.catalogue import DEFAULT_MODEL
from qal.engine.corpus_readers import AgreementReader
from qal.engine.interface import load_engine
from qal.engine.longform.options import LONGFORM_DECODING
from qal.engine.settings.device import Device

ABOUT = (
    "Transcribes recordings that have no transcripts, twice, and makes a dataset of the pieces whose texts agree. "
    "Its examples are for training only."
)
SECOND_BEAM = 5
BAR_FORMAT = "{n:.0f} s of speech [{elapsed}{postfix}]"


class LabelOptions(AgreementOptions, frozen=True):
    """The options of `qal corpus label`."""

    folder: Path = positional("a folder of recordings, or one recording", "AUDIO_FOLDER")
    language: str = flag(..., "language that is spoken: two or three letters, such as am", "XX")
    out: Path = flag(..., "the new dataset, such as data/my-labels", "DIR")
    model: str = flag(DEFAULT_MODEL, f"the model whose texts are used: {MODEL_HELP}", "MODEL")
    second: str = flag(
        "", "model of the second reading; unset: the same model at 30 s if it is adaptive, else with a beam", "MODEL"
    )
    device: Device = flag("auto", "auto: a GPU where there is one")
    licence: str = flag(UNKNOWN, "terms of use of the recordings")
    force: bool = flag(False, "replace an existing dataset")
    json_: bool = flag(False, JSON_HELP)


def main(arguments: Sequence[str]) -> None:
    interrupt_on_sigterm()  # an unfinished dataset is removed
    options = parse_options("qal corpus label", ABOUT, LabelOptions, arguments)
    left_out: list[str] = []
    try:
        with tqdm(bar_format=BAR_FORMAT, delay=1, file=sys.stderr) as bar:
            corpus = label_folder(
                options.folder,
                make_reader(options, bar),
                options.language,
                options.out,
                options=AgreementOptions(**{name: getattr(options, name) for name in AgreementOptions.model_fields}),
                licence=options.licence,
                force=options.force,
                on_skip=left_out.append,
                on_recording=lambda path: bar.set_postfix_str(path.name, refresh=False),
            )
    finally:
        show_skipped(left_out)
    show_corpus(corpus, left_out, options.json_)


def make_reader(options: LabelOptions, bar: tqdm) -> AgreementReader:
    """Loads the models of both readings. Raises ModelError or LanguageError."""
    engine = load_engine(options.model, options.language, options.device)
    if options.second:
        other = load_engine(options.second, options.language, options.device)
        return AgreementReader(engine, other, f"{options.model}, {options.second}", progress=bar.update)
    if engine.ability.adaptive:
        full = load_engine(options.model, options.language, options.device, context="full")
        return AgreementReader(engine, full, f"{options.model}, {options.model} at 30 s", progress=bar.update)
    beam = LONGFORM_DECODING.model_copy(update={"beam_size": SECOND_BEAM})
    name = f"{options.model}, {options.model} with beam {SECOND_BEAM}"
    return AgreementReader(engine, engine, name, beam, progress=bar.update)
