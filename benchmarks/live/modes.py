"""Word error rates of the update modes and of vocabulary hints, on a simulated clock."""

from benchmarks.live.quality import captions_of, texts_by_utterance
from benchmarks.live.spoken import Clip, make_stream
from qal.captions.options import SessionOptions
from qal.engine.engine import Engine, Utterance
from qal.evaluation.error_rates import count_errors
from qal.text.normalisation.basic import normalise_basic

MODES = {
    "gated": SessionOptions(),
    "previous_text": SessionOptions(previous_text=True),
    "single": SessionOptions(mode="single"),
    "chunks": SessionOptions(mode="chunks"),
}
MAX_EXPECTED, MIN_LETTERS = 15, 6


def wer_by_mode(engine: Engine, clips: list[Clip]) -> dict[str, float]:
    """Captions the same stream of utterances in each mode; returns the word error rate of each."""
    stream = make_stream(clips)
    found = {}
    for name, options in MODES.items():
        finals = [c for c in captions_of(engine, stream.samples, clips[0][2], options) if c.final and c.text]
        texts = texts_by_utterance(stream, finals)
        found[name] = round(count_errors([text for _, text, _ in clips], texts).wer, 4)
    return found


def expected_words(engine: Engine, clips: list[Clip]) -> dict[str, float]:
    """Counts long words that plain decoding missed, without and with them as vocabulary hints."""
    truths = [normalise_basic(text).split() for _, text, _ in clips]
    plain = _read(engine, clips, "")
    missed = sorted({w for truth, read in zip(truths, plain, strict=True) for w in truth if _is_missed(w, read)})
    expected = missed[:MAX_EXPECTED]
    hinted = _read(engine, clips, ", ".join(expected))
    spoken = [(w, i) for i, truth in enumerate(truths) for w in truth if w in expected]
    references = [text for _, text, _ in clips]
    return {
        "spoken": len(spoken),
        "found_plain": sum(w in normalise_basic(plain[i]).split() for w, i in spoken),
        "found_hinted": sum(w in normalise_basic(hinted[i]).split() for w, i in spoken),
        "wer_plain": round(count_errors(references, plain).wer, 4),
        "wer_hinted": round(count_errors(references, hinted).wer, 4),
    }


def _is_missed(word: str, text: str) -> bool:
    return len(word) >= MIN_LETTERS and word not in normalise_basic(text).split()


def _read(engine: Engine, clips: list[Clip], before: str) -> list[str]:
    return [
        engine.transcribe([Utterance(samples, language, previous_text=before)])[0].text
        for samples, _, language in clips
    ]
