// SPDX-License-Identifier: Apache-2.0
// farspan-esp-exchange: seals and opens what standard input asks for, so that another codec can
// judge the bytes.
//
//   seal ENCRYPTION INTEGRITY ESN SPI LAST_SEQUENCE ENCRYPTION_KEY INTEGRITY_KEY NEXT_HEADER INNER
//     →  esp HEX
//   open ENCRYPTION INTEGRITY ESN SPI NEWEST ENCRYPTION_KEY INTEGRITY_KEY ESP
//     →  inner NEXT_HEADER HEX, or drop REASON
//
// Transforms are IANA numbers, bytes are hexadecimal ("-": none). Every line is an SA of its own
// and all lines go through one batch, so suites, sizes and SAs are mixed the way a worker mixes
// them.
#include <cstring>
#include <iostream>
#include <sstream>

#include "farspan/crypto/test_bytes.h"
#include "farspan/dataplane/ipsec/test_sas.h"

namespace farspan::ipsec {
namespace {

struct Request {
  bool is_seal = false;
  SaDescription description;
  uint64_t last_sequence = 0;
  unsigned next_header = 0;
  std::vector<uint8_t> bytes;
};

std::vector<uint8_t> bytes_of(const std::string& word) {
  return word == "-" ? std::vector<uint8_t>{} : crypto::from_hex(word);
}
std::string word_of(std::span<const uint8_t> bytes) {
  return bytes.empty() ? "-" : crypto::to_hex(bytes);
}

SecretBytes secret(const std::vector<uint8_t>& bytes) {
  SecretBytes secret;
  FS_CHECK(bytes.size() <= secret.bytes.size());
  std::copy(bytes.begin(), bytes.end(), secret.bytes.begin());
  secret.length = static_cast<uint8_t>(bytes.size());
  return secret;
}

Request parse(const std::string& line) {
  std::istringstream words(line);
  std::string verb, encryption_key, integrity_key, bytes;
  uint16_t encryption = 0, integrity = 0;
  Request request;
  words >> verb >> encryption >> integrity >> request.description.has_esn >>
      request.description.spi >> request.last_sequence >> encryption_key >> integrity_key;
  request.is_seal = verb == "seal";
  if (request.is_seal) words >> request.next_header;
  words >> bytes;
  FS_CHECK(!words.fail() && (request.is_seal || verb == "open"));
  request.description.encryption_key = secret(bytes_of(encryption_key));
  request.description.integrity_key = secret(bytes_of(integrity_key));
  const auto suite =
      crypto::Suite::from_iana(encryption, integrity, request.description.encryption_key.length,
                               request.description.integrity_key.length);
  FS_CHECK(suite.has_value());
  request.description.suite = *suite;
  request.description.is_inbound = !request.is_seal;
  request.bytes = bytes_of(bytes);
  return request;
}

// The SA of the n-th request, and where its counter stands.
SlotClaim slot_of(SequenceArena& arena, const Request& request, size_t n) {
  KeyFingerprint fingerprint{};
  std::memcpy(fingerprint.data(), &n, sizeof n);
  SequenceArena::Slot* slot = *arena.claim(!request.is_seal, request.description.spi, fingerprint);
  SequenceArena::sent(*slot) = request.last_sequence;
  if (!request.is_seal && request.last_sequence > 0) {
    FS_CHECK(arena.window(*slot).accept(request.last_sequence) == ReplayVerdict::kFresh);
  }
  return {arena, slot};
}

std::vector<std::string> seal(EspWorker& worker, const crypto::Context& context,
                              SequenceArena& arena, const std::vector<Request>& requests) {
  std::vector<std::unique_ptr<OutboundSa>> sas;
  std::vector<std::vector<uint8_t>> buffers;
  std::vector<SealSlot> slots;
  for (const Request& request : requests) {
    sas.push_back(std::make_unique<OutboundSa>(context, request.description,
                                               slot_of(arena, request, sas.size())));
    const auto length = static_cast<uint32_t>(request.bytes.size());
    buffers.emplace_back(sas.back()->sealed_length(length));
    std::copy(request.bytes.begin(), request.bytes.end(),
              buffers.back().begin() + sas.back()->prefix_length());
    slots.push_back(
        {sas.back().get(), buffers.back().data(), length, uint8_t(request.next_header), 0, {}});
  }
  worker.seal(slots);
  std::vector<std::string> answers;
  for (const SealSlot& slot : slots) {
    answers.push_back(slot.drop ? "drop " + std::string(row_of(*slot.drop).name)
                                : "esp " + word_of({slot.esp, slot.esp_length}));
  }
  return answers;
}

std::vector<std::string> open(EspWorker& worker, const crypto::Context& context,
                              SequenceArena& arena, std::vector<Request>& requests) {
  std::vector<std::unique_ptr<InboundSa>> sas;
  std::vector<OpenSlot> slots;
  for (Request& request : requests) {
    sas.push_back(std::make_unique<InboundSa>(context, request.description,
                                              slot_of(arena, request, sas.size())));
    slots.push_back({sas.back().get(),
                     request.bytes.data(),
                     static_cast<uint32_t>(request.bytes.size()),
                     {},
                     nullptr,
                     0,
                     0,
                     {}});
  }
  worker.open(slots);
  std::vector<std::string> answers;
  for (const OpenSlot& slot : slots) {
    answers.push_back(slot.drop ? "drop " + std::string(row_of(*slot.drop).name)
                                : "inner " + std::to_string(slot.next_header) + " " +
                                      word_of({slot.inner, slot.inner_length}));
  }
  return answers;
}

int run() {
  std::vector<Request> sealing, opening;
  std::vector<bool> is_seal;
  for (std::string line; std::getline(std::cin, line);) {
    Request request = parse(line);
    is_seal.push_back(request.is_seal);
    (request.is_seal ? sealing : opening).push_back(std::move(request));
  }
  TemporaryFile file;
  const auto arena = *SequenceArena::open(file.path(), static_cast<uint32_t>(is_seal.size()) + 1);
  const auto context = *crypto::Context::create();
  const auto worker = *EspWorker::create({});
  const auto sealed = seal(*worker, *context, *arena, sealing),
             opened = open(*worker, *context, *arena, opening);
  size_t next_sealed = 0, next_opened = 0;
  for (const bool was_seal : is_seal) {
    std::cout << (was_seal ? sealed[next_sealed++] : opened[next_opened++]) << '\n';
  }
  return 0;
}

}  // namespace
}  // namespace farspan::ipsec

int main() { return farspan::ipsec::run(); }
