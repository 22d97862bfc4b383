"""Fixtures for every folder of tests: `aws` and `seaweed` (see their modules in tests/emulators)."""

pytest_plugins = ("tests.emulators.fixtures", "tests.emulators.seaweed")
