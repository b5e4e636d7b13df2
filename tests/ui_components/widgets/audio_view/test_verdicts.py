import dataclasses

import pytest

from qal.audio.quality import Quality
from ui_components.widgets.audio_view.verdicts import measurements, measurements_html

CLEAN = Quality(4.0, 16_000, 1, -3.0, 0.0, -20.0, 35.0, 30.0, 0.8)


def verdict_words(**changed) -> dict[str, str]:
    return {m.name: m.verdict.word for m in measurements(dataclasses.replace(CLEAN, **changed))}


def test_all_verdicts_on_a_clean_recording_are_good():
    assert set(verdict_words().values()) == {"good"}


@pytest.mark.parametrize(
    ("changed", "name", "word"),
    [
        ({"clipped_share": 0.02}, "Clipped", "clipped"),
        ({"clipped_share": 1e-5}, "Clipped", "a little"),
        ({"snr_db": 5.0}, "Signal to noise", "very noisy"),
        ({"snr_db": None, "least_snr_db": 12.0}, "Signal to noise", "unknown"),
        ({"snr_db": None, "least_snr_db": 25.0}, "Signal to noise", "good"),
        ({"snr_db": None, "least_snr_db": None}, "Signal to noise", "unknown"),
        ({"loudness_lufs": -60.0}, "Loudness", "too quiet"),
        ({"loudness_lufs": None}, "Loudness", "unknown"),
        ({"peak_db": 0.0}, "Peak", "at the limit"),
        ({"rate_hz": 8000}, "Sample rate", "narrow"),
        ({"channels": 2}, "Channels", "mixed"),
        ({"speech_share": 0.0}, "Speech", "no speech"),
        ({"duration_s": 31.0}, "Duration", "long"),
    ],
)
def test_verdict_names_the_fault(changed, name, word):
    assert verdict_words(**changed)[name] == word


def test_thirty_seconds_fit_whispers_window():
    assert verdict_words(duration_s=30.0)["Duration"] == "good"


def test_each_measurement_has_a_badge():
    page = measurements_html(CLEAN)
    assert page.count("<dt>") == page.count("qal-badge") == len(measurements(CLEAN))
    assert "-20.0 LUFS" in page
