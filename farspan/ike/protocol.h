/* SPDX-License-Identifier: Apache-2.0
 * Messages between charon's Farspan plugins and the data plane. Plain C: the plugins are C.
 *
 * Two Unix SOCK_SEQPACKET sockets in the node's run directory, both listened on by the data plane,
 * which accepts one charon at a time (a newer connection replaces the older one):
 *
 *   ike.sock   IKE datagrams both ways: fs_ike_header and the UDP payload, non-ESP marker
 * untouched; those of strangers come back as a bare header, to be counted sad.sock   requests of
 * charon (one reply each, matched by `serial`), events (serial 0)
 *
 * A session on sad.sock starts with FS_SAD_HELLO and every SA and policy charon holds, closed by
 * FS_SAD_SYNCED: that is how a restarted data plane gets them back, and how a restarted charon
 * (another `instance`) says that it holds none. SAs of an earlier charon are kept forwarding until
 * new ones of their tunnel take over or their hard lifetime ends (make before break).
 *
 * The sequence numbers of an SA outlive the data plane in a file, and may be lost with it. Only
 * charon knows whether an SA was in force before, and says so (is_repeated).
 *
 * An event that nobody could be told is not lost: behind the answer to FS_SAD_SYNCED the data plane
 * raises what still holds (limits that are reached, peers that are not where the SA says, packets
 * of the last 30 s that need a tunnel). So charon may hear of one thing twice.
 *
 * All numbers are host order (one machine), but SPIs and addresses, which are wire order, and
 * structs have no padding. A message that is too short, too long or out of range is answered with
 * FS_SAD_MALFORMED.
 */
#ifndef FARSPAN_IKE_PROTOCOL_H
#define FARSPAN_IKE_PROTOCOL_H

#include <stdint.h>

#define FS_SAD_VERSION 2
#define FS_SAD_MAX_MESSAGE 8192
#define FS_IKE_MAX_DATAGRAM 65535
#define FS_SAD_MAX_KEY 64
#define FS_SAD_MAX_SELECTORS 64 /* of each side of one SA */

#pragma pack(push, 1)
struct fs_host {
  uint16_t family; /* AF_INET, AF_INET6, 0: none */
  uint16_t port;   /* UDP port, 0 when the other side is not known to use one */
  uint8_t address[16];
};

struct fs_ike_header {
  struct fs_host source;
  struct fs_host destination;
  uint8_t dscp;
  uint8_t is_refused; /* of charon, with no payload: a stranger's datagram, which gets no answer */
  uint8_t reserved[2];
};

#pragma pack(pop)

enum fs_sad_type {
  FS_SAD_HELLO = 1,      /* fs_sad_hello */
  FS_SAD_SYNCED = 2,     /* no body */
  FS_SAD_GET_SPI = 3,    /* no body; the answer's spi is fresh, inbound, reserved until ADD_SA,
                            DELETE_SA or 165 s */
  FS_SAD_ADD_SA = 4,     /* fs_sad_sa, fs_selector[source_selectors + destination_selectors] */
  FS_SAD_UPDATE_SA = 5,  /* fs_sad_update: addresses or encapsulation moved */
  FS_SAD_QUERY_SA = 6,   /* fs_sad_id */
  FS_SAD_DELETE_SA = 7,  /* fs_sad_id */
  FS_SAD_FLUSH_SAS = 8,  /* no body */
  FS_SAD_ADD_POLICY = 9, /* fs_sad_policy */
  FS_SAD_DELETE_POLICY = 10,
  FS_SAD_FLUSH_POLICIES = 11,
  FS_SAD_QUERY_POLICY = 12, /* fs_sad_policy; answer: last_use_seconds */

  FS_SAD_REPLY = 64,  /* fs_sad_reply */
  FS_SAD_EXPIRE = 65, /* event, fs_sad_event: a byte or packet limit is reached (time limits are the
                         plugin's) */
  /* event, fs_sad_event: an authentic packet came from another address or port */
  FS_SAD_MAPPING = 66,
  /* event, fs_sad_acquire: a packet needs a tunnel that has a trap policy and no SA */
  FS_SAD_ACQUIRE = 67,
};

enum fs_sad_status {
  FS_SAD_OK = 0,
  FS_SAD_NOT_FOUND = 1,
  FS_SAD_UNSUPPORTED = 2, /* algorithm, mode or protocol the data plane does not have */
  FS_SAD_MALFORMED = 3,
  FS_SAD_EXISTS = 4,
  FS_SAD_FULL = 5,
  FS_SAD_NUMBERS_LOST = 6, /* of a repeated SA: going on would use a nonce twice; make it anew */
  FS_SAD_TUNNEL_FULL = 7,  /* the tunnel has as many SAs or policies as one may have */
};

#pragma pack(push, 1)

struct fs_sad_header {
  uint16_t type;   /* enum fs_sad_type */
  uint16_t length; /* of the whole message, this header included */
  uint32_t serial; /* chosen by charon, repeated in the reply; 0 in events */
};

struct fs_sad_hello {
  uint32_t version;
  uint64_t instance; /* random, drawn once per charon process */
};

struct fs_sad_id {
  struct fs_host source; /* with FS_SAD_ADD_SA of an inbound SA: the peer */
  struct fs_host destination;
  uint32_t spi;     /* wire order */
  uint32_t tunnel;  /* if_id */
  uint8_t protocol; /* 50 */
  uint8_t is_inbound;
  uint8_t reserved[2];
};

/* IKEv2 transform type 4 style range of addresses and ports; protocol 0: any. */
struct fs_selector {
  uint16_t family;
  uint8_t protocol;
  uint8_t reserved;
  uint16_t port_low, port_high;
  uint8_t address_low[16], address_high[16];
};

struct fs_sad_sa {
  struct fs_sad_id id;
  uint32_t reqid;
  uint8_t mode;        /* 2: tunnel; others are unsupported */
  uint8_t is_update;   /* completes an SPI that GET_SPI reserved */
  uint8_t is_repeated; /* a data plane had it: its numbers are in the arena, or it is over */
  uint8_t is_udp_encapsulated;
  uint8_t has_esn;
  uint8_t copy_df, copy_ecn;
  uint8_t copy_dscp;      /* 0 no, 1 outward, 2 inward, 3 both (strongSwan's dscp_copy_t) */
  uint32_t replay_window; /* packets; 0: no replay check */
  uint16_t encryption;    /* IANA IKEv2 transform type 1: 2 DES, 3 3DES, 12 AES-CBC, 20 AES-GCM-16,
                             28 ChaCha20-Poly1305; 11 (NULL) is unsupported */
  uint16_t integrity;     /* IANA IKEv2 transform type 3: 1 HMAC-MD5-96, 2 HMAC-SHA1-96,
                             12 HMAC-SHA2-256-128, 13, 14; 0 or 1024 with an AEAD */
  uint16_t encryption_key_length; /* bytes, the 4-byte salt of an AEAD included at the end */
  uint16_t integrity_key_length;
  uint8_t encryption_key[FS_SAD_MAX_KEY];
  uint8_t integrity_key[FS_SAD_MAX_KEY];
  uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets; /* 0: no limit */
  uint64_t hard_seconds; /* from now; bounds an SA whose charon is gone */
  uint16_t source_selectors, destination_selectors;
};

struct fs_sad_update {
  struct fs_sad_id id;
  struct fs_host new_source, new_destination;
  uint8_t is_udp_encapsulated; /* from now on */
  uint8_t reserved[3];
};

struct fs_sad_policy {
  uint8_t direction; /* 0 in, 1 out, 2 forward */
  uint8_t type;      /* 1 ipsec, 2 pass, 3 drop */
  uint8_t priority;  /* strongSwan's policy_priority_t: 1 default, 2 routed (trap), 3 fallback */
  uint8_t reserved;
  uint32_t tunnel; /* if_id */
  uint32_t reqid;
  uint32_t spi;                       /* wire order; 0: whichever SA (a trap) */
  struct fs_host source, destination; /* outer */
  struct fs_selector source_selector, destination_selector;
};

struct fs_sad_reply {
  uint32_t status; /* enum fs_sad_status */
  uint32_t spi;    /* GET_SPI; wire order */
  uint64_t bytes, packets;
  uint64_t last_use_seconds; /* CLOCK_MONOTONIC; 0: never */
};

struct fs_sad_event {
  struct fs_sad_id id;
  struct fs_host remote; /* MAPPING: where the peer is now */
  uint8_t is_hard;       /* EXPIRE */
  uint8_t reserved[3];
};

struct fs_sad_acquire {
  uint32_t reqid;
  uint32_t tunnel;
  struct fs_selector source, destination; /* of the packet */
};

#pragma pack(pop)

#endif
