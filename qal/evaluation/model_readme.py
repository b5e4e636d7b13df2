"""README.md of a model directory: what the weights are, what they were made from, what they do, how to use them."""

from pathlib import Path

from qal.engine.model_directory import ModelCard

ROWS = {
    "stock_30s": "before, at 30 s",
    "tuned_30s": "tuned, at 30 s",
    "tuned_adaptive": "tuned, at adaptive context",
}
METHODS = {"finetune": "fine-tuned", "distill": "taught short contexts from audio alone"}


def write_readme(directory: Path, card: ModelCard, report: dict) -> None:
    beside = directory / "README.md.new"
    try:
        beside.write_text(model_readme(card, report), encoding="utf-8")
        beside.replace(directory / "README.md")
    finally:
        beside.unlink(missing_ok=True)


def model_readme(card: ModelCard, report: dict) -> str:
    """Markdown, with the front matter that the hub reads."""
    languages = "".join(f"- {code}\n" for code in card.languages)
    data = "\n".join(f"- {sentence}" for sentence in card.data)
    scores = "\n".join(_score(report[name], title) for name, title in ROWS.items() if name in report)
    return f"""---
library_name: ctranslate2
pipeline_tag: automatic-speech-recognition
base_model: {card.base_model}
language:
{languages}---
# {card.run or card.base_model}

Whisper `{card.base_model}`, {METHODS[report["method"]]} by Qal for {", ".join(card.languages)}. {_context(card)}

## Data

{data}

## Measured

{report["utterances"]} held-out utterances, {report["words"]} words, greedy, one utterance at a time{_judge(report)}.

| | WER (95 % interval) | CER | seconds a second of audio |
|---|---|---|---|
{scores}

{_retention(report)}
## Use

```python
from qal.captions.captioner import Captioner  # Qal: live, at adaptive context

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


def _judge(report: dict) -> str:
    base_wrote = report["references"] == "base"
    return "; where nobody wrote down what is said, against what the base writes at 30 s" if base_wrote else ""


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
