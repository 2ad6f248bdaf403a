// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/fib/fib.h"

namespace farspan::dataplane {

void Fib::set(VrfIndex vrf, TableKind kind, std::shared_ptr<const FibTable> table) {
  if (vrf.value() >= tables_.size()) tables_.resize(vrf.value() + 1);
  tables_[vrf.value()][static_cast<size_t>(kind)] = std::move(table);
}

}  // namespace farspan::dataplane
