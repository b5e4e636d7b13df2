"""Errors that report a lack of memory, after which the GPU benchmark continues with the next measurement."""

import pytest
import torch

from benchmarks.gpu.timing import is_out_of_memory

MORE_THAN_ANY_MACHINE = 1 << 50  # elements


def test_lack_of_memory_of_the_cpu_is_recognised():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(MORE_THAN_ANY_MACHINE)
    assert is_out_of_memory(raised.value)


def test_errors_of_ctranslate2_and_other_errors_are_distinguished():
    assert is_out_of_memory(RuntimeError("CUDA failed with error out of memory"))
    assert not is_out_of_memory(RuntimeError("CUDA failed with error invalid argument"))
