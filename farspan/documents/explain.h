// SPDX-License-Identifier: Apache-2.0
// Explain: the descriptions of kinds and fields as text for people: `farspan explain`, and
// docs/resources.md, which explain_test.cpp holds current.
//
// Threads: none; every function is pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "farspan/base/result.h"

namespace farspan::documents {

/// What is known of `topic`: a kind in any spelling, or a field of one
/// ("IpsecConnection.ike.encryption"), in lines of at most 80 columns. kNotFound names what is
/// near.
Result<std::string> explain(std::string_view topic);

/// Every topic there is, for completion: "Vpc", "Vpc.region", …
std::vector<std::string> explain_topics();

/// docs/resources.md.
std::string reference_markdown();

}  // namespace farspan::documents
