/* print.c - what a program prints: collected within one handler run, written in one piece (see
 * rt/value.h).
 *
 * O1  What is collected is written before anything that others could see as later: a message, a
 *     reply, a block, the end of the run (the callers of hew_print_flush). So two prints that are
 *     ordered appear in that order.
 * O2  A print call is never cut: the buffer is written out before a piece that does not fit, a
 *     longer piece goes alone, and workers take turns. A pipe takes at most PIPE_BUF bytes in one
 *     step; a longer write would let others in between.
 * O3  stdout is written before stderr.
 * O4  A stdout that cannot be written gives the verdict: OUTPUT_CLOSED, or OUTPUT_FAILED with the
 *     errno as its code.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rt/value.h"

enum {
    CAPACITY = 16 << 10
};

/* ---- writing ---- */

static bool wait_until_writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

/* All of it, however many steps it takes; 0 or an errno. */
static int write_all(int fd, const char *bytes, uint64_t len)
{
    while (len != 0) {
        ssize_t n = write(fd, bytes, len);
        if (n >= 0) {
            bytes += n;
            len -= (uint64_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait_until_writable(fd)) {
                return errno;
            }
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

/* ---- turns: region->output_turn is 0, or the writer's free_holder, with WAITED when somebody
 * sleeps for it ---- */

#define WAITED (1u << 31)

static void sleep_for_turn(uint32_t *turn, uint32_t seen)
{
    /* the time-out covers a wake that another sleeper got, and a writer that dies */
    const struct timespec longest = {.tv_nsec = 20 * 1000 * 1000};
    syscall(SYS_futex, turn, FUTEX_WAIT, seen, &longest, NULL, 0);
}

static void take_turn(hew_worker *w)
{
    uint32_t *turn = &w->region->output_turn;
    uint32_t mine = w->heap.free_holder;
    for (;;) {
        uint32_t seen = 0;
        if (hew_cas_acq_rel(turn, &seen, mine)) {
            return;
        }
        uint32_t waited = seen | WAITED;
        if (seen == waited || hew_cas_acq_rel(turn, &seen, waited)) {
            sleep_for_turn(turn, waited);
            mine = w->heap.free_holder | WAITED; /* there may be others that sleep */
        }
    }
}

static void open_turn(uint32_t *turn)
{
    if (hew_exchange_acq_rel(turn, 0u) & WAITED) {
        syscall(SYS_futex, turn, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}

void hew_print_recover(hew_region *r, uint32_t index)
{
    uint32_t dead = hew_worker_at(r, index)->heap.free_holder;
    if (dead != 0 && (hew_load_acquire(&r->output_turn) & ~WAITED) == dead) {
        open_turn(&r->output_turn);
    }
}

static void write_piece(hew_worker *w, int fd, const char *bytes, uint64_t len)
{
    take_turn(w);
    int error = write_all(fd, bytes, len);
    open_turn(&w->region->output_turn);
    if (error != 0 && fd == STDOUT_FILENO) {
        hew_region_decide(w->region, error == EPIPE ? HEW_OUTPUT_CLOSED : HEW_OUTPUT_FAILED, error);
    } /* a stderr that cannot be written leaves nobody to tell */
}

/* ---- collecting ---- */

void hew_print_flush(hew_worker *w)
{
    hew_output *out = &w->output;
    uint32_t len = out->len;
    if (len != 0) {
        out->len = 0;
        write_piece(w, STDOUT_FILENO, out->data, len);
    }
}

/* A buffer at the first print; without memory for one, pieces are written one by one. */
static bool has_buffer(hew_output *out)
{
    if (out->data == NULL) {
        out->data = malloc(CAPACITY);
        out->cap = out->data != NULL ? CAPACITY : 0;
        out->pad = isatty(STDOUT_FILENO) ? 1 : 0;
    }
    return out->data != NULL;
}

static void collect(hew_worker *w, const char *bytes, uint64_t len)
{
    hew_output *out = &w->output;
    if (!has_buffer(out) || len > out->cap - out->len) {
        hew_print_flush(w);
    }
    if (len > out->cap) {
        write_piece(w, STDOUT_FILENO, bytes, len);
        return;
    }
    memcpy(out->data + out->len, bytes, len);
    out->len += (uint32_t)len;
    if (out->pad && memchr(bytes, '\n', len) != NULL) {
        hew_print_flush(w);
    }
}

void hew_print_bytes(hew_worker *w, int fd, const char *bytes, uint64_t len)
{
    if (len == 0) {
        return;
    }
    if (fd == STDOUT_FILENO) {
        collect(w, bytes, len);
    } else {
        hew_print_flush(w);
        write_piece(w, fd, bytes, len);
    }
}

void hew_rt_worker_start(hew_worker *w)
{
    w->text = (hew_text){0};
    w->output = (hew_output){0};
}
