"""Options for what is done with a text after it was decoded."""

from pydantic import BaseModel


class PostprocessingOptions(BaseModel, frozen=True, extra="forbid"):
    """Steps after decoding, each off by default."""
