"""A recording's figures with a word of judgement each."""

import html
from typing import NamedTuple

from qal.audio.quality import SILENCE_DB, Quality
from qal.audio.samples import SAMPLE_RATE, WINDOW_S
from ui_components.widgets.markup import minutes

NOISY_DB, CLEAN_DB = 10, 20
ROUNDING_S = 0.01
GOOD, FAIR, BAD = "on", "", "bad"  # classes of a badge


class Verdict(NamedTuple):
    word: str
    kind: str = BAD


class Figure(NamedTuple):
    name: str
    value: str
    verdict: Verdict
    meaning: str


def figures(quality: Quality) -> list[Figure]:
    q = quality
    loudness = "–" if q.loudness_lufs is None else f"{q.loudness_lufs:.1f} LUFS"
    peak = "silence" if q.peak_db <= SILENCE_DB else f"{q.peak_db:.1f} dBFS"
    return [
        Figure("Duration", duration(q.duration_s), length(q.duration_s), "Whisper hears 30 s at once"),
        Figure("Sample rate", f"{q.rate_hz / 1000:g} kHz", rate(q.rate_hz), "Whisper hears up to 8 kHz, from 16 kHz"),
        Figure("Channels", str(q.channels), channels(q.channels), "the model hears them mixed to one"),
        Figure("Signal to noise", ratio(q), noise(q), "an estimate: speech over the noise in its pauses"),
        Figure("Loudness", loudness, level(q.loudness_lufs), "of the whole, by ITU-R BS.1770"),
        Figure("Peak", peak, top(q.peak_db), "the loudest sample"),
        Figure("Clipped", percent(q.clipped_share), clipped(q.clipped_share), "samples cut off at full scale"),
        Figure("Speech", f"{100 * q.speech_share:.0f} %", speech(q.speech_share), "of the time somebody speaks"),
    ]


def figures_html(quality: Quality) -> str:
    return f'<dl class="qal-figures">{"".join(map(_figure_html, figures(quality)))}</dl>'


def _figure_html(figure: Figure) -> str:
    badge = f'<span class="qal-badge {figure.verdict.kind}">{html.escape(figure.verdict.word)}</span>'
    return (
        f'<div title="{html.escape(figure.meaning)}"><dt>{html.escape(figure.name)}</dt>'
        f"<dd>{html.escape(figure.value)}</dd><dd>{badge}</dd></div>"
    )


def duration(duration_s: float) -> str:
    return f"{duration_s:.2f} s" if duration_s < 60 else minutes(round(duration_s))


def percent(share: float) -> str:
    return "none" if not share else "under 0.01 %" if share < 1e-4 else f"{100 * share:.2g} %"


def length(duration_s: float) -> Verdict:
    steps = ((0.3, Verdict("very short")), (WINDOW_S + ROUNDING_S, Verdict("good", GOOD)))
    return graded(duration_s, *steps, last=Verdict("long", FAIR))


def rate(rate_hz: int) -> Verdict:
    return Verdict("narrow", FAIR) if rate_hz < SAMPLE_RATE else Verdict("good", GOOD)


def channels(count: int) -> Verdict:
    return Verdict("good", GOOD) if count == 1 else Verdict("mixed", FAIR)


def ratio(quality: Quality) -> str:
    if quality.snr_db is not None:
        return f"{quality.snr_db:.0f} dB"
    return "–" if quality.least_snr_db is None else f"≥ {quality.least_snr_db:.0f} dB"


def noise(quality: Quality) -> Verdict:
    """A bound can only say that it is good."""
    good = Verdict("good", GOOD)
    if quality.snr_db is None:
        return good if (quality.least_snr_db or 0) >= CLEAN_DB else Verdict("unknown", FAIR)
    return graded(quality.snr_db, (NOISY_DB, Verdict("very noisy")), (CLEAN_DB, Verdict("noisy", FAIR)), last=good)


def level(loudness_lufs: float | None) -> Verdict:
    if loudness_lufs is None:
        return Verdict("unknown", FAIR)
    steps = ((-45.0, Verdict("too quiet")), (-33.0, Verdict("quiet", FAIR)), (-10.0, Verdict("good", GOOD)))
    return graded(loudness_lufs, *steps, last=Verdict("very loud", FAIR))


def top(peak_db: float) -> Verdict:
    steps = ((-40.0, Verdict("too quiet")), (-30.0, Verdict("quiet", FAIR)), (-0.1, Verdict("good", GOOD)))
    return graded(peak_db, *steps, last=Verdict("at the limit", FAIR))


def clipped(share: float) -> Verdict:
    steps = ((1e-9, Verdict("good", GOOD)), (1e-3, Verdict("a little", FAIR)))
    return graded(share, *steps, last=Verdict("clipped"))


def speech(share: float) -> Verdict:
    return graded(
        share, (0.02, Verdict("no speech")), (0.3, Verdict("mostly silence", FAIR)), last=Verdict("good", GOOD)
    )


def graded(value: float, *steps: tuple[float, Verdict], last: Verdict) -> Verdict:
    """The verdict of the first step that the value lies below, else the last."""
    return next((verdict for limit, verdict in steps if value < limit), last)
