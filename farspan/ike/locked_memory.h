/* SPDX-License-Identifier: GPL-2.0-only
 * locked_memory: slots for keys that are never swapped out nor dumped, and are zero when free.
 *
 * Slots of one size in chunks of whole pages, because locking works on pages and the limit on
 * locked memory is small. Threads: the caller serializes (sad_copy does, under the link's mutex).
 */
#ifndef FARSPAN_IKE_LOCKED_MEMORY_H
#define FARSPAN_IKE_LOCKED_MEMORY_H

#include <library.h>

typedef struct locked_memory_t locked_memory_t;

locked_memory_t* locked_memory_create(size_t slot_bytes);
/** A zeroed slot, or NULL without memory. */
void* locked_memory_take(locked_memory_t* this);
/** Zeroes the slot and keeps it for the next taker. */
void locked_memory_give_back(locked_memory_t* this, void* slot);
/** @pre every slot was given back */
void locked_memory_destroy(locked_memory_t* this);

#endif
