// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/certificate_life.h"

#include "farspan/controller/certificate.h"

namespace farspan::controller {

bool is_fit(X509* certificate, std::chrono::system_clock::time_point now) {
  const auto begin = begin_of(certificate), end = end_of(certificate);
  return begin <= now && now < end - (end - begin) / 3;
}

bool is_plausible(std::chrono::system_clock::time_point now) {
  using namespace std::chrono;
  return now >= sys_days(2025y / January / 1);  // this was written later
}

}  // namespace farspan::controller
