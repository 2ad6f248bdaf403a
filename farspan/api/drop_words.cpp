// SPDX-License-Identifier: Apache-2.0
#include "farspan/api/drop_words.h"

namespace farspan::api {

std::span<const DropWords> drop_words() {
  static constexpr DropWords kWords[] = {
#include "farspan/api/drop_words.inc"
  };
  return kWords;
}

}  // namespace farspan::api
