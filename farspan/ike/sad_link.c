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
  ENTRY_MS = 1,       /* more for a session, for each SA and policy it begins with */
  TIMER_MS = 1000,    /* how late the end of a lifetime may be noticed */
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
  int fd; /* -1: not connected; only the reader changes it */
  bool is_synced;
  timeval_t patient_until; /* without a session: how long requests wait for the next */
  unsigned changes;        /* of the copy, ever */
  uint32_t refusal;        /* of the last session, to be told once; the reader's */
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

static void deadline_in(timeval_t* deadline, unsigned ms) {
  time_monotonic(deadline);
  timeval_add_ms(deadline, ms);
}

/* Milliseconds from now, 0 when it has passed */
static int ms_until(const timeval_t* deadline) {
  timeval_t now, left;

  time_monotonic(&now);
  if (!timercmp(deadline, &now, >)) {
    return 0;
  }
  timersub(deadline, &now, &left);
  return (int)(left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
}

/* FALSE: time is up, or the link is being destroyed */
static bool wait_readable(sad_link_t* this, int fd, const timeval_t* deadline) {
  struct pollfd fds[] = {{.fd = this->stop, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

  while (TRUE) {
    int ready = poll(fds, 2, ms_until(deadline));
    if (ready < 0 && errno == EINTR) {
      continue;
    }
    return ready > 0 && !fds[0].revents && fds[1].revents;
  }
}

/* Raises what has come to its end by now. */
static void raise_due(sad_link_t* this) {
  struct fs_sad_event event = {};
  bool is_due, is_hard;

  do {
    this->mutex->lock(this->mutex);
    is_due = sad_copy_take_due(this->copy, time_monotonic(NULL), &event.id, &is_hard);
    this->mutex->unlock(this->mutex);
    if (is_due) {
      event.is_hard = is_hard;
      this->on_event(this->user, FS_SAD_EXPIRE, &event);
    }
  } while (is_due);
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

/* One request and its reply before the session is open to others; only the reader calls it. */
static bool ask_while_syncing(sad_link_t* this, uint16_t type, const void* body, size_t bytes,
                              const timeval_t* deadline, uint32_t* status) {
  char frame[FS_SAD_MAX_MESSAGE];
  struct fs_sad_header header;
  struct fs_sad_reply reply;
  uint32_t serial;
  size_t length;
  bool is_sent;

  this->mutex->lock(this->mutex);
  serial = take_serial(this);
  this->mutex->unlock(this->mutex);
  length = write_frame(frame, type, serial, body, bytes);
  is_sent = send(this->fd, frame, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
  memwipe(frame, length);
  while (is_sent && wait_readable(this, this->fd, deadline)) {
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

static const char* words_of(uint32_t status) {
  switch (status) {
    case FS_SAD_NOT_FOUND:
      return "it is not there";
    case FS_SAD_UNSUPPORTED:
      return "the data plane cannot do this";
    case FS_SAD_EXISTS:
      return "there is another one of this name";
    case FS_SAD_FULL:
      return "there is no room for more";
    case FS_SAD_TUNNEL_FULL:
      return "this tunnel has as many as one may have";
    case FS_SAD_NUMBERS_LOST:
      return "its sequence numbers are lost, it must be made anew";
    default:
      return "the request is malformed";
  }
}

/* An SA the restarted data plane does not take: charon hears that it is over and makes the tunnel
 * anew. */
static void give_up_sa(sad_link_t* this, const struct fs_sad_id* id, uint32_t status) {
  struct fs_sad_event event = {.id = *id, .is_hard = 1};

  DBG1(DBG_KNL, "farspan: data plane refuses SA %.8x again: %s", ntohl(id->spi), words_of(status));
  this->mutex->lock(this->mutex);
  sad_copy_remove_sa(this->copy, id);
  this->mutex->unlock(this->mutex);
  this->on_event(this->user, FS_SAD_EXPIRE, &event);
}

static bool send_sas(sad_link_t* this, const struct fs_sad_id* ids, size_t count,
                     const timeval_t* deadline) {
  char body[FS_SAD_MAX_MESSAGE];
  bool is_alive = TRUE;

  for (size_t i = 0; is_alive && i < count; i++) {
    uint32_t status;
    size_t bytes;

    this->mutex->lock(this->mutex);
    bytes = sad_copy_write_sa(this->copy, &ids[i], body);
    this->mutex->unlock(this->mutex);
    if (!bytes) {
      continue; /* deleted meanwhile */
    }
    ((struct fs_sad_sa*)body)->is_update =
        0; /* whatever was reserved, this data plane did not do it */
    is_alive = ask_while_syncing(this, FS_SAD_ADD_SA, body, bytes, deadline, &status);
    if (is_alive && (status == FS_SAD_OK || status == FS_SAD_EXISTS)) {
      this->mutex->lock(this->mutex);
      sad_copy_confirm_sa(this->copy, &ids[i]);
      this->mutex->unlock(this->mutex);
    } else if (is_alive) {
      give_up_sa(this, &ids[i], status);
    }
  }
  memwipe(body, sizeof(body));
  return is_alive;
}

static bool send_policies(sad_link_t* this, const struct fs_sad_policy* policies, size_t count,
                          const timeval_t* deadline) {
  bool is_alive = TRUE;

  for (size_t i = 0; is_alive && i < count; i++) {
    uint32_t status;
    is_alive = ask_while_syncing(this, FS_SAD_ADD_POLICY, &policies[i], sizeof(policies[i]),
                                 deadline, &status);
    if (is_alive && status != FS_SAD_OK) {
      DBG1(DBG_KNL, "farspan: data plane refuses a policy of tunnel %u again: %s",
           policies[i].tunnel, words_of(status));
    }
  }
  return is_alive;
}

static bool sync_session(sad_link_t* this) {
  struct fs_sad_hello hello = {.version = FS_SAD_VERSION, .instance = this->instance};
  struct fs_sad_policy* policies;
  struct fs_sad_id* ids;
  size_t sas, policy_count;
  unsigned changes;
  timeval_t deadline;
  uint32_t status = FS_SAD_OK;
  bool is_complete, is_unchanged;

  this->mutex->lock(this->mutex);
  changes = this->changes;
  ids = sad_copy_list_sas(this->copy, &sas);
  policies = sad_copy_list_policies(this->copy, &policy_count);
  this->mutex->unlock(this->mutex);
  deadline_in(&deadline, PATIENCE_MS + ENTRY_MS * (unsigned)(sas + policy_count));

  is_complete = ask_while_syncing(this, FS_SAD_HELLO, &hello, sizeof(hello), &deadline, &status) &&
                status == FS_SAD_OK && send_sas(this, ids, sas, &deadline) &&
                send_policies(this, policies, policy_count, &deadline) &&
                ask_while_syncing(this, FS_SAD_SYNCED, NULL, 0, &deadline, &status) &&
                status == FS_SAD_OK;
  free(ids);
  free(policies);

  this->mutex->lock(this->mutex);
  /* Changed in between: what was sent may be neither the old nor the new. */
  is_unchanged = this->changes == changes;
  this->is_synced = is_complete && is_unchanged;
  this->changed->broadcast(this->changed);
  this->mutex->unlock(this->mutex);
  if (!is_complete && status != FS_SAD_OK && status != this->refusal) {
    DBG1(DBG_KNL, "farspan: data plane refuses the session: %s", words_of(status));
  }
  this->refusal = is_complete ? FS_SAD_OK : status;
  if (is_complete && is_unchanged) {
    DBG1(DBG_KNL, "farspan: data plane has %zu SAs and %zu policies", sas, policy_count);
  }
  return is_complete && is_unchanged;
}

static bool open_session(sad_link_t* this) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  /* or connect() would wait for a data plane that hangs and has a full queue */
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd < 0) {
    return FALSE;
  }
  snprintf(address.sun_path, sizeof(address.sun_path), "%s", this->path);
  if (connect(fd, (struct sockaddr*)&address, sizeof(address)) != 0) {
    close(fd);
    return FALSE;
  }
  this->mutex->lock(this->mutex);
  this->fd = fd;
  this->mutex->unlock(this->mutex);
  return TRUE;
}

/* @pre mutex held */
static void lose_session(sad_link_t* this) {
  if (this->is_synced) {
    this->is_synced = FALSE;
    deadline_in(&this->patient_until, PATIENCE_MS);
  }
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
  lose_session(this);
  waiting = this->pending->create_enumerator(this->pending);
  while (waiting->enumerate(waiting, &pending)) {
    pending->is_lost = TRUE;
  }
  waiting->destroy(waiting);
  this->changed->broadcast(this->changed);
  this->mutex->unlock(this->mutex);
}

/* Delivers what comes until the session is over. */
static void read_session(sad_link_t* this) {
  struct pollfd fds[] = {{.fd = this->stop, .events = POLLIN}, {.fd = this->fd, .events = POLLIN}};
  char frame[FS_SAD_MAX_MESSAGE];
  struct fs_sad_header header;

  while (TRUE) {
    int ready = poll(fds, 2, TIMER_MS);
    if (fds[0].revents || (ready < 0 && errno != EINTR)) {
      return;
    }
    if (ready > 0) {
      if (!receive_frame(this->fd, frame, &header)) {
        return;
      }
      deliver(this, &header, frame);
    }
    raise_due(this);
  }
}

static void* read_all(sad_link_t* this) {
  struct pollfd stop = {.fd = this->stop, .events = POLLIN};

  thread_cancelability(FALSE); /* ends by `stop` only */
  do {
    raise_due(this);
    if (!open_session(this)) {
      continue;
    }
    if (sync_session(this)) {
      read_session(this);
    }
    close_session(this);
  } while (poll(&stop, 1, RECONNECT_MS) == 0);
  return NULL;
}

/* ---- charon's side
 * ------------------------------------------------------------------------------------------ */

/* @pre mutex held, which is released while waiting */
static bool wait_synced(sad_link_t* this) {
  while (!this->is_synced && !this->is_stopping) {
    if (this->changed->timed_wait_abs(this->changed, this->mutex, this->patient_until)) {
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
      lose_session(this);
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

/* The copy is not what it was: @pre mutex held */
static void note_change(sad_link_t* this) { this->changes++; }

status_t sad_link_add_sa(sad_link_t* this, const struct fs_sad_sa* sa, uint64_t soft_seconds,
                         const struct fs_selector* selectors) {
  struct fs_sad_reply reply = {};
  struct fs_sad_id id = sa->id;
  outcome_t outcome;
  status_t status = FAILED;

  this->mutex->lock(this->mutex);
  if (wait_synced(this) && sad_copy_put_sa(this->copy, sa, soft_seconds, selectors)) {
    note_change(this);
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
      DBG1(DBG_KNL, "farspan: data plane refuses SA %.8x: %s", ntohl(id.spi),
           words_of(reply.status));
      sad_copy_remove_sa(this->copy, &id);
      note_change(this);
    } else {
      sad_copy_confirm_sa(this->copy, &id);
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
  struct fs_sad_reply reply = {.status = FS_SAD_NOT_FOUND};

  this->mutex->lock(this->mutex);
  if (sad_copy_find_sa(this->copy, &update->id)) {
    reply.status = FS_SAD_OK;
    /* again when the session was lost and the next one, begun with the old addresses, is there */
    while (this->is_synced &&
           ask(this, FS_SAD_UPDATE_SA, update, sizeof(*update), &reply) == LOST) {
      reply.status = FS_SAD_OK;
    }
    if (reply.status == FS_SAD_OK) {
      sad_copy_update_sa(this->copy, update);
      note_change(this);
    }
  }
  this->mutex->unlock(this->mutex);
  return status_of(reply.status);
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
  note_change(this);
  status = tell(this, FS_SAD_DELETE_SA, id, sizeof(*id));
  this->mutex->unlock(this->mutex);
  return status;
}

status_t sad_link_flush_sas(sad_link_t* this) {
  status_t status;

  this->mutex->lock(this->mutex);
  sad_copy_flush_sas(this->copy);
  note_change(this);
  status = tell(this, FS_SAD_FLUSH_SAS, NULL, 0);
  this->mutex->unlock(this->mutex);
  return status;
}

status_t sad_link_add_policy(sad_link_t* this, const struct fs_sad_policy* policy) {
  status_t status = FAILED;

  this->mutex->lock(this->mutex);
  if (wait_synced(this)) {
    status = SUCCESS;
    note_change(this);
    if (sad_copy_put_policy(this->copy, policy)) {
      status = tell(this, FS_SAD_ADD_POLICY, policy, sizeof(*policy));
    }
    if (status != SUCCESS) {
      struct fs_sad_policy refused = *policy;
      sad_copy_remove_policy(this->copy, &refused);
      note_change(this);
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
  note_change(this);
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
  note_change(this);
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
  deadline_in(&this->patient_until, PATIENCE_MS);
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
