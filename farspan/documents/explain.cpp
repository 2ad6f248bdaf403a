// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/explain.h"

#include <algorithm>

#include "farspan/documents/outline.h"
#include "farspan/documents/outline_words.h"
#include "farspan/documents/yaml_text.h"
#include "farspan/model/kind_names.h"

namespace farspan::documents {
namespace {

using Fields = std::vector<FieldOutline>;

// `text` in lines of 80 columns, each begun by `margin` blanks.
std::string folded(std::string_view text, size_t margin) {
  std::string out, line;
  const auto flush = [&] {
    if (!line.empty()) out += std::string(margin, ' ') + line + "\n";
    line.clear();
  };
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (!line.empty() && margin + line.size() + 1 + word.size() > 80) flush();
    line += (line.empty() ? "" : " ") + std::string(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  flush();
  return out;
}

std::string listed(const Fields& fields) {
  std::string text;
  for (const FieldOutline& outline : fields) {
    text += std::string("  ") + outline.field.name + "\n" + folded(type_text(outline), 6) +
            folded(outline.field.says, 6);
  }
  return text;
}

std::string explain_kind(const KindOutline& kind) {
  std::string text = kind.kind + "\n" + folded(kind.says, 2);
  if (!kind.fields.empty()) text += "\nFields, under spec:\n" + listed(kind.fields);
  text += "\nBeside kind and spec:\n" + listed(meta_outline()) + "\nExample:\n";
  const std::string example = yaml_text(example_of(kind));
  for (size_t at = 0; at < example.size();) {
    const size_t end = example.find('\n', at);
    text += "  " + example.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return text;
}

std::string explain_field(const std::string& path, const FieldOutline& outline) {
  const auto row = [](const char* label, const std::string& value) {
    if (value.empty()) return std::string();
    std::string text = folded(value, 13);
    return "  " + std::string(label) + text.substr(2 + std::string_view(label).size());
  };
  std::string text = path + "\n" + folded(outline.field.says, 2) + "\n";
  text += row("Type", type_text(outline));
  for (const auto& known : outline.words) {
    const std::string says = *known.says == '\0' ? "" : std::string(": ") + known.says;
    text += row(&known == &outline.words.front() ? "Words" : "", known.word + says);
  }
  text += row("Left out", default_text(outline)) + row("Example", outline.field.example);
  if (!outline.parts.empty()) text += "\nFields:\n" + listed(outline.parts);
  return text;
}

const FieldOutline* find(const Fields& fields, std::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const FieldOutline& outline) {
    return name == outline.field.name;
  });
  return found == fields.end() ? nullptr : &*found;
}

Error unknown(const std::string& where, std::string_view word,
              const std::vector<std::string>& known) {
  const bool is_shown = word.size() <= 64;
  const auto near = model::nearest(word, known);
  std::string all;
  for (const std::string& each : known) all += (all.empty() ? "" : ", ") + each;
  return {ErrorCode::kNotFound, where, "",
          (is_shown ? std::string(word) : "this") + " does not exist",
          near ? "did you mean " + *near + "?" : "there are " + all};
}

void add_topics(const std::string& path, const Fields& fields, std::vector<std::string>& topics) {
  for (const FieldOutline& outline : fields) {
    const std::string topic = path + "." + outline.field.name;
    topics.push_back(topic);
    add_topics(topic, outline.parts, topics);
  }
}

}  // namespace

Result<std::string> explain(std::string_view topic) {
  const std::string_view word = topic.substr(0, topic.find('.'));
  const auto name = model::kind_from(word);
  if (!name) {
    std::vector<std::string> kinds;
    for (const KindOutline& known : kind_outlines()) kinds.push_back(known.kind);
    return unknown("kind", word, kinds);
  }
  const KindOutline& kind = *outline_of(name->kind);
  std::string path = kind.kind;
  const Fields* fields = &kind.fields;
  const FieldOutline* at = nullptr;
  for (size_t dot = topic.find('.'); dot != topic.npos; dot = topic.find('.', dot + 1)) {
    const std::string_view step = topic.substr(dot + 1, topic.find('.', dot + 1) - dot - 1);
    if (at == nullptr && step == "spec") continue;  // as the document is written
    const FieldOutline* next = find(*fields, step);
    if (next == nullptr && at == nullptr) next = find(meta_outline(), step);
    if (next == nullptr) {
      std::vector<std::string> known;
      for (const FieldOutline& outline : *fields) known.emplace_back(outline.field.name);
      return unknown("field of " + path, step, known);
    }
    at = next;
    fields = &next->parts;
    path += "." + std::string(step);
  }
  return at == nullptr ? explain_kind(kind) : explain_field(path, *at);
}

std::vector<std::string> explain_topics() {
  std::vector<std::string> topics;
  for (const KindOutline& kind : kind_outlines()) {
    topics.push_back(kind.kind);
    add_topics(kind.kind, kind.fields, topics);
  }
  return topics;
}

}  // namespace farspan::documents
