"""How a container of ours ends when it is told to."""

import os
import signal
import threading


def end_on_sigterm() -> None:
    """As process 1 of a container, SIGTERM is ignored unless handled: a deleted pod would hang for its grace period.

    Threads may be in the middle of downloads; nothing needs an orderly end, part files are made to be left.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
