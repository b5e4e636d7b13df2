"""Switches off what users of a command do not need: progress bars and notes of libraries, and unused DeepSpeed."""

import warnings


def quiet_transformers() -> None:
    """Switches off the progress bars and notes of Transformers; its errors are still raised. Imports torch."""
    import transformers

    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    hide_deepspeed()


def hide_deepspeed() -> None:
    """Keeps accelerate, and with it Transformers, from importing DeepSpeed when weights are saved.

    DeepSpeed probes the machine and CUDA's tools when it is imported, so only its own strategies may import it."""
    from accelerate.utils import other

    other.is_deepspeed_available = lambda: False
