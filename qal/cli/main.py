"""The command `qal` and its subcommands."""

import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from qal.cli.command import run_command, run_subcommand

ABOUT = "Fine-tune Whisper on your own speech, and caption live with what you trained."
SUBCOMMANDS = {
    "studio": (
        "qal.cli.subcommands.studio",
        "serve the studio: captions, datasets, training, models and transcription in a page",
    ),
    "live": ("qal.cli.subcommands.live", "serve the live-caption page alone"),
    "train": ("train_whisper_lightning", "fine-tune or distil a model"),
    "corpus": ("qal.cli.corpus.commands", "import speech with transcripts, print statistics"),
    "audio": ("qal.cli.subcommands.audio", "measure level, clipping, loudness, noise and speech of recordings"),
    "augment": ("qal.cli.subcommands.augment", "preview what augmentation does to a recording"),
    "transcribe": ("qal.cli.subcommands.transcribe", "transcribe files to text or subtitles"),
    "captions": ("qal.cli.subcommands.captions", "play a file as if spoken into the microphone, and caption it"),
    "evaluate": (
        "qal.cli.subcommands.evaluate",
        "measure and compare error rates of any models, and check for regressions",
    ),
    "export": (
        "qal.cli.subcommands.export",
        "convert a model to CTranslate2, Transformers, ONNX or GGML; upload it",
    ),
    "models": ("qal.cli.subcommands.models", "list, download, check and promote models"),
    "users": ("qal.cli.subcommands.users", "add, remove and list the users who may log in"),
    "check": ("qal.cli.subcommands.check", "check whether this machine is ready"),
    "demo": ("qal.cli.subcommands.demo", "import, fine-tune, report and caption, without a page"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs `qal ARGUMENTS`; None reads sys.argv."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    run_command(lambda: print(f"qal {_version()}") if words == ["--version"] else _run(words))


def _run(words: Sequence[str]) -> None:
    run_subcommand("qal", ABOUT, SUBCOMMANDS, words)


def _version() -> str:
    try:
        return version("qal")
    except PackageNotFoundError:
        return "(not installed)"
