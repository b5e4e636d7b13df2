"""python -m benchmarks.augmentation: milliseconds of each transform, and what the feature cache saves.

Times each transform alone and each preset with its random draws, on one recording cut or repeated to --seconds, and for
comparison decoding and the log-mel spectrogram, which every example needs. Then batches of an epoch of --rows examples
and of a validation are made with and without the cache, by the data module without a model."""

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
from benchmarks.hardware import hardware, versions
from qal.audio.blocks import write_wav
from qal.audio.decode import decode
from qal.audio.log_mel import log_mel
from qal.audio.samples import SAMPLE_RATE
from qal.audio.vad import VadStream
from qal.cli.command import run_command
from qal.cli.parsing import make_parser, parse
from qal.corpus.manifest import read_corpus

REPEATS = 25
DRAWS = 80  # draws of a preset: one may apply nothing or everything


def main() -> None:
    parser = make_parser("python -m benchmarks.augmentation", __doc__ or "")
    parser.add_argument("--corpus", type=Path, default=Path("data/asterisk-en"), help="speech (default: %(default)s)")
    parser.add_argument("--noises", help="folder of noises")
    parser.add_argument("--seconds", type=float, default=10, help="length of the sound")
    parser.add_argument("--rows", type=int, default=64, help="rows of the cache's epoch")
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
    """Milliseconds (of each transform and preset, of what every example needs): medians, for presets means."""
    corpus = read_corpus(options.corpus)
    voices = [corpus.audio_path(row) for row in corpus.rows]
    sound = np.resize(decode(voices[0]), int(options.seconds * SAMPLE_RATE))
    background = {"background": {"folder": options.noises}} if options.noises else {}
    every = AugmentationOptions.model_validate(background)
    chosen = {name: every.with_only(name) for name in every.transforms}
    chosen |= {f"codec_{k}": codec_alone(k) for k in every.codec.kinds}
    chosen |= {f"preset_{p}": AugmentationOptions.model_validate({"preset": p, **background}) for p in PRESETS}
    figures = {}
    for name, augmentation in chosen.items():
        augmenter = Augmenter(augmentation, voices)
        draws = iter(np.random.default_rng(seed) for seed in range(2 * DRAWS))
        once = functools.partial(lambda a, d: a.augment_waveform(sound, next(d)), augmenter, draws)
        figures[f"{name}_ms"] = mean_ms(once) if name.startswith("preset_") else median_ms(once)
    mel, masks, rng = log_mel(sound), Augmenter(AugmentationOptions()), np.random.default_rng(0)
    figures["spec_augment_ms"] = median_ms(lambda: masks.mask_log_mel(mel, rng, len(sound)))
    write_wav(folder / "sound.wav", sound)
    reference = {
        "decode_ms": median_ms(lambda: decode(folder / "sound.wav")),
        "log_mel_ms": median_ms(lambda: log_mel(sound)),
        "vad_ms": median_ms(lambda: VadStream().feed(sound)),
    }
    return figures, reference


def codec_alone(kind: str) -> AugmentationOptions:
    return AugmentationOptions.model_validate({"codec": {"kinds": [kind]}}).with_only("codec")


def epochs(options: Namespace) -> dict[str, float]:
    """Seconds for the training batches of an epoch and for those of a validation, in the second pass."""
    from qal.engine.catalogue import resolve
    from qal.engine.decoding import Tokenizer
    from qal.jobs.options.training_config import TrainingConfig
    from qal.training.data.data_module import make_data_module, make_examples

    corpus, tokenizer, figures = read_corpus(options.corpus), Tokenizer(resolve("base")), {}
    for preset in ("off", "light"):
        for cache_mb in (0, 512):
            config = TrainingConfig.model_validate({"augmentation": {"preset": preset}, "cache_mb": cache_mb})
            rows = make_examples([corpus], "train", config, tokenizer)[: options.rows]
            data = make_data_module(rows, rows, config, 80)
            name = f"{preset}_{'cached' if cache_mb else 'uncached'}"
            for _ in range(2):  # the first pass fills the cache
                figures[f"epoch_{name}_s"] = seconds_of(
                    lambda data=data: [data.collators.train(b) for b in data.sampler]
                )
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
