"""What runs return: shapes, coordinates, shared memory, and the same values in every library they are handed to."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import bits

import tokenroof as tr
from tokenroof._native import AXES, COLUMNS, UNITS
from tokenroof.result import BOTTLENECKS, Result, Table, readable
from tokenroof.sweep import Sweep

COLUMNS_HELD = ["tpot_s", "usd_per_mtok", "status", "max_batch"]


def sweep(order: list[str] | None = None) -> Sweep:
    """Every kind of axis, unsorted and repeated values, statuses and NaN among the points."""
    axes: dict[str, Any] = {
        "model": ["mixtral-8x7b", "llama-3.1-8b"],
        "hardware": ["h100-sxm", "gb300-nvl72", "l4"],
        "precision": ["fp8", "bf16"],
        "tp": [8, 1, 3],
        "isl": [4000, 100, 4000],
        "batch": [64, 1, 7],
    }
    return Sweep(**{name: axes[name] for name in order or axes})


@pytest.fixture(scope="module")
def result() -> Result:
    return sweep(["batch", "hardware", "tp", "model", "isl", "precision"]).run(COLUMNS_HELD)


def points(result: Result) -> list[tuple[dict[str, Any], tuple[int, ...]]]:
    """Labels and index of every point, in the core's order."""
    order = [name for name in AXES if name in result.dims]
    turned = [result.dims.index(name) for name in order]
    shape = [len(result.coords[name]) for name in order]
    out = []
    for at in np.ndindex(*shape):
        index = [0] * len(order)
        for place, i in zip(turned, at, strict=True):
            index[place] = i
        out.append(({name: result.coords[name][i] for name, i in zip(result.dims, index, strict=True)}, tuple(index)))
    return out


def test_dims_coords_and_shape_are_the_users(result: Result) -> None:
    assert result.dims == ("batch", "hardware", "tp", "model", "isl", "precision")
    assert result.shape == (3, 3, 3, 2, 3, 2) == result["tpot_s"].shape
    assert result.columns == COLUMNS_HELD
    assert result.coords["tp"] == [8, 1, 3] and result.coords["isl"] == [4000, 100, 4000]
    assert result.coords["model"] == ["mixtral-8x7b", "llama-3.1-8b"]
    assert result["tpot_s"].dtype == np.float64


@settings(max_examples=20)
@given(st.permutations(["model", "hardware", "precision", "tp", "isl", "batch"]))
def test_any_order_of_axes_is_the_same_data_turned(order: list[str]) -> None:
    straight, turned = sweep().run("tpot_s"), sweep(order).run("tpot_s")
    want = straight["tpot_s"].transpose([straight.dims.index(name) for name in order])
    assert turned.dims == tuple(order) and (bits(turned["tpot_s"]) == bits(want)).all()


def test_columns_share_the_memory_that_the_run_filled(result: Result) -> None:
    flat = result._flat["tpot_s"]
    assert np.shares_memory(result["tpot_s"], flat) and result["tpot_s"].base is not None
    assert np.shares_memory(result["tpot_s"], result["tpot_s"])
    assert flat.flags.c_contiguous and flat.ndim == 1 and flat.size == math.prod(result.shape)
    with pytest.raises(KeyError, match="unknown column of this result 'ttft_s'"):
        result["ttft_s"]


def test_repr(result: Result) -> None:
    text = repr(result)
    assert (
        text
        == "<tokenroof.Result batch 3 x hardware 3 x tp 3 x model 2 x isl 3 x precision 2: "
        + ", ".join(COLUMNS_HELD)
        + ">"
    )


def test_one_column_by_name_is_a_list_of_one() -> None:
    assert sweep().run("tpot_s").columns == ["tpot_s"]
    assert sweep().run(["tpot_s", "tpot_s"]).columns == ["tpot_s"]


def test_xarray(result: Result) -> None:
    xarray = pytest.importorskip("xarray")
    data = result.to_xarray()
    assert isinstance(data, xarray.Dataset) and dict(data.sizes) == dict(zip(result.dims, result.shape, strict=True))
    for column in result.columns:
        assert data[column].dims == result.dims and data[column].attrs == {"units": UNITS[column]}
        assert np.shares_memory(data[column].values, result._flat[column]), "no copy"
        assert (bits(data[column].values) == bits(result[column])).all()
    for labels, index in points(result)[::17]:
        for column in result.columns:
            cell = data[column][dict(zip(result.dims, index, strict=True))]
            assert bits(cell.item()) == bits(result[column][index])
            assert {name: cell.coords[name].item() for name in result.dims} == labels


def check_rows(rows: list[dict[str, Any]], result: Result) -> None:
    assert len(rows) == math.prod(result.shape)
    for row, (labels, index) in zip(rows, points(result), strict=True):
        assert {name: row[name] for name in result.dims} == labels
        for column in result.columns:
            value = math.nan if row[column] is None else row[column]
            assert bits(value) == bits(result[column][index]), (column, labels)


def test_arrow(result: Result) -> None:
    pa = pytest.importorskip("pyarrow")
    table = result.to_arrow()
    assert table.column_names == [*(name for name in AXES if name in result.dims), *result.columns]
    assert all(pa.types.is_dictionary(table.schema.field(name).type) for name in result.dims)
    assert all(table.schema.field(name).type == pa.float64() for name in result.columns)
    check_rows(table.to_pylist(), result)
    held = table["tpot_s"].chunk(0).buffers()[1]
    assert held.address == result._flat["tpot_s"].ctypes.data, "no copy"


def test_the_arrow_stream_is_the_table(result: Result) -> None:
    pa = pytest.importorskip("pyarrow")
    for table in (pa.table(result), pa.RecordBatchReader.from_stream(result).read_all()):
        assert table.schema == result.to_arrow().schema
        check_rows(table.to_pylist(), result)


def test_pandas(result: Result) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = result.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    check_rows(frame.to_dict("records"), result)


def test_a_sweep_of_one_point() -> None:
    result = Sweep(model="llama-2-7b", hardware="h100-sxm").run(["tpot_s"])
    assert result.dims == ("model", "hardware") and result.shape == (1, 1)
    assert result["tpot_s"].item() == tr.point("llama-2-7b", "h100-sxm").tpot_s
    pa = pytest.importorskip("pyarrow")
    assert pa.table(result).to_pylist() == [
        {"model": "llama-2-7b", "hardware": "h100-sxm", "tpot_s": result["tpot_s"].item()}
    ]


# Tables.


@pytest.fixture(scope="module")
def table() -> Table:
    return sweep().best(
        "tokens_per_s_per_chip",
        by=["model", "hardware"],
        k=2,
        columns=["status", "bottleneck", "fits", "max_batch", "mfu"],
    )


def test_a_table_is_rows_of_plain_values(table: Table) -> None:
    rows = table.rows()
    assert len(table) == len(rows) == len(list(table)) > 6
    assert table.columns == [
        "rank",
        "model",
        "hardware",
        "precision",
        "tp",
        "isl",
        "batch",
        "tokens_per_s_per_chip",
        "status",
        "bottleneck",
        "fits",
        "max_batch",
        "mfu",
    ]
    for row in rows:
        kinds = {name: type(value) for name, value in row.items()}
        assert kinds == {
            "rank": int,
            "model": str,
            "hardware": str,
            "precision": str,
            "tp": int,
            "isl": int,
            "batch": int,
            "tokens_per_s_per_chip": float,
            "status": str,
            "bottleneck": str,
            "fits": bool,
            "max_batch": int,
            "mfu": float,
        }
        assert row["status"] == "ok" and row["bottleneck"] in BOTTLENECKS and row["fits"] is True
    assert json.loads(json.dumps(rows)) == rows


def test_a_column_of_a_table_is_an_array(table: Table) -> None:
    assert table["mfu"].dtype == np.float64 and table["rank"].tolist() == [row["rank"] for row in table]
    assert table["bottleneck"].tolist() == [float(BOTTLENECKS.index(row["bottleneck"])) for row in table]
    with pytest.raises(KeyError, match="unknown column of this table 'mfuu': did you mean 'mfu'"):
        table["mfuu"]


def test_a_table_as_text(table: Table) -> None:
    lines = repr(table).splitlines()
    assert lines[0].split() == table.columns or lines[1].split() == table.columns
    assert len([line for line in lines if "mixtral-8x7b" in line]) == sum(
        row["model"] == "mixtral-8x7b" for row in table
    )


def test_a_table_in_other_libraries(table: Table) -> None:
    pa = pytest.importorskip("pyarrow")
    assert table.to_arrow().to_pylist() == table.rows()
    assert pa.table(table).equals(table.to_arrow())
    pandas = pytest.importorskip("pandas")
    frame = table.to_pandas()
    assert isinstance(frame, pandas.DataFrame) and list(frame.columns) == table.columns
    assert frame.to_dict("records") == table.rows()


def test_an_empty_table_keeps_its_columns() -> None:
    empty = sweep().best("tpot_s", where="tpot_s < 0", columns=["mfu"])
    assert len(empty) == 0 and empty.rows() == [] and list(empty) == []
    assert empty.columns == ["rank", "model", "hardware", "precision", "tp", "isl", "batch", "tpot_s", "mfu"]
    assert "tpot_s" in repr(empty)
    pytest.importorskip("pyarrow")
    assert empty.to_arrow().column_names == empty.columns and empty.to_arrow().num_rows == 0


@pytest.mark.parametrize("column", list(COLUMNS))
def test_readable_values(column: str) -> None:
    assert math.isnan(readable(column, math.nan))
    assert type(readable(column, 1.0)) in ((str,) if column in ("status", "bottleneck") else (int, float, bool))
