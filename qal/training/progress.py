"""Type of the progress reporting of a job's stages."""

from collections.abc import Callable

from qal.evaluation.scoring import ProgressCallback

StageProgress = Callable[[str], ProgressCallback]  # name of a stage -> its progress function
