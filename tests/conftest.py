"""Fixtures for every folder of tests: `aws` and `seaweed` (see their modules in tests/emulators)."""

import signal

pytest_plugins = ("tests.emulators.fixtures", "tests.emulators.seaweed")


def pytest_configure() -> None:
    """Let processes that tests begin hear Ctrl-C: what a script runs in the background ignores it, and so do theirs."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
