/* SPDX-License-Identifier: GPL-2.0-only */
#include "sad_copy.h"

#include <collections/hashtable.h>
#include <stddef.h>

#include "farspan/ike/locked_memory.h"

typedef struct {
  uint32_t spi;
  uint32_t tunnel;
  uint16_t family;
  uint16_t zero;
  uint8_t address[16];
} sa_name_t;

typedef struct {
  uint8_t encryption[FS_SAD_MAX_KEY];
  uint8_t integrity[FS_SAD_MAX_KEY];
} sa_keys_t;

typedef struct {
  sa_name_t name;
  struct fs_sad_sa sa; /* its keys are zero: they are in `keys` */
  sa_keys_t* keys;
  time_t rekeyed_at, expires; /* time_monotonic(); 0: never, or told */
  size_t place;               /* in the heap, counted from 1; 0: it has no end */
  bool is_confirmed;
  struct fs_selector* selectors;
} sa_record_t;

typedef struct {
  struct fs_sad_policy policy;
  struct fs_sad_policy name; /* outer addresses zero */
  unsigned times;            /* charon adds equal entries of parallel Child SAs */
} policy_record_t;

struct sad_copy_t {
  locked_memory_t* keys;
  hashtable_t* sas;      /* sa_name_t -> sa_record_t */
  hashtable_t* policies; /* fs_sad_policy without hosts -> policy_record_t */
  sa_record_t** heap;    /* by next_end(), the soonest first; heap[0] is not used */
  size_t heap_count, heap_room;
};

static u_int hash_sa_name(const void* key) {
  return chunk_hash(chunk_create((u_char*)key, sizeof(sa_name_t)));
}
static bool equal_sa_names(const void* one, const void* other) {
  return memeq(one, other, sizeof(sa_name_t));
}
static u_int hash_policy(const void* key) {
  return chunk_hash(chunk_create((u_char*)key, sizeof(struct fs_sad_policy)));
}
static bool equal_policies(const void* one, const void* other) {
  return memeq(one, other, sizeof(struct fs_sad_policy));
}

static sa_name_t name_of(const struct fs_sad_id* id) {
  sa_name_t name = {.spi = id->spi, .tunnel = id->tunnel, .family = id->destination.family};

  memcpy(name.address, id->destination.address, sizeof(name.address));
  return name;
}

static struct fs_sad_policy name_of_policy(const struct fs_sad_policy* policy) {
  struct fs_sad_policy name = *policy;

  memset(&name.source, 0, sizeof(name.source));
  memset(&name.destination, 0, sizeof(name.destination));
  return name;
}

/* ---- ends of lifetimes: a binary heap whose members know their places ---- */

static time_t next_end(const sa_record_t* record) {
  return record->rekeyed_at ? record->rekeyed_at : record->expires;
}

static void set_place(sad_copy_t* this, size_t place, sa_record_t* record) {
  this->heap[place] = record;
  record->place = place;
}

/* Moves `record`, which may stand at `place`, to where it belongs. */
static void settle(sad_copy_t* this, size_t place, sa_record_t* record) {
  while (place > 1 && next_end(this->heap[place / 2]) > next_end(record)) {
    set_place(this, place, this->heap[place / 2]);
    place /= 2;
  }
  while (2 * place <= this->heap_count) {
    size_t sooner = 2 * place;
    if (sooner < this->heap_count &&
        next_end(this->heap[sooner + 1]) < next_end(this->heap[sooner])) {
      sooner++;
    }
    if (next_end(this->heap[sooner]) >= next_end(record)) {
      break;
    }
    set_place(this, place, this->heap[sooner]);
    place = sooner;
  }
  set_place(this, place, record);
}

static void forget_end(sad_copy_t* this, sa_record_t* record) {
  size_t place = record->place;
  sa_record_t* last;

  if (!place) {
    return;
  }
  record->place = 0;
  last = this->heap[this->heap_count--];
  if (last != record) {
    settle(this, place, last);
  }
}

static void remember_end(sad_copy_t* this, sa_record_t* record) {
  if (!next_end(record)) {
    return;
  }
  if (this->heap_count + 1 >= this->heap_room) {
    this->heap_room = this->heap_room ? 2 * this->heap_room : 64;
    this->heap = realloc(this->heap, this->heap_room * sizeof(*this->heap));
  }
  settle(this, ++this->heap_count, record);
}

bool sad_copy_take_due(sad_copy_t* this, time_t now, struct fs_sad_id* id, bool* is_hard) {
  sa_record_t* record = this->heap_count ? this->heap[1] : NULL;

  if (!record || next_end(record) > now) {
    return FALSE;
  }
  *id = record->sa.id;
  *is_hard = !record->rekeyed_at;
  forget_end(this, record);
  if (!*is_hard) {
    record->rekeyed_at = 0;
    remember_end(this, record);
  }
  return TRUE;
}

static void destroy_sa(sad_copy_t* this, sa_record_t* record) {
  forget_end(this, record);
  locked_memory_give_back(this->keys, record->keys);
  free(record->selectors);
  free(record);
}

sad_copy_t* sad_copy_create(void) {
  sad_copy_t* this;

  INIT(this, .keys = locked_memory_create(sizeof(sa_keys_t)),
       .sas = hashtable_create(hash_sa_name, equal_sa_names, 64),
       .policies = hashtable_create(hash_policy, equal_policies, 64), );
  return this;
}

void sad_copy_destroy(sad_copy_t* this) {
  sad_copy_flush_sas(this);
  sad_copy_flush_policies(this);
  this->sas->destroy(this->sas);
  this->policies->destroy(this->policies);
  locked_memory_destroy(this->keys);
  free(this->heap);
  free(this);
}

/* `seconds` from now; 0 for never, and for what is too far away to be told from it */
static time_t end_in(uint64_t seconds) {
  return seconds && seconds <= UINT32_MAX ? time_monotonic(NULL) + (time_t)seconds : 0;
}

bool sad_copy_put_sa(sad_copy_t* this, const struct fs_sad_sa* sa, uint64_t soft_seconds,
                     const struct fs_selector* selectors) {
  size_t bytes = (sa->source_selectors + sa->destination_selectors) * sizeof(struct fs_selector);
  sa_keys_t* keys = locked_memory_take(this->keys);
  sa_record_t* record;

  if (!keys) {
    return FALSE;
  }
  sad_copy_remove_sa(this, &sa->id);
  memcpy(keys->encryption, sa->encryption_key, sizeof(keys->encryption));
  memcpy(keys->integrity, sa->integrity_key, sizeof(keys->integrity));
  INIT(record, .name = name_of(&sa->id), .keys = keys, .selectors = malloc(bytes ? bytes : 1),
       .rekeyed_at = end_in(soft_seconds), .expires = end_in(sa->hard_seconds), );
  /* not the whole struct: its keys must not touch ordinary memory */
  memcpy(&record->sa, sa, offsetof(struct fs_sad_sa, encryption_key));
  memcpy((char*)&record->sa + offsetof(struct fs_sad_sa, soft_bytes),
         (const char*)sa + offsetof(struct fs_sad_sa, soft_bytes),
         sizeof(*sa) - offsetof(struct fs_sad_sa, soft_bytes));
  memcpy(record->selectors, selectors, bytes);
  this->sas->put(this->sas, &record->name, record);
  remember_end(this, record);
  return TRUE;
}

void sad_copy_confirm_sa(sad_copy_t* this, const struct fs_sad_id* id) {
  sa_name_t name = name_of(id);
  sa_record_t* record = this->sas->get(this->sas, &name);

  if (record) {
    record->is_confirmed = TRUE;
  }
}

bool sad_copy_find_sa(sad_copy_t* this, struct fs_sad_id* id) {
  sa_name_t name = name_of(id);
  sa_record_t* record = this->sas->get(this->sas, &name);

  if (!record) {
    return FALSE;
  }
  id->is_inbound = record->sa.id.is_inbound;
  return TRUE;
}

bool sad_copy_update_sa(sad_copy_t* this, const struct fs_sad_update* update) {
  sa_name_t name = name_of(&update->id);
  sa_record_t *record = this->sas->remove(this->sas, &name), *replaced;

  if (!record) {
    return FALSE;
  }
  record->sa.id.source = update->new_source;
  record->sa.id.destination = update->new_destination;
  record->sa.is_udp_encapsulated = update->is_udp_encapsulated;
  record->name = name_of(&record->sa.id);
  replaced = this->sas->put(this->sas, &record->name, record);
  if (replaced) {
    destroy_sa(this, replaced);
  }
  return TRUE;
}

bool sad_copy_remove_sa(sad_copy_t* this, const struct fs_sad_id* id) {
  sa_name_t name = name_of(id);
  sa_record_t* record = this->sas->remove(this->sas, &name);

  if (!record) {
    return FALSE;
  }
  destroy_sa(this, record);
  return TRUE;
}

void sad_copy_flush_sas(sad_copy_t* this) {
  enumerator_t* records = this->sas->create_enumerator(this->sas);
  sa_record_t* record;

  while (records->enumerate(records, NULL, &record)) {
    this->sas->remove_at(this->sas, records);
    destroy_sa(this, record);
  }
  records->destroy(records);
}

bool sad_copy_put_policy(sad_copy_t* this, const struct fs_sad_policy* policy) {
  struct fs_sad_policy name = name_of_policy(policy);
  policy_record_t* record = this->policies->get(this->policies, &name);

  if (record) {
    record->times++;
    return FALSE;
  }
  INIT(record, .policy = *policy, .name = name, .times = 1, );
  this->policies->put(this->policies, &record->name, record);
  return TRUE;
}

bool sad_copy_remove_policy(sad_copy_t* this, struct fs_sad_policy* policy) {
  struct fs_sad_policy name = name_of_policy(policy);
  policy_record_t* record = this->policies->get(this->policies, &name);

  if (!record || --record->times > 0) {
    return FALSE;
  }
  this->policies->remove(this->policies, &name);
  *policy = record->policy;
  free(record);
  return TRUE;
}

void sad_copy_flush_policies(sad_copy_t* this) {
  enumerator_t* records = this->policies->create_enumerator(this->policies);
  policy_record_t* record;

  while (records->enumerate(records, NULL, &record)) {
    this->policies->remove_at(this->policies, records);
    free(record);
  }
  records->destroy(records);
}

struct fs_sad_id* sad_copy_list_sas(sad_copy_t* this, size_t* count) {
  struct fs_sad_id* ids = calloc(this->sas->get_count(this->sas) + 1, sizeof(*ids));
  enumerator_t* records = this->sas->create_enumerator(this->sas);
  sa_record_t* record;

  *count = 0;
  while (records->enumerate(records, NULL, &record)) {
    ids[(*count)++] = record->sa.id;
  }
  records->destroy(records);
  return ids;
}

struct fs_sad_policy* sad_copy_list_policies(sad_copy_t* this, size_t* count) {
  struct fs_sad_policy* list = calloc(this->policies->get_count(this->policies) + 1, sizeof(*list));
  enumerator_t* records = this->policies->create_enumerator(this->policies);
  policy_record_t* record;

  *count = 0;
  while (records->enumerate(records, NULL, &record)) {
    list[(*count)++] = record->policy;
  }
  records->destroy(records);
  return list;
}

size_t sad_copy_write_sa(sad_copy_t* this, const struct fs_sad_id* id, void* body) {
  sa_name_t name = name_of(id);
  sa_record_t* record = this->sas->get(this->sas, &name);
  struct fs_sad_sa* sa = body;
  size_t selectors;

  if (!record) {
    return 0;
  }
  *sa = record->sa;
  sa->is_repeated = record->is_confirmed;
  memcpy(sa->encryption_key, record->keys->encryption, sizeof(sa->encryption_key));
  memcpy(sa->integrity_key, record->keys->integrity, sizeof(sa->integrity_key));
  if (record->expires) {
    time_t left = record->expires - time_monotonic(NULL);
    sa->hard_seconds = left > 0 ? (uint64_t)left : 1;
  }
  selectors = (sa->source_selectors + sa->destination_selectors) * sizeof(struct fs_selector);
  memcpy((char*)body + sizeof(*sa), record->selectors, selectors);
  return sizeof(*sa) + selectors;
}
