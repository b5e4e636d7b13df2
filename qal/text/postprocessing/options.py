"""Options for what is done with a text after it was decoded."""

from pydantic import BaseModel, Field


class PostprocessingOptions(BaseModel, frozen=True, extra="forbid"):
    """Steps after decoding, each off by default; docs/postprocessing.md lists their languages."""

    fillers: bool = Field(default=False, description="remove hesitations such as um and uh that stand alone")
    numbers: bool = Field(default=False, description="write numbers, dates and times that were spoken as digits")
    profanity: bool = Field(default=False, description="mask swear words after their first letter, as in f***")
    profanity_file: str | None = Field(
        default=None,
        description="file with the words to mask in place of the list of the language, one a line; * at the end "
        "of a word stands for any ending",
    )
    punctuation: bool = Field(
        default=False, description="capitals and full stops by rules, only where the whole text has none"
    )
    sentence_pause_s: float = Field(
        default=0.7, gt=0, le=10, description="pause that ends a sentence in a text without punctuation"
    )
    entities: bool = Field(
        default=False, description="mark the names of people, places and the like; needs spaCy and a model for it"
    )

    @property
    def changes_text(self) -> bool:
        """True if a step that changes the text is on."""
        return self.fillers or self.numbers or self.profanity or self.punctuation
