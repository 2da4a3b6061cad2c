"""CSV files of users: read exactly, or refused in one line that names the row or the column."""

from pathlib import Path

import numpy as np
import pytest

from gan_jax.errors import UserError
from math_checks.tables import diabetes, read_table


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "mine.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_reads_numbers(tmp_path: Path, ending: str, mark: str) -> None:
    lines = ["a, the price ,b", "1,2,3e-2", "-4, 5.5 ,6", "", '"7",8,9']
    table = read_table(write(tmp_path, mark + ending.join(lines)), "the price")
    assert table.columns == ("a", "b")
    assert (table.name, table.target) == ("mine", "the price")
    np.testing.assert_array_equal(table.features, [[1, 0.03], [-4, 6], [7, 9]])
    np.testing.assert_array_equal(table.targets, [2, 5.5, 8])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3,4\n", "no column 'y' for --target; the columns are 'a', 'b'"),
        ("a,y\n1,2\nfour,5\n", "line 3, column 'a': 'four' is not a number"),
        ("a,y\n1,2\n\n3,x\n", "line 4, column 'y': 'x' is not a number"),
        ("a,y\n1,NaN\n3,4\n", "line 2, column 'y': 'NaN' is not finite"),
        ("a,y\n1,2\n-inf,4\n", "line 3, column 'a': '-inf' is not finite"),
        ("a,y\n1,2\n1e999,4\n", "line 3, column 'a': '1e999' is not finite"),
        ("a,y\n1,2\n,4\n", "line 3, column 'a' is empty: fill"),
        ("a,y\n1,2\n3, \n", "line 3, column 'y' is empty: fill"),
        ("", "is empty: it needs a header"),
        ("\n\n", "is empty: it needs a header"),
        ("a,y\n", "has no row under its header"),
        ("a,y\n1,2\n", "has one row under its header"),
        ("a,y\n5,2\n5,3\n", r"column 'a' is constant \(5\): leave it out"),
        ("a,y\n5,2\n6,2\n", r"column 'y' is constant \(2\)"),
        ("a,y\n0.1,2\n0.1,3\n0.1,5\n", r"column 'a' is constant \(0.1\)"),  # their mean is rounded to another number
        ("a,y\n1e12,2\n1000000000001,3\n", "column 'a' varies by less than 1e-5 of its mean: subtract"),
        ("a,y\n1e200,2\n-1e200,3\n", r"column 'a' reaches 1e\+200, too large to be squared: use another unit"),
        ("a,y\n1,2e-200\n2,3e-200\n", "column 'y' reaches 3e-200, too small to be squared: use another unit"),
        ("a,y\n1_000,2\n2,3\n", "line 2, column 'a': '1_000' is not a number"),
        ("a, a,y\n1,2,3\n4,5,6\n", "column 'a' appears 2 times in the header"),
        ("a,a,y\n1,2,3\n4,5,6\n", "column 'a' appears 2 times in the header"),
        ("a;y\n1;2\n3;4\n", "header has ';' where commas are needed: save"),
        ("a\ty\n1\t2\n3\t4\n", r"header has '\\t' where commas are needed: save"),
        ('a,y\n"1,5",2\n3,4\n', "line 2, column 'a': '1,5' is not a number"),
        ("a,y\n1," + "9" * 200_000 + "\n3,4\n", "line 2: field larger than field limit"),
        ('"a\nb",y\n1,2\n3,x\n', "line 4, column 'y': 'x' is not a number"),
        ("a,,y\n1,2,3\n4,5,6\n", "column 2 has no name"),
        ("y\n1\n2\n", "nothing to predict 'y' from"),
        ("a,y\n1,2\n3\n", "line 3 has 1 cells, the header has 2"),
        ("a,y\n1,2\n3,4,5\n", "line 3 has 3 cells, the header has 2"),
        ('a,y\n1,2\n"3,4\n', "line 3: unexpected end of data"),
        ("a,y\n1,2\n3,4\n".encode("utf-16"), "is not UTF-8 text"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "is not UTF-8 text"),
    ],
)
def test_refuses_in_one_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_table(write(tmp_path, text), "y")
    assert "\n" not in str(caught.value)


def test_a_small_variation_is_accepted(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "a,y\n10000,1\n10001,2\n"), "y")
    np.testing.assert_array_equal(table.features, [[10000], [10001]])


def test_refuses_a_directory_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read --data .*: Is a directory"):
        read_table(tmp_path, "y")
    with pytest.raises(UserError, match=r"cannot read --data .*: No such file"):
        read_table(tmp_path / "absent.csv", "y")


def test_the_shipped_data_are_those_of_the_paper() -> None:
    table = diabetes()
    assert table.features.shape == (442, 10)
    assert np.isfinite(table.features).all()
    assert np.isfinite(table.targets).all()
