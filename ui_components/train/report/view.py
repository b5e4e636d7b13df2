"""What a run's report says, as HTML: the held-out figures before and after, and what was lost. Pure functions."""

import html
from typing import Any

SYSTEMS = (
    ("stock_30s", "{base} as it was, 30 s"),
    ("tuned_30s", "fine-tuned, 30 s"),
    ("tuned_adaptive", "fine-tuned, adaptive context"),
)


def report_html(report: dict[str, Any] | None) -> str:
    """The held-out figures of the model before and after; "" while there are none."""
    if not report:
        return ""
    having = [(key, name) for key, name in SYSTEMS if report.get(key)]
    best = min((key for key, _ in having), key=lambda key: report[key]["wer"], default=None)
    base = report.get("base_model", "stock")
    rows = "".join(_report_row(report[key], name.format(base=base), key == best) for key, name in having)
    head = "<tr><th>held-out rows</th><th>WER (95 % interval)</th><th>CER</th><th>speed (RTF)</th></tr>"
    return f'<div class="qal-table"><table>{head}{rows}</table></div>{_verdict(report.get("paired"))}{_losses(report)}'


def _report_row(figures: dict[str, Any], name: str, best: bool) -> str:
    wer = f"{100 * figures['wer']:.1f} % ({100 * figures['wer_low']:.1f} – {100 * figures['wer_high']:.1f})"
    cells = (html.escape(name), wer, f"{100 * figures['cer']:.1f} %", f"{figures['rtf']:.3f}")
    return f'<tr class="{"best" if best else ""}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _losses(report: dict[str, Any]) -> str:
    """What the stock model could and the tuned one no longer can."""
    failures = (report.get("retention") or {}).get("failures", [])
    return "".join(f'<p class="qal-note problem lost">Lost: {html.escape(sentence)}</p>' for sentence in failures)


def _verdict(paired: dict[str, Any] | None) -> str:
    """The paired difference in words; negative is better."""
    if not paired:
        return ""
    points, low, high = (100 * paired[key] for key in ("difference", "low", "high"))
    sure = "" if low * high > 0 else " The interval holds zero, so this may be chance."
    side = "fewer" if points < 0 else "more"
    interval = f"95 % interval {low:+.1f} to {high:+.1f}, p = {paired['p']:.2g}"
    return (
        f'<p class="qal-muted">Fine-tuned with adaptive context makes {abs(points):.1f} points {side} word errors '
        f"than the model as it was ({interval}).{sure}</p>"
    )
