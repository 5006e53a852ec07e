/* hew.h - the C ABI: all that generated code and Python may use of the core.
 *
 * Rules for generated code
 * R1  `w` is always the address of the symbol `hew_self`; it stays right over a suspension.
 * R2  Any call below may suspend the handler or end it by a forced unwind unless it is marked HEW_LEAF
 *     (neither suspends nor traps). Generated code uses `invoke` where it owns heap values.
 * R3  Between hew_*_begin and the matching hew_*_commit there are plain stores only: no call, no poll.
 * R4  Values written into a payload or into fields are owned (+1) and change hands at the commit,
 *     also when the commit traps.
 * R5  "by pointer" values have the memory layout of their hew_type; C never keeps the pointer
 *     beyond the call, except over its own suspension (the run stack has one address everywhere).
 * R6  The all-zero bit pattern of any type may be dropped.
 */
#ifndef HEW_H
#define HEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEW_ABI 1
#define HEW_API __attribute__((visibility("default")))
#define HEW_LEAF
#define HEW_NORETURN __attribute__((noreturn, cold))

typedef struct hew_worker
    hew_worker; /* its first uint32_t is the poll flag: nonzero -> hew_safepoint */
typedef struct hew_region hew_region;
typedef struct hew_future hew_future;

/* ---- descriptors: constant data emitted by the compiler ---- */

typedef enum hew_kind {
    HEW_KIND_UNIT, /* size 1 where it needs memory */
    HEW_KIND_BOOL, /* one byte, 0 or 1 */
    HEW_KIND_I8,
    HEW_KIND_I16,
    HEW_KIND_I32,
    HEW_KIND_I64,
    HEW_KIND_U8,
    HEW_KIND_U16,
    HEW_KIND_U32,
    HEW_KIND_U64,
    HEW_KIND_F32,
    HEW_KIND_F64,
    HEW_KIND_CHAR,   /* uint32_t, a Unicode scalar */
    HEW_KIND_STRING, /* hew_string * */
    HEW_KIND_VEC,    /* hew_vec *; elem */
    HEW_KIND_TUPLE,  /* C layout; fields without names */
    HEW_KIND_RECORD, /* C layout; name, fields */
    HEW_KIND_ENUM,   /* uint8_t tag at offset 0 = index of the variant in order of declaration;
                        Option: Some 0, None 1; Result: Ok 0, Err 1; ExitReason: Normal, Stopped, Crashed.
                        The payload of each variant has its own place, no union. */
    HEW_KIND_HANDLE, /* uint64_t pid << 24 | slot; name = actor type's name */
    HEW_KIND_FUTURE, /* hew_future *; elem = reply type, NULL for () */
    HEW_KIND_RANGE, /* two elem-typed bounds {start, end} and a uint8_t inclusive flag after them */
    HEW_KIND_BOX, /* hew_vec * of one elem that never changes: what a type that holds itself keeps apart */
} hew_kind;

typedef struct hew_type hew_type;

typedef struct hew_field {
    const char *name; /* NULL in tuples */
    const hew_type *type;
    uint32_t offset; /* from the start of the whole value, also inside a variant */
    uint32_t pad;
} hew_field;

typedef struct hew_variant {
    const char *name;
    const hew_field *fields;
    uint32_t n_fields;
    uint32_t named; /* 1: Box { w: 1 }, 0: Disc(1) or a bare name */
} hew_variant;

struct hew_type {
    uint8_t kind;
    uint8_t flat; /* 1: holds no pointer: memcpy copies it, nothing to drop */
    uint16_t align;
    uint32_t size; /* bytes, a multiple of align; stride in a Vec */
    uint32_t n;    /* number of fields or variants */
    uint32_t pad;
    const char *name;     /* as printed: "Point", "Counter", "Vec<Int>"; never NULL */
    const hew_type *elem; /* VEC, FUTURE, RANGE, BOX */
    const hew_field *fields;
    const hew_variant *variants;
};

typedef struct hew_loc {
    const char *file;     /* base name of the source */
    const char *function; /* name of the enclosing Hew function or handler */
    uint32_t line, column;
} hew_loc;

/* Runs one message. `fields`: the actor's fields; `args`: the payload, layout of handler->args,
 * owned by the handler from its first instruction. A handler with a reply calls hew_reply before it returns. */
typedef void (*hew_handler_fn)(hew_worker *w, void *fields, void *args);

enum {
    HEW_HANDLER_INIT = 1 /* not counted in messages_* and msgs */
};

typedef struct hew_handler {
    const char *name;
    hew_handler_fn fn;
    const hew_type *args;  /* a TUPLE, or NULL without parameters */
    const hew_type *reply; /* NULL: replies with nothing but its end */
    uint32_t index;        /* in hew_actor_type.handlers */
    uint32_t flags;
    uint32_t line, column;
} hew_handler;

typedef struct hew_actor_type {
    const char *name;
    const hew_type *fields; /* a RECORD, or NULL without fields */
    const hew_handler *handlers;
    uint32_t n_handlers;
    uint32_t mailbox; /* bound; 0: unbounded */
    uint32_t index;   /* in hew_program.types */
    uint32_t line;
    const char *file;
} hew_actor_type;

/* The module's symbol `hew_program_info`. */
typedef struct hew_program {
    uint32_t abi; /* HEW_ABI */
    uint32_t n_types;
    const hew_actor_type *const *types; /* the program's actors; main is not among them */
    const hew_actor_type *main;         /* type "main", no fields, one handler "main" */
    const char *source;                 /* base name of the source file */
} hew_program;

/* ---- heap values ---- */

typedef struct hew_string {
    int32_t rc; /* references; negative: a constant of the program, never counted or freed */
    uint32_t flags;
    uint64_t len; /* bytes */
    uint64_t cap;
    char data[]; /* UTF-8, not terminated */
} hew_string;
/* NULL is the empty string everywhere. */

typedef struct hew_vec {
    int32_t rc;
    uint32_t flags;
    uint64_t len;
    uint64_t cap; /* elements */
    char *data;   /* cap * elem->size bytes, NULL when cap is 0 */
} hew_vec;
/* A Vec is never NULL except as the zero pattern of a slot that holds none. Of a BOX the element lies behind the
 * hew_vec in the same block. */

HEW_API HEW_LEAF void hew_retain(hew_worker *w, const hew_type *t, const void *value);
HEW_API HEW_LEAF void hew_drop(hew_worker *w, const hew_type *t,
                               void *value); /* leaves the bytes as they are */
HEW_API HEW_LEAF void hew_string_free(hew_worker *w, hew_string *s); /* its rc has become 0 */
HEW_API HEW_LEAF void hew_vec_free(hew_worker *w, const hew_type *elem,
                                   hew_vec *v); /* its rc has become 0 */
HEW_API HEW_LEAF void hew_future_drop(hew_worker *w, hew_future *f);
HEW_API void hew_clone(hew_worker *w, const hew_type *t, void *dst,
                       const void *src); /* deep; dst is owned */
HEW_API HEW_LEAF bool hew_eq(const hew_type *t, const void *a, const void *b);
HEW_API HEW_LEAF int32_t hew_compare(const hew_type *t, const void *a,
                                     const void *b); /* <0, 0, >0; 2: unordered (NaN) */

/* Results are owned (+1); arguments borrowed. */
HEW_API hew_string *hew_string_new(hew_worker *w, const char *bytes, uint64_t len);
HEW_API hew_string *hew_string_concat(hew_worker *w, const hew_string *a, const hew_string *b);
HEW_API void hew_string_append(hew_worker *w, hew_string **s,
                               const hew_string *tail); /* s += tail, amortised linear */
HEW_API hew_string *hew_string_slice(hew_worker *w, const hew_string *s, int64_t from, int64_t to,
                                     const hew_loc *loc);
HEW_API HEW_LEAF bool hew_string_eq(const hew_string *a, const hew_string *b);
HEW_API HEW_LEAF int32_t hew_string_compare(const hew_string *a, const hew_string *b);
HEW_API HEW_LEAF int64_t hew_string_find(const hew_string *s,
                                         const hew_string *what); /* byte position or -1 */
HEW_API hew_vec *hew_string_split(hew_worker *w, const hew_string *s, const hew_string *separator);
HEW_API hew_string *hew_string_trim(hew_worker *w, const hew_string *s);
/* Option<Int> at out: {uint8_t tag; int64_t value at 8} */
HEW_API HEW_LEAF void hew_string_parse_int(const hew_string *s, void *out);
HEW_API hew_string *hew_string_join(hew_worker *w, const hew_vec *strings,
                                    const hew_string *separator);
HEW_API hew_string *hew_to_string(hew_worker *w, const hew_type *t, const void *value);
/* One past the character that starts at `at`; *scalar gets it. For `for c in s`. */
HEW_API HEW_LEAF uint64_t hew_string_next_char(const hew_string *s, uint64_t at, uint32_t *scalar);

/* Text built piece by piece in the worker's buffer; the pieces are evaluated before hew_text_begin (R3 holds up
 * to the closing call, which is hew_text_string or hew_text_print). hew_text_* grow the buffer: they may trap. */
HEW_API void hew_text_begin(hew_worker *w);
HEW_API void hew_text_bytes(hew_worker *w, const char *bytes, uint64_t len);
HEW_API void hew_text_value(hew_worker *w, const hew_type *t,
                            const void *value); /* top level: strings unquoted */
HEW_API void hew_text_string_piece(hew_worker *w, const hew_string *s);
HEW_API void hew_text_i64(hew_worker *w, int64_t v);
HEW_API void hew_text_u64(hew_worker *w, uint64_t v);
HEW_API void hew_text_f64(hew_worker *w, double v);
HEW_API hew_string *hew_text_string(hew_worker *w);
HEW_API void hew_text_print(hew_worker *w, int fd, bool newline); /* one piece; fd 1 or 2 */

HEW_API hew_vec *hew_vec_new(hew_worker *w, const hew_type *elem, int64_t capacity,
                             const hew_loc *loc);
HEW_API hew_vec *hew_vec_filled(hew_worker *w, const hew_type *elem, int64_t n, const void *value,
                                const hew_loc *loc); /* clones value n times */
HEW_API hew_vec *hew_box_new(hew_worker *w, const hew_type *elem, const void *value,
                             const hew_loc *loc); /* takes the value */
HEW_API void hew_vec_grow(
    hew_worker *w, const hew_type *elem,
    hew_vec *v); /* room for at least one more; then store at data + len * size, ++len */
HEW_API void hew_vec_push(hew_worker *w, const hew_type *elem, hew_vec *v,
                          const void *value); /* takes the value */
HEW_API void hew_vec_clear(hew_worker *w, const hew_type *elem, hew_vec *v);
HEW_API hew_vec *hew_vec_slice(
    hew_worker *w, const hew_type *elem, const hew_vec *v, int64_t from, int64_t to,
    const hew_loc *loc); /* retains the elements (references shared, strings too) */
HEW_API HEW_LEAF bool hew_vec_contains(const hew_type *elem, const hew_vec *v, const void *value);

HEW_API HEW_LEAF double hew_f64_pow(double a, double b);
HEW_API HEW_LEAF double hew_f64_mod(double a, double b);

/* ---- traps: end the running handler by a forced unwind ---- */

HEW_API HEW_NORETURN void hew_trap(hew_worker *w, const char *text,
                                   const hew_loc *loc); /* constant text */
HEW_API HEW_NORETURN void hew_trap_string(hew_worker *w, hew_string *text,
                                          const hew_loc *loc); /* panic; takes the string */
HEW_API HEW_NORETURN void hew_trap_index(hew_worker *w, int64_t index, uint64_t len,
                                         const hew_loc *loc);
HEW_API HEW_NORETURN void hew_trap_values(hew_worker *w, const char *format_kind, const hew_type *t,
                                          const void *left, const void *right, const hew_loc *loc);
/* format_kind "assert_eq": `assertion failed: left L, right R`; "assert_ne": `assertion failed: both V`;
 * "unwrap_err": `unwrap of Err(V)` (left only); "expect_err": `TEXT: V`, left = String, right = value of t */

/* ---- actors ---- */

HEW_API void *hew_spawn_begin(hew_worker *w, const hew_actor_type *type,
                              const hew_loc *loc); /* zeroed fields, or scratch */
HEW_API uint64_t
hew_spawn_commit(hew_worker *w); /* the handle; then generated code sends init, if any */

/* A payload of handler->args->size bytes for a message to `to`. Waits for a place in a bounded mailbox. The payload of
 * a message to an ended actor is scratch memory; the commit drops the values and counts the message as dropped. */
HEW_API void *hew_send_begin(hew_worker *w, uint64_t to, const hew_handler *handler,
                             const hew_loc *loc);
HEW_API void hew_send_commit(hew_worker *w);
HEW_API void hew_send0(hew_worker *w, uint64_t to, const hew_handler *handler,
                       const hew_loc *loc); /* no parameters */
HEW_API void hew_send1(hew_worker *w, uint64_t to, const hew_handler *handler, uint64_t word,
                       const hew_loc *loc); /* flat, size <= 8 */

HEW_API void *hew_ask_begin(hew_worker *w, uint64_t to, const hew_handler *handler,
                            const hew_loc *loc);
HEW_API uint64_t
hew_ask_commit(hew_worker *w); /* a ticket, to be used at once by one of the next two */
HEW_API void hew_await_reply(hew_worker *w, uint64_t ticket, void *out,
                             const hew_loc *loc);                      /* out: reply value, owned */
HEW_API hew_future *hew_future_of_ask(hew_worker *w, uint64_t ticket); /* rc 1 */
HEW_API void hew_await_future(hew_worker *w, hew_future *f, void *out,
                              const hew_loc *loc); /* takes the reference */

HEW_API void hew_reply(hew_worker *w,
                       void *value); /* takes the value; NULL when the handler has no reply type */

HEW_API void hew_close(hew_worker *w, uint64_t handle);
HEW_API hew_future *hew_exit_future(hew_worker *w, uint64_t handle); /* Future<ExitReason> */
HEW_API void hew_await_exit(hew_worker *w, uint64_t handle, void *out,
                            const hew_loc *loc); /* ExitReason at out */
HEW_API HEW_LEAF bool hew_is_alive(hew_worker *w, uint64_t handle);
HEW_API HEW_LEAF int64_t hew_mailbox_len(hew_worker *w, uint64_t handle);
HEW_API HEW_LEAF uint64_t hew_this(hew_worker *w);
HEW_API void hew_sleep_ns(hew_worker *w, int64_t ns,
                          const hew_loc *loc); /* <= 0: returns at once */
HEW_API void hew_safepoint(hew_worker *w);     /* when the poll flag is set, and for `cooperate` */
HEW_API HEW_NORETURN void hew_exit(hew_worker *w, int64_t code);
HEW_API void hew_main_result(hew_worker *w, int64_t code); /* main returned this */
HEW_API hew_vec *hew_args(hew_worker *w, const hew_type *string_type);
HEW_API void hew_env(hew_worker *w, const hew_string *name,
                     void *out); /* Option<String>: {uint8_t tag; hew_string *at 8} */

/* ---- for Python: the supervisor ---- */

#define HEW_HANDLERS_LEAST 64u

typedef struct hew_config {
    uint32_t abi;
    uint32_t workers;  /* 1..255 */
    uint64_t heap_max; /* bytes */
    uint64_t stack_size;
    int32_t notify_fd; /* eventfd written once when the verdict is given; -1: none */
    uint32_t checked;
    uint32_t on_crash_recover;
    uint32_t handlers; /* of the program's actors, their init too; 0: at most HEW_HANDLERS_LEAST */
    uint64_t
        *counters; /* slice of worker i at counters + i * counters_stride; NULL: the region's own */
    uint64_t counters_stride; /* in uint64_t */
    int64_t argc;
    const char *const *argv; /* copied into the region */
} hew_config;

HEW_API uint32_t hew_abi(void);
HEW_API uint64_t hew_self_address(void); /* value of the symbol hew_self */
HEW_API const char *hew_counter_name(
    uint32_t index); /* NULL past the last; the order of the slice */
HEW_API hew_region *hew_region_create(const hew_config *config, char *error,
                                      uint64_t error_size); /* NULL: error has a sentence */
HEW_API void hew_region_destroy(hew_region *r);
/* Before hew_region_start: where the program's loaded text is, and its table of lines (lines.h; NULL: none), which must
 * stay where it is. */
HEW_API void hew_region_set_code(hew_region *r, uint64_t base, uint64_t size, const void *lines,
                                 uint64_t lines_size);
HEW_API void hew_region_start(hew_region *r,
                              const hew_program *program); /* main is spawned, before any worker */
HEW_API long hew_clone_files(void); /* clone(CLONE_FILES | SIGCHLD); -errno */
/* This process, not its children, asks the kernel for short slices of CPU time: it gets no more than before, but woken
 * beside busy ones it is not kept waiting until they have used theirs. 0 or an errno; older kernels ignore it. */
HEW_API int hew_short_slices(void);
/* In the child. Returns when the program has ended; 0, or an errno-like code when the worker could not be set up. */
HEW_API int hew_worker_run(hew_region *r, uint32_t index, uint32_t incarnation);
/* In the supervisor. */
typedef enum hew_verdict {
    HEW_RUNNING,
    HEW_ENDED,
    HEW_DEADLOCK,
    HEW_EXITED,
    HEW_MAIN_TRAPPED,
    HEW_STOPPED,
    HEW_OUTPUT_CLOSED,
    HEW_OUTPUT_FAILED
} hew_verdict;
HEW_API uint32_t hew_region_verdict(hew_region *r, int64_t *exit_code);
HEW_API bool hew_region_decide(hew_region *r, uint32_t verdict,
                               int64_t exit_code); /* false: decided already. Wakes all. */
/* After a worker's death. Writes the stderr line's middle ("while running Counter#4.tick", "while idle") into text.
 * Returns 1 when main was lost (the caller decides MAIN_TRAPPED), else 0. Idempotent. */
HEW_API int hew_recover_worker(hew_region *r, uint32_t index, uint32_t incarnation, char *text,
                               uint64_t size);
/* Does all of the region look as the core writes it? Others may run meanwhile. false: text says what does not. */
HEW_API bool hew_region_audit(hew_region *r, char *text, uint64_t size);
HEW_API void hew_region_wake_all(hew_region *r);
/* The report of language.md 15.4 into text; its length. */
HEW_API int64_t hew_deadlock_report(hew_region *r, char *text, uint64_t size);

/* ---- for Python: readers (no lock, nothing written, any process that has the region mapped) ---- */

typedef enum hew_actor_state {
    HEW_IDLE_,
    HEW_RUNNABLE_,
    HEW_RUNNING_,
    HEW_BLOCKED_,
    HEW_STOPPING_,
    HEW_CRASHED_,
    HEW_STOPPED_
} hew_actor_state;

typedef struct hew_actor_row {
    uint64_t id, pid;
    uint64_t msgs, time_ns, blocked_ns;
    uint64_t mbox_depth, mbox_hwm;
    uint64_t bytes_allocated, bytes_live;
    uint32_t type; /* index in the program; UINT32_MAX: main */
    uint32_t state;
    uint32_t worker;
    uint32_t slot; /* in the table, see hew_inspect_where */
} hew_actor_row;

typedef enum hew_sort {
    HEW_SORT_MSGS,
    HEW_SORT_TIME,
    HEW_SORT_DEPTH,
    HEW_SORT_HWM,
    HEW_SORT_BYTES_LIVE,
    HEW_SORT_ID,
    HEW_SORT_BYTES_ALLOCATED
} hew_sort;

typedef struct hew_actor_query {
    uint32_t sort, descending;
    uint32_t type;  /* UINT32_MAX: all */
    uint32_t state; /* UINT32_MAX: all */
    uint32_t include_main;
    uint32_t include_ended; /* the ring of ended actors, last 10 s */
    uint64_t limit;
} hew_actor_query;

typedef struct hew_memory {
    uint64_t peak_bytes_live, heap_limit, heap_committed;
} hew_memory;

typedef struct hew_type_totals { /* over actors of a type */
    uint64_t count, msgs, time_ns, bytes_allocated;
} hew_type_totals;

typedef struct
    hew_actor_scan { /* a list in the making; the caller sets the first four and clears the rest */
    hew_actor_query query;
    hew_actor_row *rows; /* place for query.limit */
    hew_type_totals
        *live; /* of each type, or null: sums over all live actors of the list, without main */
    uint64_t n_types;   /* of live */
    uint64_t n, total;  /* rows; how many there are before the cut */
    uint64_t slot, now; /* read up to there; as of when, ticks */
    uint64_t unsorted;  /* rows still to be put in order */
    uint32_t phase;
} hew_actor_scan;

typedef struct hew_times { /* of messages; buckets[i] counts 2^i to 2^(i+1) ns, the first from 0 */
    uint64_t total_ns, max_ns;
    uint64_t buckets[64];
} hew_times;

typedef struct hew_handler_totals {
    uint64_t count;
    hew_times work, mailbox;
} hew_handler_totals;

typedef struct hew_code { /* the loaded text of the program, in every process of the run */
    uint64_t base, size;
} hew_code;

/* ---- for Python: samples of what the workers execute (sample.h) ---- */

#define HEW_SAMPLE_FRAMES 121
typedef struct hew_sample {
    uint64_t sequence;
    uint64_t ticks;
    uint64_t periods;   /* of the timer that have passed; 1, more when the kernel was late */
    uint64_t weight_ns; /* CPU time that it stands for */
    uint64_t pid;       /* of the actor that ran; 2^40 - 1: none did */
    uint32_t type;      /* of the actor; UINT32_MAX: none, or main */
    uint32_t handler;   /* UINT32_MAX: not in a handler */
    uint32_t depth;     /* of pcs; HEW_SAMPLE_FRAMES: there may have been more */
    uint32_t looking;   /* 1: no actor ran, the worker looked for work before it would sleep */
    uint64_t pcs[HEW_SAMPLE_FRAMES]; /* innermost first; return addresses but for the first */
} hew_sample;

/* Workers take samples, one per period_ns of CPU time, for at least lease_ns from now; called again, for longer. Of those
 * who ask at once, the shortest period holds. Writes to the page at hew_sample_page, and nowhere else. */
HEW_API uint64_t hew_sample_page(hew_region *r);
HEW_API void hew_sample_request(hew_region *r, uint64_t period_ns, uint64_t lease_ns);
/* Samples that a worker has taken so far. Read from there: *next is the reader's place, *lost grows by what was
 * overwritten before it came. Returns how many, at most max; called until 0. */
HEW_API uint64_t hew_sample_written(hew_region *r, uint32_t worker);
HEW_API uint64_t hew_sample_read(hew_region *r, uint32_t worker, uint64_t *next, hew_sample *out,
                                 uint64_t max, uint64_t *lost);

/* What an actor is at: the message in work, what it waits for and since when, its stack if it is suspended. */
typedef struct hew_where {
    uint64_t since_ns;   /* waits, or runs, for so long */
    uint64_t sleep_ns;   /* that it will sleep on; of a sleeping one */
    uint64_t about_pid;  /* who has to reply, to end, or to make a place in its mailbox */
    uint32_t about_type; /* index of its type; UINT32_MAX: it has ended, or there is none */
    uint32_t handler;    /* index in the type's handlers; UINT32_MAX: none in work */
    uint32_t wait;  /* hew_wait of layout.h: 0 nothing, 1 reply, 2 end, 3 time, 4 place, 5 turn */
    uint32_t depth; /* of pcs; 0: not suspended */
    uint64_t pcs[HEW_SAMPLE_FRAMES]; /* where its calls return to, innermost first */
} hew_where;

/* false: there is no such actor in the slot any more, or it has gone on meanwhile. */
HEW_API bool hew_inspect_where(hew_region *r, uint32_t slot, uint64_t pid, hew_where *out);

/* Goes on with the list, by about so many actors; true when it is whole: at most query.limit rows, ties by id. */
HEW_API bool hew_inspect_actors(hew_region *r, hew_actor_scan *scan, uint64_t work);
HEW_API void hew_inspect_memory(hew_region *r, hew_memory *out);
HEW_API void hew_inspect_ended(hew_region *r, uint32_t type, hew_type_totals *out);
/* false: the program has no such handler, or has not started. */
HEW_API bool hew_inspect_handler(hew_region *r, uint32_t type, uint32_t handler,
                                 hew_handler_totals *out);
HEW_API void hew_inspect_code(hew_region *r, hew_code *out);
HEW_API uint64_t hew_inspect_actors_live(hew_region *r);
HEW_API uint32_t hew_inspect_active_workers(hew_region *r);
HEW_API uint64_t hew_inspect_workers_pid(hew_region *r, uint32_t index);

#endif
