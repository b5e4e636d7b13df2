"""Signals that end a long measurement: the first one after the current step, the second one at once."""

import signal

import pytest

from qal.cli.stopping import SIGNALS, stop_on_signals


@pytest.mark.parametrize("number", SIGNALS)
def test_first_signal_asks_to_stop_and_second_interrupts(number, capsys):
    with stop_on_signals("example") as is_stopped:
        assert not is_stopped()
        signal.raise_signal(number)
        assert is_stopped()
        assert "stopping after this example" in capsys.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_handlers_of_before_are_restored():
    before = [signal.getsignal(number) for number in SIGNALS]
    with stop_on_signals("example"):
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
