"""README.md of a model directory: base model, training data, measured error rates and how to use the model."""

from collections.abc import Sequence
from pathlib import Path

from qal.engine.model_directory import ModelMetadata
from qal.evaluation.report import REPORT_TITLE, WORSE_THAN_ORIGINAL, Retention, RunReport, Score, retention_sentences
from qal.text.error_measure import Measure, percent

README_FILE = "README.md"
METHODS = {"finetune": "fine-tuned", "distill": "distilled for short contexts without transcripts"}


def write_readme(directory: Path, metadata: ModelMetadata, report: RunReport) -> None:
    """Writes README.md; a reader never sees an incomplete file."""
    partial = directory / f"{README_FILE}.new"
    try:
        partial.write_text(model_readme(metadata, report), encoding="utf-8")
        partial.replace(directory / README_FILE)
    finally:
        partial.unlink(missing_ok=True)


USE_AND_LICENCE = """## Use

```python
from qal.captions.captioner import Captioner  # Qal: live captions, adaptive context

for caption in Captioner("path/to/this/folder").from_file("talk.wav"):
    print(caption.text)
```

```python
from faster_whisper import WhisperModel  # 30 s windows

segments, _ = WhisperModel("path/to/this/folder").transcribe("talk.wav")
```

## Licence

The weights have the licence of their base model (Whisper: MIT). The licences of the training data are listed above;
check that they allow your use.
"""


def model_readme(metadata: ModelMetadata, report: RunReport) -> str:
    """Returns the README as Markdown with the front matter of the Hugging Face hub."""
    language_list = "".join(f"- {code}\n" for code in metadata.languages)
    languages = ", ".join(metadata.languages)
    data = "\n".join(f"- {sentence}" for sentence in metadata.data)
    scores = "\n".join(
        _score_row(report.titles[variant], score, report.measures) for variant, score in report.scores.items()
    )
    first, second = report.measures
    return f"""---
library_name: ctranslate2
pipeline_tag: automatic-speech-recognition
base_model: {metadata.base_model}
language:
{language_list}---
# {metadata.run or metadata.base_model}

Whisper `{metadata.base_model}`, {METHODS[report.method]} with Qal for {languages}. {_context(metadata)}

## Training data

{data}

## {REPORT_TITLE}

{report.basis} · greedy decoding, one utterance at a time{_reference_note(report)}.

| model | {first} (95 % interval) | {second} | RTF (seconds of computation per second of audio) |
|---|---|---|---|
{scores}

{_retention(report.retention)}
{USE_AND_LICENCE}"""


def metadata_readme(metadata: ModelMetadata) -> str:
    """Returns a card of a model without a report, from its qal.json alone."""
    language_list = "".join(f"- {code}\n" for code in metadata.languages)
    data = "\n".join(f"- {sentence}" for sentence in metadata.data) or "Not recorded."
    measured = metadata.measured
    score = f"{measured.error_rate.text} on {measured.corpus}, {measured.basis}." if measured else "Not recorded."
    return f"""---
library_name: ctranslate2
pipeline_tag: automatic-speech-recognition
base_model: {metadata.base_model}
language:
{language_list}---
# {metadata.run or metadata.base_model}

Whisper `{metadata.base_model}`, exported with Qal. {_context(metadata)}

## Training data

{data}

## Results

{score}

## Licence

The weights have the licence of their base model (Whisper: MIT). Check that the licences of the training data allow
your use.
"""


def _reference_note(report: RunReport) -> str:
    if report.references == "people":
        return ""
    return "; the references of examples without a transcript are the base model's own output with 30 s windows"


def _score_row(title: str, score: Score, measures: Sequence[Measure]) -> str:
    first, second = (score.error_rate(measure) for measure in measures)
    return f"| {title} | {first.text} | {percent(second.rate)} | {score.rtf:.3f} |"


def _context(metadata: ModelMetadata) -> str:
    if not metadata.context.adaptive:
        return "It encodes 30 s windows."
    return (
        f"It encodes the speech plus {metadata.context.margin_s:g} s instead of 30 s windows (adaptive context), "
        "which is several times faster."
    )


def _retention(retention: Retention | None) -> str:
    if not retention:
        return ""
    changes = [f"- {sentence}" for sentence in retention_sentences(retention)]
    failures = [f"- **{WORSE_THAN_ORIGINAL}**: {sentence}" for sentence in retention.failures]
    return "On audio that was not used for training:\n\n" + "\n".join([*changes, *failures]) + "\n"
