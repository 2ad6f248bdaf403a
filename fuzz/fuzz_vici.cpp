// SPDX-License-Identifier: Apache-2.0
// fuzz_vici: arbitrary bytes as a VICI message, as list-sa events and as a line of charon's log.
//
// What decode() takes it must be able to write again, and the readers of its answers take any tree.
#include "farspan/agent/tunnels/diagnosis.h"
#include "farspan/agent/tunnels/status.h"
#include "farspan/agent/vici/message.h"
#include "farspan/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace farspan;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (auto section = vici::decode(bytes); section.ok()) {
    auto written = vici::encode(*section);
    FS_CHECK(written.ok() && *written == bytes);
    for (const auto& [tunnel, sas] : tunnels::read_sas({*section}))
      FS_CHECK(tunnels::leading_sa(sas) != nullptr);
  }
  if (const auto problem = tunnels::read_problem(bytes)) {
    FS_CHECK(problem->identity.size() < bytes.size());
  }
  return 0;
}
