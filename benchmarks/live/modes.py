"""What the choices of a session cost and give, in words; on a simulated clock."""

from benchmarks.live.quality import captions_of, texts_by_utterance
from benchmarks.live.spoken import Clip, make_stream
from qal.captions.session import SessionOptions
from qal.engine.engine import Engine, Utterance
from qal.evaluation.error_rates import count_errors
from qal.text.normalisation import normalise

MODES = {
    "gated": SessionOptions(),
    "previous_text": SessionOptions(previous_text=True),
    "single": SessionOptions(mode="single"),
    "chunks": SessionOptions(mode="chunks"),
}
MAX_EXPECTED, MIN_LETTERS = 15, 6


def wer_by_mode(engine: Engine, clips: list[Clip]) -> dict[str, float]:
    """The same utterances in the same stream, captioned in each way."""
    stream = make_stream(clips)
    found = {}
    for name, options in MODES.items():
        finals = [c for c in captions_of(engine, stream.samples, clips[0][2], options) if c.final and c.text]
        texts = texts_by_utterance(stream, finals)
        found[name] = round(count_errors([text for _, text, _ in clips], texts).wer, 4)
    return found


def expected_words(engine: Engine, clips: list[Clip]) -> dict[str, float]:
    """Long words that a plain reading missed somewhere, before and after the model is told to expect them."""
    truths = [normalise(text).split() for _, text, _ in clips]
    plain = _read(engine, clips, "")
    missed = sorted({w for truth, read in zip(truths, plain, strict=True) for w in truth if _is_missed(w, read)})
    expected = missed[:MAX_EXPECTED]
    told = _read(engine, clips, ", ".join(expected))
    said = [(w, i) for i, truth in enumerate(truths) for w in truth if w in expected]
    references = [text for _, text, _ in clips]
    return {
        "said": len(said),
        "found_plain": sum(w in normalise(plain[i]).split() for w, i in said),
        "found_told": sum(w in normalise(told[i]).split() for w, i in said),
        "wer_plain": round(count_errors(references, plain).wer, 4),
        "wer_told": round(count_errors(references, told).wer, 4),
    }


def _is_missed(word: str, text: str) -> bool:
    return len(word) >= MIN_LETTERS and word not in normalise(text).split()


def _read(engine: Engine, clips: list[Clip], before: str) -> list[str]:
    return [engine.transcribe([Utterance(samples, language, before=before)])[0].text for samples, _, language in clips]
