"""Tables of pandas and files of numbers: rows, columns, and what is known of their values."""

from __future__ import annotations

import pytest
from tests.interpret.machine import shape, value

from trainlint.program.values import Tensor

TABLE = "import numpy as np\nimport pandas as pd\nt = pd.read_csv('t.csv', names=['a', 'b', 'c', 'd'])\n"
OPEN = "import numpy as np\nimport pandas as pd\nt = pd.read_csv('t.csv')\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = t.values", "[rows, 4]"),
        ("x = t['a']", "[rows]"),
        ("x = t.b", "[rows]"),
        ("x = t['a'].values.reshape(-1, 1)", "[rows, 1]"),
        ("x = t[['a', 'b']].to_numpy()", "[rows, 2]"),
        ("x = t.drop('a', axis=1).values", "[rows, 3]"),
        ("x = t.drop(['a', 'b'], 1).values", "[rows, 2]"),
        ("x = t.drop(columns=['a', 'b', 'c']).values", "[rows, 1]"),
        ("t.drop(['a'], axis=1, inplace=True)\nx = t.values", "[rows, 3]"),
        ("y = t.pop('d')\nx = t.values", "[rows, 3]"),
        ("x = t.pop('d')", "[rows]"),
        ("del t['a']\nx = t.values", "[rows, 3]"),
        ("t['e'] = t['a'] * 2\nx = t.values", "[rows, 5]"),
        ("t['a'] = t['a'] * 2\nx = t.values", "[rows, 4]"),
        ("t.insert(0, 'e', 1)\nx = t.values", "[rows, 5]"),
        ("x = t.iloc[:, 0:3].values", "[rows, 3]"),
        ("x = t.iloc[:, :-1].values", "[rows, 3]"),
        ("x = t.iloc[:, -1].values", "[rows]"),
        ("x = t.iloc[:, [0, 2]].values", "[rows, 2]"),
        ("x = t.iloc[:100].values", "[100, 4]"),
        ("x = t.iloc[5]", "[4]"),
        ("x = t.loc[:, 'a']", "[rows]"),
        ("x = t.loc[:, ['a', 'b']].values", "[rows, 2]"),
        ("x = t[:50].values", "[50, 4]"),
        ("x = t.head(7).values", "[7, 4]"),
        ("x = t.sample(frac=1).values", "[rows, 4]"),
        ("x = t.mean()", "[4]"),
        ("x = ((t - t.mean()) / t.std()).values", "[rows, 4]"),
        ("x = ((t - t.min()) / (t.max() - t.min()))[['a']].values", "[rows, 1]"),
        ("x = t.describe().transpose()['mean']", "[4]"),
        ("x = (t / 255.0).values", "[rows, 4]"),
        ("x = t[t['a'] > 0].values", "[rows, 4]"),
        ("x = t.dropna().fillna(0).astype('float32').values", "[rows, 4]"),
        ("x = np.array(t[['a', 'b', 'c']])", "[rows, 3]"),
        ("x = np.zeros(t.shape[1])", "[4]"),
        ("x = np.zeros(len(t.columns))", "[4]"),
        ("x = np.zeros(len(t.keys()))", "[4]"),
        ("x = t[t.columns[1:]].values", "[rows, 3]"),
        ("x = t[list(t.columns[:2])].values", "[rows, 2]"),
        ("x = t[t.columns.tolist()].values", "[rows, 4]"),
        ("t.columns = ['p', 'q', 'r', 's']\nx = t.p", "[rows]"),
        ("x = pd.concat([t, t[['a']]], axis=1).values", "[rows, 5]"),
        ("x = pd.get_dummies(t['a']).values", "[rows, classes]"),
        ("x = t.T.values", "[4, rows]"),
        ("x = t['a'].to_frame().values", "[rows, 1]"),
        ("x = t.rename(columns={'a': 'z'}).values", "[rows, 4]"),
    ],
)
def test_table_with_known_columns(code, expected):
    """A file whose columns the call names has that many columns, and as many rows as there are."""
    assert expected == shape(TABLE + code)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = t.values", "[rows, columns]"),
        ("x = t.drop('y', axis=1).values", "[rows, columns - 1]"),
        ("t['y'] = t['y'].map({'a': 0, 'b': 1})\nx = t.values", "[rows, columns]"),
        ("x = t[['a', 'b']].values", "[rows, 2]"),
        ("x = np.zeros(t.shape[1])", "[columns]"),
        ("x = t.iloc[:, 3:].values", "[rows, columns - 3]"),
        ("x = t.merge(t).values", "[rows, columns]"),
        ("x = pd.DataFrame({'a': [1, 2, 3], 'b': [4, 5, 6]}).values", "[3, 2]"),
        ("x = pd.DataFrame(np.ones((5, 2)), columns=['a', 'b'])['a']", "[5]"),
        ("d = pd.DataFrame()\nd['a'] = np.ones(5)\nd['b'] = np.ones(5)\nx = d.values", "[5, 2]"),
        ("x = pd.Series([1, 2, 3]).values", "[3]"),
        ("x = np.loadtxt('t.csv', delimiter=',')[:, 0:8]", "[rows, 8]"),
        ("x = np.genfromtxt('t.csv', delimiter=',')[:, 8]", "[rows]"),
        ("x = np.loadtxt('t.csv')", "an unknown shape"),
        ("x = np.loadtxt('t.csv', ndmin=2)", "[rows, columns]"),
        (
            "from sklearn.model_selection import train_test_split\n"
            "a, b = train_test_split(t, test_size=0.2)\nx = a.drop('y', axis=1).values",
            "[rows, columns - 1]",
        ),
    ],
)
def test_table_of_an_open_file(code, expected):
    """What the file alone tells is a symbol, which columns that are taken away are counted off from."""
    assert expected == shape(OPEN + code)


def test_new_column_may_have_been_there():
    """A column that is assigned without having been seen leaves open how many there are."""
    text = OPEN + "old = t.values\nt['a'] = 1\nx = t.values - old\n"

    assert "[rows, ?]" == shape(text)


def test_changed_table_is_one_table():
    """Two names of one table see the same columns."""
    assert "[rows, 3]" == shape(TABLE + "u = t\nu.pop('a')\nx = t.values")


def test_table_that_is_changed_in_one_branch():
    """What may have happened to a table is not known after it."""
    text = TABLE + "import sys\nif len(sys.argv) > 1:\n    t.pop('a')\nx = t.values\n"

    assert shape(text) in ("[rows, 4]", "[rows, 3]", "[rows, ?]")


@pytest.mark.parametrize(
    ("code", "low", "high", "encoding"),
    [
        ("x = t['a'].map({'no': 0, 'yes': 1})", 0, 1, "class-ids"),
        ("x = t['a'].apply(lambda word: 1 if word == 'yes' else 0)", 0, 1, "class-ids"),
        ("t['a'] = t['a'].map({'x': 0, 'y': 1, 'z': 2})\nx = t['a'].values", 0, 2, "class-ids"),
        ("x = t['a'].map({'no': -1.5, 'yes': 1})", -1.5, 1, None),
        ("t['a'] = t['a'].map({'x': 0, 'y': 1})\nt['a'] = t['a'].str.len()\nx = t['a']", None, None, None),
        ("x = t['a'].astype('category').cat.codes", None, None, "class-ids"),
        ("x = pd.get_dummies(t['a']).values", 0, 1, "one-hot"),
        ("x = pd.DataFrame({'a': [1.0, 2.0], 'b': [0.0, 9.0]}).values", 0, 9, None),
        ("x = pd.DataFrame({'a': [1.0, 2.0], 'b': [0.0, 9.0]})['a']", 1, 2, None),
        ("x = t.values", None, None, None),
    ],
)
def test_values_of_columns(code, low, high, encoding):
    """Numbers that a program puts in the place of words are known; those of a file are not."""
    found = value(TABLE + code, "x")

    assert isinstance(found, Tensor)
    assert (low, high, encoding) == (found.low, found.high, found.encoding)
