/* layout.h - every struct of the shared region, with its invariants; no code but accessors.
 *
 * The region is mapped at one address in every process, so that a pointer into it means the same
 * everywhere. Each worker's record is mapped a second time in its own process, at HEW_SELF: there
 * `w` is that address. L1: the HEW_SELF alias is never stored in the region (it means another record
 * in another process). Others reach a record by hew_worker_at.
 *
 *   header (hew_region) | worker records | overflow bitmap | rings of ended actors | samples | span table |
 *   actor table, 2^24 slots of 256 bytes, committed as used | heap
 *
 * [P] primary: survives a death and is what recovery reads. [D] derived: rebuilt from primary state.
 * [O] of one process only (pointers into its private memory); reset when a worker starts.
 */
#ifndef HEW_LAYOUT_H
#define HEW_LAYOUT_H

#include "alloc.h"
#include "atomic.h"
#include "base.h"
#include "counters.h"
#include "hew.h"

/* ---- addresses ---- */

/* Below 4 GiB, so that generated code can use it as a 32-bit absolute address. */
#define HEW_SELF 0x70000000ull
#if defined(__SANITIZE_ADDRESS__)
#define HEW_STACK_TOP        0x1ff000000000ull
#define HEW_REGION_ADDRESSES {0x200000000000ull, 0x300000000000ull}
#else
#define HEW_STACK_TOP        0xe00000000ull /* the run stack ends here in every worker */
#define HEW_REGION_ADDRESSES {0x1000000000ull, 0x2000000000ull, 0x200000000000ull}
#endif

#define HEW_PAGE        4096u
#define HEW_MAGIC       0x3157455948ull
#define HEW_MAX_WORKERS 255u
#define HEW_MAX_SLOTS (1u << 24) /* the last two stand for other holders, and are never given out */
#define HEW_HOLDER_RECOVERY 0xfffffeu /* what a recovery allocates, until it is another's */
#define HEW_SLOT_BATCH      64u       /* slots are carved and handed on in batches */
#define HEW_MAIN_SLOT       0u
#define HEW_RING            1024u
#define HEW_SCAN_AHEAD      16 /* actors: what a scan of the table prefetches */
#define HEW_ENDED_RING      1024u
#define HEW_REASON_TEXT     96u

/* ---- handles ---- */

#define HEW_PID_NONE ((1ull << 40) - 1) /* no actor: a slot between two lives */
HEW_INLINE uint64_t hew_handle(uint64_t pid, uint32_t slot)
{
    return pid << 24 | slot;
}
HEW_INLINE uint64_t hew_handle_pid(uint64_t handle)
{
    return handle >> 24;
}
HEW_INLINE uint32_t hew_handle_slot(uint64_t handle)
{
    return (uint32_t)handle & 0xffffffu;
}

/* ---- mailbox words ---- */

/* head, sys_head: count:24 | epoch:1 | address/8 - region/8 : 39, the last part also one of: */
#define HEW_OFF_MASK    ((1ull << 39) - 1)
#define HEW_EPOCH       (1ull << 39)
#define HEW_COUNT_SHIFT 40
#define HEW_EMPTY       0ull /* nothing queued; the actor runs, waits, or is queued to run */
#define HEW_IDLE  1ull /* head only: nothing queued, at rest: who replaces it makes the actor run */
#define HEW_DEAD  2ull /* no actor, or ended: nothing is ever pushed */
#define HEW_VALID (1ull << 63)
#define HEW_FOR_SYS (1ull << 62) /* in take, rev and pivot: they work for the system queue */

/* state word: state:4 | worker:8 | incarnation:16 | generation:32 (low bits of the pid) */
typedef enum hew_state {
    HEW_S_FREE,
    HEW_S_IDLE, /* runnable exactly when head is not IDLE, sys_head is not EMPTY, or it is closing */
    HEW_S_RUNNING,
    HEW_S_BLOCKED,
    HEW_S_READY, /* was blocked or preempted, may go on */
    HEW_S_NEW    /* spawned, its handle not yet given out */
} hew_state;
HEW_INLINE uint64_t hew_state_word(hew_state state, uint32_t worker, uint32_t incarnation,
                                   uint64_t pid)
{
    return (uint64_t)state | (uint64_t)worker << 4 | (uint64_t)(incarnation & 0xffff) << 12 |
           pid << 32;
}
HEW_INLINE hew_state hew_state_of(uint64_t word)
{
    return (hew_state)(word & 15);
}

/* ---- messages ---- */

/* What lies in a mailbox: one block of tag MSG with 1 to 30 messages, oldest first.
 * nonce of its header = low 23 bits of the sender's messages_sent + 1, and the worker << 23. */
typedef struct hew_node {
    uint64_t next; /* [P] offset of the next node, as in head */
    uint32_t n; /* [P] messages in it that count; stored together with `end`: one store sends one */
    uint32_t end;               /* [P] bytes of `entries` in use */
    const hew_handler *handler; /* of the first: names the type they were meant for */
    uint64_t sent;              /* the sender's recent clock (handler_stats.h) at the first */
    char entries[];             /* hew_entry, one after the other */
} hew_node;

typedef struct hew_entry {
    uint16_t handler; /* index in the receiver's type */
    uint16_t size;    /* bytes to the next entry; 0: it is the only one of its node */
    union {
        uint32_t pid;  /* first of a node: low half of the receiver's; who missed it is dropped */
        uint32_t sent; /* later ones: as the node's, >> HEW_SENT_SHIFT, its low half */
    };
    char rest[]; /* HEW_ENTRY_ASK: hew_ask; then the payload; then, when not flat, uint64_t bytes */
} hew_entry;

#define HEW_SENT_SHIFT 6u

#define HEW_ENTRY_ASK     0x8000u /* in `handler` */
#define HEW_ENTRY_REPLIED 0x4000u
#define HEW_ENTRY_INDEX   0x3fffu
typedef struct hew_ask {
    uint64_t asker; /* handle */
    uint64_t ticket;
} hew_ask;

#define HEW_NODE_BYTES  504u /* an open segment: 512 with its header */
#define HEW_SEGMENT_MAX 30u
#define HEW_CROWDED                                                                                \
    (1u << 20) /* messages in a mailbox, not yet fetched, from which on a sender may give way */
#define HEW_INLINE_PAYLOAD 64u

typedef enum hew_sys_kind {
    HEW_SYS_REPLY,  /* ticket, value; other kinds of reply: */
    HEW_SYS_FAILED, /* ticket; about = handle of the actor that ended before it replied */
    HEW_SYS_WATCH,  /* about = handle of who awaits our end, ticket */
    HEW_SYS_PLACE, /* about = handle of a sender that waits for a place, ticket, value = hew_place */
    HEW_SYS_GRANTED, /* the same block on its way back: the message is in the mailbox, or dropped */
    HEW_SYS_LOOK, /* recovery: node `about` was being pushed when its sender died; push it unless it is here */
    HEW_SYS_NUDGE /* recovery: look whether waiting senders can go on */
} hew_sys_kind;

typedef struct hew_sys { /* a block of tag SYS; holder = receiver */
    uint64_t next;
    uint32_t kind;
    uint32_t value_size;
    uint64_t ticket;
    uint64_t about;
    uint64_t pid;               /* receiver's; another one: it missed its actor */
    const hew_type *type;       /* of value; NULL: none */
    const hew_handler *handler; /* asked one (FAILED) */
    uint64_t value_bytes;       /* of the blocks that moved with the value */
    struct hew_sys *link;       /* in watchers and waiters */
    char value[];
} hew_sys;

#define HEW_NO_NONCE UINT32_MAX /* of a header: of no sending (a worker's number is below 511) */

typedef struct hew_place { /* value of PLACE */
    hew_node *node;        /* the message that waits; NULL: it does not any more */
    uint64_t sent;         /* messages_sent of the receiver's worker with it; 0: not begun */
} hew_place;

/* ---- actors ---- */

typedef enum hew_wait {
    HEW_WAIT_NONE,
    HEW_WAIT_REPLY,
    HEW_WAIT_EXIT,
    HEW_WAIT_SLEEP,
    HEW_WAIT_PLACE,
    HEW_WAIT_TURN /* preempted */
} hew_wait;

typedef struct hew_stack { /* saved stack: a block of tag STACK */
    uint64_t size;         /* bytes that follow */
    uint64_t sp;
    uint64_t blocked_since;  /* ticks */
    uint64_t blocked_before; /* blocked_ticks of the actor at suspension */
    char bytes[];
} hew_stack;

typedef struct hew_actor {
    /* line 0: senders; the receiver writes bound, pid and ended */
    HEW_ALIGNED(HEW_LINE) uint64_t head; /* [P] atomic */
    uint64_t sys_head;                   /* [P] atomic */
    uint64_t pid;                        /* [P] 40 bits, or HEW_PID_NONE */
    uint32_t bound;                      /* [P] of the mailbox, 0: none */
    uint32_t ended;                      /* atomic; hew_end from when its end is certain */
    uint64_t
        closing; /* [P] = pid: takes nothing new, ends when it has handled what is queued; only grows */
    uint32_t n_waiters;  /* [P] senders on `waiters`; a new one goes behind them */
    uint32_t type_index; /* = type->index, for readers that do not have the program's memory */
    uint32_t first_row;  /* of the type: see hew_handler_row */
    uint32_t line0_pad[3];
    /* line 1: the receiver; `state` also wakers and thieves */
    HEW_ALIGNED(HEW_LINE) uint64_t state; /* [P] atomic */
    uint64_t take, rev, pivot;            /* [P] a take or reversal under way (mailbox.c) */
    uint64_t fifo, sys_fifo;              /* [P] taken and in order: offsets of the oldest node */
    uint64_t current;                     /* [P] offset of the node in work */
    uint32_t left; /* [P] counted messages in rev, fifo and current not yet dispatched */
    uint32_t idx;  /* [P] in `current`: offset of the next entry; | 1: that entry is in work */
    /* line 2: accounting; the worker that runs it */
    HEW_ALIGNED(HEW_LINE) const hew_actor_type *type; /* [P] */
    void *fields;                                     /* [P] block, NULL without fields */
    uint64_t msgs;
    uint64_t ticks; /* on a worker, whole activations only */
    uint64_t bytes_allocated;
    int64_t bytes_live;
    uint64_t
        blocked_ticks; /* off a worker in a handler; less the ticks when a wait began: negative */
    uint32_t worker;   /* last one it ran on */
    uint32_t hwm;      /* the most that ever waited, as far as marked (M4) */
    /* line 3: cold */
    HEW_ALIGNED(HEW_LINE) uint64_t wait; /* [P] hew_wait | ticket << 4 */
    uint64_t wait_about;                 /* [P] handle, or the deadline in ticks for SLEEP */
    const hew_handler *wait_handler;     /* [P] asked */
    const hew_loc *wait_loc;             /* [P] */
    hew_stack *stack;                    /* [P] saved stack, NULL: none */
    hew_future *futures;                 /* [P] own futures whose reply has not come */
    hew_sys *watchers;                   /* [P] WATCH messages, chained by `link` */
    hew_sys *waiters; /* [P] the newest PLACE message of a ring; its `link` is the oldest */
} hew_actor;

typedef enum hew_end {
    HEW_END_NONE,
    HEW_END_NORMAL,
    HEW_END_STOPPED,
    HEW_END_CRASHED
} hew_end;
#define HEW_END_MASK   7u
#define HEW_END_BOOKED 8u  /* in hew_actor.ended: counted and in the ring */
#define HEW_END_NOTED  16u /* its crash is in the ring of crashes */

struct hew_future { /* a block of tag LIVE, held by the actor that awaits it; never leaves it */
    int32_t rc;
    uint32_t state; /* hew_future_state */
    uint64_t ticket;
    hew_future *next; /* in hew_actor.futures while PENDING */
    hew_future *previous;
    hew_sys *reply;             /* READY: owned */
    uint64_t about;             /* who is asked, or whose end is awaited */
    const hew_handler *handler; /* NULL: an end is awaited */
    uint32_t is_exit;
    uint32_t pad;
};
typedef enum hew_future_state {
    HEW_FUTURE_PENDING,
    HEW_FUTURE_ARRIVED,
    HEW_FUTURE_TAKEN
} hew_future_state;

typedef struct hew_ended_row { /* a copy of an ended actor, for readers and for late `await h` */
    uint64_t sequence;         /* odd: being written; atomic */
    hew_actor_row row;
    uint64_t at_ticks;
    char reason[HEW_REASON_TEXT]; /* text of a crash, cut */
    uint32_t reason_size;
    uint32_t pad;
} hew_ended_row;

/* ---- workers ---- */

#define HEW_BUCKETS 64u
enum {
    HEW_WORK,
    HEW_MAILBOX,
    HEW_TIMES
}; /* kinds of time; each has its buckets */

/* The messages of one handler on one worker, which alone writes it: handler_stats.h. The buckets lie behind all rows
 * of the worker. */
typedef struct hew_handler_row {
    HEW_ALIGNED(HEW_LINE) uint64_t count; /* dispatched */
    uint64_t next;                        /* the one that makes `count` so great is timed */
    uint64_t last;                        /* `count` at the last that was */
    uint32_t gap;                         /* about so far from one to the next */
    uint32_t seen;                        /* `last` when hew_handlers_look saw it */
    uint64_t total_ns[HEW_TIMES], max_ns[HEW_TIMES];
} hew_handler_row;

typedef struct hew_text { /* [O] grown by malloc in the worker's private memory */
    char *data;
    uint64_t len, cap;
} hew_text;

typedef struct
    hew_output { /* [O] collected within a handler run, written before publish, block and end */
    char *data;
    uint32_t len, cap;
    int32_t fd; /* of what is collected: 1 or 2 */
    uint32_t pad;
} hew_output;

typedef struct hew_open { /* the open segment: see message.c */
    uint64_t to;          /* handle of the receiver; HEW_NO_HANDLE: none */
    hew_node *first;      /* [P] NULL: none is open; this store sends what it holds */
    uint32_t n;           /* messages in it that count */
    uint32_t k;           /* published when n gets here */
    uint32_t end;         /* bytes used */
    uint32_t limit;       /* bytes usable; 0: no node is open, the next send goes the slow way */
} hew_open;
#define HEW_NO_HANDLE UINT64_MAX

typedef enum hew_leave { /* why control came back from the run stack */
    HEW_LEAVE_DONE,      /* the activation ended by itself */
    HEW_LEAVE_BLOCKED,
    HEW_LEAVE_TURN, /* preempted: READY at once */
    HEW_LEAVE_TRAPPED,
    HEW_LEAVE_EXIT /* the verdict is given: abandon it */
} hew_leave;

#define HEW_TRACE_FIRST 20u
#define HEW_TRACE_LAST  4u
typedef struct hew_trace { /* [O] addresses in Hew code on the way out of a trap (trace.h) */
    uint64_t n, frames;    /* addresses; frames at them, inlined calls too */
    uint64_t cfa;          /* of the newest */
    uint64_t first[HEW_TRACE_FIRST];
    uint64_t last[HEW_TRACE_LAST]; /* a ring */
} hew_trace;

typedef struct hew_scratch { /* between a *_begin and its *_commit */
    uint32_t kind;
    uint32_t flags;
    uint64_t to;
    const hew_handler *handler;
    const hew_actor_type *type;
    hew_node *node;
    hew_entry *entry;
    void *payload;
    uint64_t ticket;
    hew_actor *actor;
    uint32_t slot;
    uint32_t entry_bytes;
    const hew_loc *loc;
} hew_scratch;

typedef struct hew_type_sums { /* over ended actors; see hew_type_sums_of */
    uint64_t ended, msgs, ticks, bytes_allocated;
} hew_type_sums;

typedef struct
    hew_ledger {   /* of an actor that ends: what the counters will be, so that it is booked once */
    uint64_t slot; /* [P] 1 + its slot; 0: nothing is being booked */
    uint64_t ended, crashed, spawned, completed; /* counters of this worker */
    uint64_t place;                              /* in the ring */
    hew_type_sums sums;
    const char *text;
    uint32_t size;
    uint32_t type;
} hew_ledger;

struct hew_worker {
    /* line 0: the flag, written by the timer's signal, by others, cleared by the worker */
    HEW_ALIGNED(HEW_PAGE) uint32_t poll; /* atomic; nonzero: call hew_safepoint. Offset 0 is ABI. */
    uint32_t index;
    uint32_t incarnation; /* 16 bits used; 0: never started */
    uint32_t
        thread_mode; /* 1: a thread of a test: no HEW_SELF, no run stack, handlers may not suspend */
    hew_region *region;
    hew_actor *actors;    /* = region->actors */
    uint64_t *counters;   /* slice of HEW_C_COUNT words */
    hew_actor *current;   /* [P] the actor that runs, NULL: none */
    uint64_t live_bits;   /* header bits of a new block: LIVE | current slot as holder */
    uint32_t holder;      /* slot of the current actor, HEW_HOLDER_RUNTIME between activations */
    uint32_t activations; /* bumped at each; the timer's signal compares */
    /* line 1: sending */
    HEW_ALIGNED(HEW_LINE) hew_open open; /* [P] */
    uint64_t tickets; /* [P] last ticket given, without the worker in its low bits */
    int64_t moved;    /* bytes that came with messages less those that went, in this activation */
    uint64_t clock;   /* ticks: recent (handler_stats.h) */
    uint32_t until_clock, clock_step; /* nodes until it is read anew, and then */
    /* line 2: accounting of the running activation, allocator's counts at its start */
    HEW_ALIGNED(HEW_LINE) uint64_t stamp; /* ticks */
    uint64_t allocated_before, freed_before;
    uint64_t run_sp, sched_sp; /* stack.c */
    uint64_t
        run_slot; /* sequence:32 | slot:32; owner writes, thieves read; 0 slot part: see runq.c */
    uint32_t slot_uses;    /* consecutive dispatches from the run slot */
    uint32_t leave;        /* hew_leave */
    hew_handler_row *rows; /* of the running actor's type */
    /* lines 3, 4: the ring; owner and thieves take at `top`, the owner puts at `bottom` */
    HEW_ALIGNED(HEW_LINE) uint64_t top;    /* [D] atomic */
    HEW_ALIGNED(HEW_LINE) uint64_t bottom; /* [D] atomic */
    uint64_t next_deadline;                /* ticks; of the timer heap's top; UINT64_MAX: none */
    uint32_t n_timers;                     /* [D] never fewer than its sleepers */
    uint32_t timers_cap;
    struct hew_timer *timers; /* [O] heap in private memory */
    uint64_t random;
    uint32_t seen_victim_slot_of; /* thief's memory of a run slot seen once (runq.c) */
    uint32_t rounds;
    uint64_t seen_run_slot;
    uint32_t refill_from; /* [D] word of the overflow map where it looks next (runq.c) */
    uint32_t refill_pad;
    /* line 5: parking; wakers write */
    HEW_ALIGNED(HEW_LINE) uint32_t park; /* sequence:30 | 0 awake, 1 PARKED, 2 NOTIFIED; futex */
    uint32_t dead;                       /* 1: its process has died, not yet replaced */
    int32_t os_pid;
    int32_t os_tid;
    /* line 6: traps, stacks, handlers */
    HEW_ALIGNED(HEW_LINE)
    uint64_t run_bottom;  /* stack address: frames at or above it are the loop's */
    uint64_t stack_limit; /* lowest usable address of the run stack */
    uint32_t overflow;    /* reserve open: 1 the trap is to be raised, 2 it has been, 3 both open */
    uint32_t preempt;     /* the timer wants this activation to give way */
    uint32_t timer_armed;
    uint32_t trapped; /* `trap` holds the crash of the current actor */
    const hew_loc *trap_loc;
    hew_string *trap_text;  /* owned; or */
    const char *trap_words; /* constant, or trap_buffer */
    void *timer_id;         /* [O] */
    void *jump;             /* [O] thread mode: where a trap lands */
    uint32_t unwinding;     /* a trap inside a clean-up is dropped */
    uint32_t last_seen_activation;
    HEW_ALIGNED(HEW_LINE) hew_scratch scratch;
    HEW_ALIGNED(HEW_LINE) hew_text text;
    hew_output output;
    HEW_ALIGNED(HEW_LINE) char scratch_payload[256]; /* of a message to nobody, when small */
    void *scratch_block;                             /* else this block */
    hew_handler_row *own_rows;                       /* of all handlers */
    uint64_t timed_at;                               /* ticks: when the last timed message began */
    HEW_ALIGNED(16) char unwind_exception[64];       /* struct _Unwind_Exception */
    char trap_buffer[192];
    hew_trace trace;
    char guard_pad[64];
    /* What a kill in mid-operation leaves to recovery (recover.c). [P] */
    hew_sys *pushing; /* system message on its way, and to whom */
    uint64_t pushing_to;
    uint32_t pushes, pushes_pad; /* makes nonces */
    const hew_type *giving;      /* a value that changes hands, not yet sent */
    void *giving_value;
    uint64_t spawned_then; /* actors_spawned after the spawn under way */
    hew_ledger ledger;
    uint64_t
        reserved_place; /* [P] atomic: 1 + handle of the bounded mailbox we are about to push to; 0: none */
    uint64_t released_place; /* [P] the same while it is given up and its receiver nudged */
    hew_sys
        *letting; /* [P] waiting sender that is let go (overflow.c), and its block's header then */
    uint64_t letting_header;
    uint32_t n_slots; /* [D] free slots at hand */
    uint32_t slots[2 * HEW_SLOT_BATCH];
    uint64_t
        stole_at; /* [D] ticks: when the last booty came from a ring, 0: it is judged (worker.c) */
    uint64_t steal_after, steal_pause; /* [D] ticks: rings are left alone until then; so long */
    uint32_t stole_activations;        /* [D] `activations` then */
    uint32_t rebuilding; /* [D] 1: the heap of timers may lack sleepers, see hew_timer_rebuild */
    uint32_t sweeping;   /* 1: more to sweep; it sleeps for short */
    uint32_t n_sweep;    /* [P] slots of actors killed on this worker, given free after the sweep */
    uint32_t sweep_slots[15];
    uint32_t looking;       /* [O] 1: in look_around; only for samples */
    uint64_t sample_period; /* [O] ns; of the timer for samples, 0: there is none (sample.c) */
    int32_t sample_timer;   /* [O] the kernel's number of it */
    HEW_ALIGNED(HEW_LINE) hew_worker_heap heap;
    HEW_ALIGNED(HEW_LINE) uint32_t ring[HEW_RING]; /* [D] slots */
    /* totals of actors that ended on this worker, per type: hew_type_totals, behind the record */
};

/* ---- the region ---- */

struct hew_region {
    uint64_t magic;
    uint32_t abi;
    uint32_t n_workers;
    uint64_t base, size;
    int32_t fd;
    int32_t notify_fd;
    uint32_t checked, on_crash_recover;
    uint64_t stack_size;
    hew_worker
        *workers; /* n_workers + 1 records of worker_stride bytes; the last is the supervisor's */
    uint64_t worker_stride;
    hew_actor *actors;
    uint64_t *overflow;       /* bitmap of runnable slots with its summaries (runq.c) */
    hew_ended_row *ended;     /* HEW_ENDED_RING rows, then as many of crashed actors only */
    hew_type_sums *type_sums; /* a row for each worker and the supervisor, which alone writes it */
    uint64_t *own_counters;
    hew_handler_row *handler_rows; /* of worker 0; handlers_stride bytes for each worker */
    uint64_t handlers_stride;
    uint32_t *first_row;           /* per type: that of its handler 0 */
    struct hew_sampling *sampling; /* request and rings of samples (sample.h) */
    const hew_program
        *program;      /* in the memory of this run's processes; other readers have n_types */
    const char **argv; /* in the region */
    int64_t argc;
    uint64_t code_base,
        code_size;         /* compiled Hew code, at one address in all processes of the run */
    const uint32_t *lines; /* of the code (lines.h); in the memory of this run's processes */
    uint64_t lines_size;
    /* clock (region.h) */
    uint64_t start_ticks, ticks_mult; /* ns = ticks * mult >> 32 */
    uint32_t clock_tsc;
    uint32_t main_done;                     /* main has returned */
    uint32_t n_types;                       /* of the program; set at the start */
    uint32_t n_rows, max_rows;              /* of handlers: of the program, and there is room for */
    HEW_ALIGNED(HEW_LINE) uint64_t verdict; /* atomic: hew_verdict | exit code << 8 */
    int64_t main_code;
    uint32_t recovering; /* atomic: recoveries and sweeps of timers under way: no verdict */
    uint32_t started;
    HEW_ALIGNED(HEW_LINE) uint64_t next_pid;   /* atomic */
    uint64_t slots_used;                       /* atomic; carved so far */
    HEW_ALIGNED(HEW_LINE) uint64_t free_slots; /* atomic, tagged: tag:40 | slot:24, batches */
    HEW_ALIGNED(HEW_LINE) uint64_t parked[4];  /* atomic bits: a hint who sleeps */
    HEW_ALIGNED(HEW_LINE)
    uint32_t output_turn; /* [P] atomic, futex: who writes to stdout (rt/print.c) */
    HEW_ALIGNED(HEW_LINE) uint64_t ended_count, crashed_count; /* atomic: places in the rings */
    HEW_ALIGNED(HEW_LINE) hew_heap heap;
};

HEW_INLINE hew_worker *hew_worker_at(const hew_region *r, uint32_t index)
{
    return (hew_worker *)((uintptr_t)r->workers + index * r->worker_stride);
}
HEW_INLINE hew_actor *hew_actor_at(const hew_region *r, uint32_t slot)
{
    return r->actors + slot;
}
HEW_INLINE uint32_t hew_slot_of(const hew_region *r, const hew_actor *a)
{
    return (uint32_t)(a - r->actors);
}
HEW_INLINE bool hew_is_closing(const hew_actor *a)
{
    return hew_load_relaxed(&a->closing) == hew_load_relaxed(&a->pid) &&
           hew_load_relaxed(&a->closing);
}
HEW_INLINE hew_type_sums *hew_type_sums_of(const hew_region *r, uint32_t worker, uint32_t type)
{
    return r->type_sums + (uint64_t)worker * (r->n_types + 1) + type;
}
HEW_INLINE uint32_t hew_first_row(const hew_region *r, uint32_t type)
{
    return HEW_LIKELY(r->first_row != NULL) ? r->first_row[type]
                                            : 0; /* none in tests that dispatch nothing */
}
HEW_INLINE hew_handler_row *hew_rows_of(const hew_region *r, uint32_t worker)
{
    return (hew_handler_row *)((uintptr_t)r->handler_rows + worker * r->handlers_stride);
}
HEW_INLINE uint64_t *hew_buckets_of(const hew_region *r, uint32_t worker, uint64_t row,
                                    uint32_t kind)
{
    uint64_t *first = (uint64_t *)(void *)(hew_rows_of(r, worker) + r->max_rows);
    return first + (row * HEW_TIMES + kind) * HEW_BUCKETS;
}
/* An offset as stored in mailbox words; 0 is NULL. */
HEW_INLINE uint64_t hew_off(const hew_region *r, const void *p)
{
    return p ? ((uint64_t)(uintptr_t)p - (uint64_t)(uintptr_t)r) >> 3 : 0;
}
HEW_INLINE void *hew_at(const hew_region *r, uint64_t off)
{
    return off ? (void *)((uintptr_t)r + (off << 3)) : NULL;
}

_Static_assert(sizeof(hew_actor) == 256, "an actor is four cache lines");
_Static_assert(offsetof(hew_worker, poll) == 0, "the poll flag is ABI");
_Static_assert(offsetof(hew_node, entries) == 32, "header, node head and entries");
_Static_assert(sizeof(hew_entry) == 8, "an entry's head is one word");

#endif
