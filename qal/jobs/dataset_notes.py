"""The examples that a run leaves out, with the reasons, and what its splits share; both stand in its status.json."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence

from qal.corpus.leakage import find_leakage, known_fingerprints
from qal.corpus.left_out import NO_TEXT, count_marked, describe_left_out, longer_than, shorter_than
from qal.corpus.manifest import Corpus, Row
from qal.corpus.split import SPLITS, Split
from qal.corpus.words import has_words
from qal.engine.decoding import Tokenizer
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run

MAX_LABEL_TOKENS = 440  # the decoder has 448 positions
LONG_TEXT = f"with a text of {MAX_LABEL_TOKENS} tokens or more"


def training_reason(row: Row, split: Split, config: TrainingConfig) -> str | None:
    """Returns the reason in the manifest for which training leaves a row out; None if there is none.

    Distillation needs no text; a training row may have a translation instead."""
    if row.duration_s < config.min_utterance_s:
        return shorter_than(config.min_utterance_s)
    translates = split == "train" and config.targets.translate_share > 0 and has_words(row.translation)
    return None if translates and row.duration_s <= config.max_utterance_s else score_reason(row, config)


def score_reason(row: Row, config: TrainingConfig) -> str | None:
    """Returns the reason in the manifest for which a row is not scored; None if there is none."""
    if row.duration_s > config.max_utterance_s:
        return longer_than(config.max_utterance_s)
    return None if config.method == "distill" or has_words(row.text) else NO_TEXT


def left_out_of_run(
    corpora: Iterable[Corpus], config: TrainingConfig, tokenizer: Tokenizer | None = None
) -> dict[str, int]:
    """Counts the rows of all splits that a run leaves out, by reason, the most frequent first; marked rows, too.

    Args:
        corpora: the run's corpora.
        config: its configuration.
        tokenizer: finds texts that are too long for the decoder; None: they are not counted."""
    counts: Counter[str] = Counter()
    for corpus in corpora:
        counts.update(count_marked(corpus.rows))
        for split in SPLITS:
            for row in corpus.select(split):
                reason = score_reason(row, config) if split == "test" else training_reason(row, split, config)
                if reason is None and split != "test" and tokenizer and _has_long_text(row, config, tokenizer):
                    reason = LONG_TEXT
                if reason:
                    counts[reason] += 1
    return dict(counts.most_common())


def _has_long_text(row: Row, config: TrainingConfig, tokenizer: Tokenizer) -> bool:
    """True if the labels would exceed the decoder; a token is at least one byte."""
    prompt = tokenizer.prompt(config.language or row.language)
    texts = [row.text, row.translation if config.targets.translate_share else ""]
    return any(
        len(prompt) + len(text.encode()) >= MAX_LABEL_TOKENS
        and len(prompt) + len(tokenizer.encode(text)) >= MAX_LABEL_TOKENS
        for text in texts
    )


def record_left_out(run: Run, left_out: dict[str, int]) -> None:
    """Writes to the terminal and to status.json which examples the run does not use."""
    run.update_status(left_out=left_out)
    if left_out:
        print(describe_left_out(left_out), file=sys.stderr)


def record_leakage(run: Run, corpora: Sequence[Corpus]) -> None:
    """Writes to the terminal and to status.json what the test examples share with the training examples."""
    trained, tested = ([row for c in corpora for row in c.select(split)] for split in ("train", "test"))
    if trained and tested:
        sentence = find_leakage(trained, tested, known_fingerprints(corpora)).describe()
        run.update_status(leakage=sentence)
        print(sentence, file=sys.stderr)
