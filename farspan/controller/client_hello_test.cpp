// SPDX-License-Identifier: Apache-2.0
// The hellos are those of OpenSSL itself, whole, cut and damaged.
#include "farspan/controller/client_hello.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>

#include "farspan/base/release.h"

namespace farspan::controller {
namespace {

using State = ClientHello::State;

/// What a TLS client sends first.
std::string hello_for(const char* server_name) {
  const std::unique_ptr<SSL_CTX, Release<SSL_CTX_free>> context(SSL_CTX_new(TLS_client_method()));
  const std::unique_ptr<SSL, Release<SSL_free>> client(SSL_new(context.get()));
  if (server_name != nullptr) SSL_set_tlsext_host_name(client.get(), server_name);
  BIO* sent = BIO_new(BIO_s_mem());
  SSL_set_bio(client.get(), BIO_new(BIO_s_mem()), sent);
  EXPECT_EQ(SSL_connect(client.get()), -1) << "it waits for an answer";
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(sent, &bytes);
  return {bytes, static_cast<size_t>(length)};
}

TEST(ClientHello, NamesTheServerItAsksFor) {
  const ClientHello hello = read_client_hello(hello_for("controller.farspan"));
  EXPECT_EQ(hello.state, State::kComplete);
  EXPECT_EQ(hello.server_name, "controller.farspan");
  const ClientHello nameless = read_client_hello(hello_for(nullptr));
  EXPECT_EQ(nameless.state, State::kComplete);
  EXPECT_EQ(nameless.server_name, "");
}

TEST(ClientHello, IsUnfinishedUntilItsLastByte) {
  const std::string hello = hello_for("controller.farspan");
  for (size_t length = 0; length < hello.size(); ++length)
    EXPECT_EQ(read_client_hello(hello.substr(0, length)).state, State::kUnfinished) << length;
}

TEST(ClientHello, MayComeInManyRecords) {
  const std::string hello = hello_for("controller.farspan");
  std::string cut;
  for (const char byte : hello.substr(5)) cut += std::string("\x16\x03\x01\x00\x01", 5) + byte;
  EXPECT_EQ(read_client_hello(cut).server_name, "controller.farspan");
}

TEST(ClientHello, OfOtherProtocolsIsNone) {
  for (const char* bytes : {"GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x15"})
    EXPECT_EQ(read_client_hello(bytes).state, State::kNone) << bytes;
  EXPECT_EQ(read_client_hello(std::string("\x16\x03\x01\x00\x00", 5)).state, State::kNone)
      << "an empty record";
  EXPECT_EQ(read_client_hello(std::string("\x16\x03\x01\x00\x04\x01\xff\xff\xff", 9)).state,
            State::kNone)
      << "longer than anybody waits for";
  EXPECT_EQ(read_client_hello(std::string("\x16\x03\x01\x00\x04\x02", 6)).state, State::kNone)
      << "another message";
}

TEST(ClientHello, DamagedAnywhereIsReadWithinItsBounds) {
  const std::string hello = hello_for("controller.farspan");
  for (size_t at = 0; at < hello.size(); ++at)
    for (const char damage : {'\x00', '\x7f', '\xff'}) {
      std::string damaged = hello;
      damaged[at] = damage;
      const ClientHello read = read_client_hello(damaged);
      EXPECT_TRUE(read.state == State::kComplete || read.server_name.empty()) << at;
      EXPECT_LE(read.server_name.size(), hello.size());
    }
}

}  // namespace
}  // namespace farspan::controller
