"""A process that trains beside the leader: told what, it writes nothing and goes when the training is over."""

import sys

from qal.errors import EXIT_USER_ERROR, QalError
from qal.jobs.example_selection import read_corpora
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run
from qal.training.loop.distributed import Order, Ranks, leave, told
from qal.training.loop.fit import fit, quiet_libraries


def follow(config: TrainingConfig, ranks: Ranks) -> None:
    """Trains what the leader says; on several nodes the runs folder must be one that all of them see."""
    quiet_libraries()
    order: Order | None = told(None)
    if order is None:
        return  # the leader could not begin, and has said why
    try:
        corpora = read_corpora(config)
        fit(Run(order.run), config, order.weights, corpora, order.attempt, lambda _: lambda done, of: None, ranks)
        leave()
    except QalError as error:
        print(f"rank {ranks.rank}: {error}", file=sys.stderr)
        Run(order.run).rank_error_file.write_text(f"rank {ranks.rank}: {error}", encoding="utf-8")
        sys.exit(EXIT_USER_ERROR)
