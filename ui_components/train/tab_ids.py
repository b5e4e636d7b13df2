"""Ids of the tabs below Train, which handlers select."""

NEW_RUN_TAB = "new"
RUN_TAB = "run"
COMPARE_TAB = "compare"
