"""The measurements of a recording, each with a short verdict."""

import html
from typing import NamedTuple

from qal.audio.quality import SILENCE_DB, Quality
from qal.audio.samples import SAMPLE_RATE, WINDOW_S
from ui_components.widgets.markup import minutes

NOISY_DB, CLEAN_DB = 10, 20
ROUNDING_S = 0.01
GOOD, FAIR, BAD = "on", "", "bad"  # CSS classes of a badge


class Verdict(NamedTuple):
    word: str
    css_class: str = BAD


class Measurement(NamedTuple):
    """One line of the table: name, formatted value, verdict and tooltip."""

    name: str
    value: str
    verdict: Verdict
    meaning: str


def measurements(quality: Quality) -> list[Measurement]:
    """All measurements of a recording, in the order of the page."""
    q = quality
    loudness = "–" if q.loudness_lufs is None else f"{q.loudness_lufs:.1f} LUFS"
    peak = "silence" if q.peak_db <= SILENCE_DB else f"{q.peak_db:.1f} dBFS"
    speech = f"{100 * q.speech_share:.0f} %"
    window, rate = f"Whisper's window is {WINDOW_S} s", "Whisper's input is 16 kHz, with frequencies up to 8 kHz"
    return [
        Measurement("Duration", duration_text(q.duration_s), duration_verdict(q.duration_s), window),
        Measurement("Sample rate", f"{q.rate_hz / 1000:g} kHz", rate_verdict(q.rate_hz), rate),
        Measurement("Channels", str(q.channels), channels_verdict(q.channels), "the model's input is mixed to mono"),
        Measurement("Signal to noise", snr_text(q), snr_verdict(q), "estimate: speech level over noise in the pauses"),
        Measurement("Loudness", loudness, loudness_verdict(q.loudness_lufs), "integrated loudness, ITU-R BS.1770"),
        Measurement("Peak", peak, peak_verdict(q.peak_db), "the largest sample value"),
        Measurement("Clipped", share_text(q.clipped_share), clipping_verdict(q.clipped_share), "samples at full scale"),
        Measurement("Speech", speech, speech_verdict(q.speech_share), "share of the time with speech"),
    ]


def measurements_html(quality: Quality) -> str:
    return f'<dl class="qal-figures">{"".join(map(_measurement_html, measurements(quality)))}</dl>'


def _measurement_html(measurement: Measurement) -> str:
    verdict = measurement.verdict
    badge = f'<span class="qal-badge {verdict.css_class}">{html.escape(verdict.word)}</span>'
    return (
        f'<div title="{html.escape(measurement.meaning)}"><dt>{html.escape(measurement.name)}</dt>'
        f"<dd>{html.escape(measurement.value)}</dd><dd>{badge}</dd></div>"
    )


def duration_text(duration_s: float) -> str:
    return f"{duration_s:.2f} s" if duration_s < 60 else minutes(round(duration_s))


def share_text(share: float) -> str:
    return "none" if not share else "under 0.01 %" if share < 1e-4 else f"{100 * share:.2g} %"


def duration_verdict(duration_s: float) -> Verdict:
    steps = ((0.3, Verdict("very short")), (WINDOW_S + ROUNDING_S, Verdict("good", GOOD)))
    return first_below(duration_s, *steps, last=Verdict("long", FAIR))


def rate_verdict(rate_hz: int) -> Verdict:
    return Verdict("narrow", FAIR) if rate_hz < SAMPLE_RATE else Verdict("good", GOOD)


def channels_verdict(count: int) -> Verdict:
    return Verdict("good", GOOD) if count == 1 else Verdict("mixed", FAIR)


def snr_text(quality: Quality) -> str:
    if quality.snr_db is not None:
        return f"{quality.snr_db:.0f} dB"
    return "–" if quality.least_snr_db is None else f"≥ {quality.least_snr_db:.0f} dB"


def snr_verdict(quality: Quality) -> Verdict:
    """The verdict on the signal-to-noise ratio. A lower bound alone gives "good" or "unknown"."""
    good = Verdict("good", GOOD)
    if quality.snr_db is None:
        return good if (quality.least_snr_db or 0) >= CLEAN_DB else Verdict("unknown", FAIR)
    steps = ((NOISY_DB, Verdict("very noisy")), (CLEAN_DB, Verdict("noisy", FAIR)))
    return first_below(quality.snr_db, *steps, last=good)


def loudness_verdict(loudness_lufs: float | None) -> Verdict:
    if loudness_lufs is None:
        return Verdict("unknown", FAIR)
    steps = ((-45.0, Verdict("too quiet")), (-33.0, Verdict("quiet", FAIR)), (-10.0, Verdict("good", GOOD)))
    return first_below(loudness_lufs, *steps, last=Verdict("very loud", FAIR))


def peak_verdict(peak_db: float) -> Verdict:
    steps = ((-40.0, Verdict("too quiet")), (-30.0, Verdict("quiet", FAIR)), (-0.1, Verdict("good", GOOD)))
    return first_below(peak_db, *steps, last=Verdict("at the limit", FAIR))


def clipping_verdict(share: float) -> Verdict:
    steps = ((1e-9, Verdict("good", GOOD)), (1e-3, Verdict("a little", FAIR)))
    return first_below(share, *steps, last=Verdict("clipped"))


def speech_verdict(share: float) -> Verdict:
    steps = ((0.02, Verdict("no speech")), (0.3, Verdict("mostly silence", FAIR)))
    return first_below(share, *steps, last=Verdict("good", GOOD))


def first_below(value: float, *steps: tuple[float, Verdict], last: Verdict) -> Verdict:
    """The verdict of the first (limit, verdict) whose limit is above the value, else the last verdict."""
    return next((verdict for limit, verdict in steps if value < limit), last)
