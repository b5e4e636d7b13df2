"""The ids of the tabs below Data."""

BROWSE_TAB, ADD_TAB, RECORD_TAB = "browse", "add", "record"
