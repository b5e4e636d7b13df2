import dataclasses

import pytest

from qal.audio.quality import Quality
from ui_components.widgets.audio_view.verdicts import figures, figures_html

CLEAN = Quality(4.0, 16_000, 1, -3.0, 0.0, -20.0, 35.0, 30.0, 0.8)


def words(**changed) -> dict[str, str]:
    return {f.name: f.verdict.word for f in figures(dataclasses.replace(CLEAN, **changed))}


def test_a_clean_recording_is_good_throughout():
    assert set(words().values()) == {"good"}


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
def test_a_fault_is_named(changed, name, word):
    assert words(**changed)[name] == word


def test_thirty_seconds_are_still_heard_at_once():
    assert words(duration_s=30.0)["Duration"] == "good"


def test_each_figure_stands_with_its_badge():
    shown = figures_html(CLEAN)
    assert shown.count("<dt>") == shown.count("qal-badge") == len(figures(CLEAN))
    assert "-20.0 LUFS" in shown
