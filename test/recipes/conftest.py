from pathlib import Path

import pytest

from hp_lab.chemistry.stocks import load_stocks
from hp_lab.lab_config import load_lab_config

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture(scope="session")
def lab():
    return load_lab_config(CONFIG / "lab.yaml")


@pytest.fixture(scope="session")
def stocks():
    return load_stocks(CONFIG / "stocks.yaml")
