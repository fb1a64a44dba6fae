"""The webhook's deadline: work that hangs ends as a 500, which makes the CRM send again."""

from __future__ import annotations

import signal
import socket
from contextlib import closing
from threading import Thread

import pytest

from dealtalk.ingress.deadline import DeadlinePassed, deadline


def test_a_wait_for_a_socket_is_ended() -> None:
    """A read that never gets an answer is interrupted."""
    here, there = socket.socketpair()
    with closing(here), closing(there), pytest.raises(DeadlinePassed), deadline(0.05):
        here.recv(1)


def test_work_that_is_done_in_time_leaves_no_timer() -> None:
    """Nothing strikes later, and the signal's old handler is back."""
    before = signal.getsignal(signal.SIGALRM)
    with deadline(60):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_outside_the_main_thread_the_block_just_runs() -> None:
    """A server's thread in a test has no timer to use."""
    ran = []

    def work() -> None:
        with deadline(60):
            ran.append(signal.getitimer(signal.ITIMER_REAL)[0])

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [0.0]
