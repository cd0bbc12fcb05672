/* Intrusive doubly linked lists: the links are a member of the elements, so appending and removing
 * never allocate. An element is in at most one list per `struct ring` member. The head is a ring of
 * its own (ring_init) and never an element. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ring {
    struct ring *previous, *next; /* of an element: NULL when it is in no list */
};

/* The struct that contains `element` as its `member`. */
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

/* Removes it from the list it is in, whichever that is; does nothing if it is in none. */
static inline void ring_remove(struct ring *element) {
    if (!element->next)
        return;
    element->previous->next = element->next;
    element->next->previous = element->previous;
    element->previous = element->next = NULL;
}

/* The oldest element; NULL when the list is empty. */
static inline struct ring *ring_first(const struct ring *head) {
    return head->next == head ? NULL : head->next;
}
