"""Hindi and its neighbours in Devanagari: several spellings of nasal sounds and of letters with a dot."""

import re

from qal.text.normalisation.basic import normalise_basic

VIRAMA, ANUSVARA, CHANDRABINDU, NUKTA = "\u094d", "\u0902", "\u0901", "\u093c"
# A nasal consonant with virama, before a consonant of its own class, is the anusvara: हिन्दी is हिंदी
NASALS = {"ङ": "क-घ", "ञ": "च-झ", "ण": "ट-ढ", "न": "त-ध", "म": "प-भ"}
NASAL_CLUSTER = re.compile("|".join(f"{nasal}{VIRAMA}(?=[{stops}])" for nasal, stops in NASALS.items()))
OPTIONAL_NUKTA = re.compile(f"(?<![डढ]){NUKTA}")  # ड़ and ढ़ are sounds of their own


def normalise_devanagari(text: str, language: str | None = None) -> str:
    """Applies basic-2, then writes nasal clusters and the chandrabindu as the anusvara, and leaves out the nukta of
    borrowed sounds: हिन्दी is हिंदी, हूँ is हूं, ज़रा is जरा."""
    text = NASAL_CLUSTER.sub(ANUSVARA, normalise_basic(text, language))
    return OPTIONAL_NUKTA.sub("", text.replace(CHANDRABINDU, ANUSVARA))
