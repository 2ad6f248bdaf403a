// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/documents.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "farspan/base/text.h"
#include "farspan/documents/read_fields.h"
#include "farspan/documents/value.h"
#include "farspan/model/kind_names.h"

namespace farspan::documents {
namespace {

// What Farspan adds when it prints a resource may stay when it is applied again.
bool is_of_answers(std::string_view key) {
  return key == "id" || key == "number" || key == "revision" || key == "status" ||
         key == "created_at" || key == "updated_at";
}
bool is_of_documents(std::string_view key) {
  return key == "kind" || key == "name" || key == "description" || key == "labels" || key == "spec";
}

// One document as it was written, and where.
struct Written {
  std::string_view file;
  const Value& value;

  std::string place() const { return place_text(file, value.mark); }
};

class DocumentReader {
 public:
  DocumentReader(Written written, Errors& errors) : written_(written), errors_(errors) {}

  /// kind and name, or nothing when they cannot be read.
  std::optional<ResourceName> read_name() {
    const Value& document = written_.value;
    if (document.kind != Value::Kind::kMap) {
      faults("").add("", "the document is not a map", "write kind, name and spec");
      return std::nullopt;
    }
    check_parts();
    const auto kind = read_text("kind");
    const auto name = read_text("name");
    if (!kind || !is_kind(*kind) || !name) return std::nullopt;
    return ResourceName{*kind, *name};
  }

  std::optional<Document> read() {
    const size_t before = errors_.size();
    const auto name = read_name();
    if (!name) return std::nullopt;
    const std::string label = name->kind + " " + name->name;
    auto resource = *model::make(name->kind);
    std::visit([&](auto& typed) { read_into(label, typed); }, resource);
    if (errors_.size() != before) return std::nullopt;
    model::meta_of(resource).name = name->name;
    return Document{name->kind, name->name, std::move(resource), written_.place()};
  }

 private:
  FaultSink faults(std::string resource) const {
    if (resource.empty()) resource = "a document";
    return {std::move(resource), "document", written_.file, written_.value, errors_};
  }

  template <class Resource>
  void read_into(const std::string& label, Resource& resource) {
    const Value* description = written_.value.find("description");
    if (description != nullptr && description->kind != Value::Kind::kNull) {
      const FaultSink sink = faults(label);
      const model::Field field{.name = "description", .says = ""};
      const std::string path = field.name;
      if (const auto text = Scalar{*description, field, path, sink}.text())
        resource.meta.description = *text;
    }
    if (const Value* labels = written_.value.find("labels"))
      read_labels(*labels, faults(label), resource.meta.labels);
    const Value* spec = written_.value.find("spec");
    const Value& map = spec != nullptr ? *spec : written_.value;
    read_fields(spec, Form::kDocument,
                FaultSink(label, Resource::kKind, written_.file, map, errors_), resource);
  }

  static void read_labels(const Value& map, const FaultSink& sink, model::Labels& labels) {
    if (map.kind == Value::Kind::kNull || !is_map(map, "labels", sink)) return;
    for (const Member& member : map.members) {
      const std::string path = "labels." + member.key;
      // A value that YAML takes for a number or a truth value is still a word.
      if (!member.value.is_scalar()) {
        sink.add_at(member.mark, path, "is no word", "write one value");
      } else if (!labels.emplace(member.key, member.value.text).second) {
        sink.add_at(member.mark, path, "is given twice", "write it once");
      }
    }
  }

  void check_parts() const {
    std::set<std::string_view> seen;
    for (const Member& member : written_.value.members) {
      if (is_of_answers(member.key)) continue;
      const bool is_shown = member.key.size() <= 64 && is_plain_line(member.key);
      const std::string key = is_shown ? member.key : "(a key)";
      if (!is_of_documents(member.key)) {
        faults("").add_at(member.mark, key, "is not a part of a document",
                          "use kind, name, description, labels and spec; fields go under spec");
      } else if (!seen.insert(member.key).second) {
        faults("").add_at(member.mark, key, "is given twice", "write it once");
      }
    }
  }

  std::optional<std::string> read_text(const char* part) const {
    const Value* value = written_.value.find(part);
    if (value == nullptr || value->kind == Value::Kind::kNull) {
      faults("").add(part, "is missing", std::string("write ") + part + ": …");
      return std::nullopt;
    }
    const FaultSink sink = faults("");
    const model::Field field{.name = part, .says = ""};
    const std::string path = part;
    return Scalar{*value, field, path, sink}.text();
  }

  bool is_kind(const std::string& text) const {
    std::vector<std::string> kinds;
    for (const model::KindName& known : model::kind_names()) kinds.emplace_back(known.kind);
    if (std::find(kinds.begin(), kinds.end(), text) != kinds.end()) return true;
    const auto spelled = model::kind_from(text);
    const auto meant =
        spelled ? std::optional(std::string(spelled->kind)) : model::nearest(text, kinds);
    std::string all;
    for (const std::string& known : kinds) all += (all.empty() ? "" : ", ") + known;
    faults("").add("kind", (characters_in(text) <= 64 ? text : "this") + " is not a kind",
                   meant ? "write " + *meant : "use one of " + all);
    return false;
  }

  Written written_;
  Errors& errors_;
};

bool is_json(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

// The documents of one text, those of a list one by one; their places are right, as long as `read`
// lives.
std::vector<Written> documents_in(const SourceText& source, const ReadValues& read) {
  std::vector<Written> documents;
  for (const Value& value : read.documents) {
    const Value* items = value.find("items");
    const bool is_list =
        items != nullptr && items->kind == Value::Kind::kList && value.find("kind") == nullptr;
    if (is_list) {
      for (const Value& item : items->items) documents.push_back({source.file, item});
    } else if (value.kind != Value::Kind::kNull) {
      documents.push_back({source.file, value});
    }
  }
  return documents;
}

// "a.yaml", as the errors of a whole text begin.
std::string label_of(const SourceText& source) {
  return source.file.empty() ? "the text" : source.file;
}

ReadValues read_values(const SourceText& source, Errors& errors) {
  std::string_view text = source.text;
  if (!is_utf8(text)) {
    errors.push_back(
        {ErrorCode::kInvalid, "", label_of(source), "is not UTF-8", "save it as UTF-8"});
    return {};
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // the byte order mark of editors
  ReadValues read = is_json(text) ? read_json(text) : read_yaml(text);
  for (Unreadable& fault : read.fault)
    errors.push_back({ErrorCode::kInvalid, "", place_text(source.file, fault.mark),
                      std::move(fault.what), std::move(fault.remedy)});
  return read;
}

bool are_within_bounds(std::span<const SourceText> texts, Errors& errors) {
  size_t bytes = 0;
  for (const SourceText& source : texts) bytes += source.text.size();
  if (bytes <= kMaxTextBytes) return true;
  errors.push_back({ErrorCode::kInvalid, "", texts.size() == 1 ? label_of(texts[0]) : "the texts",
                    (texts.size() == 1 ? "has " : "have ") + std::to_string(bytes) + " bytes",
                    "split it; at most " + std::to_string(kMaxTextBytes) + " are read at once"});
  return false;
}

// Calls `take(written)` for every document of every text.
template <class Take>
void for_each_document(std::span<const SourceText> texts, Errors& errors, Take&& take) {
  if (!are_within_bounds(texts, errors)) return;
  size_t count = 0;
  for (const SourceText& source : texts) {
    const ReadValues read = read_values(source, errors);
    if (!read.fault.empty()) continue;
    for (const Written& written : documents_in(source, read)) {
      if (++count > kMaxDocuments) {
        errors.push_back({ErrorCode::kInvalid, "", written.place(),
                          "starts more than " + std::to_string(kMaxDocuments) + " documents",
                          "split the text"});
        return;
      }
      take(written);
    }
  }
}

}  // namespace

ParsedDocuments parse_documents(std::span<const SourceText> texts) {
  ParsedDocuments parsed;
  std::map<std::pair<std::string, std::string>, std::string> places;
  for_each_document(texts, parsed.errors, [&](const Written& written) {
    auto document = DocumentReader(written, parsed.errors).read();
    if (!document) return;
    const auto [first, is_new] =
        places.emplace(std::pair(document->kind, document->name), document->place);
    if (is_new) {
      parsed.documents.push_back(std::move(*document));
      return;
    }
    parsed.errors.push_back(
        {ErrorCode::kInvalid, document->kind + " " + document->name, "",
         "is declared twice (" + first->second + " and " + document->place + ")",
         "leave one of them out"});
  });
  parsed.errors = capped(std::move(parsed.errors));
  return parsed;
}

ParsedDocuments parse_documents(std::string_view text) {
  return parse_documents(std::vector<SourceText>{{"", text}});
}

ParsedNames parse_names(std::span<const SourceText> texts) {
  ParsedNames parsed;
  std::set<std::pair<std::string, std::string>> seen;
  for_each_document(texts, parsed.errors, [&](const Written& written) {
    auto name = DocumentReader(written, parsed.errors).read_name();
    if (name && seen.emplace(name->kind, name->name).second)
      parsed.names.push_back(std::move(*name));
  });
  parsed.errors = capped(std::move(parsed.errors));
  return parsed;
}

ParsedNames parse_names(std::string_view text) {
  return parse_names(std::vector<SourceText>{{"", text}});
}

void add_places(Errors& errors, std::span<const SourceText> texts) {
  std::multimap<std::string_view, Error*> by_resource;
  for (Error& error : errors) by_resource.emplace(error.resource, &error);
  Errors unread;
  for_each_document(texts, unread, [&](const Written& written) {
    const Value &document = written.value, *kind = document.find("kind"),
                *name = document.find("name"), *spec = document.find("spec");
    if (kind == nullptr || name == nullptr) return;
    const auto [begin, end] = by_resource.equal_range(kind->text + " " + name->text);
    for (auto found = begin; found != end; ++found) {
      Error& error = *found->second;
      const bool is_of_envelope = is_of_documents(error.field);
      const Value& map = is_of_envelope || spec == nullptr ? document : *spec;
      error.what += " (" + place_text(written.file, mark_of(map, error.field)) + ")";
    }
  });
}

Errors capped(Errors errors) {
  if (errors.size() <= kMaxFaults) return errors;
  const size_t more = errors.size() - kMaxFaults;
  errors.resize(kMaxFaults);
  errors.push_back({ErrorCode::kInvalid, "", "",
                    "there are " + std::to_string(more) + " more faults", "correct these first"});
  return errors;
}

}  // namespace farspan::documents
