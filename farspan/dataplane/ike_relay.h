// SPDX-License-Identifier: Apache-2.0
// IkeRelay: ike.sock, over which charon's socket plugin sends and receives its IKE datagrams.
//
// The data plane owns UDP 500 and 4500, charon has no network socket: a second owner of 4500 would
// break GRO and lose IKE datagrams that arrive glued to ESP trains. One charon at a time; a newer
// connection replaces the older, so a restarted charon never waits for the kernel to notice that
// the old one is gone.
//
// Not here: SAs (control/), the underlay sockets (io/). Threads: the worker. Never waits.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/base/unique_fd.h"
#include "farspan/dataplane/drop_reason.h"
#include "farspan/dataplane/pipeline/ike_datagram.h"

namespace farspan::dataplane {

class IkeRelay {
 public:
  /// Listens at `path`, which is removed again with the relay.
  static Result<IkeRelay> listen(const std::string& path);
  IkeRelay(IkeRelay&&) noexcept = default;
  IkeRelay& operator=(IkeRelay&&) = delete;
  ~IkeRelay();

  int listener() const { return listener_.get(); }
  /// Descriptor of the connected charon, -1 without one.
  int charon() const { return charon_.get(); }

  /// Takes a waiting connection, in the place of the one before.
  void accept();
  /// Passes a datagram on; or says why not: no charon is connected, or it does not keep up. A
  /// quarter of what may wait for charon is enough for strangers, the rest is for peers.
  [[nodiscard]] std::optional<DropReason> deliver(const IkeDatagram& datagram, bool is_peer);
  /// The next datagram charon wants sent, valid until the next call; nothing when there is none (or
  /// charon left). Malformed messages are left out.
  std::optional<IkeDatagram> next();

 private:
  IkeRelay(UniqueFd listener, std::string path);

  UniqueFd listener_, charon_;
  std::string path_;
  std::vector<uint8_t> buffer_;
};

}  // namespace farspan::dataplane
