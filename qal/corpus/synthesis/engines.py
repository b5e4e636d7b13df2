"""The speech synthesis of this machine: espeak-ng and piper, which are run as programs where they are installed."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from qal.errors import CorpusError

TIMEOUT_S = 120.0  # of one sentence
ESPEAK_PROGRAMS = ("espeak-ng", "espeak")
ESPEAK_VARIANTS = ("m1", "f2", "m3", "f4", "m7", "f5")  # voices of men and women, in turn
ESPEAK_RATES = (130, 150, 175, 200)  # words per minute
ESPEAK_RATE_LIMITS = (80, 450)
PIPER_RATES = (90, 100, 115)  # percent of the voice's own speed
PIPER_RATE_LIMITS = (25, 400)
PIPER_VOICES_VARIABLE = "PIPER_VOICES"
MAX_QUOTED_CHARACTERS = 200
NOT_INSTALLED = (
    "no speech synthesis is installed on this machine; install espeak-ng (on Debian and Ubuntu: "
    "apt-get install espeak-ng), or piper with a voice"
)


@dataclass(frozen=True)
class Delivery:
    """How a sentence is spoken."""

    voice: str
    rate: int  # in the unit of the synthesis

    def __str__(self) -> str:
        return f"{self.voice} {self.rate}"


class SpeechSynthesis(Protocol):
    """A program that speaks sentences."""

    name: str
    rates: Sequence[int]  # usual ones
    rate_limits: tuple[int, int]

    def voices(self, language: str) -> list[str]:
        """Returns the voices of a language; [] if there are none."""
        ...

    def has_voice(self, voice: str) -> bool:
        """True if the voice can be tried."""
        ...

    def speak(self, text: str, delivery: Delivery, wav: Path) -> None:
        """Writes a sentence to a WAV file. Raises CorpusError if the program fails."""
        ...


class EspeakNg:
    """Speaks with espeak-ng: about a hundred languages, a synthetic voice, a fraction of a second per sentence."""

    name = "espeak-ng"
    rates: Sequence[int] = ESPEAK_RATES
    rate_limits: tuple[int, int] = ESPEAK_RATE_LIMITS

    def __init__(self, program: str):
        self._program = program

    def voices(self, language: str) -> list[str]:
        """Returns the language with some variants of the voice, such as am+f2."""
        listed = _run([self._program, f"--voices={language}"], self.name)
        codes = {line.split()[1].lower() for line in listed.splitlines()[1:] if len(line.split()) > 1}
        main = min((c for c in codes if c.partition("-")[0] == language), key=lambda c: (len(c), c), default="")
        return [f"{main}+{variant}" for variant in ESPEAK_VARIANTS] if main else []

    def has_voice(self, voice: str) -> bool:
        return not voice.endswith(".onnx")  # it checks the others itself

    def speak(self, text: str, delivery: Delivery, wav: Path) -> None:
        words = [self._program, "-v", delivery.voice, "-s", str(delivery.rate), "-b", "1", "-w", str(wav), "--stdin"]
        _run(words, self.name, text)


class Piper:
    """Speaks with piper and the voices (.onnx files) of a folder, whose names begin with the language: am_ET-x.onnx."""

    name = "piper"
    rates: Sequence[int] = PIPER_RATES
    rate_limits: tuple[int, int] = PIPER_RATE_LIMITS

    def __init__(self, program: str, folder: Path):
        self._program, self._folder = program, folder

    def voices(self, language: str) -> list[str]:
        paths = self._folder.glob("*.onnx") if self._folder.is_dir() else ()
        return sorted(p.stem for p in paths if p.stem.lower().replace("-", "_").split("_")[0] == language)

    def has_voice(self, voice: str) -> bool:
        return self._model(voice).is_file()

    def _model(self, voice: str) -> Path:
        return self._folder / f"{voice.removesuffix('.onnx')}.onnx"

    def speak(self, text: str, delivery: Delivery, wav: Path) -> None:
        model = self._model(delivery.voice)
        slowness = f"{100 / delivery.rate:.2f}"
        words = [self._program, "--model", str(model), "--output_file", str(wav), "--length_scale", slowness]
        _run(words, self.name, text)


def installed_synthesis(environment: Mapping[str, str] = os.environ) -> dict[str, SpeechSynthesis]:
    """Returns the programs of this machine by name.

    Args:
        environment: where PATH is, and PIPER_VOICES: the folder of piper's voices."""
    path = environment.get("PATH")
    found: dict[str, SpeechSynthesis] = {}
    espeak = next(filter(None, (shutil.which(program, path=path) for program in ESPEAK_PROGRAMS)), None)
    if espeak:
        found[EspeakNg.name] = EspeakNg(espeak)
    if piper := shutil.which("piper", path=path):
        found[Piper.name] = Piper(piper, Path(environment.get(PIPER_VOICES_VARIABLE) or "piper-voices"))
    return found


def _run(words: Sequence[str], name: str, text: str = "") -> str:
    """Runs a program with a text as its input and returns its output."""
    try:
        done = subprocess.run(words, input=text, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeError) as error:
        raise CorpusError(
            f"{name} could not speak a sentence ({type(error).__name__}); check its installation"
        ) from error
    if done.returncode:
        reason = " ".join((done.stderr or done.stdout).split())[:MAX_QUOTED_CHARACTERS]
        raise CorpusError(f"{name} could not speak a sentence: {reason or f'exit code {done.returncode}'}")
    return done.stdout
