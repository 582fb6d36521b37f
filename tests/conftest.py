"""What all tests need of the process they run in."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

from cli.collector import collect_as_usual, collect_seldom
from cli.redactors import ONE_CORE

# What is made while tests are collected stays: a fifth of that time goes into looking through it.
collect_seldom()

# Products of small matrices are not faster with threads, which wait by turning: with one for each
# core, reading for names takes ten times the computing where other tests run. Whoever redacts has
# one thread too. It is read when numpy is imported, here or in what a test starts.
os.environ |= ONE_CORE

# No example is measured against a clock: a machine may be busy with other things.
settings.register_profile("unmeasured", deadline=None)
settings.load_profile("unmeasured")

# A run in the background may have been started with SIGINT ignored, and whoever inherits that
# cannot be interrupted: commands that end on Ctrl-C would outlive their tests.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Collect garbage as usual while tests run, in what they make."""
    collect_as_usual()
