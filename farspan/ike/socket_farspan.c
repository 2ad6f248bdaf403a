/* SPDX-License-Identifier: GPL-2.0-only */
#include "socket_farspan.h"

#include <daemon.h>
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <threading/mutex.h>
#include <threading/thread.h>
#include <unistd.h>

#include "farspan/ike/hosts.h"
#include "farspan/ike/protocol.h"
#include "farspan/ike/run_dir.h"

enum { RECONNECT_MS = 200, NON_ESP_MARKER = 4 /* bytes, RFC 3948 §2.2 */ };

typedef struct {
  socket_t public;
  char path[RUN_DIR_PATH_MAX];
  mutex_t* mutex;
  int fd;         /* -1: not connected; under the mutex, but only receive() changes it */
  uint8_t* frame; /* of receive() */
} private_t;

/* The only places where charon may cancel its receiver: no lock is held and nothing is half done.
 */
static void wait_cancellable(int fd, int timeout_ms) {
  struct pollfd input = {.fd = fd, .events = POLLIN};
  bool was_cancellable = thread_cancelability(TRUE);

  poll(&input, 1, timeout_ms);
  thread_cancelability(was_cancellable);
}

static void set_fd(private_t* this, int fd) {
  this->mutex->lock(this->mutex);
  if (this->fd >= 0) {
    close(this->fd);
  }
  this->fd = fd;
  this->mutex->unlock(this->mutex);
}

static bool reconnect(private_t* this) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  /* or connect() would wait for a data plane that hangs and has a full queue */
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  memcpy(address.sun_path, this->path, sizeof(this->path));
  if (fd < 0) {
    return FALSE;
  }
  if (connect(fd, (struct sockaddr*)&address, sizeof(address)) != 0) {
    close(fd);
    return FALSE;
  }
  set_fd(this, fd);
  DBG1(DBG_NET, "farspan: IKE goes through %s", this->path);
  return TRUE;
}

static packet_t* packet_of(const uint8_t* frame, size_t bytes) {
  struct fs_ike_header header;
  packet_t* packet;
  host_t *source, *destination;

  memcpy(&header, frame, sizeof(header));
  source = host_from_wire(&header.source);
  destination = host_from_wire(&header.destination);
  if (!source || !destination) {
    DESTROY_IF(source);
    DESTROY_IF(destination);
    return NULL;
  }
  packet = packet_create();
  packet->set_source(packet, source);
  packet->set_destination(packet, destination);
  packet->set_data(
      packet, chunk_clone(chunk_create((u_char*)frame + sizeof(header), bytes - sizeof(header))));
  return packet;
}

/* Does the datagram open an IKE SA (its responder SPI is zero: RFC 7296 §3.1, RFC 2408 §3.1)? */
static bool opens_ike_sa(packet_t* packet) {
  chunk_t data = packet->get_data(packet);
  uint64_t responder_spi;

  if (data.len >= NON_ESP_MARKER && untoh32(data.ptr) == 0) {
    data = chunk_skip(data, NON_ESP_MARKER);
  }
  if (data.len < 2 * sizeof(responder_spi)) {
    return FALSE;
  }
  memcpy(&responder_spi, data.ptr + sizeof(responder_spi), sizeof(responder_spi));
  return responder_spi == 0;
}

/* A stranger gets no answer. charon would say NO_PROPOSAL_CHOSEN, upon which a device stops trying:
 * one that calls before its connection is declared, or in the moment between charon's start and the
 * agent's configuration, would then be down until somebody goes there. Unanswered, it calls again.
 */
static bool is_known(packet_t* packet, ike_version_t version) {
  ike_cfg_t* known = charon->backends->get_ike_cfg(
      charon->backends, packet->get_destination(packet), packet->get_source(packet), version);

  DESTROY_IF(known);
  return known != NULL;
}

/* Not one who speaks the wrong version of IKE: charon tells him, and us. */
static bool is_stranger(packet_t* packet) {
  return opens_ike_sa(packet) && !is_known(packet, IKEV2) && !is_known(packet, IKEV1);
}

/* What we send shares one queue, and strangers must not fill it: the rest is for the datagrams of
 * peers. */
static bool has_room_for_refusals(int fd) {
  int queued = 0, limit = 0;
  socklen_t length = sizeof(limit);

  return ioctl(fd, SIOCOUTQ, &queued) == 0 &&
         getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &limit, &length) == 0 && queued <= limit / 4;
}

/* Says that the datagram of `header` gets no answer, for the data plane to count it. Under a flood
 * some are not: they are not worth waiting for. */
static void refuse(private_t* this, struct fs_ike_header header) {
  header.dscp = 0;
  header.is_refused = 1;
  this->mutex->lock(this->mutex);
  if (this->fd >= 0 && has_room_for_refusals(this->fd)) {
    send(this->fd, &header, sizeof(header), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  this->mutex->unlock(this->mutex);
}

/* Returns only with a packet: charon logs every failure of its socket, five times a second while
 * there is none. */
METHOD(socket_t, receive, status_t, private_t* this, packet_t** packet) {
  while (TRUE) {
    ssize_t got;

    if (this->fd < 0 && !reconnect(this)) {
      wait_cancellable(-1, RECONNECT_MS);
      continue;
    }
    wait_cancellable(this->fd, -1);
    got = recv(this->fd, this->frame, sizeof(struct fs_ike_header) + FS_IKE_MAX_DATAGRAM,
               MSG_DONTWAIT);
    if (got <= 0 && (got == 0 || (errno != EAGAIN && errno != EINTR))) {
      set_fd(this, -1);
    } else if (got > (ssize_t)sizeof(struct fs_ike_header)) {
      *packet = packet_of(this->frame, (size_t)got);
      if (*packet && !is_stranger(*packet)) {
        return SUCCESS;
      }
      if (*packet) {
        struct fs_ike_header header;
        memcpy(&header, this->frame, sizeof(header));
        refuse(this, header);
      }
      DESTROY_IF(*packet);
    }
  }
}

METHOD(socket_t, send_packet, status_t, private_t* this, packet_t* packet) {
  chunk_t data = packet->get_data(packet);
  struct fs_ike_header header = {
      .source = host_to_wire(packet->get_source(packet)),
      .destination = host_to_wire(packet->get_destination(packet)),
      .dscp = packet->get_dscp(packet),
  };
  struct iovec parts[] = {{&header, sizeof(header)}, {data.ptr, data.len}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = countof(parts)};
  ssize_t sent;

  if (header.source.port == 0) {
    header.source.port = IKEV2_UDP_PORT;
  }
  this->mutex->lock(this->mutex);
  /* a full or missing socket is a lost datagram: IKE retransmits */
  sent = this->fd < 0 ? -1 : sendmsg(this->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  this->mutex->unlock(this->mutex);
  return sent >= 0 ? SUCCESS : FAILED;
}

METHOD(socket_t, get_port, uint16_t, private_t* this, bool nat_t) {
  return nat_t ? IKEV2_NATT_PORT : IKEV2_UDP_PORT;
}

METHOD(socket_t, supported_families, socket_family_t, private_t* this) {
  return SOCKET_FAMILY_BOTH;
}

METHOD(socket_t, destroy, void, private_t* this) {
  set_fd(this, -1);
  this->mutex->destroy(this->mutex);
  free(this->frame);
  free(this);
}

socket_t* socket_farspan_create(void) {
  private_t* this;

  INIT(this,
       .public =
           {
               .receive = _receive,
               .send = _send_packet,
               .get_port = _get_port,
               .supported_families = _supported_families,
               .destroy = _destroy,
           },
       .mutex = mutex_create(MUTEX_TYPE_DEFAULT), .fd = -1,
       .frame = malloc(sizeof(struct fs_ike_header) + FS_IKE_MAX_DATAGRAM), );
  if (!run_dir_path(this->path, "ike.sock")) {
    destroy(this);
    return NULL;
  }
  return &this->public;
}
