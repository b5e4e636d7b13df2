"""A report as a table for the terminal."""

import sys

RED, PLAIN = "\x1b[31m", "\x1b[0m"
ROWS = {
    "stock_30s": "stock, 30 s",
    "tuned_30s": "tuned, 30 s",
    "tuned_adaptive": "tuned, adaptive context",
}


def print_report(report: dict) -> None:
    """WER in percent with its 95 % interval, CER, and the real-time factor."""
    stock, tuned, paired = report["stock_30s"], report["tuned_adaptive"], report["paired"]
    print(
        f"\n{report['corpus']} · {report['utterances']} held-out utterances, {report['words']} words · "
        f"base {report['base_model']}"
    )
    print(f"{'':26}{'WER %':>8}{'95 % interval':>18}{'CER %':>8}{'RTF':>8}")
    for name, title in ROWS.items():
        s = report[name]
        interval = f"{100 * s['wer_low']:.1f} – {100 * s['wer_high']:.1f}"
        print(f"{title:26}{100 * s['wer']:8.1f}{interval:>18}{100 * s['cer']:8.1f}{s['rtf']:8.3f}")
    low, high = 100 * paired["low"], 100 * paired["high"]
    difference = f"{100 * paired['difference']:+.1f} points ({low:+.1f} to {high:+.1f}, p {paired['p']:.3f})"
    print(f"WER {difference}; {stock['rtf'] / tuned['rtf']:.1f} times faster\n")
    print_retention(report.get("retention"))
    sys.stdout.flush()


def print_retention(retention: dict | None) -> None:
    """What was kept of what the stock model can, in points of WER; in red what was not."""
    if not retention:
        return
    for name, forms in retention["corpora"].items():
        lost = [f"{100 * forms[form]['difference']:+.1f}" for form in ("tuned_30s", "tuned_adaptive")]
        print(f"kept, {name}: WER {lost[0]} points at 30 s, {lost[1]} at adaptive context, against stock")
    for sentence in retention["failures"]:
        print(f"{RED}lost: {sentence}{PLAIN}" if sys.stdout.isatty() else f"lost: {sentence}")
    print(flush=True)
