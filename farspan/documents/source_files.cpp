// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/source_files.h"

#include "farspan/base/text.h"
#include "farspan/documents/print.h"
#include "farspan/documents/value.h"

namespace farspan::documents {
namespace {

constexpr size_t kMaxFileName = 200;  // of what faults repeat

// The list of {file, text}, or nullptr when the body is a document or anything else.
const Value* files_of(const ReadValues& read) {
  if (read.documents.size() != 1 || read.documents[0].find("kind") != nullptr) return nullptr;
  const Value* files = read.documents[0].find("files");
  if (files == nullptr || files->kind != Value::Kind::kList) return nullptr;
  for (const Value& file : files->items) {
    const Value *name = file.find("file"), *text = file.find("text");
    if (name == nullptr || text == nullptr || name->kind != Value::Kind::kString ||
        text->kind != Value::Kind::kString)
      return nullptr;
  }
  return files;
}

}  // namespace

SourceFiles::SourceFiles(std::string_view body) {
  const bool may_be_files = body.starts_with('{') && body.size() <= kMaxTextBytes && is_utf8(body);
  const ReadValues read = may_be_files ? read_json(body) : ReadValues{};
  const Value* files = files_of(read);
  if (files == nullptr) {
    texts_.push_back({"", body});
    return;
  }
  for (const Value& file : files->items) {
    const std::string& name = file.find("file")->text;
    const bool is_shown = name.size() <= kMaxFileName && is_plain_line(name);
    kept_.push_back(file.find("text")->text);
    texts_.push_back({is_shown ? name : "(a file)", kept_.back()});
  }
}

std::string body_of(const std::vector<NamedText>& files) {
  Json list = Json::array();
  for (const NamedText& each : files) list.push_back({{"file", each.file}, {"text", each.text}});
  return Json{{"files", std::move(list)}}.dump();
}

}  // namespace farspan::documents
