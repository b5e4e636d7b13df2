"""An open Run tab in a test: its inputs, and the outputs that each update changes."""

from dataclasses import dataclass, field
from typing import Any

from ui_components.app.studio import Studio
from ui_components.train.run.actions import RunButtons, SentState, refresh
from ui_components.train.run.controls import PendingAction


@dataclass
class RunPage:
    """The inputs of the tab, and what it was sent until now."""

    studio: Studio
    run: str | None = None
    epoch: str | None = None
    level: str = "all"
    query: str = ""
    pending: PendingAction | None = None
    sent: SentState = field(default_factory=SentState)

    def refresh(self) -> dict[str, Any]:
        """Updates the tab and returns the outputs that have changed, by their names in RunUpdate."""
        update = refresh(self.studio, self.run, self.epoch, self.level, self.query, self.pending, self.sent)
        self.sent = update.sent
        return {name: value for name, value in update._asdict().items() if name != "sent" and not is_unchanged(value)}

    def buttons(self) -> dict[str, Any]:
        """The buttons of a tab that is opened now."""
        update = RunPage(self.studio, self.run).refresh()
        return {name: update[name] for name in RunButtons._fields}


def is_unchanged(update: Any) -> bool:
    """True if an output leaves its component as it is (gr.skip)."""
    return update == {"__type__": "update"}
