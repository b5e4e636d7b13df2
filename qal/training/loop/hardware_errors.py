"""Translation of hardware errors into TrainingError: memory that runs out, and loader workers that were killed."""

from collections.abc import Iterator
from contextlib import contextmanager

from qal.errors import TrainingError
from qal.training.loop.micro_batches import is_out_of_memory

OUT_OF_MEMORY = (
    "out of memory outside of a batch's own computation, which would be split; choose a smaller batch_size, "
    "lora.rank or base model, or close other programs, and start again"
)
WORKER_KILLED = (
    "a process that loads audio was killed, as happens when memory or /dev/shm is full; start again with "
    "--machine.workers 0"
)


@contextmanager
def hardware_errors() -> Iterator[None]:
    """Raises TrainingError for a lack of memory or a killed loader worker.

    Ctrl-C and SIGTERM, to which Lightning answers with SystemExit, are raised as KeyboardInterrupt."""
    try:
        yield
    except SystemExit as error:
        raise KeyboardInterrupt from error
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise TrainingError(OUT_OF_MEMORY) from error
        if "DataLoader worker (pid" in str(error):  # not "Caught … in DataLoader worker process": that is a bug
            raise TrainingError(WORKER_KILLED) from error
        raise
