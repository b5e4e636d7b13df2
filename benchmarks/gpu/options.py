"""The options of the GPU benchmark."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from qal.cli.parsing import flag
from qal.engine.settings.device import Device

Part = Literal["speed", "training", "live", "transcription"]
PARTS: tuple[Part, ...] = ("speed", "training", "live", "transcription")  # in order of worth
WORTH: dict[Part, int] = {"speed": 4, "training": 3, "live": 2, "transcription": 1}  # shares of the time
Size = Literal["tiny", "base", "small", "medium", "large-v2", "large-v3", "large-v3-turbo"]


class GpuOptions(BaseModel, frozen=True):
    sizes: list[Size] = flag(["base", "small", "large-v3-turbo"], "model sizes, made with random weights")
    parts: list[Part] = flag(list(PARTS), "what to measure; the order is fixed")
    seconds: float = flag(480.0, "time limit; what does not fit is listed in settings.skipped", ge=10)
    device: Device = flag("auto", "auto: CUDA if there is a GPU, else the CPU")
    batches: list[int] = flag([1, 8, 32, 64, 2, 4, 16], "batch sizes, in order of worth")
    lengths: list[int] = flag([2, 5, 10, 20], "lengths of the utterances, in seconds")
    train_batch: int = flag(16, "examples of a training batch, as in the presets", ge=1)
    steps: int = flag(10, "training steps that are timed, after two that are not", ge=1)
    max_sessions: int = flag(512, "largest number of simulated live sessions", ge=1)
    models: list[str] = flag(
        ["base-adaptive", "base", "tiny.en"], "models whose true weights are used where they are on this machine"
    )
    data: Path = flag(Path("data"), "folder of corpora for the true transcriptions")
    examples: int = flag(60, "utterances per corpus", ge=1)
    out: Path | None = flag(None, "file to which the results are written as they come")
    json_: bool = Field(default=False, description="print the object on one line")
