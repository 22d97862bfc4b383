"""Fixtures for every folder of tests: `aws` (see tests/emulators/fixtures.py)."""

pytest_plugins = ("tests.emulators.fixtures",)
