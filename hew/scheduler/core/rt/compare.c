/* compare.c - equality and order of any two values of one type (language.md 3.7, 3.8): field by
 * field, variant before payload, shorter Vec first when one begins the other.
 */
#include <string.h>

#include "rt/string.h"
#include "rt/value.h"
#include "rt/vec.h"
#include "rt/walk.h"

enum {
    UNORDERED = 2,
    NOT_A_LEAF = 3
};

#define ORDER(x, y) (((x) > (y)) - ((x) < (y)))
#define LEAF(type)                                                                                 \
    {                                                                                              \
        type x, y;                                                                                 \
        memcpy(&x, a, sizeof x);                                                                   \
        memcpy(&y, b, sizeof y);                                                                   \
        return ORDER(x, y);                                                                        \
    }

static int32_t compare_floats(double x, double y)
{
    return x != x || y != y ? UNORDERED : ORDER(x, y);
}

static int32_t compare_f32(const void *a, const void *b)
{
    float x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return compare_floats((double)x, (double)y);
}

static int32_t compare_f64(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return compare_floats(x, y);
}

static int32_t compare_leaf(const hew_type *t, const void *a, const void *b);

static int32_t compare_range(const hew_type *t, const void *a, const void *b)
{
    int32_t order = 0;
    for (uint32_t i = 0; i < 2 && order == 0; ++i) {
        uint32_t at = i * t->elem->size;
        order = compare_leaf(t->elem, (const char *)a + at, (const char *)b + at);
    }
    uint32_t at = 2 * t->elem->size;
    return order != 0 ? order : ORDER(((const uint8_t *)a)[at], ((const uint8_t *)b)[at]);
}

static int32_t compare_leaf(const hew_type *t, const void *a, const void *b)
{
    switch (t->kind) {
    case HEW_KIND_UNIT: return 0;
    case HEW_KIND_BOOL:
    case HEW_KIND_U8: LEAF(uint8_t)
    case HEW_KIND_U16: LEAF(uint16_t)
    case HEW_KIND_CHAR:
    case HEW_KIND_U32: LEAF(uint32_t)
    case HEW_KIND_HANDLE:
    case HEW_KIND_FUTURE: /* the same one */
    case HEW_KIND_U64: LEAF(uint64_t)
    case HEW_KIND_I8: LEAF(int8_t)
    case HEW_KIND_I16: LEAF(int16_t)
    case HEW_KIND_I32: LEAF(int32_t)
    case HEW_KIND_I64: LEAF(int64_t)
    case HEW_KIND_F32: return compare_f32(a, b);
    case HEW_KIND_F64: return compare_f64(a, b);
    case HEW_KIND_STRING:
        return hew_string_compare(*(hew_string *const *)a, *(hew_string *const *)b);
    case HEW_KIND_RANGE: return compare_range(t, a, b);
    default: return NOT_A_LEAF;
    }
}

static int32_t compare_lengths(const hew_vec *a, const hew_vec *b)
{
    uint64_t x = a != NULL ? a->len : 0;
    uint64_t y = b != NULL ? b->len : 0;
    return ORDER(x, y);
}

/* Order of two items as far as it is known now; 0 when it depends on parts that have been entered.
 */
static int32_t begin(hew_walk *k, const hew_type *t, char *a, char *b, bool only_equality)
{
    int32_t after = 0;
    if (t->kind == HEW_KIND_ENUM) {
        int32_t order = ORDER(*(uint8_t *)a, *(uint8_t *)b);
        if (order != 0) {
            return order;
        }
    } else if (hew_is_vec(t)) {
        after = compare_lengths(*(hew_vec **)a, *(hew_vec **)b);
        if (only_equality && after != 0) {
            return after;
        }
        if (*(hew_vec **)a == NULL || *(hew_vec **)b == NULL) {
            return after;
        }
    } else {
        int32_t order = compare_leaf(t, a, b);
        if (order != NOT_A_LEAF) {
            return order;
        }
    }
    /* The frame's tag: what decides when all its items are equal. */
    bool entered = hew_walk_enter(k, t, a, b, (uint64_t)(int64_t)after);
    return entered ? 0 : after;
}

static int32_t compare(const hew_type *t, const void *a, const void *b, bool only_equality)
{
    int32_t order = compare_leaf(t, a, b);
    if (order != NOT_A_LEAF) {
        return order;
    }
    hew_walk k;
    hew_walk_begin(&k);
    char *first, *second;
    memcpy(&first, &a, sizeof first); /* only read */
    memcpy(&second, &b, sizeof second);
    order = begin(&k, t, first, second, only_equality);
    while (order == 0 && k.depth != 0) {
        hew_item item;
        hew_frame *top = &k.frames[k.depth - 1];
        if (hew_frame_next(top, &item)) {
            k.depth -=
                top->i == top->n && top->tag == 0; /* nothing more to say: as in hew_walk_next */
            order = begin(&k, item.type, item.a, item.b, only_equality);
        } else {
            order = (int32_t)(int64_t)top->tag;
            k.depth -= 1;
        }
    }
    hew_walk_end(&k);
    return order;
}

int32_t hew_compare(const hew_type *t, const void *a, const void *b)
{
    return compare(t, a, b, false);
}

bool hew_eq(const hew_type *t, const void *a, const void *b)
{
    return compare(t, a, b, true) == 0;
}
