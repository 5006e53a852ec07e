"""What compiled code may call of the C core: names and signatures, as scheduler/core/hew.h declares them.

The first parameter of most is the worker; compiled code always passes the symbol `hew_self`. A LEAF function
neither suspends nor traps, so no landing pad is needed around it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

HEW_ABI: Final = 1  # of hew.h; the core that is loaded must have the same


class CoreFunction(NamedTuple):
    """Types as LLVM writes them. `attributes` follow the parameters in a declaration."""

    result: str
    params: str
    attributes: str = ""

    @property
    def may_unwind(self) -> bool:
        """Can it suspend the handler, or end it by a forced unwind?"""
        return "nounwind" not in self.attributes


_LEAF: Final = "nounwind"
_PURE: Final = "nounwind willreturn memory(read)"  # reads memory, changes none
_TRAP: Final = "noreturn cold"
_VEC: Final = "nonnull align 8 dereferenceable(32) ptr"  # a hew_vec is never null and has 32 bytes

CORE_FUNCTIONS: Final[dict[str, CoreFunction]] = {
    # heap values
    "hew_retain": CoreFunction("void", "ptr, ptr, ptr", _LEAF),
    "hew_drop": CoreFunction("void", "ptr, ptr, ptr", _LEAF),
    "hew_string_free": CoreFunction("void", "ptr, ptr", _LEAF),
    "hew_vec_free": CoreFunction("void", "ptr, ptr, ptr", _LEAF),
    "hew_future_drop": CoreFunction("void", "ptr, ptr", _LEAF),
    "hew_clone": CoreFunction("void", "ptr, ptr, ptr, ptr"),
    "hew_eq": CoreFunction("zeroext i1", "ptr, ptr, ptr", _PURE),
    "hew_compare": CoreFunction("i32", "ptr, ptr, ptr", _PURE),
    # strings
    "hew_string_concat": CoreFunction("ptr", "ptr, ptr, ptr"),
    "hew_string_append": CoreFunction("void", "ptr, ptr, ptr"),
    "hew_string_slice": CoreFunction("ptr", "ptr, ptr, i64, i64, ptr"),
    "hew_string_eq": CoreFunction("zeroext i1", "ptr, ptr", _PURE),
    "hew_string_compare": CoreFunction("i32", "ptr, ptr", _PURE),
    "hew_string_find": CoreFunction("i64", "ptr, ptr", _PURE),
    "hew_string_split": CoreFunction(_VEC, "ptr, ptr, ptr"),
    "hew_string_trim": CoreFunction("ptr", "ptr, ptr"),
    "hew_string_parse_int": CoreFunction("void", "ptr, ptr", _LEAF),
    "hew_string_join": CoreFunction("ptr", "ptr, ptr, ptr"),
    "hew_to_string": CoreFunction("ptr", "ptr, ptr, ptr"),
    "hew_string_next_char": CoreFunction("i64", "ptr, i64, ptr", _LEAF),
    # text built piece by piece
    "hew_text_begin": CoreFunction("void", "ptr"),
    "hew_text_bytes": CoreFunction("void", "ptr, ptr, i64"),
    "hew_text_value": CoreFunction("void", "ptr, ptr, ptr"),
    "hew_text_string_piece": CoreFunction("void", "ptr, ptr"),
    "hew_text_i64": CoreFunction("void", "ptr, i64"),
    "hew_text_u64": CoreFunction("void", "ptr, i64"),
    "hew_text_f64": CoreFunction("void", "ptr, double"),
    "hew_text_string": CoreFunction("ptr", "ptr"),
    "hew_text_print": CoreFunction("void", "ptr, i32, i1 zeroext"),
    # vectors
    "hew_vec_new": CoreFunction(_VEC, "ptr, ptr, i64, ptr"),
    "hew_vec_filled": CoreFunction(_VEC, "ptr, ptr, i64, ptr, ptr"),
    "hew_box_new": CoreFunction(_VEC, "ptr, ptr, ptr, ptr"),
    "hew_vec_grow": CoreFunction("void", "ptr, ptr, ptr", "cold"),
    "hew_vec_clear": CoreFunction("void", "ptr, ptr, ptr"),
    "hew_vec_slice": CoreFunction(_VEC, "ptr, ptr, ptr, i64, i64, ptr"),
    "hew_vec_contains": CoreFunction("zeroext i1", "ptr, ptr, ptr", _PURE),
    # numbers
    "hew_f64_pow": CoreFunction("double", "double, double", "nounwind willreturn memory(none)"),
    "hew_f64_mod": CoreFunction("double", "double, double", "nounwind willreturn memory(none)"),
    # traps
    "hew_trap": CoreFunction("void", "ptr, ptr, ptr", _TRAP),
    "hew_trap_string": CoreFunction("void", "ptr, ptr, ptr", _TRAP),
    "hew_trap_index": CoreFunction("void", "ptr, i64, i64, ptr", _TRAP),
    "hew_trap_values": CoreFunction("void", "ptr, ptr, ptr, ptr, ptr, ptr", _TRAP),
    # actors
    "hew_spawn_begin": CoreFunction("ptr", "ptr, ptr, ptr"),
    "hew_spawn_commit": CoreFunction("i64", "ptr"),
    "hew_send_begin": CoreFunction("ptr", "ptr, i64, ptr, ptr"),
    "hew_send_commit": CoreFunction("void", "ptr"),
    "hew_send0": CoreFunction("void", "ptr, i64, ptr, ptr"),
    "hew_send1": CoreFunction("void", "ptr, i64, ptr, i64, ptr"),
    "hew_ask_begin": CoreFunction("ptr", "ptr, i64, ptr, ptr"),
    "hew_ask_commit": CoreFunction("i64", "ptr"),
    "hew_await_reply": CoreFunction("void", "ptr, i64, ptr, ptr"),
    "hew_future_of_ask": CoreFunction("ptr", "ptr, i64"),
    "hew_await_future": CoreFunction("void", "ptr, ptr, ptr, ptr"),
    "hew_reply": CoreFunction("void", "ptr, ptr"),
    "hew_close": CoreFunction("void", "ptr, i64"),
    "hew_exit_future": CoreFunction("ptr", "ptr, i64"),
    "hew_await_exit": CoreFunction("void", "ptr, i64, ptr, ptr"),
    "hew_is_alive": CoreFunction("zeroext i1", "ptr, i64", _LEAF),
    "hew_mailbox_len": CoreFunction("i64", "ptr, i64", _LEAF),
    "hew_this": CoreFunction("i64", "ptr", _LEAF),
    "hew_sleep_ns": CoreFunction("void", "ptr, i64, ptr"),
    "hew_safepoint": CoreFunction("void", "ptr", "cold"),
    "hew_exit": CoreFunction("void", "ptr, i64", _TRAP),
    "hew_main_result": CoreFunction("void", "ptr, i64"),
    "hew_args": CoreFunction(_VEC, "ptr, ptr"),
    "hew_env": CoreFunction("void", "ptr, ptr, ptr"),
}
