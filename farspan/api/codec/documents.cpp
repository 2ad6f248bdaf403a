// SPDX-License-Identifier: Apache-2.0
#include "farspan/api/codec/documents.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "farspan/api/codec/decode.h"
#include "farspan/api/codec/kind_names.h"
#include "farspan/api/codec/proto_resource.h"
#include "farspan/api/codec/value.h"
#include "farspan/v1/resources.pb.h"

namespace farspan::api::codec {
namespace {

constexpr size_t kMaxErrors = 1000;  // a text of nothing but faults is not worth more

std::string field_of_kind(const KindName& kind) {
  std::string field(kind.singular);
  std::replace(field.begin(), field.end(), '-', '_');
  return field;
}

// The innermost written field that holds `field`: a missing vswitch.cidr is in the line of its
// spec.
int line_of(const Lines& lines, std::string field, int document_line) {
  while (!field.empty()) {
    if (const auto found = lines.find(field); found != lines.end()) return found->second;
    const size_t cut = field.find_last_of(".[");
    field.resize(cut == std::string::npos ? 0 : cut);
  }
  return document_line;
}

// The parts every document has, before its kind is known.
struct Envelope {
  const Value* kind = nullptr;
  const Value* name = nullptr;
  const Value* description = nullptr;
  const Value* spec = nullptr;
};

class DocumentReader {
 public:
  DocumentReader(const Value& value, Errors& errors) : value_(value), errors_(errors) {}

  /// kind and name, or nothing when they cannot be read.
  std::optional<ResourceName> read_name() {
    const size_t before = errors_.size();
    auto name = name_part();
    add_lines(before);
    return name;
  }

  std::optional<Document> read() {
    const size_t before = errors_.size();
    auto document = whole();
    add_lines(before);
    return document;
  }

 private:
  std::optional<ResourceName> name_part() {
    if (value_.kind != Value::Kind::kMap) {
      fault("", "the document is not a map", "write kind, name and spec");
      return std::nullopt;
    }
    open_envelope();
    const auto kind_text = text_of(envelope_.kind, "kind");
    const auto name = text_of(envelope_.name, "name");
    if (!kind_text) return std::nullopt;
    std::vector<std::string> kinds;
    for (const KindName& known : kind_names()) {
      kinds.emplace_back(known.kind);
      if (known.kind == *kind_text) kind_ = known;
    }
    if (!kind_) {
      const auto meant = kind_from(*kind_text)
                             ? std::optional(std::string(kind_from(*kind_text)->kind))
                             : nearest(*kind_text, kinds);
      std::string all;
      for (const std::string& known : kinds) all += (all.empty() ? "" : ", ") + known;
      fault("kind", kind_text->substr(0, 64) + " is not a kind",
            meant ? "write " + *meant : "use one of " + all);
      return std::nullopt;
    }
    if (!name) return std::nullopt;
    resource_ = *kind_text + " " + *name;
    return ResourceName{*kind_text, *name};
  }

  std::optional<Document> whole() {
    const size_t before = errors_.size();
    const auto name = name_part();
    if (!name) return std::nullopt;
    v1::Resource message;
    message.set_kind(name->kind);
    message.set_name(name->name);
    if (envelope_.description != nullptr && envelope_.description->kind != Value::Kind::kNull) {
      if (const auto text = text_of(envelope_.description, "description"))
        message.set_description(*text);
    }
    read_spec(message);
    std::optional<AnyResource> resource;
    if (errors_.size() == before) resource = from_proto(message, errors_);
    if (!resource) return std::nullopt;
    return Document{name->kind, name->name, std::move(*resource), value_.line};
  }

  void fault(const std::string& field, std::string what, std::string remedy) {
    errors_.push_back(
        {ErrorCode::kInvalid,
         resource_.empty() ? "document in line " + std::to_string(value_.line) : resource_, field,
         std::move(what), std::move(remedy)});
  }

  void open_envelope() {
    for (const Member& member : value_.members) {
      const Value** part = member.key == "kind"          ? &envelope_.kind
                           : member.key == "name"        ? &envelope_.name
                           : member.key == "description" ? &envelope_.description
                           : member.key == "spec"        ? &envelope_.spec
                                                         : nullptr;
      lines_.emplace(member.key.substr(0, 64), member.line);
      if (part == nullptr) {
        // What Farspan itself adds when it prints a resource may stay when it is applied again.
        if (member.key == "number" || member.key == "revision" || member.key == "status") continue;
        fault(member.key.substr(0, 64), "is not a part of a document",
              "use kind, name, description and spec; fields go under spec");
      } else if (*part != nullptr) {
        fault(member.key, "is given twice", "write it once");
      } else {
        *part = &member.value;
      }
    }
  }

  std::optional<std::string> text_of(const Value* value, const char* field) {
    if (value == nullptr || value->kind == Value::Kind::kNull) {
      fault(field, "is missing", std::string("write ") + field + ": …");
      return std::nullopt;
    }
    v1::Resource probe;  // strings of the envelope obey the same rules as those of the spec
    Value wrapped;
    wrapped.kind = Value::Kind::kMap;
    wrapped.members.push_back({"name", value->line, *value});
    Errors errors;
    Lines lines;
    decode(wrapped, "", probe, {"", "", errors, lines});
    for (const Error& error : errors) fault(field, error.what, error.remedy);
    return errors.empty() ? std::optional(probe.name()) : std::nullopt;
  }

  void read_spec(v1::Resource& message) {
    const auto* field = message.GetDescriptor()->FindFieldByName(field_of_kind(*kind_));
    auto& spec = *message.GetReflection()->MutableMessage(&message, field);
    Lines lines;
    if (envelope_.spec != nullptr) {
      decode(*envelope_.spec, "", spec, {resource_, std::string(kind_->kind), errors_, lines});
    }
    lines_.merge(lines);
  }

  void add_lines(size_t first_error) {
    for (size_t i = first_error; i < errors_.size(); ++i) {
      const int line = line_of(lines_, errors_[i].field, value_.line);
      errors_[i].what += " (line " + std::to_string(line) + ")";
    }
  }

  const Value& value_;
  Errors& errors_;
  Envelope envelope_;
  Lines lines_;
  std::string resource_;
  std::optional<KindName> kind_;
};

Result<std::vector<Value>> read_values(std::string_view text, TextFormat format) {
  if (text.size() > kMaxTextBytes) {
    return Error{ErrorCode::kInvalid, "", "the text",
                 "has " + std::to_string(text.size()) + " bytes",
                 "split it; at most " + std::to_string(kMaxTextBytes) + " are read at once"};
  }
  if (!is_utf8(text))
    return Error{ErrorCode::kInvalid, "", "the text", "is not UTF-8", "save it as UTF-8"};
  Result<std::vector<Value>> values =
      format == TextFormat::kJson ? read_json(text) : read_yaml(text);
  if (values)
    std::erase_if(*values, [](const Value& value) { return value.kind == Value::Kind::kNull; });
  return values;
}

TextFormat format_of(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  const bool is_json =
      first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
  return is_json ? TextFormat::kJson : TextFormat::kYaml;
}

void cap(Errors& errors) {
  if (errors.size() <= kMaxErrors) return;
  const size_t more = errors.size() - kMaxErrors;
  errors.resize(kMaxErrors);
  errors.push_back({ErrorCode::kInvalid, "", "the text",
                    "has " + std::to_string(more) + " more faults", "correct these first"});
}

}  // namespace

ParsedDocuments parse_documents(std::string_view text, TextFormat format) {
  ParsedDocuments parsed;
  const auto values = read_values(text, format);
  if (!values) {
    parsed.errors.push_back(values.error());
    return parsed;
  }
  std::map<std::pair<std::string, std::string>, int> line_of_declared;
  for (const Value& value : *values) {
    auto document = DocumentReader(value, parsed.errors).read();
    if (!document) continue;
    const auto [first, is_new] =
        line_of_declared.emplace(std::pair(document->kind, document->name), document->line);
    if (!is_new) {
      parsed.errors.push_back({ErrorCode::kInvalid, document->kind + " " + document->name, "",
                               "is declared twice (lines " + std::to_string(first->second) +
                                   " and " + std::to_string(document->line) + ")",
                               "leave one of them out"});
      continue;
    }
    parsed.documents.push_back(std::move(*document));
  }
  cap(parsed.errors);
  return parsed;
}

ParsedDocuments parse_documents(std::string_view text) {
  return parse_documents(text, format_of(text));
}

ParsedNames parse_names(std::string_view text) {
  ParsedNames parsed;
  const auto values = read_values(text, format_of(text));
  if (!values) {
    parsed.errors.push_back(values.error());
    return parsed;
  }
  std::set<std::pair<std::string, std::string>> seen;
  for (const Value& value : *values) {
    auto name = DocumentReader(value, parsed.errors).read_name();
    if (name && seen.emplace(name->kind, name->name).second)
      parsed.names.push_back(std::move(*name));
  }
  cap(parsed.errors);
  return parsed;
}

}  // namespace farspan::api::codec
