/* test_value.c - laws of drop, clone, give, comparison and text form over random values of random
 * types, and over values nested deeper than any stack. */
#include <math.h>

#include "heap_support.h"
#include "pages.h"
#include "rt/string.h"
#include "rt/text.h"
#include "rt/vec.h"

static hew_region *region;
static hew_worker *w;
static uint64_t seed;

enum {
    SENDER = 5,
    RECEIVER = 9
};

static uint64_t below(uint64_t n)
{
    return random_below(&seed, n);
}

/* Bytes of all blocks that the slot holds, by their headers. */
static uint64_t bytes_held(uint32_t slot)
{
    uint64_t bytes = 0;
    for (uint64_t span = 0; span < hew_spans_used(region);) {
        uint64_t word = hew_span_table(region)[span];
        uint64_t start = hew_span_address(region, span);
        bool small = hew_span_state_of(word) == HEW_SPAN_SMALL;
        uint64_t size = small ? hew_class_bytes[hew_span_class(word)] : HEW_SPAN * hew_span_n(word);
        uint64_t head = small ? 8 : 16;
        bool used = small || hew_span_state_of(word) == HEW_SPAN_BIG;
        for (uint64_t i = 0; used && i < (small ? HEW_SPAN / size : 1); ++i) {
            uint64_t header = *hew_header_of((void *)(start + i * size + head));
            bytes += hew_header_tag(header) == HEW_TAG_LIVE && hew_header_holder(header) == slot
                         ? size
                         : 0;
        }
        span += hew_span_n(word);
    }
    return bytes;
}

/* ---- random types: a pool that lives as long as the test ---- */

static hew_type types[4000];
static hew_field fields[16000];
static hew_variant variants[4000];
static uint32_t n_types, n_fields, n_variants;
static const char *const names[] = {"alpha", "beta", "gamma", "delta"};

static hew_type leaf_of(hew_kind kind)
{
    static const uint8_t sizes[] = {
        [HEW_KIND_UNIT] = 1, [HEW_KIND_BOOL] = 1,   [HEW_KIND_I8] = 1,     [HEW_KIND_I16] = 2,
        [HEW_KIND_I32] = 4,  [HEW_KIND_I64] = 8,    [HEW_KIND_U8] = 1,     [HEW_KIND_U16] = 2,
        [HEW_KIND_U32] = 4,  [HEW_KIND_U64] = 8,    [HEW_KIND_F32] = 4,    [HEW_KIND_F64] = 8,
        [HEW_KIND_CHAR] = 4, [HEW_KIND_STRING] = 8, [HEW_KIND_HANDLE] = 8,
    };
    return (hew_type){.kind = (uint8_t)kind,
                      .flat = kind != HEW_KIND_STRING,
                      .align = sizes[kind],
                      .size = sizes[kind],
                      .name = "leaf"};
}

static const hew_type *random_type(int depth);

/* Fields one after the other from *at on. */
static const hew_field *random_fields(uint32_t n, bool named, int depth, uint32_t *at,
                                      hew_type *whole)
{
    hew_field chosen[8];
    for (uint32_t i = 0; i < n; ++i) {
        const hew_type *t = random_type(depth - 1);
        *at = (uint32_t)hew_round_up(*at, t->align);
        chosen[i] = (hew_field){named ? names[i] : NULL, t, *at, 0};
        *at += t->size;
        whole->align = t->align > whole->align ? t->align : whole->align;
        whole->flat = whole->flat && t->flat;
    }
    memcpy(&fields[n_fields], chosen, n * sizeof *chosen);
    n_fields += n;
    return &fields[n_fields - n];
}

static hew_type random_aggregate(hew_kind kind, int depth)
{
    hew_type t = {.kind = (uint8_t)kind, .flat = 1, .align = 1, .name = "Some"};
    uint32_t at = kind == HEW_KIND_ENUM ? 1 : 0;
    t.n = (uint32_t)below(3) + (kind == HEW_KIND_RECORD ? 0 : 1);
    if (kind != HEW_KIND_ENUM) {
        t.fields = random_fields(t.n, kind == HEW_KIND_RECORD, depth, &at, &t);
    } else {
        hew_variant chosen[4];
        for (uint32_t i = 0; i < t.n; ++i) {
            uint32_t n = (uint32_t)below(3);
            uint32_t named = (uint32_t)below(2);
            chosen[i] = (hew_variant){names[i], random_fields(n, named, depth, &at, &t), n, named};
        }
        memcpy(&variants[n_variants], chosen, t.n * sizeof *chosen);
        t.variants = &variants[n_variants];
        n_variants += t.n;
    }
    t.size = (uint32_t)hew_round_up(at == 0 ? 1 : at, t.align);
    return t;
}

static const hew_type *random_type(int depth)
{
    hew_type t;
    uint64_t choice = below(depth > 0 ? 14 : 4);
    if (choice < 2) {
        t = leaf_of((hew_kind)below(HEW_KIND_STRING));
    } else if (choice < 4) {
        t = leaf_of(HEW_KIND_STRING);
    } else if (choice < 8) {
        t = (hew_type){.kind = HEW_KIND_VEC,
                       .align = 8,
                       .size = 8,
                       .name = "Vec",
                       .elem = random_type(depth - 1)};
    } else if (choice < 10) {
        t = (hew_type){.kind = HEW_KIND_BOX,
                       .align = 8,
                       .size = 8,
                       .name = "Box",
                       .elem = random_type(depth - 1)};
    } else {
        static const hew_kind kinds[] = {HEW_KIND_TUPLE, HEW_KIND_RECORD, HEW_KIND_ENUM,
                                         HEW_KIND_ENUM};
        t = random_aggregate(kinds[choice - 10], depth);
    }
    types[n_types] = t;
    return &types[n_types++];
}

/* ---- random values: strings and Vecs are new, or one of those made before, which is shared then
 * ---- */

typedef struct pool_item {
    const hew_type *type;
    void *pointer;
} pool_item;
static pool_item pool[64];
static uint32_t n_pool;

static bool take_from_pool(const hew_type *t, void *at)
{
    if (n_pool == 0 || below(4) != 0) {
        return false;
    }
    pool_item *item = &pool[below(n_pool)];
    if (item->type != t) {
        return false;
    }
    memcpy(at, &item->pointer, 8);
    hew_retain(w, t, at);
    return true;
}

static void put_into_pool(const hew_type *t, void *at)
{
    if (n_pool < HEW_COUNT_OF(pool) && below(4) == 0) {
        memcpy(&pool[n_pool].pointer, at, 8);
        pool[n_pool++].type = t;
        hew_retain(w, t, at);
    }
}

static void empty_pool(void)
{
    for (; n_pool != 0; --n_pool) {
        hew_drop(w, pool[n_pool - 1].type, &pool[n_pool - 1].pointer);
    }
}

enum {
    VALUE_BYTES = 4096
};

static void random_value(const hew_type *t, char *at);

static void random_string(char *at)
{
    char bytes[200];
    uint64_t len = below(8) != 0 ? below(12) : below(sizeof bytes);
    for (uint64_t i = 0; i < len; ++i) {
        bytes[i] = (char)(' ' + below(90));
    }
    hew_string *s = hew_string_new(w, bytes, len);
    memcpy(at, &s, 8);
}

static void random_vec(const hew_type *t, char *at)
{
    hew_vec *v = hew_vec_new(w, t->elem, (int64_t)below(4), NULL);
    for (uint64_t n = below(5); n != 0; --n) {
        hew_vec_grow(w, t->elem, v);
        random_value(t->elem, v->data + v->len * t->elem->size);
        v->len += 1;
    }
    memcpy(at, &v, 8);
}

static void random_box(const hew_type *t, char *at)
{
    uint64_t item[VALUE_BYTES / 8];
    random_value(t->elem, (char *)item);
    hew_vec *v = hew_box_new(w, t->elem, item, NULL);
    memcpy(at, &v, 8);
}

static void random_leaf(const hew_type *t, char *at)
{
    uint64_t bits = below(4);
    double d = (double)bits / 2;
    float f = (float)bits / 2;
    switch (t->kind) {
    case HEW_KIND_F64: memcpy(at, &d, 8); break;
    case HEW_KIND_F32: memcpy(at, &f, 4); break;
    case HEW_KIND_BOOL: *at = bits & 1; break;
    case HEW_KIND_CHAR:
        bits += 'a';
        memcpy(at, &bits, 4);
        break;
    default: bits = bits == 3 ? UINT64_MAX : bits; memcpy(at, &bits, t->size);
    }
}

static void random_fields_of(const hew_field *f, uint32_t n, char *at)
{
    for (uint32_t i = 0; i < n; ++i) {
        random_value(f[i].type, at + f[i].offset);
    }
}

/* All of t->size bytes are set: what no field covers is 0. */
static void random_value(const hew_type *t, char *at)
{
    memset(at, 0, t->size);
    bool shareable = t->kind == HEW_KIND_STRING || hew_is_vec(t);
    if (shareable && take_from_pool(t, at)) {
        return;
    }
    switch (t->kind) {
    case HEW_KIND_STRING: random_string(at); break;
    case HEW_KIND_VEC: random_vec(t, at); break;
    case HEW_KIND_BOX: random_box(t, at); break;
    case HEW_KIND_TUPLE:
    case HEW_KIND_RECORD: random_fields_of(t->fields, t->n, at); break;
    case HEW_KIND_ENUM: {
        uint64_t tag = below(t->n);
        *at = (char)tag;
        random_fields_of(t->variants[tag].fields, t->variants[tag].n_fields, at);
        break;
    }
    default: random_leaf(t, at);
    }
    if (shareable) {
        put_into_pool(t, at);
    }
}

/* ---- laws ---- */

typedef union value {
    char bytes[VALUE_BYTES];
    uint64_t words[VALUE_BYTES / 8];
} value;

static hew_string *text_of(const hew_type *t, value *v)
{
    hew_text_begin(w);
    hew_show(w, t, v->bytes, true); /* quoted, so that hew_to_string never shares a string */
    return hew_text_string(w);
}

static void drop_string(hew_string *s)
{
    hew_drop(w, &hew_type_string, &s);
}

static bool same_text(const hew_type *t, value *a, value *b)
{
    hew_string *x = text_of(t, a);
    hew_string *y = text_of(t, b);
    bool same = hew_string_eq(x, y);
    drop_string(x);
    drop_string(y);
    return same;
}

static void check_clone(const hew_type *t)
{
    static value v, copy;
    random_value(t, v.bytes);
    hew_clone(w, t, copy.bytes, v.bytes);
    CHECK(hew_eq(t, v.bytes, copy.bytes) && hew_compare(t, v.bytes, copy.bytes) == 0 &&
          same_text(t, &v, &copy));
    hew_drop(w, t, v.bytes);
    CHECK(hew_eq(t, copy.bytes, copy.bytes));
    hew_drop(w, t, copy.bytes);
}

static void check_order(const hew_type *t)
{
    static value v[3];
    for (int i = 0; i < 3; ++i) {
        random_value(t, v[i].bytes);
    }
    int32_t ab = hew_compare(t, v[0].bytes, v[1].bytes);
    int32_t bc = hew_compare(t, v[1].bytes, v[2].bytes);
    CHECK(ab >= -1 && ab <= 1 && hew_compare(t, v[1].bytes, v[0].bytes) == -ab);
    CHECK(hew_eq(t, v[0].bytes, v[1].bytes) == (ab == 0));
    CHECK(!(ab <= 0 && bc <= 0) || hew_compare(t, v[0].bytes, v[2].bytes) <= 0);
    for (int i = 0; i < 3; ++i) {
        hew_drop(w, t, v[i].bytes);
    }
}

static void check_give(const hew_type *t)
{
    static value v, kept;
    random_value(t, v.bytes);
    hew_string *before = text_of(t, &v);
    bool keeps = below(2) != 0; /* a second holder of all that the value refers to */
    if (keeps) {
        memcpy(kept.bytes, v.bytes, t->size);
        hew_retain(w, t, kept.bytes);
    }
    uint64_t bytes;
    CHECK(hew_give(w, t, v.bytes, RECEIVER, &bytes));
    CHECK(bytes_held(RECEIVER) == bytes);
    hew_string *after = text_of(t, &v);
    CHECK(hew_string_eq(before, after));
    if (keeps) {
        CHECK(hew_eq(t, kept.bytes, v.bytes));
        hew_drop(w, t, kept.bytes);
    }
    hew_drop(w, t, v.bytes);
    CHECK(bytes_held(RECEIVER) == 0);
    drop_string(before);
    drop_string(after);
}

static void make_region_and_worker(uint64_t limit)
{
    region = make_region(1, 1ull << 30, limit);
    w = start_worker(region, 0, 1);
    run_as(w, SENDER);
}

static void end(void)
{
    check_heap(region);
    CHECK(audited(region).used_blocks == 0);
    free(w->text.data);
    free_region(region);
}

static void test_laws_over_random_values(void)
{
    make_region_and_worker(1ull << 30);
    for (int round = 0; round < 1500; ++round) {
        n_types = n_fields = n_variants = 0;
        const hew_type *t = random_type(4);
        if (t->size <= VALUE_BYTES) {
            check_clone(t);
            check_order(t);
            check_give(t);
        }
        empty_pool();
        if (round % 100 == 0) {
            check_heap(region);
            CHECK(bytes_held(SENDER) == 0);
        }
    }
    end();
}

/* ---- no memory ---- */

static void test_what_could_not_be_copied_is_dropped_whole(void)
{
    make_region_and_worker(16 << 20);
    const hew_type strings = {
        .kind = HEW_KIND_VEC, .align = 8, .size = 8, .name = "Vec", .elem = &hew_type_string};
    const hew_type nested = {
        .kind = HEW_KIND_VEC, .align = 8, .size = 8, .name = "Vec", .elem = &strings};
    hew_vec *outer = hew_vec_new(w, &strings, 0, NULL);
    static char big[9000];
    for (int i = 0; i < 100; ++i) { /* 9 MB; half of it again is too much */
        hew_vec *inner = hew_vec_new(w, &hew_type_string, 0, NULL);
        for (int j = 0; j < 10; ++j) {
            hew_string *s = hew_string_new(w, big, sizeof big);
            hew_vec_push(w, &hew_type_string, inner, &s);
        }
        hew_vec_push(w, &strings, outer, &inner);
    }
    hew_vec *given = outer;
    hew_vec *clone = NULL;
    uint64_t before = bytes_held(SENDER), bytes = 1;
    hew_retain(w, &nested, &given);
    CHECK(!hew_give(w, &nested, &given, RECEIVER, &bytes));
    CHECK(given == NULL && bytes == 0 && outer->rc == 1);
    CHECK(bytes_held(SENDER) == before && bytes_held(RECEIVER) == 0);
    hew_clone(w, &nested, &clone, &outer); /* strings are shared: that fits */
    CHECK(hew_eq(&nested, &clone, &outer));
    hew_drop(w, &nested, &clone);
    CHECK(hew_give(w, &nested, &outer, RECEIVER, &bytes) && bytes == before &&
          bytes_held(SENDER) == 0);
    CHECK(TRAPS_WITH(w, hew_vec_filled(w, &nested, 1 << 30, &outer, NULL), "out of memory"));
    hew_drop(w, &nested, &outer);
    end();
}

/* ---- nested deeper than any stack ---- */

static hew_type tree, trees;
static const hew_field tree_fields[] = {{"kids", &trees, 0, 0}};

static hew_vec *make_chain(int depth)
{
    tree = (hew_type){.kind = HEW_KIND_RECORD,
                      .align = 8,
                      .size = 8,
                      .n = 1,
                      .name = "Tree",
                      .fields = tree_fields};
    trees =
        (hew_type){.kind = HEW_KIND_VEC, .align = 8, .size = 8, .name = "Vec<Tree>", .elem = &tree};
    hew_vec *v = hew_vec_new(w, &tree, 0, NULL);
    for (int i = 0; i < depth; ++i) {
        hew_vec *around = hew_vec_new(w, &tree, 0, NULL);
        hew_vec_push(w, &tree, around, &v);
        v = around;
    }
    return v;
}

static void test_a_million_levels_need_no_stack(void)
{
    enum {
        DEPTH = 1000000
    };
    make_region_and_worker(1ull << 30);
    hew_vec *v = make_chain(DEPTH);
    hew_vec *copy;
    uint64_t bytes;
    hew_clone(w, &trees, &copy, &v);
    CHECK(hew_eq(&trees, &copy, &v) && hew_compare(&trees, &copy, &v) == 0);
    hew_string *text = hew_to_string(w, &trees, &v);
    CHECK(text->len > DEPTH * 10ull && memcmp(text->data, "[Tree { kids: [Tree {", 21) == 0);
    drop_string(text);
    CHECK(hew_give(w, &trees, &v, RECEIVER, &bytes) && bytes == bytes_held(RECEIVER));
    hew_drop(w, &trees, &v);
    hew_drop(w, &trees, &copy);
    end();
}

/* A list as a record that holds the rest of itself: { value, Option<box of itself> }. */
static hew_type list_node, list_rest, list_box;
static const hew_field rest_field[] = {{NULL, &list_box, 8, 0}};
static const hew_variant rest_variants[] = {{"Some", rest_field, 1, 0}, {"None", NULL, 0, 0}};
static hew_type list_value;
static const hew_field list_fields[] = {{"value", &list_value, 0, 0}, {"rest", &list_rest, 8, 0}};

typedef struct list {
    int64_t value;
    uint64_t tag; /* Some 0, None 1 */
    hew_vec *rest;
} list;

static void make_list_types(void)
{
    list_value = leaf_of(HEW_KIND_I64);
    list_node = (hew_type){.kind = HEW_KIND_RECORD,
                           .align = 8,
                           .size = sizeof(list),
                           .n = 2,
                           .name = "List",
                           .fields = list_fields};
    list_rest = (hew_type){.kind = HEW_KIND_ENUM,
                           .align = 8,
                           .size = 16,
                           .n = 2,
                           .name = "Option<List>",
                           .variants = rest_variants};
    list_box =
        (hew_type){.kind = HEW_KIND_BOX, .align = 8, .size = 8, .name = "List", .elem = &list_node};
}

static void test_a_list_of_boxes(void)
{
    enum {
        LENGTH = 1000000
    };
    make_region_and_worker(1ull << 30);
    make_list_types();
    list v = {.value = 0, .tag = 1}, copy, shared;
    for (int i = 1; i <= LENGTH; ++i) {
        v = (list){.value = i, .rest = hew_box_new(w, &list_node, &v, NULL)};
    }
    hew_clone(w, &list_node, &copy, &v);
    CHECK(copy.rest != v.rest && hew_eq(&list_node, &copy, &v) &&
          hew_compare(&list_node, &copy, &v) == 0);
    ((list *)(void *)copy.rest->data)->value = 7; /* nobody else's */
    CHECK(!hew_eq(&list_node, &copy, &v) && hew_compare(&list_node, &copy, &v) == -1);
    memcpy(&shared, &v, sizeof v);
    hew_retain(w, &list_node, &shared);
    CHECK(shared.rest == v.rest && v.rest->rc == 2);
    uint64_t bytes, block = hew_block_bytes(v.rest);
    CHECK(
        hew_give(w, &list_node, &v, RECEIVER, &bytes)); /* a copy: the other holder keeps its own */
    CHECK(bytes == bytes_held(RECEIVER) && bytes == LENGTH * block);
    CHECK(shared.rest != v.rest && shared.rest->rc == 1);
    hew_drop(w, &list_node, &shared);
    hew_drop(w, &list_node, &v);
    CHECK(bytes_held(RECEIVER) == 0);
    CHECK(hew_give(w, &list_node, &copy, RECEIVER, &bytes)); /* handed over: the same blocks */
    CHECK(bytes == bytes_held(RECEIVER) && bytes == LENGTH * block);
    hew_drop(w, &list_node, &copy);
    end();
}

static void test_a_box_shows_what_is_in_it(void)
{
    make_region_and_worker(64 << 20);
    make_list_types();
    list v = {.value = 1, .tag = 1};
    v = (list){.value = 2, .rest = hew_box_new(w, &list_node, &v, NULL)};
    hew_string *text = hew_to_string(w, &list_node, &v);
    static const char expected[] = "List { value: 2, rest: Some(List { value: 1, rest: None }) }";
    CHECK(text->len == sizeof expected - 1 && memcmp(text->data, expected, text->len) == 0);
    drop_string(text);
    hew_drop(w, &list_node, &v);
    end();
}

/* The value is dropped, what it holds with it. */
static void test_a_box_without_memory(void)
{
    make_region_and_worker(64 << 20);
    make_list_types();
    hew_type huge = {.kind = HEW_KIND_TUPLE, .align = 8, .size = 256u << 20, .n = 1};
    const hew_field field[] = {{NULL, &hew_type_string, 0, 0}};
    huge.fields = field;
    hew_string *s = hew_string_new(w, "held", 4);
    hew_string *kept = s;
    hew_retain(w, &hew_type_string, &s);
    CHECK(TRAPS_WITH(w, hew_box_new(w, &huge, &s, NULL), "out of memory"));
    CHECK(kept->rc == 1);
    drop_string(kept);
    end();
}

/* ---- Vec ---- */

/* Of any number of elements, in memory that is new or was in use. */
static void test_vec_filled(void)
{
    make_region_and_worker(256 << 20);
    const hew_type integer = leaf_of(HEW_KIND_I64), boolean = leaf_of(HEW_KIND_BOOL);
    for (int64_t n = 1; n < 8 << 20; n = n * 3 + 1) {
        for (int round = 0; round < 3; round++) {
            int64_t filler = round == 1 ? -77 : 0;
            char none = 0;
            hew_vec *v = hew_vec_filled(w, &integer, n, &filler, NULL);
            hew_vec *flags = hew_vec_filled(w, &boolean, n, &none, NULL);
            CHECK(v->len == (uint64_t)n && flags->len == (uint64_t)n);
            for (int64_t i = 0; i < n; i++) {
                CHECK(((int64_t *)(void *)v->data)[i] == filler && flags->data[i] == 0);
            }
            memset(v->data, 0x55, (size_t)n * 8); /* who gets the memory next finds this */
            memset(flags->data, 0x55, (size_t)n);
            hew_drop_vec(w, &integer, v);
            hew_drop_vec(w, &boolean, flags);
        }
    }
}

static void test_vec_operations(void)
{
    make_region_and_worker(64 << 20);
    const hew_type integer = leaf_of(HEW_KIND_I64);
    int64_t seven = 7, eight = 8;
    hew_vec *v = hew_vec_filled(w, &integer, 1000, &seven, NULL);
    CHECK(v->len == 1000 && ((int64_t *)(void *)v->data)[999] == 7);
    CHECK(hew_vec_contains(&integer, v, &seven) && !hew_vec_contains(&integer, v, &eight));
    hew_vec *slice = hew_vec_slice(w, &integer, v, 990, 1000, NULL);
    CHECK(slice->len == 10);
    CHECK(TRAPS_WITH(w, hew_vec_slice(w, &integer, v, 0, 1001, NULL),
                     "index 1001 out of range for length 1000"));
    CHECK(TRAPS_WITH(w, hew_vec_new(w, &integer, INT64_MAX, NULL), "out of memory"));
    hew_vec *none = hew_vec_new(w, &integer, -5, NULL);
    CHECK(none->len == 0 && !hew_vec_contains(&integer, none, &seven));
    for (int i = 0; i < 100000; ++i) {
        hew_vec_push(w, &integer, none, &eight);
    }
    CHECK(none->len == 100000 && hew_counted(w, ALLOC_COUNT) < 60);
    hew_vec_clear(w, &integer, none);
    CHECK(none->len == 0);
    hew_drop_vec(w, &integer, none);
    hew_drop_vec(w, &integer, slice);
    hew_drop_vec(w, &integer, v);

    hew_string *s = hew_string_new(w, "shared", 6);
    hew_vec *strings = hew_vec_filled(w, &hew_type_string, 10, &s, NULL);
    CHECK(s->rc == 11);
    slice = hew_vec_slice(w, &hew_type_string, strings, 2, 5, NULL);
    CHECK(s->rc == 14);
    hew_drop_vec(w, &hew_type_string, strings);
    CHECK(s->rc == 4);
    hew_vec_clear(w, &hew_type_string, slice);
    CHECK(s->rc == 1);
    hew_drop_vec(w, &hew_type_string, slice);
    drop_string(s);
    end();
}

static void test_not_a_number_is_unordered(void)
{
    const hew_type f64 = leaf_of(HEW_KIND_F64), f32 = leaf_of(HEW_KIND_F32);
    const hew_field pair_fields[] = {{NULL, &f64, 0, 0}, {NULL, &f64, 8, 0}};
    const hew_type pair = {.kind = HEW_KIND_TUPLE,
                           .flat = 1,
                           .align = 8,
                           .size = 16,
                           .n = 2,
                           .name = "",
                           .fields = pair_fields};
    double a[2] = {1, (double)NAN}, b[2] = {1, 2}, c[2] = {2, (double)NAN}, zeros[2] = {0.0, -0.0};
    float x = NAN, y = 1;
    CHECK(hew_compare(&pair, a, b) == 2 && !hew_eq(&pair, a, a) && hew_compare(&pair, b, c) == -1);
    CHECK(hew_eq(&f64, &zeros[0], &zeros[1]) && hew_compare(&f32, &x, &y) == 2 &&
          hew_compare(&f32, &y, &y) == 0);
}

int main(void)
{
    seed = chosen_seed();
    test_laws_over_random_values();
    test_what_could_not_be_copied_is_dropped_whole();
    test_a_million_levels_need_no_stack();
    test_a_list_of_boxes();
    test_a_box_shows_what_is_in_it();
    test_a_box_without_memory();
    test_vec_filled();
    test_vec_operations();
    test_not_a_number_is_unordered();
    return 0;
}
