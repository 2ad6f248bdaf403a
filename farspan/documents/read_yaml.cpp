// SPDX-License-Identifier: Apache-2.0
// YAML → Value by yaml-cpp's events, not its node graph: anchors, aliases and tags are refused as
// they come, so a few bytes can never stand for a large tree, and no node outlives its event.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

#include "farspan/documents/documents.h"
#include "farspan/documents/value.h"

namespace farspan::documents {
namespace {

// yaml-cpp calls back from deep inside its parser; leaving early is possible only by an exception,
// caught below.
struct Refused {
  Mark mark;
  std::string what;
};

Mark mark_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

class YamlReader : public YAML::EventHandler {
 public:
  explicit YamlReader(std::vector<Value>& documents) : documents_(documents) {}

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
    throw Refused{mark_of(mark), std::move(what)};
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
      checked(mark, builder_.key(value, mark_of(mark)));
    } else {
      checked(mark, builder_.scalar(kind, value, mark_of(mark)));
    }
  }
  void begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
             Value::Kind kind) {
    admit(mark, tag, anchor);
    if (builder_.expects_key()) refuse(mark, "uses a map or a list as a key");
    checked(mark, builder_.begin(kind, mark_of(mark)));
  }

  std::vector<Value>& documents_;
  ValueBuilder builder_;
};

// The parser's own words only: what stands after a colon in them is of the text, which may hold a
// key.
std::string words_of(const YAML::Exception& error) {
  return "is not YAML: " + error.msg.substr(0, error.msg.find(':'));
}

}  // namespace

ReadValues read_yaml(std::string_view text) {
  ReadValues read;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    YamlReader reader(read.documents);
    while (parser.HandleNextDocument(reader)) {
      if (read.documents.size() <= kMaxDocuments) continue;
      read.fault = {{read.documents.back().mark,
                     "starts more than " + std::to_string(kMaxDocuments) + " documents",
                     "split the text"}};
      return read;
    }
  } catch (const Refused& refused) {
    read.fault = {
        {refused.mark, refused.what, "write it in plain YAML, without anchors, aliases and tags"}};
  } catch (const YAML::Exception& error) {
    read.fault = {{mark_of(error.mark), words_of(error), "correct it"}};
  }
  return read;
}

}  // namespace farspan::documents
