/* SPDX-License-Identifier: GPL-2.0-only
 * diagnosis_listener: names why an IKE SA or Child SA did not come up or went down, in one line of
 * charon's log.
 *
 *   farspan-problem CAUSE stage=STAGE by=us|peer remote=ADDRESS id=IDENTITY
 *
 * charon's own messages differ between IKEv1 and IKEv2, initiator and responder, and change between
 * versions; alerts and the notifies in messages do not. The agent reads the line from VICI's `log`
 * event, which also carries the connection's name. IDENTITY is the peer's claim, so it comes last:
 * no word of it can be taken for another field.
 *
 * Not here: the words for people and the remedies (agent/tunnels/diagnosis.h).
 * Threads: called by whichever worker of charon owns the IKE SA.
 */
#ifndef FARSPAN_IKE_DIAGNOSIS_LISTENER_H
#define FARSPAN_IKE_DIAGNOSIS_LISTENER_H

#include <bus/listeners/listener.h>

typedef struct {
  listener_t listener;
} diagnosis_listener_t;

diagnosis_listener_t* diagnosis_listener_create(void);
void diagnosis_listener_destroy(diagnosis_listener_t* this);

#endif
