// SPDX-License-Identifier: Apache-2.0
// YAML → Value by yaml-cpp's events, not its node graph: anchors, aliases and tags are refused as
// they come, so a few bytes can never stand for a large tree, and no node outlives its event.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include "farspan/api/codec/documents.h"
#include "farspan/api/codec/value.h"

namespace farspan::api::codec {
namespace {

// yaml-cpp calls back from deep inside its parser; leaving early is possible only by an exception,
// caught below.
struct Refused {
  int line;
  std::string what;
};

int line_of(const YAML::Mark& mark) { return mark.line + 1; }

class Reader : public YAML::EventHandler {
 public:
  explicit Reader(std::vector<Value>& documents) : documents_(documents) {}

  void OnDocumentStart(const YAML::Mark&) override { builder_ = {}; }
  void OnDocumentEnd() override {
    if (builder_.is_complete()) documents_.push_back(builder_.take());
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    scalar(mark, "", anchor, "", Value::Kind::kNull);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "uses an alias"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const bool is_plain = tag == "?";
    const bool is_null = is_plain && (value.empty() || value == "~" || value == "null");
    scalar(mark, tag, anchor, value,
           is_null    ? Value::Kind::kNull
           : is_plain ? Value::Kind::kPlain
                      : Value::Kind::kString);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(mark, tag, anchor, Value::Kind::kList);
  }
  void OnSequenceEnd() override { checked({}, builder_.end()); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(mark, tag, anchor, Value::Kind::kMap);
  }
  void OnMapEnd() override { checked({}, builder_.end()); }

 private:
  [[noreturn]] void refuse(const YAML::Mark& mark, std::string what) {
    throw Refused{line_of(mark), std::move(what)};
  }
  void checked(const YAML::Mark& mark, bool is_ok) {
    if (!is_ok) refuse(mark, builder_.why());
  }
  void admit(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) refuse(mark, "uses an anchor");
    if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "uses a tag");
  }
  void scalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
              const std::string& value, Value::Kind kind) {
    admit(mark, tag, anchor);
    if (builder_.expects_key()) {
      checked(mark, builder_.key(value, line_of(mark)));
    } else {
      checked(mark, builder_.scalar(kind, value, line_of(mark)));
    }
  }
  void begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
             Value::Kind kind) {
    admit(mark, tag, anchor);
    if (builder_.expects_key()) refuse(mark, "uses a map or a list as a key");
    checked(mark, builder_.begin(kind, line_of(mark)));
  }

  std::vector<Value>& documents_;
  ValueBuilder builder_;
};

// What the parser quotes of the text may be anything.
Error malformed(int line, std::string what, const char* remedy) {
  std::replace_if(
      what.begin(), what.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return {ErrorCode::kInvalid, "", "line " + std::to_string(line), what, remedy};
}

}  // namespace

Result<std::vector<Value>> read_yaml(std::string_view text) {
  std::vector<Value> documents;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Reader reader(documents);
    while (parser.HandleNextDocument(reader)) {
      if (documents.size() > kMaxDocuments) {
        return malformed(documents.back().line,
                         "starts more than " + std::to_string(kMaxDocuments) + " documents",
                         "split the text");
      }
    }
  } catch (const Refused& refused) {
    return malformed(refused.line, refused.what,
                     "write it in plain YAML, without anchors, aliases and tags");
  } catch (const YAML::Exception& error) {
    return malformed(line_of(error.mark), "is not YAML: " + error.msg, "correct it");
  }
  return documents;
}

}  // namespace farspan::api::codec
