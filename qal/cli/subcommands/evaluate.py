"""qal evaluate MODEL CORPUS, and its subcommands: error rates of any model on a dataset, alone or against others."""

from collections.abc import Sequence

from qal.cli.command import HELP, interrupt_on_sigterm, run_subcommand, subcommand_help

ABOUT = (
    "`qal evaluate MODEL CORPUS` measures the error rates and the speed of a model on a dataset, alone or --against "
    "another; `qal evaluate score --help` prints its options. The commands below do more."
)
SUBCOMMANDS = {
    "score": ("qal.cli.evaluation.score", "the same as `qal evaluate MODEL CORPUS`"),
    "compare": ("qal.cli.evaluation.compare", "compare any models on any datasets in one table"),
    "history": ("qal.cli.evaluation.history", "list the scores of a model over time and versions of a dataset"),
    "checkpoints": ("qal.cli.evaluation.checkpoints", "compare the kept checkpoints of a run over its steps"),
    "context": (
        "qal.cli.evaluation.context",
        "find the shortest context at which a model is not worse than at 30 s",
    ),
    "speed": ("qal.cli.evaluation.speed", "measure real-time factor, latency, load time and memory"),
    "report": ("qal.cli.evaluation.report", "write the figures and errors of an evaluation as HTML, JSON, CSV and PNG"),
    "attention": ("qal.cli.evaluation.attention", "draw the words and the attention of a model over a recording"),
    "sounds": ("qal.cli.evaluation.sounds", "count the words that a model invents on sounds without speech"),
    "delete": ("qal.cli.evaluation.delete", "delete stored evaluations"),
    "suite": ("qal.cli.evaluation.suite", "check models against bounds and a baseline; exit code 1 if one is worse"),
}


def main(arguments: Sequence[str]) -> None:
    interrupt_on_sigterm()  # what is transcribed is kept, and continued by the same command
    if not arguments or arguments[0] in HELP:
        print(subcommand_help("qal evaluate", ABOUT, SUBCOMMANDS))
    elif arguments[0] in SUBCOMMANDS:
        run_subcommand("qal evaluate", ABOUT, SUBCOMMANDS, arguments)
    else:
        run_subcommand("qal evaluate", ABOUT, SUBCOMMANDS, ["score", *arguments])
