"""Linking an object into this process: near and far symbols, and what cannot be linked."""

import ctypes

import pytest

from hew.compiler import loader, native
from hew.errors import InternalError

NEAR_ZERO = 0x7000_0000
FAR = 0x7000_0000_0000_0000
TEXT = """
@there = external global i32
@table = constant { ptr, i64 } { ptr @there, i64 7 }
declare double @fabs(double) nounwind
define ptr @address() { ret ptr @there }
define i64 @seven() {
  %at = getelementptr { ptr, i64 }, ptr @table, i32 0, i32 1
  %value = load volatile i64, ptr %at
  ret i64 %value
}
"""
CALL = """
declare double @hypot(double, double)
define double @f(double %x) { %r = call double @hypot(double %x, double 4.0)  ret double %r }
"""


def call(entry: str, *, there: int) -> int:
    address = loader.link(native.compile_ir(TEXT), {"there": there}, [], entry).entry
    value: int = ctypes.CFUNCTYPE(ctypes.c_uint64)(address)()
    return value


@pytest.mark.parametrize("there", [NEAR_ZERO, FAR])
def test_an_address_from_outside_is_what_was_given(there: int) -> None:
    assert call("address", there=there) == there
    assert call("seven", there=there) == 7


def test_a_constant_holds_the_address() -> None:
    place = loader.link(native.compile_ir(TEXT), {"there": FAR}, [], "table").entry
    assert ctypes.c_uint64.from_address(place).value == FAR


def test_a_function_of_the_c_library_is_called() -> None:
    function = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(
        loader.link(native.compile_ir(CALL), {}, [], "f").entry
    )
    assert function(3.0) == 5.0


def test_a_function_that_is_too_far_for_a_branch_is_called_over_a_stub() -> None:
    """Its address is beyond every user's memory, so the call itself is not made."""
    code = native.compile_ir("declare void @there()\ndefine void @f() { call void @there()  ret void }")
    address = loader.link(code, {"there": FAR}, [], "f").entry
    code_and_stub = ctypes.string_at(address, 16)
    assert code_and_stub[:5] == b"\xe9\0\0\0\0"  # jmp to what follows,
    assert code_and_stub[5:7] == b"\xff\x25"  # a jmp to where the table says


def test_a_symbol_that_nobody_has_is_an_internal_error() -> None:
    code = native.compile_ir(
        "declare void @no_such_function()\ndefine void @f() { call void @no_such_function()  ret void }"
    )
    with pytest.raises(InternalError, match="no_such_function"):
        loader.link(code, {}, [], "f")


def test_an_entry_that_is_missing_is_an_internal_error() -> None:
    with pytest.raises(InternalError, match="has no main"):
        loader.link(native.compile_ir("define void @f() { ret void }"), {}, [], "main")
