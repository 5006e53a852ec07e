/* process.c - what a program sees of its process, and how workers are made. */
#include "layout.h"
#include "rt/value.h"
#include "rt/vec.h"
#include "trap.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_GET_TID_ADDRESS
#define PR_GET_TID_ADDRESS 40
#endif
#define RESET_ON_FORK  1u      /* SCHED_FLAG_RESET_ON_FORK: children have slices as usual */
#define SHORT_SLICE_NS 100000u /* the least there is */

/* A fork that shares the table of descriptors, as threads do. glibc keeps the thread's id at the address the kernel
 * clears at its end: the child's is set there too, as fork does. */
long hew_clone_files(void)
{
    int *tid = NULL;
    (void)prctl(PR_GET_TID_ADDRESS, &tid, 0, 0, 0); /* not built into each kernel */
    unsigned long flags = (unsigned long)(CLONE_FILES | SIGCHLD) |
                          (tid ? (unsigned long)(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID) : 0);
#if defined(__aarch64__)
    long pid = syscall(SYS_clone, flags, 0L, 0L, 0L, tid);
#else
    long pid = syscall(SYS_clone, flags, 0L, 0L, tid, 0L);
#endif
    return pid < 0 ? -errno : pid;
}

/* The kernel's struct sched_attr as it was first published; not in each system's headers. */
typedef struct sched_attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline,
        period; /* ns; since Linux 6.12 `runtime` is an ordinary process' slice */
} sched_attributes;

int hew_short_slices(void)
{
    sched_attributes a = {.size = sizeof a};
    if (syscall(SYS_sched_getattr, 0, &a, (uint32_t)sizeof a, 0) != 0) {
        return errno;
    }
    if (a.policy != SCHED_OTHER || a.nice < 0) {
        return 0; /* somebody has chosen already; children would not inherit it */
    }
    a.size = sizeof a;
    a.flags = RESET_ON_FORK;
    a.runtime = SHORT_SLICE_NS;
    return syscall(SYS_sched_setattr, 0, &a, 0) == 0 ? 0 : errno;
}

hew_vec *hew_args(hew_worker *w, const hew_type *string_type)
{
    const hew_region *r = w->region;
    hew_vec *v = hew_vec_try(w, string_type, (uint64_t)r->argc, w->holder);
    bool good = v != NULL;
    for (int64_t i = 0; good && i < r->argc; i++) {
        uint64_t len = strlen(r->argv[i]);
        hew_string *s = hew_string_try(w, r->argv[i], len, w->holder);
        good = s != NULL || len == 0;
        if (good) {
            ((hew_string **)(void *)v->data)[v->len++] = s;
        }
    }
    if (!good) {
        hew_drop_vec(w, string_type, v); /* nobody else knows of it yet */
        hew_trap_memory(w, NULL);
    }
    return v;
}

void hew_env(hew_worker *w, const hew_string *name, void *out)
{
    struct {
        uint64_t tag; /* 0: Some */
        hew_string *value;
    } option = {1, NULL};
    uint64_t len = name ? name->len : 0;
    for (char **e = environ; len && *e; e++) {
        if (strncmp(*e, name->data, len) == 0 && (*e)[len] == '=') {
            option.tag = 0;
            option.value = hew_string_new(w, *e + len + 1, strlen(*e + len + 1));
            break;
        }
    }
    memcpy(out, &option, sizeof option);
}
