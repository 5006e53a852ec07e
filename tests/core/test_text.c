/* test_text.c - strings, text built in pieces, text forms and what is printed. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "heap_support.h"
#include "rt/number.h"
#include "rt/string.h"
#include "rt/text.h"

static hew_region *region;
static hew_worker *w;

static hew_string *str(const char *text)
{
    return hew_string_new(w, text, strlen(text));
}

static bool is(const hew_string *s, const char *text)
{
    return hew_string_len(s) == strlen(text) && memcmp(hew_string_data(s), text, strlen(text)) == 0;
}

static void release(hew_string *s)
{
    hew_drop(w, &hew_type_string, &s);
}

/* Whether s is the text; s is released. */
static bool gives(hew_string *s, const char *text)
{
    bool same = is(s, text);
    if (!same) {
        fprintf(stderr, "'%.*s' is not '%s'\n", (int)hew_string_len(s), hew_string_data(s), text);
    }
    release(s);
    return same;
}

static void begin(uint64_t limit)
{
    region = make_region(1, 1ull << 30, limit);
    w = start_worker(region, 0, 1);
}

static void end(void)
{
    check_heap(region);
    CHECK(audited(region).used_blocks == 0);
    free(w->text.data);
    free(w->output.data);
    free_region(region);
}

/* ---- strings ---- */

static void test_strings_are_shared_joined_and_cut(void)
{
    begin(64 << 20);
    hew_string *a = str("alpha");
    hew_string *b = str("beta");
    CHECK(str("") == NULL);
    CHECK(gives(hew_string_concat(w, a, b), "alphabeta"));
    CHECK(gives(hew_string_concat(w, a, NULL), "alpha") &&
          gives(hew_string_concat(w, NULL, b), "beta"));
    CHECK(hew_string_concat(w, NULL, NULL) == NULL);
    CHECK(gives(hew_string_slice(w, a, 1, 3, NULL), "lp") &&
          gives(hew_string_slice(w, a, 0, 5, NULL), "alpha"));
    CHECK(gives(hew_string_slice(w, a, 3, 1, NULL), "") &&
          gives(hew_string_slice(w, a, 5, 5, NULL), ""));
    CHECK(TRAPS_WITH(w, hew_string_slice(w, a, 0, 9, NULL), "index 9 out of range for length 5"));
    CHECK(TRAPS_WITH(w, hew_string_slice(w, a, -1, 2, NULL), "index -1 out of range for length 5"));
    CHECK(
        TRAPS_WITH(w, hew_string_slice(w, NULL, 0, 1, NULL), "index 1 out of range for length 0"));
    hew_string *umlaut = str("a\xc3\xa4z");
    CHECK(TRAPS_WITH(w, hew_string_slice(w, umlaut, 2, 4, NULL), "not a character boundary"));
    CHECK(gives(hew_string_slice(w, umlaut, 1, 3, NULL), "\xc3\xa4"));
    CHECK(hew_string_compare(a, b) < 0 && hew_string_compare(b, a) > 0 &&
          hew_string_compare(a, a) == 0);
    CHECK(hew_string_compare(NULL, a) < 0 && hew_string_eq(NULL, NULL) && !hew_string_eq(a, b));
    release(umlaut);
    release(a);
    release(b);
    end();
}

static void test_find_split_join_and_trim(void)
{
    begin(64 << 20);
    hew_string *s = str("a, b, , c");
    hew_string *comma = str(", ");
    CHECK(hew_string_find(s, comma) == 1 && hew_string_find(comma, s) == -1 &&
          hew_string_find(s, NULL) == 0);
    hew_vec *parts = hew_string_split(w, s, comma);
    CHECK(parts->len == 4 && is(((hew_string **)(void *)parts->data)[2], ""));
    hew_string *bar = str("|");
    CHECK(gives(hew_string_join(w, parts, bar), "a|b||c") &&
          gives(hew_string_join(w, parts, NULL), "abc"));
    const hew_type strings = {.kind = HEW_KIND_VEC,
                              .size = 8,
                              .align = 8,
                              .name = "Vec<String>",
                              .elem = &hew_type_string};
    hew_drop(w, &strings, &parts);
    hew_string *text = str("x\xc3\xa9\xf0\x9f\x98\x80");
    parts = hew_string_split(w, text, NULL);
    CHECK(parts->len == 3 && is(((hew_string **)(void *)parts->data)[2], "\xf0\x9f\x98\x80"));
    hew_drop(w, &strings, &parts);
    uint32_t scalar = 0;
    CHECK(hew_string_next_char(text, 1, &scalar) == 3 && scalar == 0xe9);
    CHECK(hew_string_next_char(text, 3, &scalar) == 7 && scalar == 0x1f600);
    hew_string *blank = str(" \t\xc2\xa0 in side\xe2\x80\xa8\n");
    CHECK(gives(hew_string_trim(w, blank), "in side") && gives(hew_string_trim(w, s), "a, b, , c"));
    CHECK(hew_string_trim(w, NULL) == NULL);
    parts = hew_string_split(w, NULL, comma);
    CHECK(parts->len == 1 && hew_string_join(w, parts, comma) == NULL);
    hew_drop(w, &strings, &parts);
    release(blank);
    release(text);
    release(bar);
    release(comma);
    release(s);
    end();
}

static void check_parsed(const char *text, bool good, int64_t value)
{
    struct {
        uint8_t tag;
        int64_t value;
    } out;
    hew_string *s = str(text);
    hew_string_parse_int(s, &out);
    CHECK(out.tag == (good ? 0 : 1) && (!good || out.value == value));
    release(s);
}

static void test_parse_int_takes_the_whole_text(void)
{
    begin(64 << 20);
    check_parsed("0", true, 0);
    check_parsed("-0042", true, -42);
    check_parsed("+7", true, 7);
    check_parsed("9223372036854775807", true, INT64_MAX);
    check_parsed("-9223372036854775808", true, INT64_MIN);
    check_parsed("9223372036854775808", false, 0);
    check_parsed("-9223372036854775809", false, 0);
    check_parsed("", false, 0);
    check_parsed("-", false, 0);
    check_parsed("--1", false, 0);
    check_parsed(" 1", false, 0);
    check_parsed("1x", false, 0);
    end();
}

static void test_append_is_amortised_and_never_changes_a_shared_string(void)
{
    begin(64 << 20);
    hew_string *s = NULL;
    hew_string *piece = str("0123456789");
    for (int i = 0; i < 20000; ++i) {
        hew_string_append(w, &s, piece);
    }
    CHECK(s->len == 200000 && memcmp(s->data + 199990, "0123456789", 10) == 0);
    CHECK(hew_counted(w, ALLOC_COUNT) < 60);
    hew_retain(w, &hew_type_string, &s);
    hew_string *other = s;
    hew_string_append(w, &s, piece);
    CHECK(other != s && other->len == 200000 && s->len == 200010);
    hew_string_append(w, &s, s);
    CHECK(s->len == 400020 && memcmp(s->data, s->data + 200010, 200010) == 0);
    release(other);
    release(s);
    release(piece);
    end();
}

static void test_a_constant_is_neither_counted_nor_freed(void)
{
    begin(64 << 20);
    static _Alignas(8) char memory[sizeof(hew_string) + 4];
    hew_string *constant = (hew_string *)(void *)memory;
    *constant = (hew_string){.rc = -1, .len = 4, .cap = 4};
    memcpy(memory + sizeof(hew_string), "word", 4);
    hew_retain(w, &hew_type_string, &constant);
    release(constant);
    CHECK(constant->rc == -1);
    hew_string *s = constant;
    hew_string_append(w, &s, constant);
    CHECK(gives(s, "wordword") && is(constant, "word"));
    end();
}

/* ---- numbers ---- */

static bool shows_f64(double v, const char *text)
{
    char out[HEW_NUMBER_MAX];
    size_t n = hew_number_f64(out, v);
    return n == strlen(text) && memcmp(out, text, n) == 0;
}

static bool shows_f32(float v, const char *text)
{
    char out[HEW_NUMBER_MAX];
    size_t n = hew_number_f32(out, v);
    return n == strlen(text) && memcmp(out, text, n) == 0;
}

static void test_numbers(void)
{
    char out[HEW_NUMBER_MAX];
    CHECK(hew_number_i64(out, INT64_MIN) == 20 && memcmp(out, "-9223372036854775808", 20) == 0);
    CHECK(hew_number_u64(out, UINT64_MAX) == 20 && memcmp(out, "18446744073709551615", 20) == 0);
    CHECK(hew_number_i64(out, 0) == 1 && *out == '0');
    CHECK(shows_f64(2.0, "2") && shows_f64(0.1, "0.1") && shows_f64(1e16, "1e+16") &&
          shows_f64(1e-5, "1e-05"));
    CHECK(shows_f64(-0.0, "-0") && shows_f64(1e15, "1000000000000000") &&
          shows_f64(0.0001, "0.0001"));
    CHECK(shows_f64(5e-324, "5e-324") &&
          shows_f64(1.7976931348623157e308, "1.7976931348623157e+308"));
    CHECK(shows_f64(-1.0 / 0.0, "-inf") && shows_f64(0.0 / 0.0, "nan") &&
          shows_f64(123.456, "123.456"));
    CHECK(shows_f32(0.1f, "0.1") && shows_f32(16777216.0f, "16777216") &&
          shows_f32(1e-45f, "1e-45"));
    CHECK(shows_f32(3.4028235e38f, "3.4028235e+38"));
}

static void test_shortest_digits_read_back_at_random(uint64_t seed)
{
    char out[HEW_NUMBER_MAX + 1];
    for (int i = 0; i < 100000; ++i) {
        uint64_t bits = random_next(&seed);
        double v;
        float f;
        memcpy(&v, &bits, sizeof v);
        memcpy(&f, &bits, sizeof f);
        out[hew_number_f64(out, v)] = 0;
        CHECK(v != v || strtod(out, NULL) == v);
        out[hew_number_f32(out, f)] = 0;
        CHECK(f != f || strtof(out, NULL) == f);
    }
}

/* ---- text forms ---- */

static const hew_type type_int = {
    .kind = HEW_KIND_I64, .flat = 1, .align = 8, .size = 8, .name = "Int"};
static const hew_type type_char = {
    .kind = HEW_KIND_CHAR, .flat = 1, .align = 4, .size = 4, .name = "Char"};
static const hew_type type_f64 = {
    .kind = HEW_KIND_F64, .flat = 1, .align = 8, .size = 8, .name = "Float"};

static void test_text_forms(void)
{
    begin(64 << 20);
    const hew_type strings = {.kind = HEW_KIND_VEC,
                              .align = 8,
                              .size = 8,
                              .name = "Vec<String>",
                              .elem = &hew_type_string};
    hew_vec *v = hew_vec_new(w, &hew_type_string, 0, NULL);
    CHECK(gives(hew_to_string(w, &strings, &v), "[]"));
    hew_string *odd = hew_string_new(w, "a\"\n\0\x01'\\\x7f\xc3\xa4", 10);
    hew_vec_push(w, &hew_type_string, v, &odd);
    hew_string *none = NULL;
    hew_vec_push(w, &hew_type_string, v, &none);
    CHECK(gives(hew_to_string(w, &strings, &v), "[\"a\\\"\\n\\0\\x01'\\\\\\x7F\xc3\xa4\", \"\"]"));
    hew_drop(w, &strings, &v);

    const hew_field xy[] = {{"x", &type_int, 0, 0}, {"c", &type_char, 8, 0}};
    const hew_type point = {.kind = HEW_KIND_RECORD,
                            .flat = 1,
                            .align = 8,
                            .size = 16,
                            .n = 2,
                            .name = "Point",
                            .fields = xy};
    const hew_type empty = {
        .kind = HEW_KIND_RECORD, .flat = 1, .align = 1, .size = 1, .name = "Empty"};
    const hew_type pair = {.kind = HEW_KIND_TUPLE,
                           .flat = 1,
                           .align = 8,
                           .size = 16,
                           .n = 2,
                           .name = "(Int, Char)",
                           .fields = xy};
    struct {
        int64_t x;
        uint32_t c;
    } p = {-1, '\''};
    CHECK(gives(hew_to_string(w, &point, &p), "Point { x: -1, c: '\\'' }"));
    CHECK(gives(hew_to_string(w, &pair, &p), "(-1, '\\'')") &&
          gives(hew_to_string(w, &empty, &p), "Empty {}"));
    uint32_t c = 0x1f600;
    CHECK(gives(hew_to_string(w, &type_char, &c), "\xf0\x9f\x98\x80"));

    const hew_field some[] = {{NULL, &type_f64, 8, 0}};
    const hew_field box[] = {{"w", &type_f64, 16, 0}};
    const hew_variant variants[] = {{"Some", some, 1, 0}, {"None", NULL, 0, 0}, {"Box", box, 1, 1}};
    const hew_type option = {.kind = HEW_KIND_ENUM,
                             .flat = 1,
                             .align = 8,
                             .size = 24,
                             .n = 3,
                             .name = "O",
                             .variants = variants};
    struct {
        uint64_t tag;
        double some, w;
    } o = {0, 2.5, 4};
    CHECK(gives(hew_to_string(w, &option, &o), "Some(2.5)"));
    o.tag = 1;
    CHECK(gives(hew_to_string(w, &option, &o), "None"));
    o.tag = 2;
    CHECK(gives(hew_to_string(w, &option, &o), "Box { w: 4 }"));

    const hew_type range = {.kind = HEW_KIND_RANGE,
                            .flat = 1,
                            .align = 8,
                            .size = 24,
                            .name = "Range",
                            .elem = &type_int};
    const hew_type handle = {
        .kind = HEW_KIND_HANDLE, .flat = 1, .align = 8, .size = 8, .name = "Counter"};
    const hew_type unit = {.kind = HEW_KIND_UNIT, .flat = 1, .align = 1, .size = 1, .name = "()"};
    const hew_type boolean = {
        .kind = HEW_KIND_BOOL, .flat = 1, .align = 1, .size = 1, .name = "Bool"};
    int64_t r[3] = {0, 5, 0};
    CHECK(gives(hew_to_string(w, &range, r), "0..5"));
    r[2] = 1;
    CHECK(gives(hew_to_string(w, &range, r), "0..=5"));
    uint64_t h = hew_handle(7, 3);
    CHECK(gives(hew_to_string(w, &handle, &h), "Counter#7"));
    CHECK(gives(hew_to_string(w, &unit, &h), "()") &&
          gives(hew_to_string(w, &boolean, &r[2]), "true"));
    end();
}

static void test_text_in_pieces_and_longer_than_the_heap(void)
{
    begin(16 << 20);
    hew_text_begin(w);
    hew_text_bytes(w, "n=", 2);
    hew_text_i64(w, -3);
    hew_text_bytes(w, " ", 1);
    hew_text_u64(w, 4);
    hew_text_f64(w, 0.5);
    CHECK(gives(hew_text_string(w), "n=-3 40.5"));
    static char megabyte[1 << 20];
    memset(megabyte, 'x', sizeof megabyte);
    hew_text_begin(w);
    CHECK(TRAPS_WITH(w, for (int i = 0; i < 17; ++i) hew_text_bytes(w, megabyte, sizeof megabyte),
                     "out of memory"));
    hew_text_begin(w);
    hew_text_bytes(w, "on", 2);
    CHECK(gives(hew_text_string(w), "on"));
    end();
}

/* ---- printing ---- */

typedef struct pipe_reader {
    int fd;
    char *data;
    size_t len;
} pipe_reader;

static void *read_all(void *argument)
{
    pipe_reader *reader = argument;
    char buffer[5000];
    for (ssize_t n; (n = read(reader->fd, buffer, sizeof buffer)) > 0;) {
        reader->data = realloc(reader->data, reader->len + (size_t)n);
        memcpy(reader->data + reader->len, buffer, (size_t)n);
        reader->len += (size_t)n;
    }
    return NULL;
}

static void print(const char *text, int fd)
{
    hew_text_begin(w);
    hew_text_bytes(w, text, strlen(text));
    hew_text_print(w, fd, true);
}

/* Runs `body` with descriptor 1 a non-blocking pipe and gives what came out. */
static pipe_reader printed(void (*body)(void))
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    int saved = dup(STDOUT_FILENO);
    CHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0 &&
          dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
    close(ends[1]);
    pipe_reader reader = {.fd = ends[0]};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, read_all, &reader) == 0);
    body();
    CHECK(dup2(saved, STDOUT_FILENO) == STDOUT_FILENO);
    close(saved);
    pthread_join(thread, NULL);
    close(ends[0]);
    return reader;
}

static void print_many_lines(void)
{
    for (int i = 0; i < 30000; ++i) {
        char line[32];
        snprintf(line, sizeof line, "line %d", i);
        print(line, STDOUT_FILENO);
    }
    hew_print_flush(w);
}

static void test_printing_into_a_slow_non_blocking_pipe_loses_nothing(void)
{
    begin(64 << 20);
    pipe_reader reader = printed(print_many_lines);
    size_t at = 0;
    for (int i = 0; i < 30000; ++i) {
        char line[32];
        size_t n = (size_t)snprintf(line, sizeof line, "line %d\n", i);
        CHECK(at + n <= reader.len && memcmp(reader.data + at, line, n) == 0);
        at += n;
    }
    CHECK(at == reader.len);
    free(reader.data);
    end();
}

/* Pieces of several workers, longer than what a pipe takes at once. */
enum {
    PRINTERS = 3,
    PIECES = 40,
    PIECE = 9000
};

static void *print_long_pieces(void *argument)
{
    hew_worker *mine = argument;
    char piece[PIECE];
    memset(piece, 'a' + (int)mine->index, PIECE);
    for (int i = 0; i < PIECES; ++i) {
        hew_text_begin(mine);
        hew_text_bytes(mine, piece, PIECE);
        hew_text_print(mine, STDOUT_FILENO, true);
    }
    hew_print_flush(mine);
    free(mine->text.data);
    free(mine->output.data);
    return NULL;
}

static void print_from_several_workers(void)
{
    pthread_t threads[PRINTERS];
    for (uint32_t i = 0; i < PRINTERS; ++i) {
        CHECK(pthread_create(&threads[i], NULL, print_long_pieces,
                             start_worker(region, i, i + 1)) == 0);
    }
    for (int i = 0; i < PRINTERS; ++i) {
        pthread_join(threads[i], NULL);
    }
}

static void test_long_pieces_of_several_workers_do_not_mix(void)
{
    region = make_region(PRINTERS, 1ull << 30, 64 << 20);
    pipe_reader reader = printed(print_from_several_workers);
    CHECK(reader.len == (size_t)PRINTERS * PIECES * (PIECE + 1));
    for (size_t at = 0; at < reader.len; at += PIECE + 1) {
        for (size_t i = 0; i < PIECE; ++i) {
            CHECK(reader.data[at + i] == reader.data[at]);
        }
        CHECK(reader.data[at + PIECE] == '\n');
    }
    CHECK(region->output_turn == 0);
    free(reader.data);
    free_region(region);
}

static void print_to_a_closed_pipe(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0 && dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    print("nobody reads this", STDOUT_FILENO);
    CHECK(hew_load_relaxed(&region->verdict) == 0);
    hew_print_flush(w);
}

static void test_a_closed_pipe_gives_the_verdict(void)
{
    begin(64 << 20);
    pipe_reader reader = printed(print_to_a_closed_pipe);
    CHECK(reader.len == 0 && (hew_load_relaxed(&region->verdict) & 0xff) == HEW_OUTPUT_CLOSED);
    end();
}

static void print_to_a_full_disk(void)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    CHECK(full >= 0 && dup2(full, STDOUT_FILENO) == STDOUT_FILENO);
    close(full);
    print("no room for this", STDOUT_FILENO);
    hew_print_flush(w);
}

static void test_a_full_disk_gives_the_verdict(void)
{
    begin(64 << 20);
    pipe_reader reader = printed(print_to_a_full_disk);
    CHECK(reader.len == 0 && (hew_load_relaxed(&region->verdict) & 0xff) == HEW_OUTPUT_FAILED);
    end();
}

int main(void)
{
    uint64_t seed = chosen_seed();
    signal(SIGPIPE, SIG_IGN);
    test_strings_are_shared_joined_and_cut();
    test_find_split_join_and_trim();
    test_parse_int_takes_the_whole_text();
    test_append_is_amortised_and_never_changes_a_shared_string();
    test_a_constant_is_neither_counted_nor_freed();
    test_numbers();
    test_shortest_digits_read_back_at_random(seed);
    test_text_forms();
    test_text_in_pieces_and_longer_than_the_heap();
    test_printing_into_a_slow_non_blocking_pipe_loses_nothing();
    test_long_pieces_of_several_workers_do_not_mix();
    test_a_closed_pipe_gives_the_verdict();
    test_a_full_disk_gives_the_verdict();
    return 0;
}
