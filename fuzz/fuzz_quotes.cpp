// SPDX-License-Identifier: Apache-2.0
// fuzz_quotes: arbitrary bytes as an ICMP message about a packet of ours, and as a dummy packet out
// of a tunnel.
//
// A quote that is read is about ESP from here, and a probe that is read is written as it was.
#include <array>
#include <vector>

#include "farspan/base/check.h"
#include "farspan/dataplane/path/plateau.h"
#include "farspan/dataplane/path/probe.h"
#include "farspan/io/icmp_quotes.h"
#include "farspan/net/checksum.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace farspan;
  std::vector<uint8_t> packet(data, data + size);
  const size_t header = size > 0 ? (packet[0] & 0x0Fu) * size_t{4} : 0;
  if (header >= 20 && size >= header + 4) {  // no input finds a checksum by itself
    packet[header + 2] = packet[header + 3] = 0;
    net::InternetSum sum;
    sum.add(packet.data() + header, size - header);
    packet[header + 2] = static_cast<uint8_t>(sum.checksum() >> 8);
    packet[header + 3] = static_cast<uint8_t>(sum.checksum());
  }
  if (const auto quote = io::read_esp_quote(packet)) {
    FS_CHECK(quote->source.port == 0 || quote->source.port == 4500);
    FS_CHECK(!quote->has_esp_header || quote->spi != 0);
    FS_CHECK(dataplane::plateau_below(quote->packet_length) >= 68);
  }
  if (const auto probe = dataplane::read_probe({data, size})) {
    std::array<uint8_t, dataplane::PathProbe::kLength> written;
    dataplane::write_probe(*probe, written);
    FS_CHECK(std::equal(written.begin(), written.end(), data));
  }
  return 0;
}
