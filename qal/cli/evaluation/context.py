"""qal evaluate context MODEL CORPUS: how short the context of any Whisper can be without a loss of accuracy."""

import math
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel
from tqdm import tqdm

from qal.audio.samples import WINDOW_S, Samples
from qal.audio.sound_check import require_sound
from qal.cli.engine_options import MODEL_HELP
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.cli.stopping import stop_on_signals
from qal.corpus.manifest import Corpus, Row, read_corpus
from qal.corpus.split import Split
from qal.engine.catalogue import CATALOGUE_NAMES, resolve
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import FULL_CONTEXT, Engine
from qal.engine.model_directory import ContextAbility, read_metadata
from qal.engine.settings.device import Device
from qal.errors import OptionError
from qal.evaluation.context_curve.curve import CurveSource, context_curve
from qal.evaluation.context_curve.decision import DEFAULT_TOLERANCE, grid
from qal.evaluation.context_curve.files import write_curve
from qal.evaluation.context_curve.measure import CurveSettings, transcribe_at_contexts
from qal.evaluation.context_curve.records import ContextCurve, context_name
from qal.evaluation.context_curve.table import curve_table
from qal.evaluation.context_curve.write import (
    copy_with_context,
    require_new_folder,
    require_own_directory,
    write_context,
)
from qal.evaluation.evaluate import select_rows
from qal.evaluation.hardware import hardware_of
from qal.evaluation.scoring import SpokenReference
from qal.jobs.options.data import ContextOptions
from qal.jobs.options.yaml_file import read_settings
from qal.json_text import json_text
from qal.resources import CONFIGS
from qal.storage import storage_errors
from qal.text.normalisation.registry import SCORING, find_normaliser

DISTILL_CONFIG = "distill.yaml"
WITHOUT_NOISES = " --distillation.noisy_share 0 --distillation.silent_share 0"
HTML_FILE = "context.html"
ABOUT = (
    "Measures error rate and speed of a model at 30 s and at shorter contexts on the same examples, and finds the "
    "shortest context that is not worse than 30 s."
)


class ContextCurveOptions(BaseModel, frozen=True):
    model: str = positional(MODEL_HELP, "MODEL")
    corpus: Path = positional("a dataset folder, or its manifest.jsonl", "CORPUS")
    split: Split = flag("test", "the examples to score")
    language: str | None = flag(None, "language to decode in; unset: the language of each example", "XX")
    margins: list[float] = flag([0.5, 1.0, 2.0, 4.0], "silence after the speech to try, in seconds", "S")
    minimums: list[float] = flag([2.0, 5.0, 10.0, 15.0, 20.0], "shortest contexts to try, in seconds", "S")
    tolerance: float = flag(
        100 * DEFAULT_TOLERANCE, "accepted loss of the error rate, in points", "POINTS", gt=0, le=100
    )
    max: int | None = flag(300, "examples, spread evenly over the split", "N", ge=1)
    minutes: float | None = flag(None, "stop after so many minutes with what is measured", "N", gt=0)
    beam_size: int = flag(1, "hypotheses kept while decoding; 1 is greedy", "N", ge=1, le=16)
    device: Device = flag("auto", "auto: a GPU where there is one")
    compute_type: str = flag("auto", "int8, float16, float32 …; auto: float16 on a GPU, int8 on a CPU", "TYPE")
    threads: int = flag(0, "CPU threads; 0: all cores", "N", ge=0)
    normaliser: str = flag(SCORING.id, "removes what does not count as an error", "NAME")
    seed: int = flag(0, "of the order of the examples", "N", ge=0)
    out: Path | None = flag(None, "folder for context.json, context.html and every transcript (rows.jsonl)", "DIR")
    write: bool = flag(False, "write the context that was found into the model's qal.json")
    copy_: Path | None = flag(None, "write it into a copy of the model that is made there", "DIR")
    json_: bool = flag(False, JSON_HELP)


def main(arguments: Sequence[str]) -> None:
    options = parse_options("qal evaluate context", ABOUT, ContextCurveOptions, arguments)
    directory = resolve(options.model)
    own = read_metadata(directory).context
    settings = curve_settings(options, own)
    check_target(options, directory)  # before minutes of measuring
    corpus = read_corpus(options.corpus)
    selection = select_rows(corpus, options.split, options.max)
    engine = Engine(directory, options.device, options.compute_type, threads=options.threads)
    time_is_up = stop_after(options.minutes)
    with (
        tqdm(total=len(selection.rows), unit="example", file=sys.stderr) as bar,
        stop_on_signals("example") as is_stopped,
    ):

        def progress(done: int, total: int, contexts: int) -> None:
            bar.set_postfix_str(f"{contexts} contexts", refresh=False)
            bar.update(done - bar.n)

        transcribed = transcribe_at_contexts(
            engine, selection, loader(corpus), settings, progress, lambda: is_stopped() or time_is_up()
        )
    curve = context_curve(transcribed, settings, source_of(options, engine, corpus))
    if options.out:
        write_curve(options.out, curve, transcribed)
        write_page(options.out / HTML_FILE, curve)
    written = write_found(options, directory, curve)
    advice = distill_advice(options, curve)
    if options.json_:
        print(json_text({**curve.model_dump(mode="json"), "written": written and str(written), "advice": advice}))
        return
    print(curve_table(curve))
    for sentence in filter(None, [advice, writing_sentence(options, curve, written)]):
        print(sentence)


def curve_settings(options: ContextCurveOptions, own: ContextAbility = FULL_CONTEXT) -> CurveSettings:
    """Returns the settings of the measurement. Raises OptionError for a context that no Whisper has."""
    wrong = [value for value in (*options.margins, *options.minimums) if not 0 <= value <= WINDOW_S]
    if wrong:
        raise OptionError(f"{wrong[0]:g} s is no context of Whisper; give margins and minimums of 0 to {WINDOW_S} s")
    if not options.margins or not options.minimums:
        raise OptionError("give at least one value for --margins and one for --minimums")
    return CurveSettings(
        contexts=grid(options.margins, options.minimums, own),
        tolerance=options.tolerance / 100,
        normaliser=find_normaliser(options.normaliser),
        decoding=DecodingOptions(beam_size=options.beam_size),
        language=options.language,
        seed=options.seed,
    )


def check_target(options: ContextCurveOptions, directory: Path) -> None:
    """Raises an error if the context could not be written in the end."""
    if options.write and options.copy_:
        raise OptionError("--write changes the model itself and --copy makes a copy; give one of them")
    if options.write:
        require_own_directory(directory)
    if options.copy_:
        require_new_folder(options.copy_)


def loader(corpus: Corpus) -> Callable[[Row], Samples]:
    """Returns the function that decodes an example of the corpus and checks its audio."""
    return lambda row: require_sound(SpokenReference(corpus.audio_path(row), row.text, row.language).samples, row.audio)


def stop_after(minutes: float | None) -> Callable[[], bool]:
    end_s = math.inf if minutes is None else time.monotonic() + 60 * minutes
    return lambda: time.monotonic() > end_s


def source_of(options: ContextCurveOptions, engine: Engine, corpus: Corpus) -> CurveSource:
    return CurveSource(
        model=options.model,
        corpus=corpus.info.name,
        corpus_version=corpus.info.version,
        split=options.split,
        decoding={"beam_size": options.beam_size, "compute_type": engine.compute_type, "threads": options.threads},
        hardware=hardware_of(engine.device),
        own=engine.ability,
    )


def write_found(options: ContextCurveOptions, directory: Path, curve: ContextCurve) -> Path | None:
    """Writes the context that was found where the options say; returns the model directory that has it now."""
    if curve.smallest is None or not (options.write or options.copy_):
        return None
    name = options.model if options.model in CATALOGUE_NAMES else directory.resolve().name
    if options.copy_:
        copy_with_context(directory, options.copy_, curve.smallest, name)
        return options.copy_
    write_context(directory, curve.smallest, name)
    return directory


def writing_sentence(options: ContextCurveOptions, curve: ContextCurve, written: Path | None) -> str:
    if written and curve.smallest:
        return f"{written}: qal.json now says {context_name(curve.smallest)}."
    if options.write or options.copy_:
        return "Nothing was written, because no context was found that is not worse."
    return "Write it into qal.json with --write, or into a copy of the model with --copy DIR." if curve.smallest else ""


def distill_advice(options: ContextCurveOptions, curve: ContextCurve) -> str:
    """Returns how to train the model on short contexts, if it supports none as short as those of that training."""
    if curve.needed_utterances:
        return ""  # it is not known yet
    settings = read_settings(CONFIGS / DISTILL_CONFIG)
    trained = ContextOptions.model_validate(settings["context"])
    found, taught = curve.smallest, trained.ability
    if found and found.min_s <= taught.min_s and found.margin_s <= trained.max_margin_s:
        return ""
    without_noises = "" if Path(settings["distillation"]["noise_folder"]).is_dir() else WITHOUT_NOISES
    train = ["--config", f"configs/{DISTILL_CONFIG}", "--base", options.model, "--corpus", str(options.corpus)]
    range_s = f"{trained.min_margin_s:g} to {trained.max_margin_s:g} s"
    return (
        f"{shlex.join(['qal', 'train', *train])}{without_noises} trains these weights on contexts of the speech + "
        f"{range_s}, from audio alone: the model at {WINDOW_S} s writes the targets, no transcripts are needed. The "
        f"result then encodes {context_name(taught)}; measure it with this command again (docs/speed.md)."
    )


def write_page(path: Path, curve: ContextCurve) -> None:
    """Writes the charts and the table as a page that needs no other file."""
    from ui_components.evaluate.speed.context_figures import curve_page

    with storage_errors(str(path)):
        path.write_text(curve_page(curve), encoding="utf-8")
