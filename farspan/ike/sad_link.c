/* SPDX-License-Identifier: GPL-2.0-only
 * See sad_link.h. Order of a session: connect, HELLO, ADD_SA and ADD_POLICY of the whole copy (one
 * at a time, each with its reply, so that neither side can fill the other's buffer), SYNCED; from
 * then on requests of any thread.
 */
#include "sad_link.h"

#include <collections/linked_list.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <threading/condvar.h>
#include <threading/mutex.h>
#include <threading/thread.h>
#include <unistd.h>
#include <utils/debug.h>

#include "farspan/ike/sad_copy.h"

enum {
  RECONNECT_MS = 200,
  PATIENCE_MS = 2000, /* for a session, and again for a reply */
};

typedef enum { ANSWERED, LOST } outcome_t;

typedef struct {
  uint32_t serial;
  bool is_done;
  bool is_lost;
  struct fs_sad_reply reply;
} pending_t;

struct sad_link_t {
  char* path;
  sad_link_event_t on_event;
  void* user;
  uint64_t instance;
  int stop; /* eventfd: wakes the reader to end */
  thread_t* reader;

  mutex_t* mutex; /* all below */
  condvar_t* changed;
  int fd; /* -1: not connected */
  bool is_synced;
  bool is_stopping;
  uint32_t next_serial;   /* the last one taken */
  linked_list_t* pending; /* pending_t on the stacks of waiting threads */
  sad_copy_t* copy;
};

/* ---- frames
 * -------------------------------------------------------------------------------------------------
 */

static size_t write_frame(char* frame, uint16_t type, uint32_t serial, const void* body,
                          size_t bytes) {
  struct fs_sad_header header = {
      .type = type, .length = (uint16_t)(sizeof(header) + bytes), .serial = serial};

  memcpy(frame, &header, sizeof(header));
  if (bytes) {
    memcpy(frame + sizeof(header), body, bytes);
  }
  return header.length;
}

static size_t body_bytes(uint16_t type) {
  switch (type) {
    case FS_SAD_REPLY:
      return sizeof(struct fs_sad_reply);
    case FS_SAD_EXPIRE:
    case FS_SAD_MAPPING:
      return sizeof(struct fs_sad_event);
    case FS_SAD_ACQUIRE:
      return sizeof(struct fs_sad_acquire);
    default:
      return 0;
  }
}

/* A message of the data plane into `frame` (FS_SAD_MAX_MESSAGE bytes); FALSE when the session is
 * over. */
static bool receive_frame(int fd, char* frame, struct fs_sad_header* header) {
  ssize_t got = recv(fd, frame, FS_SAD_MAX_MESSAGE, MSG_DONTWAIT);
  size_t body;

  if (got < (ssize_t)sizeof(*header)) {
    return FALSE;
  }
  memcpy(header, frame, sizeof(*header));
  body = body_bytes(header->type);
  return body != 0 && header->length == got && (size_t)got == sizeof(*header) + body;
}

/* Never 0: that is the serial of events. @pre mutex held */
static uint32_t take_serial(sad_link_t* this) {
  if (++this->next_serial == 0) {
    this->next_serial = 1;
  }
  return this->next_serial;
}

/* ---- the reader's side
 * -------------------------------------------------------------------------------------- */

/* FALSE: time is up, or the link is being destroyed */
static bool wait_readable(sad_link_t* this, int fd, int timeout_ms) {
  struct pollfd fds[] = {{.fd = this->stop, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

  while (TRUE) {
    int ready = poll(fds, 2, timeout_ms);
    if (ready < 0 && errno == EINTR) {
      continue;
    }
    return ready > 0 && !fds[0].revents && fds[1].revents;
  }
}

static void deliver(sad_link_t* this, const struct fs_sad_header* header, const char* frame) {
  enumerator_t* waiting;
  pending_t* pending;

  if (header->type != FS_SAD_REPLY) {
    this->on_event(this->user, header->type, frame + sizeof(*header));
    return;
  }
  this->mutex->lock(this->mutex);
  waiting = this->pending->create_enumerator(this->pending);
  while (waiting->enumerate(waiting, &pending)) {
    if (pending->serial == header->serial) {
      memcpy(&pending->reply, frame + sizeof(*header), sizeof(pending->reply));
      pending->is_done = TRUE;
      this->changed->broadcast(this->changed);
      break;
    }
  }
  waiting->destroy(waiting);
  this->mutex->unlock(this->mutex);
}

/* One request and its reply before the session is open to others. @pre mutex held; only the reader
 * calls it */
static bool ask_while_syncing(sad_link_t* this, uint16_t type, const void* body, size_t bytes,
                              uint32_t* status) {
  char frame[FS_SAD_MAX_MESSAGE];
  struct fs_sad_header header;
  struct fs_sad_reply reply;
  uint32_t serial = take_serial(this);
  size_t length = write_frame(frame, type, serial, body, bytes);
  bool is_sent = send(this->fd, frame, length, MSG_NOSIGNAL) == (ssize_t)length;

  memwipe(frame, length);
  while (is_sent && wait_readable(this, this->fd, PATIENCE_MS)) {
    if (!receive_frame(this->fd, frame, &header)) {
      return FALSE;
    }
    if (header.type != FS_SAD_REPLY) {
      this->on_event(this->user, header.type, frame + sizeof(header));
    } else if (header.serial == serial) {
      memcpy(&reply, frame + sizeof(header), sizeof(reply));
      *status = reply.status;
      return TRUE;
    }
  }
  return FALSE;
}

/* An SA the restarted data plane does not take: charon hears that it is over and makes the tunnel
 * anew. */
static void give_up_sa(sad_link_t* this, const struct fs_sad_id* id, uint32_t status) {
  struct fs_sad_event event = {.id = *id, .is_hard = 1};

  DBG1(DBG_KNL, "farspan: data plane refuses SA %.8x again (%u)", ntohl(id->spi), status);
  sad_copy_remove_sa(this->copy, id);
  this->on_event(this->user, FS_SAD_EXPIRE, &event);
}

static bool send_sas(sad_link_t* this, size_t* count) {
  struct fs_sad_id* ids = sad_copy_list_sas(this->copy, count);
  char body[FS_SAD_MAX_MESSAGE];
  bool is_alive = TRUE;

  for (size_t i = 0; is_alive && i < *count; i++) {
    uint32_t status;
    size_t bytes = sad_copy_write_sa(this->copy, &ids[i], body);
    ((struct fs_sad_sa*)body)->is_update =
        0; /* whatever was reserved, this data plane did not do it */
    is_alive = ask_while_syncing(this, FS_SAD_ADD_SA, body, bytes, &status);
    if (is_alive && status != FS_SAD_OK && status != FS_SAD_EXISTS) {
      give_up_sa(this, &ids[i], status);
    }
  }
  memwipe(body, sizeof(body));
  free(ids);
  return is_alive;
}

static bool send_policies(sad_link_t* this, size_t* count) {
  struct fs_sad_policy* policies = sad_copy_list_policies(this->copy, count);
  bool is_alive = TRUE;

  for (size_t i = 0; is_alive && i < *count; i++) {
    uint32_t status;
    is_alive =
        ask_while_syncing(this, FS_SAD_ADD_POLICY, &policies[i], sizeof(policies[i]), &status);
  }
  free(policies);
  return is_alive;
}

static bool sync_session(sad_link_t* this) {
  struct fs_sad_hello hello = {.version = FS_SAD_VERSION, .instance = this->instance};
  size_t sas = 0, policies = 0;
  uint32_t status = FS_SAD_OK;
  bool is_synced;

  this->mutex->lock(this->mutex);
  is_synced = ask_while_syncing(this, FS_SAD_HELLO, &hello, sizeof(hello), &status) &&
              status == FS_SAD_OK && send_sas(this, &sas) && send_policies(this, &policies) &&
              ask_while_syncing(this, FS_SAD_SYNCED, NULL, 0, &status) && status == FS_SAD_OK;
  if (is_synced) {
    DBG1(DBG_KNL, "farspan: data plane has %zu SAs and %zu policies", sas, policies);
  } else if (status != FS_SAD_OK) {
    DBG1(DBG_KNL, "farspan: data plane refuses the session (%u)", status);
  }
  this->is_synced = is_synced;
  this->changed->broadcast(this->changed);
  this->mutex->unlock(this->mutex);
  return is_synced;
}

static bool open_session(sad_link_t* this) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  if (fd < 0) {
    return FALSE;
  }
  snprintf(address.sun_path, sizeof(address.sun_path), "%s", this->path);
  if (connect(fd, (struct sockaddr*)&address, sizeof(address)) != 0) {
    close(fd);
    return FALSE;
  }
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  this->mutex->lock(this->mutex);
  this->fd = fd;
  this->mutex->unlock(this->mutex);
  return TRUE;
}

static void close_session(sad_link_t* this) {
  enumerator_t* waiting;
  pending_t* pending;

  this->mutex->lock(this->mutex);
  if (this->is_synced && !this->is_stopping) {
    DBG1(DBG_KNL, "farspan: data plane is gone, connecting again");
  }
  close(this->fd);
  this->fd = -1;
  this->is_synced = FALSE;
  waiting = this->pending->create_enumerator(this->pending);
  while (waiting->enumerate(waiting, &pending)) {
    pending->is_lost = TRUE;
  }
  waiting->destroy(waiting);
  this->changed->broadcast(this->changed);
  this->mutex->unlock(this->mutex);
}

static void* read_all(sad_link_t* this) {
  struct pollfd stop = {.fd = this->stop, .events = POLLIN};
  char frame[FS_SAD_MAX_MESSAGE];
  struct fs_sad_header header;

  thread_cancelability(FALSE); /* ends by `stop` only */
  do {
    if (!open_session(this)) {
      continue;
    }
    if (sync_session(this)) {
      while (wait_readable(this, this->fd, -1) && receive_frame(this->fd, frame, &header)) {
        deliver(this, &header, frame);
      }
    }
    close_session(this);
  } while (poll(&stop, 1, RECONNECT_MS) == 0);
  return NULL;
}

/* ---- charon's side
 * ------------------------------------------------------------------------------------------ */

static void deadline_in(timeval_t* deadline, unsigned ms) {
  time_monotonic(deadline);
  timeval_add_ms(deadline, ms);
}

/* @pre mutex held, which is released while waiting */
static bool wait_synced(sad_link_t* this) {
  timeval_t deadline;

  deadline_in(&deadline, PATIENCE_MS);
  while (!this->is_synced && !this->is_stopping) {
    if (this->changed->timed_wait_abs(this->changed, this->mutex, deadline)) {
      break;
    }
  }
  return this->is_synced;
}

/* Sends although the socket may be full for a moment; the mutex is released meanwhile, for replies
 * to get through. */
static bool send_frame(sad_link_t* this, const char* frame, size_t length, pending_t* pending) {
  timeval_t now, deadline;

  deadline_in(&deadline, PATIENCE_MS);
  while (!pending->is_lost) {
    struct pollfd room = {.fd = this->fd, .events = POLLOUT};
    if (send(this->fd, frame, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length) {
      return TRUE;
    }
    time_monotonic(&now);
    if ((errno != EAGAIN && errno != EINTR) || timercmp(&now, &deadline, >)) {
      break;
    }
    this->mutex->unlock(this->mutex);
    poll(&room, 1, 50);
    this->mutex->lock(this->mutex);
  }
  return FALSE;
}

/* One request in an open session. @pre mutex held (released while waiting) and is_synced */
static outcome_t ask(sad_link_t* this, uint16_t type, const void* body, size_t bytes,
                     struct fs_sad_reply* reply) {
  char frame[FS_SAD_MAX_MESSAGE];
  size_t length;
  pending_t pending = {.serial = take_serial(this)};
  timeval_t deadline;

  this->pending->insert_last(this->pending, &pending);
  length = write_frame(frame, type, pending.serial, body, bytes);
  if (!send_frame(this, frame, length, &pending)) {
    pending.is_lost = TRUE;
  }
  memwipe(frame, length);

  deadline_in(&deadline, PATIENCE_MS);
  while (!pending.is_done && !pending.is_lost) {
    if (this->changed->timed_wait_abs(this->changed, this->mutex, deadline)) {
      break;
    }
  }
  this->pending->remove(this->pending, &pending, NULL);
  if (!pending.is_done) {
    if (this->fd >= 0 && !pending.is_lost) {
      DBG1(DBG_KNL, "farspan: data plane does not answer");
      this->is_synced = FALSE;
      shutdown(this->fd, SHUT_RDWR); /* the reader notices and starts a new session */
    }
    return LOST;
  }
  *reply = pending.reply;
  return ANSWERED;
}

static status_t status_of(uint32_t status) {
  switch (status) {
    case FS_SAD_OK:
      return SUCCESS;
    case FS_SAD_NOT_FOUND:
      return NOT_FOUND;
    case FS_SAD_UNSUPPORTED:
      return NOT_SUPPORTED;
    default:
      return FAILED;
  }
}

status_t sad_link_get_spi(sad_link_t* this, uint32_t* spi) {
  struct fs_sad_reply reply;
  status_t status = FAILED;

  this->mutex->lock(this->mutex);
  if (wait_synced(this) && ask(this, FS_SAD_GET_SPI, NULL, 0, &reply) == ANSWERED) {
    status = status_of(reply.status);
    *spi = reply.spi;
  }
  this->mutex->unlock(this->mutex);
  return status;
}

/* Asks the data plane to add the SA the copy holds under `id`. @pre mutex held, is_synced */
static outcome_t ask_add_sa(sad_link_t* this, const struct fs_sad_id* id, bool is_update,
                            struct fs_sad_reply* reply) {
  char body[FS_SAD_MAX_MESSAGE];
  size_t bytes = sad_copy_write_sa(this->copy, id, body);
  outcome_t outcome;

  ((struct fs_sad_sa*)body)->is_update = is_update;
  outcome = ask(this, FS_SAD_ADD_SA, body, bytes, reply);
  memwipe(body, bytes);
  return outcome;
}

status_t sad_link_add_sa(sad_link_t* this, const struct fs_sad_sa* sa,
                         const struct fs_selector* selectors) {
  struct fs_sad_reply reply = {};
  struct fs_sad_id id = sa->id;
  outcome_t outcome;
  status_t status = FAILED;

  this->mutex->lock(this->mutex);
  if (wait_synced(this) && sad_copy_put_sa(this->copy, sa, selectors)) {
    outcome = ask_add_sa(this, &id, sa->is_update, &reply);
    if (outcome == ANSWERED && reply.status == FS_SAD_NOT_FOUND && sa->is_update &&
        this->is_synced) {
      outcome = ask_add_sa(this, &id, FALSE, &reply); /* reserved in a session before this one */
    }
    if (outcome ==
        LOST) { /* then a new session sends it with the rest; refused, it is gone from the copy */
      reply.status =
          wait_synced(this) && sad_copy_find_sa(this->copy, &id) ? FS_SAD_OK : FS_SAD_NOT_FOUND;
    }
    status = status_of(reply.status);
    if (status != SUCCESS) {
      DBG1(DBG_KNL, "farspan: data plane refuses SA %.8x (%u)", ntohl(id.spi), reply.status);
      sad_copy_remove_sa(this->copy, &id);
    }
  }
  this->mutex->unlock(this->mutex);
  return status;
}

/* Changes the data plane too if it is there; a new session would start from the changed copy. @pre
 * mutex held */
static status_t tell(sad_link_t* this, uint16_t type, const void* body, size_t bytes) {
  struct fs_sad_reply reply;

  if (this->is_synced && ask(this, type, body, bytes, &reply) == ANSWERED) {
    return status_of(reply.status);
  }
  return SUCCESS;
}

status_t sad_link_update_sa(sad_link_t* this, struct fs_sad_update* update) {
  status_t status = NOT_FOUND;

  this->mutex->lock(this->mutex);
  if (sad_copy_find_sa(this->copy, &update->id)) {
    sad_copy_update_sa(this->copy, update);
    status = tell(this, FS_SAD_UPDATE_SA, update, sizeof(*update));
  }
  this->mutex->unlock(this->mutex);
  return status;
}

status_t sad_link_query_sa(sad_link_t* this, struct fs_sad_id* id, struct fs_sad_reply* reply) {
  status_t status = NOT_FOUND;

  this->mutex->lock(this->mutex);
  if (sad_copy_find_sa(this->copy, id) && this->is_synced &&
      ask(this, FS_SAD_QUERY_SA, id, sizeof(*id), reply) == ANSWERED) {
    status = status_of(reply->status);
  }
  this->mutex->unlock(this->mutex);
  return status;
}

status_t sad_link_delete_sa(sad_link_t* this, struct fs_sad_id* id) {
  status_t status;

  this->mutex->lock(this->mutex);
  id->is_inbound =
      1; /* unless the copy says otherwise: a reserved SPI that is not used after all */
  sad_copy_find_sa(this->copy, id);
  sad_copy_remove_sa(this->copy, id);
  status = tell(this, FS_SAD_DELETE_SA, id, sizeof(*id));
  this->mutex->unlock(this->mutex);
  return status;
}

status_t sad_link_flush_sas(sad_link_t* this) {
  status_t status;

  this->mutex->lock(this->mutex);
  sad_copy_flush_sas(this->copy);
  status = tell(this, FS_SAD_FLUSH_SAS, NULL, 0);
  this->mutex->unlock(this->mutex);
  return status;
}

status_t sad_link_add_policy(sad_link_t* this, const struct fs_sad_policy* policy) {
  status_t status = FAILED;

  this->mutex->lock(this->mutex);
  if (wait_synced(this)) {
    status = SUCCESS;
    if (sad_copy_put_policy(this->copy, policy)) {
      status = tell(this, FS_SAD_ADD_POLICY, policy, sizeof(*policy));
    }
    if (status != SUCCESS) {
      struct fs_sad_policy refused = *policy;
      sad_copy_remove_policy(this->copy, &refused);
    }
  }
  this->mutex->unlock(this->mutex);
  return status;
}

status_t sad_link_query_policy(sad_link_t* this, const struct fs_sad_policy* policy,
                               struct fs_sad_reply* reply) {
  status_t status = NOT_FOUND;

  this->mutex->lock(this->mutex);
  if (this->is_synced &&
      ask(this, FS_SAD_QUERY_POLICY, policy, sizeof(*policy), reply) == ANSWERED) {
    status = status_of(reply->status);
  }
  this->mutex->unlock(this->mutex);
  return status;
}

status_t sad_link_delete_policy(sad_link_t* this, const struct fs_sad_policy* policy) {
  struct fs_sad_policy entry = *policy;

  this->mutex->lock(this->mutex);
  if (sad_copy_remove_policy(this->copy, &entry)) {
    tell(this, FS_SAD_DELETE_POLICY, &entry, sizeof(entry));
  }
  this->mutex->unlock(this->mutex);
  return SUCCESS;
}

status_t sad_link_flush_policies(sad_link_t* this) {
  status_t status;

  this->mutex->lock(this->mutex);
  sad_copy_flush_policies(this->copy);
  status = tell(this, FS_SAD_FLUSH_POLICIES, NULL, 0);
  this->mutex->unlock(this->mutex);
  return status;
}

sad_link_t* sad_link_create(const char* path, sad_link_event_t on_event, void* user) {
  sad_link_t* this;
  uint64_t instance;

  if (getrandom(&instance, sizeof(instance), 0) != sizeof(instance)) {
    return NULL;
  }
  INIT(this, .path = strdup(path), .on_event = on_event, .user = user, .instance = instance,
       .stop = eventfd(0, EFD_CLOEXEC), .mutex = mutex_create(MUTEX_TYPE_DEFAULT),
       .changed = condvar_create(CONDVAR_TYPE_DEFAULT), .fd = -1, .pending = linked_list_create(),
       .copy = sad_copy_create(), );
  this->reader = thread_create((thread_main_t)read_all, this);
  return this;
}

void sad_link_destroy(sad_link_t* this) {
  uint64_t one = 1;

  this->mutex->lock(this->mutex);
  this->is_stopping = TRUE;
  this->changed->broadcast(this->changed);
  this->mutex->unlock(this->mutex);
  if (write(this->stop, &one, sizeof(one)) == sizeof(one)) {
    this->reader->join(this->reader);
  }
  close(this->stop);
  this->pending->destroy(this->pending);
  sad_copy_destroy(this->copy);
  this->changed->destroy(this->changed);
  this->mutex->destroy(this->mutex);
  free(this->path);
  free(this);
}
