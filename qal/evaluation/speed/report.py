"""Measures configurations one after the other, each in a process of its own."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from qal.engine.settings.device import choose_device
from qal.evaluation.evaluate import never_stop
from qal.evaluation.hardware import hardware_of
from qal.evaluation.speed.clips import Clip, write_clips
from qal.evaluation.speed.process import measure_in_process
from qal.evaluation.speed.records import Configuration, Measurement, SpeedReport

SpeedProgress = Callable[[str, float, float], object]  # (configuration, seconds of audio done, in total)
Measure = Callable[[Configuration, Path, Path, Callable[[float], object]], Measurement]


def no_progress(name: str, done_s: float, total_s: float) -> None:
    """Ignores progress."""


def speed_report(
    configurations: Sequence[Configuration],
    directories: Mapping[str, Path],
    clips: Sequence[Clip],
    sound: str,
    progress: SpeedProgress = no_progress,
    should_stop: Callable[[], bool] = never_stop,
    measure: Measure = measure_in_process,
) -> SpeedReport:
    """Measures each configuration with the same clips.

    Args:
        configurations: what to measure.
        directories: the model directory of each model's name.
        clips: the same number of each duration.
        sound: where they are from.
        progress: called after each call of a model.
        should_stop: asked before each configuration; those that are measured are kept.
        measure: measures one of them."""
    audio_s = sum(clip.duration_s for clip in clips)
    total_s = audio_s * len(configurations)
    measurements = []
    with tempfile.TemporaryDirectory(prefix="qal-speed-") as folder:
        clips_file = Path(folder, "clips.npz")
        write_clips(clips_file, clips)
        for i, configuration in enumerate(configurations):
            if should_stop():
                break
            done_s = i * audio_s

            def report_call(seconds: float, name: str = configuration.name) -> None:
                nonlocal done_s
                done_s += seconds
                progress(name, done_s, total_s)

            progress(configuration.name, done_s, total_s)
            measurements.append(measure(configuration, directories[configuration.model], clips_file, report_call))
    device = choose_device(configurations[0].device) if configurations else "cpu"
    return SpeedReport(
        sound=sound,
        clips=len(clips) // max(1, len({clip.duration_s for clip in clips})),
        hardware=hardware_of(device),
        versions={name: version(name) for name in ("ctranslate2", "faster-whisper")},
        measurements=measurements,
    )
