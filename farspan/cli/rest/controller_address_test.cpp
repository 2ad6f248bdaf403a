// SPDX-License-Identifier: Apache-2.0
#include "farspan/cli/rest/controller_address.h"

#include <gtest/gtest.h>

namespace farspan::cli {
namespace {

TEST(ControllerAddress, UrlsSayHostAndPort) {
  const struct {
    const char *url, *host, *port, *text;
  } cases[] = {
      {"https://controller.example.net:8443", "controller.example.net", "8443",
       "https://controller.example.net:8443"},
      {"https://controller.example.net/", "controller.example.net", "443",
       "https://controller.example.net"},
      {"https://[2001:db8::1]:8443", "2001:db8::1", "8443", "https://[2001:db8::1]:8443"},
      {"https://[2001:db8::1]", "2001:db8::1", "443", "https://[2001:db8::1]"},
      {"https://192.0.2.1:443", "192.0.2.1", "443", "https://192.0.2.1"},
  };
  for (const auto& one : cases) {
    const auto address = parse_url(one.url);
    ASSERT_TRUE(address) << one.url;
    EXPECT_EQ(address->host, one.host);
    EXPECT_EQ(address->port, one.port);
    EXPECT_EQ(address->text(), one.text);
    EXPECT_FALSE(address->is_local());
  }
}

TEST(ControllerAddress, WhatIsNoUrlIsRefusedWithAnExample) {
  for (const char* url : {"http://a:1", "a:8443", "https://", "https://:8443", "https://a:0",
                          "https://a:65536", "https://a:x", "https://a/b", "https://u@a",
                          "https://[::1", "https://[::1]8443", "https://a:", "https://a b"}) {
    const auto address = parse_url(url);
    ASSERT_FALSE(address) << url;
    EXPECT_EQ(address.error().code, ErrorCode::kInvalid);
    EXPECT_NE(address.error().text().find("https://controller.example.net:8443"),
              std::string::npos);
  }
}

TEST(ControllerAddress, ItsTextNeverHasTheToken) {
  ControllerAddress address = *parse_url("https://a:8443");
  address.token = "secret";
  EXPECT_EQ(address.text().find("secret"), std::string::npos);
  EXPECT_EQ(ControllerAddress::local("/run/x.sock").text(), "/run/x.sock");
}

}  // namespace
}  // namespace farspan::cli
