"""Joins neighbouring cues that are parts of one sentence, because an example should be a sentence of some seconds."""

from collections.abc import Sequence
from dataclasses import replace

from qal.audio.samples import WINDOW_S
from qal.corpus.importers.timed.borders import SILENCE_KEPT_S
from qal.corpus.importers.timed.checked import Rejected
from qal.corpus.importers.timed.cues import Cue
from qal.text.punctuation import ends_sentence
from qal.text.scripts import is_written_without_spaces

TARGET_S = 15.0  # cues are joined up to this duration
MAX_PAUSE_S = 0.45  # of the speech within a sentence
MAX_UNCASED_PAUSE_S = 0.3  # the same for scripts whose sentences do not begin with a capital
MAX_CUE_S = float(WINDOW_S)
TOO_LONG = "is {duration:.1f} s long; cut it into cues of at most {limit:g} s"


def joined_cues(cues: Sequence[Cue]) -> tuple[list[Cue], list[Rejected]]:
    """Joins cues, whose borders are refined. Returns them, and those that are too long for Whisper's window."""
    has_case = any(cue.text != cue.text.upper() for cue in cues)
    joined: list[Cue] = []
    for cue in cues:
        if joined and _is_one_sentence(joined[-1], cue, has_case):
            joined[-1] = _joined(joined[-1], cue)
        else:
            joined.append(cue)
    long = [cue for cue in joined if cue.duration_s > MAX_CUE_S]
    reasons = [(cue, TOO_LONG.format(duration=cue.duration_s, limit=MAX_CUE_S)) for cue in long]
    return [cue for cue in joined if cue.duration_s <= MAX_CUE_S], reasons


def _is_one_sentence(cue: Cue, following: Cue, has_case: bool) -> bool:
    pause_s = following.start_s - cue.end_s + 2 * SILENCE_KEPT_S
    if following.end_s - cue.start_s > TARGET_S or ends_sentence(cue.text):
        return False
    if following.speaker not in ("", cue.speaker):
        return False
    letter = next((character for character in following.text if character.isalpha()), "")
    if has_case and letter.isupper():
        return False
    return pause_s <= (MAX_PAUSE_S if letter.islower() else MAX_UNCASED_PAUSE_S)


def _joined(cue: Cue, following: Cue) -> Cue:
    last, first = cue.text[-1:], following.text[:1]
    is_spaceless = is_written_without_spaces(last) and is_written_without_spaces(first)
    return replace(
        cue,
        end_s=max(cue.end_s, following.end_s),
        text=f"{cue.text}{'' if is_spaceless else ' '}{following.text}",
        last_number=following.last_number or following.number,
    )
