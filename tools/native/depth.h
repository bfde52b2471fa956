/* How deep a thread is, for functions that were compiled: Python counts its own calls, and nobody those of C.

   A function that is entered too deep raises RecursionError, which the analysis expects wherever programs nest. */

#ifndef TRAINLINT_DEPTH_H
#define TRAINLINT_DEPTH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <Python.h>
#include <pthread.h>

/* Bytes of stack for compiled functions; threads that analyse have 256 MB (trainlint/stacks.py). */
#define TRAINLINT_MOST (48 * 1024 * 1024)
/* What is left on a smaller stack for all that is not compiled here. */
#define TRAINLINT_RESERVE (1024 * 1024)

/* The address that the stack of this thread may grow down to; NULL where nobody has asked yet. */
extern _Thread_local char *trainlint_lowest __attribute__((tls_model("initial-exec")));

int trainlint_look_at_stack(char *here);

/* 1 with an exception set where the stack has grown too far, else 0. */
static inline int trainlint_is_deep(void) {
    char *here = (char *)__builtin_frame_address(0);
    return __builtin_expect(here < trainlint_lowest || trainlint_lowest == NULL, 0) && trainlint_look_at_stack(here);
}

#endif
