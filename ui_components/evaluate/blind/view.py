"""The HTML of the blind test. Pure functions; all text is escaped."""

import html
from collections.abc import Mapping
from pathlib import Path

from qal.evaluation.blind_test import Item, ShownItem, WinRate, together
from qal.text.error_measure import percent, percent_interval
from ui_components.evaluate.results.view import player_html
from ui_components.widgets.markup import note_html

EMPTY = '<span class="qal-muted">(empty)</span>'
INVITATION = (
    "Choose two evaluations of the same dataset and enter your name. Their transcripts appear in unknown order."
)
NO_VOTES = "There are no votes yet."
SAME = "The two models wrote the same in every example; there is nothing to compare."


def item_html(item: Item, shown: ShownItem, audio: Path | None, left: int, total: int) -> str:
    """An example with its player and both transcripts.

    Args:
        item: the example.
        shown: its transcripts in the order of this rater.
        audio: its sound, None if it cannot be played.
        left: number of examples without a vote of this rater.
        total: number of examples whose transcripts differ."""
    language = f' lang="{html.escape(item.language)}"' if item.language else ""
    transcripts = "".join(
        f'<article class="qal-card"><h3>{name}</h3><p dir="auto"{language}>{html.escape(text) or EMPTY}</p></article>'
        for name, text in (("A", shown.a), ("B", shown.b))
    )
    position = f"Example {total - left + 1:,} of {total:,}"
    return (
        f'<div class="qal-blind"><p class="qal-muted" role="status">{position}</p>'
        f'<div class="player">{player_html(audio, "Example to rate")}</div><div class="pair">{transcripts}</div>'
        f'<details><summary>Show the reference</summary><p dir="auto"{language}>{html.escape(item.reference)}</p>'
        "</details></div>"
    )


def done_html(total: int) -> str:
    """The sentence for a rater who has no example left."""
    return note_html(f"You have rated all {total:,} examples. The results are below." if total else SAME)


def results_html(results: Mapping[str, WinRate], first: str, second: str) -> str:
    """The win rate of the first evaluation of a pair, of all raters and of each.

    Args:
        results: the votes by rater.
        first: name of the pair's first evaluation.
        second: name of its second one."""
    if not results:
        return note_html(NO_VOTES)
    total = together(dict(results))
    names = html.escape(first), html.escape(second)
    head = "".join(f"<th scope=col>{name}</th>" for name in ("Rater", *names, "Equal", "Win rate", "95 % interval"))
    lines = [*([("All raters", total)] if len(results) > 1 else []), *results.items()]
    body = "".join(_line(name, rate) for name, rate in lines)
    return (
        f"<p role=status>{verdict(total, *names)}</p>"
        '<div class="qal-table qal-votes" tabindex="0" role="region" aria-label="Votes">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f'<p class="qal-muted">The win rate is that of <b>{names[0]}</b>. It leaves out equal votes; its interval is '
        "Wilson's.</p>"
    )


def verdict(total: WinRate, first: str, second: str) -> str:
    """The result in a sentence; the names are HTML."""
    low, high = total.interval
    if low > 0.5:
        return f"<b>{first}</b> is preferred."
    if high < 0.5:
        return f"<b>{second}</b> is preferred."
    return "The votes do not show a preference."


def _line(name: str, rate: WinRate) -> str:
    share = "–" if rate.rate is None else percent(rate.rate)
    interval = "–" if rate.rate is None else f"{percent_interval(*rate.interval)} %"
    cells = (f"{rate.wins:,}", f"{rate.losses:,}", f"{rate.equal:,}", share, interval)
    return f'<tr><td dir="auto">{html.escape(name)}</td>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
