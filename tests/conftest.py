"""What all tests need of the process they run in."""

from __future__ import annotations

import signal

from hypothesis import settings

# No example is measured against a clock: a machine may be busy with other things.
settings.register_profile("unmeasured", deadline=None)
settings.load_profile("unmeasured")

# A run in the background may have been started with SIGINT ignored, and whoever inherits that
# cannot be interrupted: commands that end on Ctrl-C would outlive their tests.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
