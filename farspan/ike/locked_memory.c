/* SPDX-License-Identifier: GPL-2.0-only */
#include "locked_memory.h"

#include <collections/linked_list.h>
#include <errno.h>
#include <sys/mman.h>
#include <utils/debug.h>

enum { CHUNK_BYTES = 64 * 1024 };

typedef struct slot_t slot_t;
struct slot_t {
  slot_t* next;
};

struct locked_memory_t {
  size_t slot_bytes;
  slot_t* free;
  linked_list_t* chunks;
  bool is_warned;
};

static bool grow(locked_memory_t* this) {
  char* chunk = mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (chunk == MAP_FAILED) {
    return FALSE;
  }
  if (mlock(chunk, CHUNK_BYTES) != 0 && !this->is_warned) {
    /* not fatal: a node without the right to lock memory still needs its tunnels */
    DBG1(DBG_KNL, "farspan: keys may be swapped out: %s", strerror(errno));
    this->is_warned = TRUE;
  }
  madvise(chunk, CHUNK_BYTES, MADV_DONTDUMP);
  this->chunks->insert_last(this->chunks, chunk);
  for (size_t at = 0; at + this->slot_bytes <= CHUNK_BYTES; at += this->slot_bytes) {
    slot_t* slot = (slot_t*)(chunk + at);
    slot->next = this->free;
    this->free = slot;
  }
  return TRUE;
}

locked_memory_t* locked_memory_create(size_t slot_bytes) {
  locked_memory_t* this;

  INIT(this, .slot_bytes = (slot_bytes + 15) & ~(size_t)15, .chunks = linked_list_create(), );
  return this;
}

void* locked_memory_take(locked_memory_t* this) {
  slot_t* slot;

  if (!this->free && !grow(this)) {
    return NULL;
  }
  slot = this->free;
  this->free = slot->next;
  slot->next = NULL;
  return slot;
}

void locked_memory_give_back(locked_memory_t* this, void* memory) {
  slot_t* slot = memory;

  memwipe(memory, this->slot_bytes);
  slot->next = this->free;
  this->free = slot;
}

void locked_memory_destroy(locked_memory_t* this) {
  void* chunk;

  while (this->chunks->remove_first(this->chunks, &chunk) == SUCCESS) {
    munmap(chunk, CHUNK_BYTES);
  }
  this->chunks->destroy(this->chunks);
  free(this);
}
