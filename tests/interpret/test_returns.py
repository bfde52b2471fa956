"""What a call gives whose `return` statements stand under conditions that the code leaves open."""

from __future__ import annotations

from tests.interpret.machine import program, value

from trainlint.interpret.classes import fold_returns
from trainlint.program.values import NONE, Choice, Condition, Const

A, B = Condition("a"), Condition("b")
ONE, TWO, THREE = Const(1), Const(2), Const(3)


def test_a_return_below_two_conditions_counts():
    """Neither branch of the outer `if` returns in all cases, and what follows it may still not be reached."""
    code = "def f():\n    if some_flag():\n        if other_flag():\n            return 1\n    return 2\nx = f()"

    assert ONE == value(code, "x")


def test_what_follows_an_if_is_what_its_branches_leave_open():
    """`if a: (if b: return 1)`, then `return 2`."""
    inner = (B, (ONE,), ())

    found = fold_returns([(A, (inner,), ()), TWO], falls_through=False)

    assert Choice(A, Choice(B, ONE, TWO), TWO) == found


def test_a_function_may_end_without_return():
    """Then it gives None in what is left open."""
    assert Choice(A, ONE, NONE) == fold_returns([(A, (ONE,), ())], falls_through=True)
    assert NONE == fold_returns([], falls_through=True)


def test_branches_that_both_return_leave_nothing_open():
    """The value behind them is never given."""
    assert Choice(A, ONE, TWO) == fold_returns([(A, (ONE,), (TWO,)), THREE], falls_through=False)


def test_a_chain_of_elif_is_one_choice_for_each():
    """Each branch asks its own condition, and not those before it once more."""
    outcomes: tuple = (Const(300),)
    for number in reversed(range(300)):
        outcomes = ((Condition(("x", number)), (Const(number),), outcomes),)

    found = fold_returns(list(outcomes), falls_through=False)

    asked, given = [], []
    while isinstance(found, Choice):
        asked.append(found.condition.key[1])
        given.append(found.then.value)
        found = found.otherwise
    assert (list(range(300)), list(range(300)), 300) == (asked, given, found.value)


def test_what_a_decorator_makes_of_two_functions_are_two():
    """A call inside of the same decorator, of another function, is no recursion."""
    code = (
        "def traced(function):\n"
        "    def inner(*values):\n"
        "        return function(*values)\n"
        "    return inner\n"
        "@traced\n"
        "def half(number):\n"
        "    return number // 2\n"
        "@traced\n"
        "def quarter(number):\n"
        "    return half(half(number))\n"
        "x = quarter(12)\n"
    )
    assert value(code, "x") == Const(value=3)


def test_what_a_recursive_call_takes_is_used():
    """A call that is not followed may do anything with its arguments."""
    code = (
        "import tensorflow as tf\n"
        "def build(x, layers):\n"
        "    return x if layers == 0 else build(tf.nn.relu(x), layers - 1)\n"
        "y = build(tf.zeros([3, 3]), 3)\n"
    )
    found = program(code)
    (relu,) = found.of_kind("activation")
    assert found.consumers(relu.id)
