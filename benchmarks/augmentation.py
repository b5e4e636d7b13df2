"""python -m benchmarks.augmentation: milliseconds of each transform, and what the feature cache saves.

Each transform alone and each preset as it is drawn, on one recording cut or repeated to --seconds; beside them
decoding the file and the log-mel, which every row needs anyway. An epoch of --rows rows and a validation are
made into batches with and without the cache, by a model's data module without a model."""

import functools
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jsonargparse import Namespace

from augmentation.augmenter import Augmenter
from augmentation.options import PRESETS, AugmentationOptions
from augmentation.preview import write_wav
from benchmarks.hardware import hardware, versions
from qal.audio.decode import decode
from qal.audio.log_mel import log_mel
from qal.audio.samples import SAMPLE_RATE
from qal.audio.vad import VadStream
from qal.cli.command import run_command
from qal.cli.parsing import make_parser, parse
from qal.corpus.manifest import read_corpus

REPEATS = 25
DRAWS = 80  # of a preset: one draw may be nothing or everything


def main() -> None:
    parser = make_parser("python -m benchmarks.augmentation", __doc__ or "")
    parser.add_argument("--corpus", type=Path, default=Path("data/asterisk-en"), help="speech (default: %(default)s)")
    parser.add_argument("--noises", help="folder of noises (default: babble of the corpus)")
    parser.add_argument("--seconds", type=float, default=10, help="length of the sound (default: 10)")
    parser.add_argument("--rows", type=int, default=64, help="rows of the cache's epoch (default: 64)")
    parser.add_argument("--json", action="store_true", help="print the object on one line")
    options = parse(parser)
    with tempfile.TemporaryDirectory() as folder:
        figures, reference = transforms(options, Path(folder))
    figures |= epochs(options)
    settings = {"seconds": options.seconds, "rows": options.rows, "repeats": REPEATS, "noises": options.noises}
    settings |= versions("audiomentations", "av", "soxr", "numpy")
    found = {"hardware": hardware(), "settings": settings, "figures": figures, "reference": reference, "bars": {}}
    print(json.dumps(found, indent=None if options.json else 2))


def transforms(options: Namespace, folder: Path) -> tuple[dict, dict]:
    """(each transform and preset, what a row needs anyway) in milliseconds: medians, of the presets means."""
    corpus = read_corpus(options.corpus)
    voices = [corpus.audio_path(row) for row in corpus.rows]
    sound = np.resize(decode(voices[0]), int(options.seconds * SAMPLE_RATE))
    background = {"background": {"folder": options.noises}} if options.noises else {}
    every = AugmentationOptions.model_validate(background)
    chosen = {name: every.certainly(name) for name in every.switches}
    chosen |= {f"codec_{k}": codec_alone(k) for k in every.codec.kinds}
    chosen |= {f"preset_{p}": AugmentationOptions.model_validate({"preset": p, **background}) for p in PRESETS}
    figures = {}
    for name, augmentation in chosen.items():
        augmenter = Augmenter(augmentation, voices)
        draws = iter(np.random.default_rng(seed) for seed in range(2 * DRAWS))
        once = functools.partial(lambda a, d: a.waveform(sound, next(d)), augmenter, draws)
        figures[f"{name}_ms"] = mean_ms(once) if name.startswith("preset_") else median_ms(once)
    mel, masks, rng = log_mel(sound), Augmenter(AugmentationOptions()), np.random.default_rng(0)
    figures["spec_augment_ms"] = median_ms(lambda: masks.mel(mel, rng, len(sound)))
    write_wav(folder / "sound.wav", sound)
    reference = {
        "decode_ms": median_ms(lambda: decode(folder / "sound.wav")),
        "log_mel_ms": median_ms(lambda: log_mel(sound)),
        "vad_ms": median_ms(lambda: VadStream().feed(sound)),
    }
    return figures, reference


def codec_alone(kind: str) -> AugmentationOptions:
    return AugmentationOptions.model_validate({"codec": {"kinds": [kind]}}).certainly("codec")


def epochs(options: Namespace) -> dict[str, float]:
    """Seconds of an epoch's training batches and of a validation's, the second time round."""
    from qal.engine.catalogue import resolve
    from qal.engine.decoding import Tokenizer
    from qal.jobs.options.training_config import TrainingConfig
    from qal.training.data.data_module import make_examples, speech_data

    corpus, tokenizer, figures = read_corpus(options.corpus), Tokenizer(resolve("base")), {}
    for preset in ("off", "light"):
        for cache_mb in (0, 512):
            config = TrainingConfig.model_validate({"augmentation": {"preset": preset}, "cache_mb": cache_mb})
            rows = make_examples([corpus], "train", config, tokenizer)[: options.rows]
            data = speech_data(rows, rows, config, 80)
            name = f"{preset}_{'cached' if cache_mb else 'uncached'}"
            for _ in range(2):  # the first fills the cache
                figures[f"epoch_{name}_s"] = seconds_of(lambda data=data: [data.train_batch(b) for b in data.buckets])
            if preset == "off":
                for _ in range(2):
                    figures[f"validation_{name}_s"] = seconds_of(lambda data=data: list(data.val_dataloader()))
    return figures


def median_ms(work: Callable[[], object]) -> float:
    work()
    return round(1000 * float(np.median([seconds_of(work) for _ in range(REPEATS)])), 2)


def mean_ms(work: Callable[[], object]) -> float:
    return round(1000 * float(np.mean([seconds_of(work) for _ in range(DRAWS)])), 2)


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return round(time.perf_counter() - started, 6)


if __name__ == "__main__":
    run_command(main)
