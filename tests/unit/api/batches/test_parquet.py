"""Parquet files as another program reads them."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloche.api.batches import export
from cloche.api.batches.parquet import ParquetFile

from .test_export import row

VALUES: dict[Any, st.SearchStrategy[Any]] = {
    "text": st.text(max_size=20).filter(lambda text: "\0" not in text),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False),
    "bool": st.booleans(),
}
ROWS = st.lists(st.fixed_dictionaries({kind: st.none() | values for kind, values in VALUES.items()}), max_size=40)


def read(path: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return connection.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.integers(1, 17))
def test_what_is_written_is_read(tmp_path: Path, rows: list[dict[str, Any]], at_once: int):
    table = ParquetFile({kind: kind for kind in VALUES})
    groups = [table.group(rows[start : start + at_once]) for start in range(0, len(rows), at_once)]
    path = tmp_path / "t.parquet"
    path.write_bytes(b"".join([table.head(), *groups, table.foot()]))
    assert read(path) == [tuple(one[kind] for kind in VALUES) for one in rows]


@pytest.mark.parametrize("count", [0, 1, 20])
def test_results_have_the_columns_of_the_other_formats(tmp_path: Path, count: int):
    table = export.table()
    records = export.records([row(sample=number, message="=é") for number in range(count)])
    path = tmp_path / "t.parquet"
    path.write_bytes(table.head() + table.group(records) + table.foot())
    assert read(path) == [tuple(record.values()) for record in records]
