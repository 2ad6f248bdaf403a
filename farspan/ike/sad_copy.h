/* SPDX-License-Identifier: GPL-2.0-only
 * sad_copy: charon's own copy of the SAs and policies the data plane was given.
 *
 * The data plane may be restarted; charon cannot be asked again for keys it has derived, so they
 * are kept here, in locked memory, and sent again by sad_link. The ends of lifetimes are kept with
 * their SA and go with it: the next one stands at the top of a heap.
 *
 * An SA is found by SPI, destination address and tunnel, as charon names it; not by port, which a
 * NAT may move. A policy is its selectors, tunnel, reqid, SPI, type, priority and direction: the
 * same selectors are added with a new SPI before the old entry is deleted (make before break), so
 * several can stand side by side. The outer addresses do not name it: they are refreshed on SAs
 * only (KERNEL_NO_POLICY_UPDATES).
 *
 * Threads: the caller serializes (sad_link, under its mutex).
 */
#ifndef FARSPAN_IKE_SAD_COPY_H
#define FARSPAN_IKE_SAD_COPY_H

#include <library.h>

#include "farspan/ike/protocol.h"

typedef struct sad_copy_t sad_copy_t;

sad_copy_t* sad_copy_create(void);
void sad_copy_destroy(sad_copy_t* this);

/** Keeps a copy of `sa` and its selectors; an SA of the same name is replaced. FALSE without
 * memory.
 * @param soft_seconds  from now, until the SA is to be rekeyed; 0: never */
bool sad_copy_put_sa(sad_copy_t* this, const struct fs_sad_sa* sa, uint64_t soft_seconds,
                     const struct fs_selector* selectors);
/** A data plane has said yes to this SA: from now on it is sent as a repetition. */
void sad_copy_confirm_sa(sad_copy_t* this, const struct fs_sad_id* id);
/** The next end of a lifetime that is due at `now` (time_monotonic); each soft and hard one once.
 * FALSE: there is none. */
bool sad_copy_take_due(sad_copy_t* this, time_t now, struct fs_sad_id* id, bool* is_hard);
/** Whether an SA of this name is held; `id` gets its direction. */
bool sad_copy_find_sa(sad_copy_t* this, struct fs_sad_id* id);
/** The SA is at the new addresses, and named by them; what had that name is replaced. */
bool sad_copy_update_sa(sad_copy_t* this, const struct fs_sad_update* update);
bool sad_copy_remove_sa(sad_copy_t* this, const struct fs_sad_id* id);
void sad_copy_flush_sas(sad_copy_t* this);

/** @return TRUE when the data plane must be told: the entry is new */
bool sad_copy_put_policy(sad_copy_t* this, const struct fs_sad_policy* policy);
/** @return TRUE when it was the last of its kind; `policy` becomes the entry as it was added */
bool sad_copy_remove_policy(sad_copy_t* this, struct fs_sad_policy* policy);
void sad_copy_flush_policies(sad_copy_t* this);

/** Names of all SAs, as an array of *count; to be freed. */
struct fs_sad_id* sad_copy_list_sas(sad_copy_t* this, size_t* count);
struct fs_sad_policy* sad_copy_list_policies(sad_copy_t* this, size_t* count);
/** Body of FS_SAD_ADD_SA of a held SA, with what is left of its lifetime; 0 when it is gone.
 * `body` holds FS_SAD_MAX_MESSAGE bytes and gets keys: the caller wipes it. */
size_t sad_copy_write_sa(sad_copy_t* this, const struct fs_sad_id* id, void* body);

#endif
