"""Checks the rows of a corpus: which ones are doubtful and why, before any is marked.

    measures of the audio ─┐
    texts of all rows ─────┼─► find_problems ─► findings ─► preview (counts, worst first) ─► add_mark
    agreement ─────────────┘

A finding is a proposal. Rows are marked, never deleted, and a mark can be removed."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, Field

from qal.corpus.edit import RowEdit
from qal.corpus.manifest import Corpus, Row
from qal.corpus.quality.letters import learn_alphabets, mixed_words
from qal.corpus.quality.measures import AGREEMENT_FILE, QUALITY_FILE, Agreement, AudioMeasures, read_measures
from qal.corpus.quality.near_duplicates import near_sounds, near_texts, similar_rows
from qal.corpus.quality.text_language import other_language
from qal.corpus.words import has_words
from qal.text.normalisation.split_key import split_key

MIN_ROWS = 20  # of a language, to tell the usual speed of its speech
MAD_TO_DEVIATION = 1.4826  # of a normal distribution
SHOWN_LETTERS = 8

DISAGREES = "text and audio disagree"
OTHER_LANGUAGE = "another language"
UNREADABLE = "unreadable audio"


class CheckLimits(BaseModel, frozen=True):
    """The limits of the checks. None switches a check off; a row without the measure passes."""

    min_snr_db: float | None = Field(default=5.0, description="noisy: speech to noise below this, in dB")
    max_clipped_share: float | None = Field(default=0.001, ge=0, le=1, description="clipped: share of the samples")
    min_loudness_lufs: float | None = Field(default=-45.0, description="quiet: loudness below this, in LUFS")
    min_bandwidth_hz: float | None = Field(default=3000.0, description="narrow band: speech ends below this, in Hz")
    min_speech_share: float | None = Field(default=0.15, ge=0, le=1, description="little speech: share of the audio")
    min_dnsmos: float | None = Field(default=1.8, description="bad quality: predicted opinion (DNSMOS), 1 to 5")
    max_speed_deviation: float | None = Field(
        default=5.0, gt=0, description="unusual speed: deviations from the usual characters per second"
    )
    max_disagreement: float | None = Field(
        default=1.0, gt=0, description="text and audio disagree: score by a model, 0 is full agreement"
    )
    min_language_probability: float | None = Field(
        default=0.9, ge=0, le=1, description="another language: probability by text or by sound"
    )
    ignore_letters: bool = Field(default=False, description="do not look for letters of another language")
    ignore_copies: bool = Field(default=False, description="do not look for the same or nearly the same audio")
    same_text: bool = Field(default=False, description="look for nearly the same texts, too")


@dataclass(frozen=True)
class Finding:
    """One reason to doubt a row."""

    audio: str  # the row, by its path
    mark: str  # the reason, as it would be marked
    severity: float  # orders the findings of a mark; higher is worse
    detail: str  # the value, or what was found


def find_problems(corpus: Corpus, limits: CheckLimits, model: str | None = None) -> list[Finding]:
    """Finds doubtful rows by what has been measured; the worst of each reason first.

    Args:
        corpus: the corpus; rows that are marked with a reason already are not found for it again.
        limits: which checks, and their limits.
        model: the model whose agreement counts; None: the last one."""
    rows = corpus.rows
    measures = {m.sha256: m for m in read_measures(corpus.folder / QUALITY_FILE, AudioMeasures)}
    agreements = {
        (a.sha256, a.text): a
        for a in read_measures(corpus.folder / AGREEMENT_FILE, Agreement)
        if model in (None, a.model)
    }
    found = [
        *_audio_findings(rows, measures, limits),
        *_speed_findings(rows, measures, limits),
        *_agreement_findings(rows, agreements, limits),
        *(() if limits.ignore_letters else _letter_findings(rows)),
        *_language_findings(rows, limits),
        *_duplicate_findings(rows, measures, limits),
    ]
    marked = {(row.audio, mark) for row in rows for mark in row.marks}
    found = [finding for finding in found if (finding.audio, finding.mark) not in marked]
    return sorted(found, key=lambda finding: (finding.mark, -finding.severity))


def counts_by_mark(findings: Iterable[Finding]) -> dict[str, int]:
    """Returns the number of rows by reason, the most frequent first."""
    return dict(Counter(finding.mark for finding in findings).most_common())


def as_edits(findings: Iterable[Finding], marks: Iterable[str]) -> list[RowEdit]:
    """Returns the edits that mark the rows of the chosen reasons."""
    chosen = set(marks)
    return [RowEdit(audio=f.audio, add_marks=(f.mark,)) for f in findings if f.mark in chosen]


def _audio_findings(
    rows: Sequence[Row], measures: Mapping[str, AudioMeasures], limits: CheckLimits
) -> Iterator[Finding]:
    below = (
        ("noisy", "snr_db", limits.min_snr_db, "dB"),
        ("quiet", "loudness_lufs", limits.min_loudness_lufs, "LUFS"),
        ("narrow band", "bandwidth_hz", limits.min_bandwidth_hz, "Hz"),
        ("little speech", "speech_share", limits.min_speech_share, "of the audio"),
        ("bad quality", "dnsmos", limits.min_dnsmos, "DNSMOS"),
    )
    for row in rows:
        found = measures.get(row.sha256)
        if found is None:
            continue
        if found.error:
            yield Finding(row.audio, UNREADABLE, 1, found.error)
        for mark, name, limit, unit in below:
            value = getattr(found, name)
            if limit is not None and value is not None and value < limit:
                yield Finding(row.audio, mark, limit - value, f"{value:g} {unit}")
        clipped = found.clipped_share or 0.0
        if limits.max_clipped_share is not None and clipped > limits.max_clipped_share:
            yield Finding(row.audio, "clipped", clipped, f"{100 * clipped:.2g} % of the samples")


def _speed_findings(
    rows: Sequence[Row], measures: Mapping[str, AudioMeasures], limits: CheckLimits
) -> Iterator[Finding]:
    """Finds texts that are too long or too short for their speech, against the other rows of the language."""
    if limits.max_speed_deviation is None:
        return
    rates: dict[str, list[tuple[Row, float]]] = defaultdict(list)
    for row in rows:
        found = measures.get(row.sha256)
        speech_s = row.duration_s * (found.speech_share or 1.0) if found else row.duration_s
        if has_words(row.text) and speech_s > 0:
            rates[row.language].append((row, len(row.text) / speech_s))
    for found in rates.values():
        if len(found) < MIN_ROWS:
            continue
        logs = np.log([rate for _, rate in found])
        middle = np.median(logs)
        deviation = max(0.1, MAD_TO_DEVIATION * float(np.median(np.abs(logs - middle))))
        for (row, rate), log in zip(found, logs, strict=True):
            score = abs(float(log - middle)) / deviation
            if score > limits.max_speed_deviation:
                usual = f"{rate:.3g} characters per second; usual are {np.exp(middle):.3g}"
                yield Finding(row.audio, "unusual speed", score, usual)


def _agreement_findings(
    rows: Sequence[Row], agreements: Mapping[tuple[str, str], Agreement], limits: CheckLimits
) -> Iterator[Finding]:
    for row in rows:
        found = agreements.get((row.sha256, row.text))
        if found is None:
            continue
        score, limit = found.disagreement, limits.max_disagreement
        if score is not None and limit is not None and score >= limit:
            yield Finding(row.audio, DISAGREES, score, f"recognised: {found.heard}" if found.heard else "no speech")
        likely, least = found.language_probability, limits.min_language_probability
        if likely is not None and least is not None and found.heard_language != row.language and likely >= least:
            yield Finding(row.audio, OTHER_LANGUAGE, likely, f"sounds like {found.heard_language}, not {row.language}")


def _letter_findings(rows: Sequence[Row]) -> Iterator[Finding]:
    alphabets = learn_alphabets(rows)
    for row in rows:
        mixed = mixed_words(row.text)
        foreign = alphabets[row.language].foreign(row.text)
        if mixed:
            yield Finding(row.audio, "mixed alphabets", 2, f"letters of two alphabets in {' '.join(mixed[:3])}")
        elif foreign:
            share = sum(row.text.count(c) for c in foreign) / max(1, len(row.text))
            yield Finding(row.audio, "unusual letters", share, foreign[:SHOWN_LETTERS])


def _language_findings(rows: Sequence[Row], limits: CheckLimits) -> Iterator[Finding]:
    if limits.min_language_probability is None:
        return
    for row in rows:
        other = other_language(row.text, row.language)
        if other and other.probability >= limits.min_language_probability:
            detail = f"the text looks like {other.language}, not {row.language}"
            yield Finding(row.audio, OTHER_LANGUAGE, other.probability, detail)


def _duplicate_findings(
    rows: Sequence[Row], measures: Mapping[str, AudioMeasures], limits: CheckLimits
) -> Iterator[Finding]:
    if not limits.ignore_copies:
        first_of: dict[str, Row] = {}
        for row in rows:
            first = first_of.setdefault(row.sha256, row)
            if first is not row:
                other = "with another text" if split_key(first.text) != split_key(row.text) else "with the same text"
                yield Finding(row.audio, "the same audio twice", 1, f"as {first.audio}, {other}")
        unique = list(first_of.values())
        codes = [found.fingerprint if (found := measures.get(row.sha256)) else "" for row in unique]
        pairs = near_sounds(codes, [row.duration_s for row in unique])
        for i, (first_index, similarity) in similar_rows(pairs).items():
            yield Finding(unique[i].audio, "nearly the same audio", similarity, f"as {unique[first_index].audio}")
    if limits.same_text:
        for i, (first_index, similarity) in similar_rows(near_texts([split_key(row.text) for row in rows])).items():
            yield Finding(rows[i].audio, "nearly the same text", similarity, f"as {rows[first_index].audio}")
