/* Doubly linked lists whose links lie in what is listed. An element is in one of them or in none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ring {
    struct ring *previous, *next; /* NULL: in no list */
};

#define RING_OF(element, type, member) ((type *)((char *)(element)-offsetof(type, member)))

static inline void ring_init(struct ring *head) {
    head->previous = head->next = head;
}

static inline bool ring_is_empty(const struct ring *head) {
    return head->next == head;
}

static inline bool ring_is_in(const struct ring *element) {
    return element->next != NULL;
}

static inline void ring_append(struct ring *head, struct ring *element) {
    element->previous = head->previous;
    element->next = head;
    head->previous->next = element;
    head->previous = element;
}

/* Out of whatever list it is in; nothing when it is in none. */
static inline void ring_remove(struct ring *element) {
    if (!element->next)
        return;
    element->previous->next = element->next;
    element->next->previous = element->previous;
    element->previous = element->next = NULL;
}

/* NULL: it is empty. */
static inline struct ring *ring_first(const struct ring *head) {
    return head->next == head ? NULL : head->next;
}
