"""The HTML of "Add data": the preview of an import and the imports in progress. Pure functions; all text is escaped."""

import html
from collections.abc import Sequence

from ui_components.data.add.jobs import ERROR, Job, JobProgress, JobState
from ui_components.data.add.preview_process import ShownPreview, ShownRow
from ui_components.data.add.wording import in_words_of_the_page
from ui_components.widgets.language_names import LANGUAGE_NAMES
from ui_components.widgets.markup import note_html, sentence_html

MAX_PROBLEMS = 100  # lines that are shown
MAX_TEXT = 200  # characters of a text
MAX_NOTES = 3  # notes of a result that are shown
VERBS = {"import": "Importing", "check": "Checking"}
TITLES = {"import": "Import", "check": "Check"}
DONE = {"import": "Imported", "check": "Checked"}
STAGES = {  # by the title of the command's progress bar; that of the main stage is not shown
    "unpack": "unpacking",
    "list": "reading the list",
    "write": "writing",
    "audio": "measuring audio",
    "text and audio": "comparing text and audio",
}


def preview_html(preview: ShownPreview) -> str:
    """The rows as they will be, the counts, what should be known, and every problem."""
    parts = [
        f'<p class="summary" role="status">{html.escape(summary(preview))}</p>',
        note_html(f"The import would stop: {sentence_html_free(preview.stops)}", problem=True) if preview.stops else "",
        _rows(preview.rows),
        note_html(preview.notes),
        _problems(preview.problems),
    ]
    return f'<div class="qal-preview">{"".join(parts)}</div>'


def sentence_html_free(text: str) -> str:
    return f"{text.rstrip('.')}."


def summary(preview: ShownPreview) -> str:
    """Format, number of examples, speakers and splits in one line."""
    at_least = "" if preview.count_is_complete else "at least "
    if not preview.format_title:
        return "Choose the columns of the table above."
    facts = [
        preview.format_title[:1].upper() + preview.format_title[1:],
        f"{at_least}{_counted(preview.count, 'example')}",
        _counted(preview.speakers, "speaker") if preview.speakers else "speakers unknown",
        _counted(len(preview.problems), "problem"),
    ]
    if preview.split_counts:
        splits = ", ".join(f"{name} {count:,}" for name, count in preview.split_counts.items())
        facts.append(f"splits of the source: {splits}")
    return " · ".join(facts)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _rows(rows: Sequence[ShownRow]) -> str:
    if not rows:
        return ""
    names = ["text", "audio", "duration", "language", "speaker", "split", "notes"]
    used = [name for name in names if any(_cells(row)[name] for row in rows)]
    head = "".join(f"<th scope=col>{name}</th>" for name in used)
    body = "".join(
        f"<tr>{''.join(f'<td dir=auto>{html.escape(_cells(row)[name])}</td>' for name in used)}</tr>" for row in rows
    )
    caption = f"The first {len(rows)} examples as they will be" if len(rows) > 1 else "The first example as it will be"
    return f'<div class="qal-table" tabindex="0"><table><caption>{caption}</caption><tr>{head}</tr>{body}</table></div>'


def _cells(row: ShownRow) -> dict[str, str]:
    text = row.text if len(row.text) <= MAX_TEXT else f"{row.text[:MAX_TEXT]}…"
    return {
        "text": text or "(no text)",
        "audio": row.audio,
        "duration": f"{row.duration_s:.1f} s",
        "language": LANGUAGE_NAMES.get(row.language, row.language).capitalize(),
        "speaker": row.speaker,
        "split": row.split_name,
        "notes": "; ".join((*row.marks, *row.notes)),
    }


def _problems(problems: Sequence[str]) -> str:
    if not problems:
        return ""
    items = "".join(f"<li>{html.escape(problem)}</li>" for problem in problems[:MAX_PROBLEMS])
    more = f"<li>and {len(problems) - MAX_PROBLEMS:,} more</li>" if len(problems) > MAX_PROBLEMS else ""
    title = f"{_counted(len(problems), 'problem')}: these entries are left out"
    return f'<details class="problems" open><summary>{title}</summary><ul tabindex="0">{items}{more}</ul></details>'


def jobs_html(jobs: Sequence[tuple[Job, JobState, JobProgress, Sequence[str]]]) -> str:
    """The jobs with their progress or result. Each has the buttons that apply to its state; "" without jobs."""
    return f'<div class="qal-imports">{"".join(_job_html(*job) for job in jobs)}</div>' if jobs else ""


def _job_html(job: Job, state: JobState, progress: JobProgress, notes: Sequence[str]) -> str:
    name, key = html.escape(job.dataset), html.escape(job.id)
    if state == "running":
        bar = "" if progress.share is None else f'<i style="width:{100 * progress.share:.1f}%"></i>'
        text = " · ".join([f"{VERBS[job.kind]} <b>{name}</b>", *map(html.escape, progress_facts(progress))])
        return (
            f'<div class="qal-note job" data-in-progress><p role="status">{text}</p>'
            f'<div class="qal-bar">{bar}</div>{_button("stop", key, "Cancel", name)}</div>'
        )
    texts = {
        "finished": f"{DONE[job.kind]} <b>{name}</b>.",
        "failed": f"{VERBS[job.kind]} <b>{name}</b> failed. {sentence_html(failure_of(progress.line))}",
        "cancelled": f"{VERBS[job.kind]} <b>{name}</b> was cancelled.",
        "interrupted": f"{VERBS[job.kind]} <b>{name}</b> was interrupted. Press Continue to go on where it stopped.",
    }
    shown = "".join(f"<li>{html.escape(note)}</li>" for note in notes[:MAX_NOTES])
    listed = f"<ul>{shown}</ul>" if shown else ""
    can_continue = state in ("cancelled", "interrupted", "failed")
    buttons = (_button("resume", key, "Continue", name) if can_continue else "") + _button(
        "dismiss", key, "Discard" if can_continue and job.kind == "import" else "Dismiss", name
    )
    problem = " problem" if state == "failed" else ""
    return f'<div class="qal-note job{problem}"><p role="status">{texts[state]}</p>{listed}{buttons}</div>'


def progress_facts(progress: JobProgress) -> list[str]:
    """Returns the stage, the share that is done and the time left, as far as they are known."""
    percent = "" if progress.share is None else f"{100 * progress.share:.0f} %"
    left = f"{progress.left} left" if progress.left else ""
    return [fact for fact in (STAGES.get(progress.stage, ""), percent, left) if fact]


def short_progress(job: Job, state: JobState, progress: JobProgress) -> str:
    """Returns the state of a job in a few words, such as "Importing · 25 %"."""
    if state == "running":
        return " · ".join([VERBS[job.kind], *progress_facts(progress)])
    return DONE[job.kind] if state == "finished" else f"{TITLES[job.kind]} {state}"


def failure_of(line: str) -> str:
    """The reason of a failed command, from its last line."""
    if line.startswith(ERROR):
        return in_words_of_the_page(line.removeprefix(ERROR))
    return f"it ended unexpectedly: {line[:200]}"


def _button(action: str, key: str, label: str, name: str) -> str:
    return f'<button type="button" data-{action}="{key}" aria-label="{label}: {name}">{label}</button>'
