/* harness.h - programs for the core built by hand, and runs of them on real worker processes. */
#ifndef HEW_TEST_HARNESS_H
#define HEW_TEST_HARNESS_H

#include "actor.h"
#include "ask.h"
#include "message.h"
#include "region.h"
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* ---- descriptors ---- */

static const hew_type int_type HEW_UNUSED = {
    .kind = HEW_KIND_I64, .flat = 1, .align = 8, .size = 8, .name = "Int"};
static const hew_type text_type HEW_UNUSED = {
    .kind = HEW_KIND_STRING, .align = 8, .size = 8, .name = "String"};
static const hew_field one_int_field[] HEW_UNUSED = {{.type = &int_type}};
static const hew_field one_text_field[] HEW_UNUSED = {{.type = &text_type}};
static const hew_type one_int HEW_UNUSED = {.kind = HEW_KIND_TUPLE,
                                            .flat = 1,
                                            .align = 8,
                                            .size = 8,
                                            .n = 1,
                                            .name = "(Int)",
                                            .fields = one_int_field};
static const hew_type one_text HEW_UNUSED = {.kind = HEW_KIND_TUPLE,
                                             .align = 8,
                                             .size = 8,
                                             .n = 1,
                                             .name = "(String)",
                                             .fields = one_text_field};

#define HANDLER(position, handler_name, function, arguments, result, bits)                         \
    {.name = handler_name,                                                                         \
     .fn = function,                                                                               \
     .args = arguments,                                                                            \
     .reply = result,                                                                              \
     .index = position,                                                                            \
     .flags = bits,                                                                                \
     .line = 1,                                                                                    \
     .column = 1}
#define ACTOR(variable, type_name, number, field_type, table, bound)                               \
    static const hew_actor_type variable = {.name = type_name,                                     \
                                            .fields = field_type,                                  \
                                            .handlers = table,                                     \
                                            .n_handlers = HEW_COUNT_OF(table),                     \
                                            .mailbox = bound,                                      \
                                            .index = number,                                       \
                                            .line = 1,                                             \
                                            .file = "test.hew"}
#define LOC(variable, at_line)                                                                     \
    static const hew_loc variable HEW_UNUSED = {                                                   \
        .file = "test.hew", .function = "f", .line = at_line, .column = 5}
#define PROGRAM(variable, types_table, main_function)                                              \
    static const hew_handler variable##_handlers[] = {                                             \
        HANDLER(0, "main", main_function, NULL, NULL, HEW_HANDLER_INIT)};                          \
    static const hew_actor_type variable##_main = {.name = "main",                                 \
                                                   .handlers = variable##_handlers,                \
                                                   .n_handlers = 1,                                \
                                                   .index = HEW_COUNT_OF(types_table),             \
                                                   .line = 1,                                      \
                                                   .file = "test.hew"};                            \
    static const hew_program variable = {.abi = HEW_ABI,                                           \
                                         .n_types = HEW_COUNT_OF(types_table),                     \
                                         .types = types_table,                                     \
                                         .main = &variable##_main,                                 \
                                         .source = "test.hew"}

/* Test code is C: it finds `w` as its first argument, like generated code finds hew_self. */

/* ---- running ---- */

typedef struct outcome {
    uint32_t verdict;
    int64_t code;
    uint64_t counters[HEW_C_COUNT];
    char errors[8192]; /* what came on stderr */
} outcome;

typedef struct run_options {
    uint32_t workers;
    uint64_t heap_max;
    uint64_t stack_size;
} run_options;

static inline hew_region *make_region(run_options o)
{
    char error[256];
    hew_config c = {.abi = HEW_ABI,
                    .workers = o.workers ? o.workers : 2,
                    .heap_max = o.heap_max ? o.heap_max : 512ull << 20,
                    .stack_size = o.stack_size,
                    .notify_fd = -1,
                    .argc = 0};
    hew_region *r = hew_region_create(&c, error, sizeof error);
    if (!r) {
        fprintf(stderr, "region: %s\n", error);
        exit(1);
    }
    return r;
}

static inline pid_t start_worker(hew_region *r, uint32_t index, uint32_t incarnation, int error_fd)
{
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(99);
        }
        if (error_fd >= 0) {
            dup2(error_fd, 2);
        }
        _exit(hew_worker_run(r, index, incarnation));
    }
    CHECK(child > 0);
    return child;
}

static inline void read_counters(hew_region *r, uint64_t out[HEW_C_COUNT])
{
    memset(out, 0, sizeof(uint64_t) * HEW_C_COUNT);
    for (uint32_t i = 0; i < r->n_workers; i++) {
        for (uint32_t c = 0; c < HEW_C_COUNT; c++) {
            out[c] += hew_load_relaxed(&hew_worker_at(r, i)->counters[c]);
        }
    }
}

/* Runs the program to its verdict; a worker that dies is a failure. */
static inline void run_in(hew_region *r, const hew_program *program, outcome *out)
{
    int pipe_fd[2];
    memset(out, 0, sizeof *out);
    CHECK(pipe(pipe_fd) == 0);
    hew_region_start(r, program);
    pid_t children[255];
    for (uint32_t i = 0; i < r->n_workers; i++) {
        children[i] = start_worker(r, i, 1, pipe_fd[1]);
    }
    close(pipe_fd[1]);
    size_t got = 0;
    ssize_t n;
    while ((n = read(pipe_fd[0], out->errors + got, sizeof out->errors - 1 - got)) > 0) {
        got += (size_t)n;
    }
    close(pipe_fd[0]);
    for (uint32_t i = 0; i < r->n_workers; i++) {
        int status;
        CHECK(waitpid(children[i], &status, 0) == children[i]);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fprintf(stderr, "worker %u: status %x; stderr:\n%s", i, (unsigned)status, out->errors);
            exit(1);
        }
    }
    out->verdict = hew_region_verdict(r, &out->code);
    read_counters(r, out->counters);
}

static inline outcome run_program(const hew_program *program, run_options o)
{
    outcome out;
    hew_region *r = make_region(o);
    run_in(r, program, &out);
    hew_region_destroy(r);
    return out;
}

#endif
