"""README.md of a model directory: what the weights are, what they were made from, what they do, how to use them."""

from collections.abc import Sequence
from pathlib import Path

from corpus.manifest import Corpus
from engine.model_directory import ModelCard

ROWS = {
    "stock_30s": "before, at 30 s",
    "tuned_30s": "tuned, at 30 s",
    "tuned_adaptive": "tuned, at adaptive context",
}


def write_readme(directory: Path, card: ModelCard, corpora: Sequence[Corpus], report: dict) -> None:
    beside = directory / "README.md.new"
    try:
        beside.write_text(model_readme(card, corpora, report), encoding="utf-8")
        beside.replace(directory / "README.md")
    finally:
        beside.unlink(missing_ok=True)


def model_readme(card: ModelCard, corpora: Sequence[Corpus], report: dict) -> str:
    """Markdown, with the front matter that the hub reads."""
    languages = "".join(f"- {code}\n" for code in card.languages)
    data = "\n".join(_corpus(corpus) for corpus in corpora)
    scores = "\n".join(_score(report[name], title) for name, title in ROWS.items() if name in report)
    return f"""---
library_name: ctranslate2
pipeline_tag: automatic-speech-recognition
base_model: {card.base_model}
language:
{languages}---
# {card.run or card.base_model}

Whisper `{card.base_model}`, fine-tuned by Qal for {", ".join(card.languages)}. {_context(card)}

## Data

{data}

## Measured

{report["utterances"]} held-out utterances, {report["words"]} words, greedy, one utterance at a time.

| | WER (95 % interval) | CER | seconds a second of audio |
|---|---|---|---|
{scores}

{_retention(report)}
## Use

```python
from captions.captioner import Captioner  # Qal: live, at adaptive context

for caption in Captioner("this folder").from_file("talk.wav"):
    print(caption.text)
```

```python
from faster_whisper import WhisperModel  # at 30 s

segments, _ = WhisperModel("this folder").transcribe("talk.wav")
```

## Licence

The weights follow their base model's licence (Whisper: MIT). The data's own terms are above; ask yourself whether they
allow what you are about to do.
"""


def _corpus(corpus: Corpus) -> str:
    info = corpus.info
    rows = sum(info.utterances.values())
    credit = f" {info.attribution}" if info.attribution else ""
    return (
        f"- **{info.name}**: {rows} utterances, {info.duration_s / 3600:.1f} hours; {info.source}; licence "
        f"{info.licence}.{credit} Version `{info.version[:16]}`."
    )


def _score(score: dict, title: str) -> str:
    interval = f"{100 * score['wer']:.1f} % ({100 * score['wer_low']:.1f} – {100 * score['wer_high']:.1f})"
    return f"| {title} | {interval} | {100 * score['cer']:.1f} % | {score['rtf']:.3f} |"


def _context(card: ModelCard) -> str:
    if not card.context.adaptive:
        return "It hears 30 s at a time."
    return f"It hears what is said and {card.context.margin_s:g} s more instead of 30 s, several times faster."


def _retention(report: dict) -> str:
    kept = report.get("retention")
    if not kept:
        return ""
    lines = [
        f"- {name}: WER {100 * forms['tuned_adaptive']['difference']:+.1f} points against the model before"
        for name, forms in kept["corpora"].items()
    ]
    lost = [f"- **lost**: {sentence}" for sentence in kept["failures"]]
    return "On other speech, which was not trained on:\n\n" + "\n".join([*lines, *lost]) + "\n"
