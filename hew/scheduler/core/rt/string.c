/* string.c - see string.h. */
#include "rt/string.h"

#include <string.h>

#include "layout.h"
#include "rt/utf8.h"
#include "rt/value.h"
#include "rt/vec.h"

/* ---- making ---- */

/* A block with room for len bytes; its own capacity is what its class has. */
static hew_string *make(hew_worker *w, uint64_t len, uint64_t room, uint32_t holder)
{
    hew_string *s = NULL;
    uint64_t size;
    if (!__builtin_add_overflow(room, sizeof *s, &size)) {
        s = hew_alloc_try(w, size, holder);
    }
    if (s != NULL) {
        *s = (hew_string){.rc = 1, .len = len, .cap = hew_block_size(s) - sizeof *s};
    }
    return s;
}

hew_string *hew_string_try(hew_worker *w, const char *bytes, uint64_t len, uint32_t holder)
{
    if (len == 0) {
        return NULL;
    }
    hew_string *s = make(w, len, len, holder);
    if (s != NULL) {
        memcpy(s->data, bytes, len);
    }
    return s;
}

hew_string *hew_string_make(hew_worker *w, uint64_t len)
{
    return make(w, len, len, w->holder);
}

hew_string *hew_string_new(hew_worker *w, const char *bytes, uint64_t len)
{
    hew_string *s = hew_string_try(w, bytes, len, w->holder);
    if (s == NULL && len != 0) {
        hew_trap_memory(w, NULL);
    }
    return s;
}

void hew_string_free(hew_worker *w, hew_string *s)
{
    hew_free(w, s);
}

static hew_string *retained(const hew_string *s)
{
    hew_string *same;
    memcpy(&same, &s, sizeof same); /* the count is not part of the value */
    if (same != NULL && same->rc > 0) {
        same->rc += 1;
    }
    return same;
}

static void release(hew_worker *w, hew_string *s)
{
    if (s != NULL && s->rc > 0 && --s->rc == 0) {
        hew_string_free(w, s);
    }
}

/* a and b one after the other in a new string with `spare` bytes of room. */
static hew_string *joined(hew_worker *w, const hew_string *a, const hew_string *b, uint64_t spare)
{
    uint64_t len = 0, room = 0;
    hew_string *s = NULL;
    if (!__builtin_add_overflow(hew_string_len(a), hew_string_len(b), &len) &&
        !__builtin_add_overflow(len, spare, &room)) {
        s = make(w, len, room, w->holder);
        if (s == NULL && spare != 0) {
            s = make(w, len, len, w->holder); /* near the limit: without room to spare */
        }
    }
    if (s == NULL) {
        hew_trap_memory(w, NULL);
    }
    memcpy(s->data, hew_string_data(a), hew_string_len(a));
    memcpy(s->data + hew_string_len(a), hew_string_data(b), hew_string_len(b));
    return s;
}

hew_string *hew_string_concat(hew_worker *w, const hew_string *a, const hew_string *b)
{
    if (hew_string_len(a) == 0) {
        return retained(b);
    }
    if (hew_string_len(b) == 0) {
        return retained(a);
    }
    return joined(w, a, b, 0);
}

void hew_string_append(hew_worker *w, hew_string **at, const hew_string *tail)
{
    hew_string *s = *at;
    uint64_t more = hew_string_len(tail);
    if (more == 0) {
        return;
    }
    if (hew_string_len(s) == 0) { /* shares the tail; the append after this one copies */
        hew_string *same = retained(tail);
        *at = same;
        release(w, s);
        return;
    }
    if (s->rc == 1 && s->cap - s->len >= more) {
        memcpy(s->data + s->len, tail->data,
               more); /* right also when tail is s: its bytes lie before */
        s->len += more;
        return;
    }
    *at = joined(w, s, tail, s->len / 2 + more); /* tail may be s: it is released after the copy */
    release(w, s);
}

/* ---- parts ---- */

static void check_bound(hew_worker *w, const hew_string *s, int64_t at, const hew_loc *loc)
{
    uint64_t len = hew_string_len(s);
    if (at < 0 || (uint64_t)at > len) {
        hew_trap_index(w, at, len, loc);
    }
    if ((uint64_t)at < len && !hew_utf8_is_start(s->data[at])) {
        hew_trap(w, "not a character boundary", loc);
    }
}

/* The bytes from..to-1, in range; the string itself when that is all of it. */
static hew_string *part(hew_worker *w, const hew_string *s, uint64_t from, uint64_t to)
{
    if (from == 0 && to == hew_string_len(s)) {
        return retained(s);
    }
    return from < to ? hew_string_new(w, s->data + from, to - from) : NULL;
}

hew_string *hew_string_slice(hew_worker *w, const hew_string *s, int64_t from, int64_t to,
                             const hew_loc *loc)
{
    check_bound(w, s, from, loc);
    check_bound(w, s, to, loc);
    return part(w, s, (uint64_t)from, (uint64_t)to);
}

static uint64_t start_of_last_char(const char *data, uint64_t end)
{
    do {
        end -= 1;
    } while (!hew_utf8_is_start(data[end]));
    return end;
}

hew_string *hew_string_trim(hew_worker *w, const hew_string *s)
{
    const char *data = hew_string_data(s);
    uint64_t from = 0;
    uint64_t to = hew_string_len(s);
    while (from < to && hew_utf8_is_space(hew_utf8_decode(data + from))) {
        from += hew_utf8_size(data[from]);
    }
    while (from < to) {
        uint64_t last = start_of_last_char(data, to);
        if (!hew_utf8_is_space(hew_utf8_decode(data + last))) {
            break;
        }
        to = last;
    }
    return part(w, s, from, to);
}

uint64_t hew_string_next_char(const hew_string *s, uint64_t at, uint32_t *scalar)
{
    *scalar = hew_utf8_decode(s->data + at);
    return at + hew_utf8_size(s->data[at]);
}

/* ---- comparing and finding ---- */

bool hew_string_eq(const hew_string *a, const hew_string *b)
{
    uint64_t len = hew_string_len(a);
    return a == b ||
           (len == hew_string_len(b) && memcmp(hew_string_data(a), hew_string_data(b), len) == 0);
}

int32_t hew_string_compare(const hew_string *a, const hew_string *b)
{
    uint64_t x = hew_string_len(a);
    uint64_t y = hew_string_len(b);
    int order = memcmp(hew_string_data(a), hew_string_data(b), x < y ? x : y);
    return order != 0 ? (order > 0) - (order < 0) : (x > y) - (x < y);
}

/* memmem of glibc is linear in both lengths. */
static const char *find_bytes(const char *at, const char *end, const hew_string *what)
{
    return memmem(at, (size_t)(end - at), hew_string_data(what), hew_string_len(what));
}

int64_t hew_string_find(const hew_string *s, const hew_string *what)
{
    const char *data = hew_string_data(s);
    const char *found = find_bytes(data, data + hew_string_len(s), what);
    return found == NULL ? -1 : found - data;
}

/* Sign and digits over the whole text, as an Int. */
static bool parse_int(const char *at, const char *end, int64_t *value)
{
    bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    bool good = at < end;
    *value = 0;
    for (; good && at < end; ++at) { /* downwards: Int::MIN has no positive */
        good = *at >= '0' && *at <= '9' && !__builtin_mul_overflow(*value, 10, value) &&
               !__builtin_sub_overflow(*value, *at - '0', value);
    }
    return good && (negative || !__builtin_sub_overflow(0, *value, value));
}

void hew_string_parse_int(const hew_string *s, void *out)
{
    const char *data = hew_string_data(s);
    int64_t value;
    bool good = parse_int(data, data + hew_string_len(s), &value);
    value = good ? value : 0;
    memset(out, 0, 8);
    *(uint8_t *)out = good ? 0 : 1; /* Some, None */
    memcpy((char *)out + 8, &value, sizeof value);
}

/* ---- splitting and joining ---- */

/* Adds a part to the list; false when memory ran out. */
static bool add_part(hew_worker *w, hew_vec *parts, const char *bytes, uint64_t len)
{
    if (!hew_vec_make_room(w, &hew_type_string, parts)) {
        return false;
    }
    hew_string *s = hew_string_try(w, bytes, len, w->holder);
    ((hew_string **)(void *)parts->data)[parts->len] = s;
    parts->len += s != NULL || len == 0;
    return s != NULL || len == 0;
}

static bool split_chars(hew_worker *w, const hew_string *s, hew_vec *parts)
{
    bool good = true;
    for (uint64_t at = 0; good && at < hew_string_len(s);) {
        uint64_t size = hew_utf8_size(s->data[at]);
        good = add_part(w, parts, s->data + at, size);
        at += size;
    }
    return good;
}

static bool split_at(hew_worker *w, const hew_string *s, const hew_string *separator,
                     hew_vec *parts)
{
    const char *at = hew_string_data(s);
    const char *end = at + hew_string_len(s);
    const char *found;
    while ((found = find_bytes(at, end, separator)) != NULL) {
        if (!add_part(w, parts, at, (uint64_t)(found - at))) {
            return false;
        }
        at = found + separator->len;
    }
    return add_part(w, parts, at, (uint64_t)(end - at));
}

hew_vec *hew_string_split(hew_worker *w, const hew_string *s, const hew_string *separator)
{
    hew_vec *parts = hew_vec_try(w, &hew_type_string, 0, w->holder);
    bool good =
        parts != NULL && (hew_string_len(separator) == 0 ? split_chars(w, s, parts)
                                                         : split_at(w, s, separator, parts));
    if (!good) {
        hew_drop_vec(w, &hew_type_string, parts);
        hew_trap_memory(w, NULL);
    }
    return parts;
}

/* Sum of all lengths; false when it does not fit. */
static bool joined_len(const hew_vec *strings, uint64_t separator, uint64_t *len)
{
    hew_string *const *items = (hew_string *const *)(const void *)strings->data;
    bool good = !__builtin_mul_overflow(separator, strings->len - 1, len);
    for (uint64_t i = 0; good && i < strings->len; ++i) {
        good = !__builtin_add_overflow(*len, hew_string_len(items[i]), len);
    }
    return good;
}

hew_string *hew_string_join(hew_worker *w, const hew_vec *strings, const hew_string *separator)
{
    uint64_t len = 0;
    if (strings == NULL || strings->len == 0) {
        return NULL;
    }
    bool fits = joined_len(strings, hew_string_len(separator), &len);
    if (fits && len == 0) {
        return NULL;
    }
    hew_string *s = fits ? hew_string_make(w, len) : NULL;
    if (s == NULL) {
        hew_trap_memory(w, NULL);
    }
    hew_string *const *items = (hew_string *const *)(const void *)strings->data;
    char *at = s->data;
    for (uint64_t i = 0; i < strings->len; ++i) {
        if (i != 0) {
            at = mempcpy(at, hew_string_data(separator), hew_string_len(separator));
        }
        at = mempcpy(at, hew_string_data(items[i]), hew_string_len(items[i]));
    }
    return s;
}
