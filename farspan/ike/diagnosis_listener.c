/* SPDX-License-Identifier: GPL-2.0-only */
#include "diagnosis_listener.h"

#include <config/peer_cfg.h>
#include <daemon.h>
#include <encoding/payloads/delete_payload.h>
#include <encoding/payloads/notify_payload.h>
#include <sa/ike_sa.h>

/* RFC 7296 §3.10.1 and RFC 2408 §3.14.1: lower notify types are errors, the others only inform */
#define NOTIFY_FIRST_STATUS 16384

static void report(ike_sa_t* ike_sa, const char* cause, const char* stage, const char* by) {
  DBG1(DBG_IKE, "farspan-problem %s stage=%s by=%s remote=%H id=%Y", cause, stage, by,
       ike_sa->get_other_host(ike_sa), ike_sa->get_other_id(ike_sa));
}

static bool is_connecting(ike_sa_t* ike_sa) {
  ike_sa_state_t state = ike_sa->get_state(ike_sa);

  return state == IKE_CREATED || state == IKE_CONNECTING;
}

static bool is_ikev1(ike_sa_t* ike_sa) { return ike_sa->get_version(ike_sa) == IKEV1; }

/* Has the peer ever answered in this IKE SA? */
static bool has_peer_answered(ike_sa_t* ike_sa) {
  ike_sa_id_t* id = ike_sa->get_id(ike_sa);

  return id->get_responder_spi(id) != 0;
}

/* What the configuration demands of the peer, or NULL before a configuration was found. */
static auth_cfg_t* demanded_of_peer(ike_sa_t* ike_sa) {
  peer_cfg_t* peer_cfg = ike_sa->get_peer_cfg(ike_sa);
  enumerator_t* rounds;
  auth_cfg_t* round = NULL;

  if (peer_cfg) {
    rounds = peer_cfg->create_auth_cfg_enumerator(peer_cfg, FALSE);
    if (!rounds->enumerate(rounds, &round)) {
      round = NULL;
    }
    rounds->destroy(rounds);
  }
  return round;
}

static bool is_psk_demanded(ike_sa_t* ike_sa) {
  auth_cfg_t* demanded = demanded_of_peer(ike_sa);

  return demanded && (uintptr_t)demanded->get(demanded, AUTH_RULE_AUTH_CLASS) == AUTH_CLASS_PSK;
}

static const char* cause_of_failed_peer(ike_sa_t* ike_sa) {
  auth_cfg_t* demanded = demanded_of_peer(ike_sa);
  identification_t *wanted, *claimed = ike_sa->get_other_id(ike_sa);

  if (!demanded) {
    return "id_mismatch"; /* no configuration is for that identity */
  }
  wanted = demanded->get(demanded, AUTH_RULE_IDENTITY);
  if (wanted && claimed && !claimed->matches(claimed, wanted)) {
    return "id_mismatch";
  }
  return is_psk_demanded(ike_sa) ? "psk_mismatch" : "authentication_failed";
}

static void report_silence(ike_sa_t* ike_sa) {
  if (!is_connecting(ike_sa)) {
    report(ike_sa, "dpd_timeout", "established", "peer");
  } else if (!has_peer_answered(ike_sa)) {
    report(ike_sa, "peer_silent", "init", "peer");
  } else if (is_ikev1(ike_sa) && is_psk_demanded(ike_sa)) {
    /* main mode's fifth message cannot be read by a peer with another key, and many do not say so
     */
    report(ike_sa, "psk_mismatch", "auth", "peer");
  } else {
    report(ike_sa, "peer_silent", "auth", "peer");
  }
}

METHOD(listener_t, alert, bool, diagnosis_listener_t* this, ike_sa_t* ike_sa, alert_t alert,
       va_list args) {
  if (!ike_sa) {
    return TRUE;
  }
  switch (alert) {
    case ALERT_PROPOSAL_MISMATCH_IKE:
      report(ike_sa, "ike_proposal_mismatch", "init", "us");
      break;
    case ALERT_PROPOSAL_MISMATCH_CHILD:
      report(ike_sa, "esp_proposal_mismatch", "child", "us");
      break;
    case ALERT_TS_MISMATCH:
      report(ike_sa, "subnets_mismatch", "child", "us");
      break;
    case ALERT_PEER_AUTH_FAILED:
      report(ike_sa, cause_of_failed_peer(ike_sa), "auth", "us");
      break;
    case ALERT_PARSE_ERROR_BODY:
      if (is_connecting(ike_sa) && is_ikev1(ike_sa) && has_peer_answered(ike_sa)) {
        report(ike_sa, "psk_mismatch", "auth",
               "us"); /* what it sealed with its key is noise to ours */
      }
      break;
    case ALERT_RETRANSMIT_SEND:
      (void)va_arg(args, packet_t*);
      if (is_connecting(ike_sa) && va_arg(args, int) >= 2) {
        report_silence(ike_sa);
      }
      break;
    case ALERT_RETRANSMIT_SEND_TIMEOUT:
    case ALERT_PEER_INIT_UNREACHABLE:
      report_silence(ike_sa);
      break;
    case ALERT_HALF_OPEN_TIMEOUT:
      report(ike_sa, "peer_silent", "auth", "peer");
      break;
    case ALERT_INSTALL_CHILD_SA_FAILED:
    case ALERT_INSTALL_CHILD_POLICY_FAILED:
      report(ike_sa, "dataplane_refused", "child", "us");
      break;
    case ALERT_CERT_EXPIRED:
      report(ike_sa, "certificate_expired", "auth", "us");
      break;
    case ALERT_CERT_REVOKED:
    case ALERT_CERT_VALIDATION_FAILED:
    case ALERT_CERT_NO_ISSUER:
    case ALERT_CERT_UNTRUSTED_ROOT:
    case ALERT_CERT_EXCEEDED_PATH_LEN:
    case ALERT_CERT_POLICY_VIOLATION:
      report(ike_sa, "certificate_untrusted", "auth", "us");
      break;
    default:
      break;
  }
  return TRUE;
}

static const char* cause_of_notify_v1(ike_sa_t* ike_sa, notify_type_t type, bool is_incoming) {
  bool is_phase1 = is_connecting(ike_sa);

  switch (type) {
    case NO_PROPOSAL_CHOSEN:
      return is_phase1 ? "ike_proposal_mismatch" : "esp_proposal_mismatch";
    case INVALID_ID_INFORMATION:
      return is_phase1 ? "id_mismatch" : "subnets_mismatch";
    case AUTHENTICATION_FAILED:
    case PAYLOAD_MALFORMED:
    case INVALID_HASH_INFORMATION:
      /* what we send of these follows an alert that knows better */
      return is_incoming && is_phase1 ? "psk_mismatch" : NULL;
    default:
      return is_incoming ? "rejected_by_peer" : NULL;
  }
}

/* Proposals are alerts; what we send ourselves follows an alert too. */
static const char* cause_of_notify_v2(ike_sa_t* ike_sa, notify_type_t type, bool is_incoming) {
  if (!is_incoming) {
    return NULL;
  }
  switch (type) {
    case AUTHENTICATION_FAILED:
      return is_psk_demanded(ike_sa) ? "psk_mismatch" : "authentication_failed";
    case TS_UNACCEPTABLE:
      return "subnets_mismatch";
    case NO_PROPOSAL_CHOSEN:
    case INVALID_KE_PAYLOAD: /* tried again with the other group */
    case TEMPORARY_FAILURE:  /* tried again later */
    case CHILD_SA_NOT_FOUND: /* two rekeyings met */
      return NULL;
    default:
      return "rejected_by_peer";
  }
}

static void examine_notify(ike_sa_t* ike_sa, notify_payload_t* notify, bool is_incoming) {
  notify_type_t type = notify->get_notify_type(notify);
  const char* cause = NULL;

  if ((int)type < NOTIFY_FIRST_STATUS) {
    cause = is_ikev1(ike_sa) ? cause_of_notify_v1(ike_sa, type, is_incoming)
                             : cause_of_notify_v2(ike_sa, type, is_incoming);
  }
  if (cause) {
    report(ike_sa, cause, is_connecting(ike_sa) ? "auth" : "child", is_incoming ? "peer" : "us");
  }
}

METHOD(listener_t, message, bool, diagnosis_listener_t* this, ike_sa_t* ike_sa, message_t* message,
       bool is_incoming, bool is_plain) {
  enumerator_t* payloads;
  payload_t* payload;

  if (!ike_sa || !is_plain) {
    return TRUE;
  }
  payloads = message->create_payload_enumerator(message);
  while (payloads->enumerate(payloads, &payload)) {
    switch (payload->get_type(payload)) {
      case PLV1_NOTIFY:
      case PLV2_NOTIFY:
        examine_notify(ike_sa, (notify_payload_t*)payload, is_incoming);
        break;
      case PLV1_DELETE:
      case PLV2_DELETE:
        if (is_incoming && ike_sa->get_state(ike_sa) == IKE_ESTABLISHED &&
            ((delete_payload_t*)payload)->get_protocol_id((delete_payload_t*)payload) ==
                PROTO_IKE) {
          report(ike_sa, "deleted_by_peer", "established", "peer");
        }
        break;
      default:
        break;
    }
  }
  payloads->destroy(payloads);
  return TRUE;
}

diagnosis_listener_t* diagnosis_listener_create(void) {
  diagnosis_listener_t* this;

  INIT(this, .listener = {.alert = _alert, .message = _message}, );
  charon->bus->add_listener(charon->bus, &this->listener);
  return this;
}

void diagnosis_listener_destroy(diagnosis_listener_t* this) {
  charon->bus->remove_listener(charon->bus, &this->listener);
  free(this);
}
