import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "engines: asks the parsers in the engine images; skipped where there are none")
