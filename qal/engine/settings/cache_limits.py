"""Limits of the models in memory, set by environment variables."""

import os
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, Field, ValidationError

from qal.errors import OptionError

ENVIRONMENT = {  # variable by field
    "max_models": "QAL_MODEL_CACHE_SIZE",
    "idle_s": "QAL_MODEL_CACHE_TTL",
    "memory_limit_mb": "QAL_MODEL_CACHE_MEMORY_LIMIT",
}


class CacheLimits(BaseModel, frozen=True, extra="forbid"):
    """How many models stay in memory, for how long, and how much of it they may use."""

    max_models: int = Field(default=5, ge=1, le=1000, description="models in memory at the same time")
    idle_s: float = Field(
        default=3600.0,
        ge=0,
        allow_inf_nan=False,
        description="seconds after which an unused model is unloaded; 0: when its place is needed",
    )
    memory_limit_mb: int = Field(default=0, ge=0, description="MB that models may use together; 0: no limit")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Reads the limits from QAL_MODEL_CACHE_SIZE, _TTL and _MEMORY_LIMIT. Raises OptionError."""
        environment = os.environ if environment is None else environment
        given = {name: environment[variable] for name, variable in ENVIRONMENT.items() if environment.get(variable)}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            least = "a whole number, 1 or more" if name == "max_models" else "a number, 0 or more"
            raise OptionError(f"{ENVIRONMENT[name]}={given[name]} is not possible; set it to {least}") from error
