"""Recognises the columns of the Hugging Face hub's data sets."""

from collections.abc import Mapping, Sequence

from qal.corpus.importers.listing import Role
from qal.corpus.importers.tables.columns import ColumnsError

# the names that data sets use, the preferred one first
NAMES: Mapping[Role, Sequence[str]] = {
    "text": (
        *("text", "sentence", "raw_transcription", "transcription", "transcript", "raw_text", "normalized_text"),
        *("transcribed_text", "transcripts", "utterance", "label_text"),
    ),
    "speaker": ("speaker", "speaker_id", "client_id", "speakerid", "spk_id", "user_id"),
    "language": ("language", "lang", "locale", "lang_id", "language_id", "locale_id"),
    "translation": ("translation", "translation_en", "english", "english_transcription"),
    "split": ("split", "subset", "partition"),
}
FALLBACKS: Mapping[str, str] = {
    "raw_text": "normalized_text",
    "raw_transcription": "transcription",
}  # where it is empty


def recognised_columns(
    columns: Sequence[str], audio: str, chosen: Mapping[Role, str], no_text: bool
) -> dict[Role, str]:
    """Returns the column of each role.

    Args:
        columns: the names of all columns.
        audio: the column of the recordings.
        chosen: the user's choice, which wins.
        no_text: True if the audio alone is imported.

    Raises:
        ColumnsError: a chosen column does not exist, or there is none for the text; it names those that exist."""
    missing = [name for name in chosen.values() if name not in columns]
    if missing:
        raise ColumnsError(f"there is no column '{missing[0]}'; there are {', '.join(columns)}", columns)
    by_lower_case = {name.lower(): name for name in reversed(columns)}
    roles: dict[Role, str] = {"file": chosen.get("file", audio)}
    for role, names in NAMES.items():
        name = chosen.get(role) or next((by_lower_case[name] for name in names if name in by_lower_case), None)
        if name and name != audio:
            roles[role] = name
    if "text" not in roles and not no_text:
        there_are = f"there are {', '.join(columns)}"
        raise ColumnsError(
            f"no column is known to hold the text; choose one with --columns text=NAME; {there_are}", columns
        )
    return roles
