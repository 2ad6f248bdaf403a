// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/fib/fib.h"

namespace farspan::dataplane {

void Fib::set(VrfIndex vrf, TableKind kind, std::shared_ptr<const FibTable> table) {
  tables_.write(vrf.value())[static_cast<size_t>(kind)] = std::move(table);
}

}  // namespace farspan::dataplane
