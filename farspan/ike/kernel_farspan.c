/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel_farspan.h"

#include <collections/hashtable.h>
#include <daemon.h>
#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

#include "farspan/ike/hosts.h"
#include "farspan/ike/run_dir.h"
#include "farspan/ike/sad_link.h"

enum { PROTOCOL_ESP = 50 };

typedef struct {
  kernel_ipsec_t public;
  sad_link_t* link;
  mutex_t* mutex;     /* of moves */
  hashtable_t* moves; /* SPI -> host_t: where the peer is, for a job that is queued */
} private_t;

/* ---- events: data plane or time -> charon
 * ------------------------------------------------------------------- */

typedef struct {
  private_t* kernel;
  enum fs_sad_type type;
  uint8_t protocol;
  bool is_hard;
  uint32_t spi, reqid;
  host_t* destination;
  traffic_selector_t *from, *to;
} event_t;

static void destroy_event(event_t* event) {
  DESTROY_IF(event->destination);
  DESTROY_IF(event->from);
  DESTROY_IF(event->to);
  free(event);
}

/* Puts the newest place of a peer where its job finds it. @return whether there is no such job yet
 */
static bool put_move(private_t* this, uint32_t spi, host_t* remote) {
  host_t* before;

  this->mutex->lock(this->mutex);
  before = this->moves->put(this->moves, (void*)(uintptr_t)spi, remote);
  this->mutex->unlock(this->mutex);
  DESTROY_IF(before);
  return !before;
}

static host_t* take_move(private_t* this, uint32_t spi) {
  host_t* remote;

  this->mutex->lock(this->mutex);
  remote = this->moves->remove(this->moves, (void*)(uintptr_t)spi);
  this->mutex->unlock(this->mutex);
  return remote;
}

static job_requeue_t raise_event(event_t* event) {
  switch (event->type) {
    case FS_SAD_EXPIRE:
      if (event->destination) {
        charon->kernel->expire(charon->kernel, event->protocol, event->spi, event->destination,
                               event->is_hard);
      }
      break;
    case FS_SAD_MAPPING: {
      host_t* remote = take_move(event->kernel, event->spi);
      if (event->destination && remote) {
        charon->kernel->mapping(charon->kernel, event->protocol, event->spi, event->destination,
                                remote);
      }
      DESTROY_IF(remote);
      break;
    }
    case FS_SAD_ACQUIRE: {
      kernel_acquire_data_t packet = {.src = event->from, .dst = event->to};
      charon->kernel->acquire(charon->kernel, event->reqid, &packet);
      break;
    }
    default:
      break;
  }
  return JOB_REQUEUE_NONE;
}

static job_t* job_of(event_t* event) {
  return (job_t*)callback_job_create((callback_job_cb_t)raise_event, event,
                                     (callback_job_cleanup_t)destroy_event, NULL);
}

/* Runs on the link's reader, which must not be kept waiting: only copies and queues. */
static void queue_event(void* user, enum fs_sad_type type, const void* body) {
  event_t* event;

  INIT(event, .kernel = user, .type = type, );
  if (type == FS_SAD_ACQUIRE) {
    struct fs_sad_acquire acquire;
    memcpy(&acquire, body, sizeof(acquire));
    event->reqid = acquire.reqid;
    event->from = selector_from_wire(&acquire.source);
    event->to = selector_from_wire(&acquire.destination);
  } else {
    struct fs_sad_event moved;
    memcpy(&moved, body, sizeof(moved));
    event->protocol = moved.id.protocol;
    event->spi = moved.id.spi;
    event->is_hard = moved.is_hard != 0;
    event->destination = host_from_wire(&moved.id.destination);
    if (type == FS_SAD_MAPPING) {
      host_t* remote = host_from_wire(&moved.remote);
      if (!remote || !put_move(event->kernel, event->spi, remote)) {
        destroy_event(event);
        return;
      }
    }
  }
  lib->processor->queue_job(lib->processor, job_of(event));
}

/* ---- charon -> data plane
 * ------------------------------------------------------------------------------------ */

static struct fs_sad_id id_to_wire(const kernel_ipsec_sa_id_t* id) {
  return (struct fs_sad_id){
      .source = host_to_wire(id->src),
      .destination = host_to_wire(id->dst),
      .spi = id->spi,
      .tunnel = id->if_id,
      .protocol = id->proto,
  };
}

static uint8_t dscp_to_wire(dscp_copy_t copy) {
  switch (copy) {
    case DSCP_COPY_OUT_ONLY:
      return 1;
    case DSCP_COPY_IN_ONLY:
      return 2;
    case DSCP_COPY_YES:
      return 3;
    default:
      return 0;
  }
}

/* @return how many of `list` were written, or -1 when there is no room */
static int selectors_to_wire(linked_list_t* list, struct fs_selector* wire) {
  enumerator_t* selectors;
  traffic_selector_t* selector;
  int count = 0;

  if (!list) {
    return 0;
  }
  if (list->get_count(list) > FS_SAD_MAX_SELECTORS) {
    return -1;
  }
  selectors = list->create_enumerator(list);
  while (selectors->enumerate(selectors, &selector)) {
    wire[count++] = selector_to_wire(selector);
  }
  selectors->destroy(selectors);
  return count;
}

METHOD(kernel_ipsec_t, get_features, kernel_feature_t, private_t* this) {
  return KERNEL_POLICY_SPI | KERNEL_NO_POLICY_UPDATES;
}

METHOD(kernel_ipsec_t, get_spi, status_t, private_t* this, host_t* src, host_t* dst,
       uint8_t protocol, uint32_t* spi) {
  return protocol == PROTOCOL_ESP ? sad_link_get_spi(this->link, spi) : NOT_SUPPORTED;
}

METHOD(kernel_ipsec_t, get_cpi, status_t, private_t* this, host_t* src, host_t* dst,
       uint16_t* cpi) {
  return NOT_SUPPORTED; /* so IPComp is never negotiated */
}

METHOD(kernel_ipsec_t, add_sa, status_t, private_t* this, kernel_ipsec_sa_id_t* id,
       kernel_ipsec_add_sa_t* data) {
  struct fs_selector selectors[2 * FS_SAD_MAX_SELECTORS];
  int sources = selectors_to_wire(data->src_ts, selectors);
  int destinations = sources < 0 ? -1 : selectors_to_wire(data->dst_ts, selectors + sources);
  struct fs_sad_sa sa = {
      .id = id_to_wire(id),
      .reqid = data->reqid,
      .mode = (uint8_t)data->mode,
      .is_update = data->update,
      .is_udp_encapsulated = data->encap,
      .has_esn = data->esn,
      .copy_df = data->copy_df,
      .copy_ecn = data->copy_ecn,
      .copy_dscp = dscp_to_wire(data->copy_dscp),
      .replay_window = data->replay_window,
      .encryption = data->enc_alg,
      .integrity = data->int_alg,
      .encryption_key_length = (uint16_t)data->enc_key.len,
      .integrity_key_length = (uint16_t)data->int_key.len,
      .soft_bytes = data->lifetime->bytes.rekey,
      .hard_bytes = data->lifetime->bytes.life,
      .soft_packets = data->lifetime->packets.rekey,
      .hard_packets = data->lifetime->packets.life,
      .hard_seconds = data->lifetime->time.life,
      .source_selectors = (uint16_t)max(sources, 0),
      .destination_selectors = (uint16_t)max(destinations, 0),
  };
  status_t status;

  if (id->proto != PROTOCOL_ESP || data->mode != MODE_TUNNEL || data->ipcomp) {
    return NOT_SUPPORTED;
  }
  if (destinations < 0 || data->enc_key.len > FS_SAD_MAX_KEY ||
      data->int_key.len > FS_SAD_MAX_KEY) {
    return FAILED;
  }
  sa.id.is_inbound = data->inbound;
  if (data->enc_key.len) {
    memcpy(sa.encryption_key, data->enc_key.ptr, data->enc_key.len);
  }
  if (data->int_key.len) {
    memcpy(sa.integrity_key, data->int_key.ptr, data->int_key.len);
  }
  status = sad_link_add_sa(this->link, &sa, data->lifetime->time.rekey, selectors);
  memwipe(&sa, sizeof(sa));
  return status;
}

METHOD(kernel_ipsec_t, update_sa, status_t, private_t* this, kernel_ipsec_sa_id_t* id,
       kernel_ipsec_update_sa_t* data) {
  struct fs_sad_update update = {
      .id = id_to_wire(id),
      .new_source = host_to_wire(data->new_src),
      .new_destination = host_to_wire(data->new_dst),
      .is_udp_encapsulated = data->new_encap,
  };

  return sad_link_update_sa(this->link, &update);
}

METHOD(kernel_ipsec_t, query_sa, status_t, private_t* this, kernel_ipsec_sa_id_t* id,
       kernel_ipsec_query_sa_t* data, uint64_t* bytes, uint64_t* packets, time_t* time) {
  struct fs_sad_id wire = id_to_wire(id);
  struct fs_sad_reply reply;
  status_t status = sad_link_query_sa(this->link, &wire, &reply);

  if (status != SUCCESS) {
    return status;
  }
  if (bytes) {
    *bytes = reply.bytes;
  }
  if (packets) {
    *packets = reply.packets;
  }
  if (time) {
    *time = (time_t)reply.last_use_seconds;
  }
  return SUCCESS;
}

METHOD(kernel_ipsec_t, del_sa, status_t, private_t* this, kernel_ipsec_sa_id_t* id,
       kernel_ipsec_del_sa_t* data) {
  struct fs_sad_id wire = id_to_wire(id);

  return sad_link_delete_sa(this->link, &wire);
}

METHOD(kernel_ipsec_t, flush_sas, status_t, private_t* this) {
  return sad_link_flush_sas(this->link);
}

static struct fs_sad_policy policy_to_wire(const kernel_ipsec_policy_id_t* id,
                                           const kernel_ipsec_manage_policy_t* data) {
  struct fs_sad_policy wire = {
      .direction = (uint8_t)id->dir,
      .type = POLICY_IPSEC,
      .tunnel = id->if_id,
      .source_selector = selector_to_wire(id->src_ts),
      .destination_selector = selector_to_wire(id->dst_ts),
  };

  if (data) {
    wire.type = (uint8_t)data->type;
    wire.priority = (uint8_t)data->prio;
    wire.source = host_to_wire(data->src);
    wire.destination = host_to_wire(data->dst);
    if (data->sa) {
      wire.reqid = data->sa->reqid;
      wire.spi = data->sa->esp.use ? data->sa->esp.spi : 0;
    }
  }
  return wire;
}

METHOD(kernel_ipsec_t, add_policy, status_t, private_t* this, kernel_ipsec_policy_id_t* id,
       kernel_ipsec_manage_policy_t* data) {
  struct fs_sad_policy wire = policy_to_wire(id, data);

  return sad_link_add_policy(this->link, &wire);
}

METHOD(kernel_ipsec_t, query_policy, status_t, private_t* this, kernel_ipsec_policy_id_t* id,
       kernel_ipsec_query_policy_t* data, time_t* use_time) {
  struct fs_sad_policy wire = policy_to_wire(id, NULL);
  struct fs_sad_reply reply;
  status_t status = sad_link_query_policy(this->link, &wire, &reply);

  if (status == SUCCESS) {
    *use_time = (time_t)reply.last_use_seconds;
  }
  return status;
}

METHOD(kernel_ipsec_t, del_policy, status_t, private_t* this, kernel_ipsec_policy_id_t* id,
       kernel_ipsec_manage_policy_t* data) {
  struct fs_sad_policy wire = policy_to_wire(id, data);

  return sad_link_delete_policy(this->link, &wire);
}

METHOD(kernel_ipsec_t, flush_policies, status_t, private_t* this) {
  return sad_link_flush_policies(this->link);
}

/* charon's IKE goes through the data plane, which exempts it and takes ESP out of UDP by itself */
METHOD(kernel_ipsec_t, bypass_socket, bool, private_t* this, int fd, int family) { return TRUE; }

METHOD(kernel_ipsec_t, enable_udp_decap, bool, private_t* this, int fd, int family, uint16_t port) {
  return TRUE;
}

METHOD(kernel_ipsec_t, destroy, void, private_t* this) {
  enumerator_t* moves;
  host_t* remote;

  if (this->link) {
    sad_link_destroy(this->link);
  }
  moves = this->moves->create_enumerator(this->moves);
  while (moves->enumerate(moves, NULL, &remote)) {
    remote->destroy(remote);
  }
  moves->destroy(moves);
  this->moves->destroy(this->moves);
  this->mutex->destroy(this->mutex);
  free(this);
}

kernel_ipsec_t* kernel_farspan_create(void) {
  private_t* this;
  char path[RUN_DIR_PATH_MAX];

  if (!run_dir_path(path, "sad.sock")) {
    return NULL;
  }
  INIT(this,
       .public =
           {
               .get_features = _get_features,
               .get_spi = _get_spi,
               .get_cpi = _get_cpi,
               .add_sa = _add_sa,
               .update_sa = _update_sa,
               .query_sa = _query_sa,
               .del_sa = _del_sa,
               .flush_sas = _flush_sas,
               .add_policy = _add_policy,
               .query_policy = _query_policy,
               .del_policy = _del_policy,
               .flush_policies = _flush_policies,
               .bypass_socket = _bypass_socket,
               .enable_udp_decap = _enable_udp_decap,
               .destroy = _destroy,
           },
       .mutex = mutex_create(MUTEX_TYPE_DEFAULT),
       .moves = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 64), );
  this->link = sad_link_create(path, queue_event, this);
  if (!this->link) {
    destroy(this);
    return NULL;
  }
  return &this->public;
}
