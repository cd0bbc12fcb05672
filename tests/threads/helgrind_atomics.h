/* In front of every source file of the build that tests/threads/helgrind makes: atomic operations
 * say what they order. Helgrind knows pthread's locks, but not C11's atomics: it would take each
 * access of an atomic variable for a race, and what an atomic variable hands over to another thread
 * for shared. So each operation takes the variable out of what helgrind looks at and, unless it is
 * relaxed, draws the edge between who releases and who acquires. The variables' neighbours and what
 * they hand over are looked at as ever. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <valgrind/helgrind.h>

static inline void helgrind_releases(const volatile void *variable, size_t size,
                                     memory_order order) {
    VALGRIND_HG_DISABLE_CHECKING(variable, size);
    if (order != memory_order_relaxed)
        ANNOTATE_HAPPENS_BEFORE((const void *)(uintptr_t)variable);
}

static inline void helgrind_acquires(const volatile void *variable, size_t size,
                                     memory_order order) {
    VALGRIND_HG_DISABLE_CHECKING(variable, size);
    if (order != memory_order_relaxed)
        ANNOTATE_HAPPENS_AFTER((const void *)(uintptr_t)variable);
}

/* Arguments are evaluated once. Names differ by the operation: one may be an argument of another.
 */
#define HELGRIND_STORE(pointer, value, order)                                                      \
    __extension__({                                                                                \
        __auto_type helgrind_store_p = (pointer);                                                  \
        helgrind_releases(helgrind_store_p, sizeof *helgrind_store_p, (order));                    \
        __atomic_store_n(helgrind_store_p, (value), (order));                                      \
    })
#define HELGRIND_LOAD(pointer, order)                                                              \
    __extension__({                                                                                \
        __auto_type helgrind_load_p = (pointer);                                                   \
        VALGRIND_HG_DISABLE_CHECKING(helgrind_load_p, sizeof *helgrind_load_p);                    \
        __auto_type helgrind_load_v = __atomic_load_n(helgrind_load_p, (order));                   \
        helgrind_acquires(helgrind_load_p, sizeof *helgrind_load_p, (order));                      \
        helgrind_load_v;                                                                           \
    })
#define HELGRIND_CHANGE(operation, pointer, value, order)                                          \
    __extension__({                                                                                \
        __auto_type helgrind_change_p = (pointer);                                                 \
        helgrind_releases(helgrind_change_p, sizeof *helgrind_change_p, (order));                  \
        __auto_type helgrind_change_v = operation(helgrind_change_p, (value), (order));            \
        helgrind_acquires(helgrind_change_p, sizeof *helgrind_change_p, (order));                  \
        helgrind_change_v;                                                                         \
    })
#define HELGRIND_EXCHANGE(pointer, expected, value, weak, order, failure)                          \
    __extension__({                                                                                \
        __auto_type helgrind_exchange_p = (pointer);                                               \
        helgrind_releases(helgrind_exchange_p, sizeof *helgrind_exchange_p, (order));              \
        bool helgrind_exchange_done = __atomic_compare_exchange_n(                                 \
            helgrind_exchange_p, (expected), (value), (weak), (order), (failure));                 \
        helgrind_acquires(helgrind_exchange_p, sizeof *helgrind_exchange_p, (order));              \
        helgrind_exchange_done;                                                                    \
    })

#undef atomic_store_explicit
#undef atomic_store
#undef atomic_load_explicit
#undef atomic_load
#undef atomic_exchange_explicit
#undef atomic_exchange
#undef atomic_fetch_add_explicit
#undef atomic_fetch_add
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_sub
#undef atomic_fetch_or_explicit
#undef atomic_fetch_or
#undef atomic_fetch_and_explicit
#undef atomic_fetch_and
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_strong
#undef atomic_compare_exchange_weak_explicit
#undef atomic_compare_exchange_weak
#undef atomic_init

#define HELGRIND_SEQ                           memory_order_seq_cst
#define atomic_store_explicit(p, v, order)     HELGRIND_STORE(p, v, order)
#define atomic_store(p, v)                     HELGRIND_STORE(p, v, HELGRIND_SEQ)
#define atomic_init(p, v)                      HELGRIND_STORE(p, v, memory_order_relaxed)
#define atomic_load_explicit(p, order)         HELGRIND_LOAD(p, order)
#define atomic_load(p)                         HELGRIND_LOAD(p, HELGRIND_SEQ)
#define atomic_exchange_explicit(p, v, order)  HELGRIND_CHANGE(__atomic_exchange_n, p, v, order)
#define atomic_exchange(p, v)                  HELGRIND_CHANGE(__atomic_exchange_n, p, v, HELGRIND_SEQ)
#define atomic_fetch_add_explicit(p, v, order) HELGRIND_CHANGE(__atomic_fetch_add, p, v, order)
#define atomic_fetch_add(p, v)                 HELGRIND_CHANGE(__atomic_fetch_add, p, v, HELGRIND_SEQ)
#define atomic_fetch_sub_explicit(p, v, order) HELGRIND_CHANGE(__atomic_fetch_sub, p, v, order)
#define atomic_fetch_sub(p, v)                 HELGRIND_CHANGE(__atomic_fetch_sub, p, v, HELGRIND_SEQ)
#define atomic_fetch_or_explicit(p, v, order)  HELGRIND_CHANGE(__atomic_fetch_or, p, v, order)
#define atomic_fetch_or(p, v)                  HELGRIND_CHANGE(__atomic_fetch_or, p, v, HELGRIND_SEQ)
#define atomic_fetch_and_explicit(p, v, order) HELGRIND_CHANGE(__atomic_fetch_and, p, v, order)
#define atomic_fetch_and(p, v)                 HELGRIND_CHANGE(__atomic_fetch_and, p, v, HELGRIND_SEQ)
#define atomic_compare_exchange_strong_explicit(p, e, v, order, failure)                           \
    HELGRIND_EXCHANGE(p, e, v, false, order, failure)
#define atomic_compare_exchange_strong(p, e, v)                                                    \
    HELGRIND_EXCHANGE(p, e, v, false, HELGRIND_SEQ, HELGRIND_SEQ)
#define atomic_compare_exchange_weak_explicit(p, e, v, order, failure)                             \
    HELGRIND_EXCHANGE(p, e, v, true, order, failure)
#define atomic_compare_exchange_weak(p, e, v)                                                      \
    HELGRIND_EXCHANGE(p, e, v, true, HELGRIND_SEQ, HELGRIND_SEQ)
