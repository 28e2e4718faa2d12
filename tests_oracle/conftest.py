"""Options, the report, and its table at the end of the run."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # every config is here; nothing is to be fetched

from .report import Report

_REPORT = pytest.StashKey[Report]()


def pytest_configure(config: pytest.Config) -> None:
    import torch
    import transformers

    torch.set_num_threads(1)  # the models are too small to share
    transformers.utils.logging.set_verbosity_error()
    config.stash[_REPORT] = Report()
    for library in ("transformers", "torch", "huggingface_hub"):  # their deprecations are not ours to mend
        config.addinivalue_line("filterwarnings", f"ignore:::{library}")


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    return pytestconfig.stash[_REPORT]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    import torch
    import transformers

    terminalreporter.section(f"oracle: transformers {transformers.__version__}, torch {torch.__version__}")
    for line in terminalreporter.config.stash[_REPORT].lines():
        terminalreporter.write_line(line)
