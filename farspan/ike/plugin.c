/* SPDX-License-Identifier: GPL-2.0-only
 * The plugin "farspan" of charon: its SAs, policies and IKE datagrams go to the Farspan data plane.
 *
 * charon finds farspan_plugin_create() in libstrongswan-farspan.so, in its plugin directory or
 * preloaded. It must stand before kernel-netlink in the `load` list, so that this is the
 * kernel-ipsec that registers; kernel-netlink still provides routes and addresses (kernel-net).
 */
#include <daemon.h>
#include <kernel/kernel_ipsec.h>
#include <network/socket.h>
#include <plugins/plugin.h>

#include "farspan/ike/abi.h"
#include "farspan/ike/diagnosis_listener.h"
#include "farspan/ike/kernel_farspan.h"
#include "farspan/ike/socket_farspan.h"

typedef struct {
  plugin_t public;
  diagnosis_listener_t* diagnosis;
} private_t;

METHOD(plugin_t, get_name, char*, private_t* this) { return "farspan"; }

static bool listen_for_problems(private_t* this, plugin_feature_t* feature, bool is_loading,
                                void* data) {
  if (is_loading) {
    this->diagnosis = diagnosis_listener_create();
  } else {
    diagnosis_listener_destroy(this->diagnosis);
  }
  return TRUE;
}

METHOD(plugin_t, get_features, int, private_t* this, plugin_feature_t* features[]) {
  static plugin_feature_t provided[] = {
      PLUGIN_CALLBACK(kernel_ipsec_register, kernel_farspan_create),
      PLUGIN_PROVIDE(CUSTOM, "kernel-ipsec"),
      PLUGIN_CALLBACK(socket_register, socket_farspan_create),
      PLUGIN_PROVIDE(CUSTOM, "socket"),
      PLUGIN_SDEPEND(CUSTOM, "kernel-ipsec"),
      PLUGIN_CALLBACK((plugin_feature_callback_t)listen_for_problems, NULL),
      PLUGIN_PROVIDE(CUSTOM, "farspan-diagnosis"),
  };

  *features = provided;
  return countof(provided);
}

METHOD(plugin_t, destroy, void, private_t* this) { free(this); }

__attribute__((visibility("default"))) plugin_t* farspan_plugin_create(void) {
  private_t* this;

  if (!abi_is_ours()) {
    dbg(DBG_LIB, 1,
        "farspan: this program is not charon " FARSPAN_CHARON_VERSION
        ", for which the plugin was built; not loaded");
    return NULL;
  }
  if (!lib->caps->keep(lib->caps, CAP_IPC_LOCK)) {
    /* the unit raises the limit instead; locked_memory says so when that is not enough */
    dbg(DBG_LIB, 2, "farspan: keys are locked in memory up to RLIMIT_MEMLOCK");
  }
  INIT(this,
       .public = {.get_name = _get_name, .get_features = _get_features, .destroy = _destroy}, );
  return &this->public;
}
