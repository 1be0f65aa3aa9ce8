"""`--golden` rewrites the golden files instead of comparing with them."""

import gc
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser):
    parser.addoption("--golden", action="store_true", help="write what tests/golden/*.txt should hold, to be read in the diff")


def pytest_collection_finish():
    """Full collections do not look again at what sixteen thousand collected tests keep alive: that took a third of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def golden(request):
    """`golden(name, text)`: the text is what tests/golden/<name>.txt holds."""

    def compare(name, text):
        path = GOLDEN / f"{name}.txt"
        if request.config.getoption("golden"):
            path.write_text(text + "\n", encoding="utf-8")
        assert path.exists(), f"{path.name} is missing: run pytest --golden and read the file"
        assert text + "\n" == path.read_text(encoding="utf-8"), "run pytest --golden and read the diff, if this change is meant"

    return compare
