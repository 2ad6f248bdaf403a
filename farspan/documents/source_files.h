// SPDX-License-Identifier: Apache-2.0
// SourceFiles: the texts of one request, each with the name of the file it comes from.
//
//   {"files":[{"file":"us-east.yaml","text":"kind: Vpc\n…"}, …]}
//
// So every file keeps its own format, lines and byte order mark, and every fault names its own
// file. Any other text is one file without a name.
#pragma once

#include <list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "farspan/documents/documents.h"

namespace farspan::documents {

class SourceFiles {
 public:
  /// @param body  must outlive this
  explicit SourceFiles(std::string_view body);

  std::span<const SourceText> texts() const { return texts_; }

 private:
  std::list<std::string> kept_;  // what texts_ point into
  std::vector<SourceText> texts_;
};

/// The body for files of these names and texts. @pre the texts are UTF-8
struct NamedText {
  std::string file, text;
};
std::string body_of(const std::vector<NamedText>& files);

}  // namespace farspan::documents
