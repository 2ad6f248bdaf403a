/* SPDX-License-Identifier: GPL-2.0-only
 * sad_link: charon's side of sad.sock: requests with their replies, events, and the copy that
 * survives the data plane.
 *
 *   charon's workers ─ request ─▶ ┐                    ┌ sad_copy: what a new session starts with
 *                    ◀─ reply ──── ┤ one SEQPACKET fd ─ ┤
 *   on_event         ◀─ event ──── ┘ (one reader thread)└ connects again every 0.2 s
 *
 * A session is usable ("synced") once everything in the copy was sent again. Requests wait for
 * that, but no longer than until two seconds after the session before was lost: an IKE exchange
 * that takes longer would be repeated by the peer anyway, and a data plane that hangs must not take
 * charon's threads along. No lock is held while anything is waited for.
 *
 * Copy and original cannot drift: in a session the copy changes when the data plane has said yes; a
 * copy that changes while it is being sent makes that session invalid, and the next one sends it
 * anew.
 *
 * The reader also watches the ends of lifetimes and raises FS_SAD_EXPIRE for them.
 *
 * Threads: any of charon's for the functions; on_event runs on the reader and must not block.
 */
#ifndef FARSPAN_IKE_SAD_LINK_H
#define FARSPAN_IKE_SAD_LINK_H

#include <library.h>

#include "farspan/ike/protocol.h"

typedef struct sad_link_t sad_link_t;

/** `body` is the event's struct, checked for its length. */
typedef void (*sad_link_event_t)(void* user, enum fs_sad_type type, const void* body);

sad_link_t* sad_link_create(const char* path, sad_link_event_t on_event, void* user);
void sad_link_destroy(sad_link_t* this);

/** A fresh inbound SPI, wire order. */
status_t sad_link_get_spi(sad_link_t* this, uint32_t* spi);
/** @param soft_seconds  until it is to be rekeyed; 0: never
 * @param selectors  sa->source_selectors + sa->destination_selectors */
status_t sad_link_add_sa(sad_link_t* this, const struct fs_sad_sa* sa, uint64_t soft_seconds,
                         const struct fs_selector* selectors);
status_t sad_link_update_sa(sad_link_t* this, struct fs_sad_update* update);
/** Does not wait for a lost data plane: charon asks for many in a row. */
status_t sad_link_query_sa(sad_link_t* this, struct fs_sad_id* id, struct fs_sad_reply* reply);
status_t sad_link_delete_sa(sad_link_t* this, struct fs_sad_id* id);
status_t sad_link_flush_sas(sad_link_t* this);
status_t sad_link_add_policy(sad_link_t* this, const struct fs_sad_policy* policy);
status_t sad_link_query_policy(sad_link_t* this, const struct fs_sad_policy* policy,
                               struct fs_sad_reply* reply);
status_t sad_link_delete_policy(sad_link_t* this, const struct fs_sad_policy* policy);
status_t sad_link_flush_policies(sad_link_t* this);

#endif
