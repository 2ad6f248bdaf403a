// SPDX-License-Identifier: Apache-2.0
// Page: which part of a list is asked for. Inside this folder only.
//
//   ?limit=500                     the first 500, and "continue" when there are more
//   ?limit=500&continue=r7.p499    the next ones, of the same revision
//
// All pages of a list are of one revision: the first says which, and the controller keeps that one
// for a while (Controller::keep). A list that took longer is begun anew.
#pragma once

#include <limits>
#include <string>

#include "farspan/api/rest.h"

namespace farspan::api {

struct Page {
  size_t limit = std::numeric_limits<size_t>::max();
  std::optional<uint64_t> revision;  // nothing: the newest
  std::string after;                 // the last one of the page before; empty: from the start
};

/// From the query. kInvalid for a limit of 0 or a continuation that none of ours is.
Result<Page> page_of(const Request& request);
/// The refusal of a continuation that none of ours is.
Error no_continuation(const Request& request);
/// What to continue with after `last` of the list of `revision`.
std::string continuation(uint64_t revision, const std::string& last);

}  // namespace farspan::api
