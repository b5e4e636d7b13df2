"""The Run tab as a test reads it: the parts that a page was told, by name."""

import itertools
from dataclasses import dataclass, field
from typing import Any

from ui_components.app.studio import Studio
from ui_components.train.run.actions import PARTS, Seen, watch

ENDS = list(itertools.accumulate(PARTS.values()))
PLACES = {name: slice(end - size, end) for (name, size), end in zip(PARTS.items(), ENDS, strict=True)}
BUTTONS = ("stop", "kill", "resume", "settings", "png", "html", "tensorboard", "delete")


@dataclass
class Page:
    """An open page: what it shows, and what it was told last."""

    studio: Studio
    run: str | None = None
    epoch: str | None = None
    level: str = "all"
    words: str = ""
    asked: Any = None
    seen: Seen = field(default_factory=Seen)

    def look(self) -> dict[str, list[Any]]:
        """The parts that were told anew."""
        *told, self.seen = watch(self.studio, self.run, self.epoch, self.level, self.words, self.asked, self.seen)
        assert len(told) == sum(PARTS.values())
        parts = {name: told[place] for name, place in PLACES.items()}
        return {name: part for name, part in parts.items() if not all(map(is_skip, part))}

    def buttons(self) -> dict[str, Any]:
        return dict(zip(BUTTONS, Page(self.studio, self.run).look()["buttons"], strict=True))


def is_skip(update: Any) -> bool:
    return update == {"__type__": "update"}
