"""English names of the languages in Whisper's vocabulary, in the order of its tokens."""

from qal.engine.languages import LANGUAGES
from qal.text.languages import LANGUAGE_NAMES as NAMES_BY_CODE

LANGUAGE_NAMES: dict[str, str] = {code: NAMES_BY_CODE[code] for code in LANGUAGES}
