from collections.abc import Iterator

import pytest

from tests.api.serving import Served, prepare, serving


@pytest.fixture
def served(database_url: str) -> Iterator[Served]:
    """The API on a fresh TimescaleDB with the small district and a user of each role."""
    prepare(database_url)
    with serving(database_url) as found:
        yield found


@pytest.fixture(scope="module")
def any_served(module_database_url: str) -> Iterator[Served]:
    """One for all tests of a module, on TimescaleDB and on the embedded PostgreSQL."""
    prepare(module_database_url)
    with serving(module_database_url) as found:
        yield found
