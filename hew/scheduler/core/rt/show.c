/* show.c - the text form of any value (language.md 11): `Point { x: 1, y: 2 }`, `[Some("a"),
 * None]`, `Counter#7`.
 *
 * A walk (walk.h) whose frames know how they close; quoted and escaped are strings and characters
 * inside others.
 */
#include <string.h>

#include "rt/number.h"
#include "rt/string.h"
#include "rt/text.h"
#include "rt/utf8.h"
#include "rt/value.h"
#include "rt/walk.h"

/* A frame's tag: what stands behind its last item, and whether its items are named. */
enum {
    CLOSE_MASK = 0xff,
    NAMED = 0x100,
    SPACED = 0x200
};

static void put_text(hew_worker *w, const char *text)
{
    hew_text_put(w, text, strlen(text));
}

static void put_i64(hew_worker *w, int64_t v)
{
    char digits[HEW_NUMBER_MAX];
    hew_text_put(w, digits, hew_number_i64(digits, v));
}

static void put_u64(hew_worker *w, uint64_t v)
{
    char digits[HEW_NUMBER_MAX];
    hew_text_put(w, digits, hew_number_u64(digits, v));
}

/* ---- strings and characters ---- */

/* What stands for a byte inside quotes, or NULL: itself. */
static const char *escape_of(char c, char quote)
{
    switch (c) {
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case '\0': return "\\0";
    case '\\': return "\\\\";
    default: return c != quote ? NULL : quote == '"' ? "\\\"" : "\\'";
    }
}

static void put_escaped(hew_worker *w, const char *bytes, uint64_t len, char quote)
{
    uint64_t plain = 0; /* start of what needs no escape */
    hew_text_put(w, &quote, 1);
    for (uint64_t i = 0; i < len; ++i) {
        uint8_t byte = (uint8_t)bytes[i];
        const char *escape = escape_of(bytes[i], quote);
        char hex[5] = {'\\', 'x', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15], 0};
        if (escape == NULL && (byte < 0x20 || byte == 0x7F)) {
            escape = hex;
        }
        if (escape != NULL) {
            hew_text_put(w, bytes + plain, i - plain);
            put_text(w, escape);
            plain = i + 1;
        }
    }
    hew_text_put(w, bytes + plain, len - plain);
    hew_text_put(w, &quote, 1);
}

static void put_string(hew_worker *w, const hew_string *s, bool quoted)
{
    if (quoted) {
        put_escaped(w, hew_string_data(s), hew_string_len(s), '"');
    } else {
        hew_text_put(w, hew_string_data(s), hew_string_len(s));
    }
}

static void put_char(hew_worker *w, uint32_t c, bool quoted)
{
    char bytes[4];
    size_t len = hew_utf8_encode(bytes, c);
    if (quoted) {
        put_escaped(w, bytes, len, '\'');
    } else {
        hew_text_put(w, bytes, len);
    }
}

/* ---- leaves ---- */

static int64_t signed_at(const hew_type *t, const void *value)
{
    switch (t->kind) {
    case HEW_KIND_I8: return *(const int8_t *)value;
    case HEW_KIND_I16: return *(const int16_t *)value;
    case HEW_KIND_I32: return *(const int32_t *)value;
    default: return *(const int64_t *)value;
    }
}

static uint64_t unsigned_at(const hew_type *t, const void *value)
{
    switch (t->kind) {
    case HEW_KIND_U8: return *(const uint8_t *)value;
    case HEW_KIND_U16: return *(const uint16_t *)value;
    case HEW_KIND_U32: return *(const uint32_t *)value;
    default: return *(const uint64_t *)value;
    }
}

static void put_number(hew_worker *w, const hew_type *t, const void *value)
{
    char digits[HEW_NUMBER_MAX];
    switch (t->kind) {
    case HEW_KIND_F32:
        hew_text_put(w, digits, hew_number_f32(digits, *(const float *)value));
        break;
    case HEW_KIND_F64:
        hew_text_put(w, digits, hew_number_f64(digits, *(const double *)value));
        break;
    case HEW_KIND_I8:
    case HEW_KIND_I16:
    case HEW_KIND_I32:
    case HEW_KIND_I64: put_i64(w, signed_at(t, value)); break;
    default: put_u64(w, unsigned_at(t, value));
    }
}

static void put_range(hew_worker *w, const hew_type *t, const void *value)
{
    const char *bytes = value;
    put_number(w, t->elem, bytes);
    put_text(w, bytes[2 * t->elem->size] ? "..=" : "..");
    put_number(w, t->elem, bytes + t->elem->size);
}

static void put_handle(hew_worker *w, const hew_type *t, uint64_t handle)
{
    put_text(w, t->name);
    put_text(w, "#");
    put_u64(w, hew_handle_pid(handle));
}

static void put_leaf(hew_worker *w, const hew_type *t, const void *value, bool quoted)
{
    switch (t->kind) {
    case HEW_KIND_UNIT: put_text(w, "()"); break;
    case HEW_KIND_BOOL: put_text(w, *(const uint8_t *)value ? "true" : "false"); break;
    case HEW_KIND_CHAR: put_char(w, *(const uint32_t *)value, quoted); break;
    case HEW_KIND_STRING: put_string(w, *(hew_string *const *)value, quoted); break;
    case HEW_KIND_HANDLE: put_handle(w, t, *(const uint64_t *)value); break;
    case HEW_KIND_RANGE: put_range(w, t, value); break;
    case HEW_KIND_FUTURE: put_text(w, t->name); break;
    default: put_number(w, t, value);
    }
}

/* ---- aggregates ---- */

typedef struct shape {
    const char *name; /* before the opening; "" for none */
    const char *open;
    const char *empty; /* in place of all but the name, when there are no items */
    uint64_t tag;
} shape;

static shape shape_of(const hew_type *t, const void *value)
{
    switch (t->kind) {
    case HEW_KIND_VEC: return (shape){"", "[", "[]", ']'};
    case HEW_KIND_TUPLE: return (shape){"", "(", "()", ')'};
    case HEW_KIND_RECORD: return (shape){t->name, " { ", " {}", '}' | NAMED | SPACED};
    default: break;
    }
    const hew_variant *variant = &t->variants[*(const uint8_t *)value];
    return variant->named ? (shape){variant->name, " { ", " {}", '}' | NAMED | SPACED}
                          : (shape){variant->name, "(", "", ')'};
}

static bool is_aggregate(const hew_type *t)
{
    return t->kind == HEW_KIND_VEC || t->kind == HEW_KIND_TUPLE || t->kind == HEW_KIND_RECORD ||
           t->kind == HEW_KIND_ENUM;
}

/* A leaf as a whole, of an aggregate the beginning: the walk goes on with its items. */
static void begin(hew_worker *w, hew_walk *k, const hew_type *t, const void *value, bool quoted)
{
    for (; t->kind == HEW_KIND_BOX; t = t->elem) { /* it does not show */
        value = (*(hew_vec *const *)value)->data;
    }
    if (!is_aggregate(t)) {
        put_leaf(w, t, value, quoted);
        return;
    }
    shape s = shape_of(t, value);
    put_text(w, s.name);
    put_text(w, hew_walk_enter(k, t, value, NULL, s.tag) ? s.open : s.empty);
}

static void put_close(hew_worker *w, uint64_t tag)
{
    char close = (char)(tag & CLOSE_MASK);
    hew_text_put(w, " ", tag & SPACED ? 1 : 0);
    hew_text_put(w, &close, 1);
}

static void put_before_item(hew_worker *w, const hew_frame *f)
{
    if (f->i != 0) {
        put_text(w, ", ");
    }
    if (f->tag & NAMED) {
        put_text(w, f->fields[f->i].name);
        put_text(w, ": ");
    }
}

void hew_show(hew_worker *w, const hew_type *t, const void *value, bool quoted)
{
    hew_walk k;
    hew_walk_begin(&k);
    begin(w, &k, t, value, quoted);
    while (k.depth != 0 && !hew_text_failed(w)) {
        hew_frame *top = &k.frames[k.depth - 1];
        hew_item item = {0};
        if (top->i == top->n) {
            put_close(w, top->tag);
            k.depth -= 1;
        } else {
            put_before_item(w, top);
            hew_frame_next(top, &item);
            begin(w, &k, item.type, item.a, true);
        }
    }
    hew_walk_end(&k);
}
